package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
)

// block is a selected block: exactly one of keyspace, move and operation is set.
type block struct {
	address   addr.Address
	keyspace  *config.Keyspace
	move      *config.MoveTables
	operation *config.Operation
	dependsOn []addr.Address
}

// selectBlocks takes the blocks that are targeted and what they depend on, in the configuration's order; without
// targets all of them.
func (m *maker) selectBlocks(context.Context) error {
	all := blocks(m.in.Config)
	m.checkAddresses("--target", m.in.Targets, all)
	m.checkAddresses("--replace", m.in.Replace, all)
	for _, a := range m.in.Replace {
		if a.Kind() != addr.KindOperation || a.Level() > addr.LevelOperation {
			m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("--replace %s: only a whole operation block can be run again", a), Address: a.String(),
				Hint: "what a keyspace needs is decided by what its cluster shows; name operation.NAME"})
		}
	}
	m.checkAddresses("--adopt", m.in.Adopt, all)
	if !m.in.Rollback.IsZero() {
		m.checkAddresses("rollback", []addr.Address{m.in.Rollback}, all)
		for _, b := range all {
			if b.keyspace != nil && b.address == m.in.Rollback.Block() { // what it depends on has nothing to do with going back
				m.blocks = append(m.blocks, block{address: b.address, keyspace: b.keyspace})
			}
		}
		return nil
	}
	if len(m.in.Targets) == 0 {
		m.blocks = all
		return nil
	}
	byAddress := make(map[addr.Address]int, len(all))
	for i, b := range all {
		byAddress[b.address] = i
	}
	chosen := make([]bool, len(all))
	var choose func(a addr.Address)
	choose = func(a addr.Address) {
		i, ok := byAddress[a.Block()]
		if !ok || chosen[i] {
			return
		}
		chosen[i] = true
		for _, on := range all[i].dependsOn {
			choose(on)
		}
	}
	for _, t := range m.in.Targets {
		choose(t)
	}
	for i, b := range all {
		if chosen[i] {
			m.blocks = append(m.blocks, b)
		}
	}
	return nil
}

// blocks are the keyspace, move_tables and operation blocks of cfg in its order.
func blocks(cfg *config.Config) []block {
	all := make(map[addr.Address]block, len(cfg.Keyspaces)+len(cfg.Moves)+len(cfg.Operations))
	for i := range cfg.Keyspaces {
		k := &cfg.Keyspaces[i]
		all[k.Address] = block{address: k.Address, keyspace: k, dependsOn: k.DependsOn}
	}
	for i := range cfg.Moves {
		v := &cfg.Moves[i]
		all[v.Address] = block{address: v.Address, move: v, dependsOn: v.DependsOn}
	}
	for i := range cfg.Operations {
		o := &cfg.Operations[i]
		all[o.Address] = block{address: o.Address, operation: o, dependsOn: o.DependsOn}
	}
	ordered := make([]block, 0, len(all))
	for _, a := range cfg.Order {
		if b, ok := all[a]; ok {
			ordered = append(ordered, b)
		}
	}
	return ordered
}

// checkAddresses complains about addresses whose block is not in the configuration.
func (m *maker) checkAddresses(flag string, addresses []addr.Address, all []block) {
	names := make([]string, len(all))
	for i, b := range all {
		names[i] = b.address.String()
	}
	for _, a := range addresses {
		if slices.ContainsFunc(all, func(b block) bool { return b.address == a.Block() }) {
			continue
		}
		m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("%s %s: the configuration has no %s", flag, a, a.Block()), Address: a.String(),
			Hint: suggest(a.Block().String(), names)})
	}
}

// selects reports whether an operation of a selected keyspace block is wanted: every one, unless all the targets in
// that block name other operations. What is only depended on is wanted whole.
func (m *maker) selects(operation addr.Address) bool {
	named := false
	for _, t := range m.in.Targets {
		if t.Block() != operation.Block() {
			continue
		}
		if t.Operation().Contains(operation) {
			return true
		}
		named = true
	}
	return !named
}

// suggest is "did you mean …" for the nearest known name, or the list of all.
func suggest(name string, known []string) string {
	switch meant := spell.Nearest(name, known); {
	case meant != "":
		return fmt.Sprintf("did you mean %q?", meant)
	case len(known) == 0:
		return "there is none"
	}
	return "there are " + strings.Join(known, ", ")
}
