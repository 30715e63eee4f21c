package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/vitess"
)

// SwitchTraffic implements vitess.Cluster, as the server does it: backward while writes are switched, or with PRIMARY, is
// forward by the reverse workflow. Half ways of reads: "closed", the losing side is disabled; "opened", the winning side
// enabled too; "cell", all of it in the first cell only; "type", all of the first type only. Half ways of PRIMARY:
// "stopped", writes stopped on the losing side; "created", the reverse streams made again; "undone", undone from there,
// or "partly undone", without starting the streams again;
// "flags", records flipped and the rest not; "partitions", the first cell only; "unfrozen", all but the last step.
func (c *fakeCluster) SwitchTraffic(_ context.Context, r vitess.SwitchTraffic) ([]string, error) {
	direction := "forward"
	if r.Backward {
		direction = "backward"
	}
	by := ""
	if strings.HasSuffix(r.Workflow, "_reverse") {
		by = " by the reverse workflow"
	}
	if r.DryRun {
		return []string{"Switch"}, c.act("DryRun", direction+by, func() error {
			_, _, err := c.canSwitch(r)
			return err
		})
	}
	var kinds []string
	for _, kind := range r.Types {
		kinds = append(kinds, string(kind))
	}
	at := c.hit("SwitchTraffic", fmt.Sprintf("%s %s%s", strings.Join(kinds, ","), direction, by))
	if at == "before" {
		return nil, errInjected
	}
	w, backward, err := c.canSwitch(r)
	if err != nil {
		return nil, err
	}
	from, to := w.sources, w.targets
	if backward {
		from, to = to, from
	}
	if !slices.Contains(r.Types, vitess.Primary) {
		err = c.moveReads(r.Types, from, to, at)
	} else {
		err = c.moveWrites(r, w, at)
	}
	if err == nil && at != "" {
		err = errInjected
	}
	return nil, err
}

// canSwitch is the server's own check. It returns the workflow that is switched, and whether that is backward for it.
func (c *fakeCluster) canSwitch(r vitess.SwitchTraffic) (*fakeWorkflow, bool, error) {
	w, backward := c.workflow(r.Workflow), r.Backward
	if w == nil {
		return nil, false, fmt.Errorf("no streams found in keyspace %s for %s", c.keyspace, r.Workflow)
	}
	for _, name := range slices.Concat(w.sources, w.targets) {
		if c.shard(name) == nil {
			return nil, false, fmt.Errorf("node doesn't exist: keyspaces/%s/shards/%s/Shard", c.keyspace, name)
		}
	}
	primary := slices.Contains(r.Types, vitess.Primary)
	writesSwitched := c.writesSwitched(w)
	already := writesSwitched != backward
	if backward && (writesSwitched || primary) {
		if w, backward = c.workflow(vitess.ReverseName(r.Workflow)), false; w == nil {
			return nil, false, fmt.Errorf("no streams found in keyspace %s for %s", c.keyspace, vitess.ReverseName(r.Workflow))
		}
	}
	if backward {
		for _, kind := range r.Types {
			if !c.someCellSwitched(kind, w.sources[0]) {
				return nil, false, fmt.Errorf("invalid request: requesting reversal of read traffic for %ss but %s reads have not been switched", kind, kind)
			}
		}
	}
	if err := c.locked(w.name); err != nil {
		return nil, false, err
	}
	shown := c.show(w)
	switch {
	case already:
	case shown.Frozen():
		return nil, false, errors.New("workflow is frozen")
	case shown.MaxTransactionLag < 0:
		return nil, false, errors.New("copy is still in progress")
	case shown.MaxTransactionLag > r.MaxLag:
		return nil, false, fmt.Errorf("replication lag %s is higher than allowed lag %s", shown.MaxTransactionLag, r.MaxLag)
	case len(shown.Errors()) > 0:
		return nil, false, errors.New("workflow has errors")
	}
	return w, backward, nil
}

// writesSwitched looks at one source of the workflow, or for a reverse one at one target, like the server.
func (c *fakeCluster) writesSwitched(w *fakeWorkflow) bool {
	one := w.sources[0]
	if w.reverse {
		one = w.targets[0]
	}
	return !c.shard(one).PrimaryServing
}

func (c *fakeCluster) someCellSwitched(kind vitess.TabletType, source string) bool {
	return slices.ContainsFunc(c.cells, func(cell string) bool {
		p := c.partitions[cell][kind]
		return !slices.Contains(p.refs, source) || slices.Contains(p.disabled, source)
	})
}

// moveReads works type by type, and in each on all cells at once: from is disabled, to enabled, then the references move.
// The controls of from stay.
func (c *fakeCluster) moveReads(kinds []vitess.TabletType, from, to []string, at string) error {
	for _, kind := range kinds {
		for i, cell := range c.cells {
			if at == "cell" && i > 0 {
				return errInjected
			}
			p := c.partitions[cell][kind]
			for _, s := range from {
				if !slices.Contains(p.disabled, s) {
					p.disabled = append(p.disabled, s)
				}
			}
			if at == "closed" {
				continue
			}
			p.disabled = slices.DeleteFunc(p.disabled, func(s string) bool { return slices.Contains(to, s) })
			if at == "opened" {
				continue
			}
			p.refs = slices.DeleteFunc(p.refs, func(s string) bool { return slices.Contains(from, s) })
			for _, s := range to {
				if !slices.Contains(p.refs, s) {
					p.refs = append(p.refs, s)
				}
			}
			slices.SortFunc(p.refs, func(a, b string) int {
				return mustLayout([]string{a})[0].Range.Compare(mustLayout([]string{b})[0].Range)
			})
		}
		if at != "" {
			return errInjected
		}
	}
	return nil
}

func (c *fakeCluster) moveWrites(r vitess.SwitchTraffic, losing *fakeWorkflow, at string) error {
	from, to := losing.sources, losing.targets
	if shown := c.show(losing); shown.Frozen() {
		return nil
	}
	back := vitess.ReverseName(losing.name)
	for _, other := range c.allWorkflows() {
		for _, st := range other.Streams {
			if other.Name != back && slices.Contains(from, st.Target) && st.State == vitess.StateStopped && !st.Frozen() {
				return fmt.Errorf("cannot migrate until all streams are running: %s: %d", st.Target, st.ID)
			}
		}
	}
	if !losing.stopped {
		losing.stopped, losing.stoppedAt, losing.stoppedMessage = true, c.clock.Time, vitess.CutoverMessage
	}
	for _, cell := range c.cells {
		p := c.partitions[cell][vitess.Primary]
		for _, s := range from {
			if !slices.Contains(p.disabled, s) && slices.Contains(p.refs, s) {
				p.disabled = append(p.disabled, s)
			}
		}
	}
	if at == "stopped" {
		return errInjected
	}
	journaled := !c.shard(from[0]).PrimaryServing
	if !journaled { // the streams back are made anew, whatever is there
		c.removeWorkflow(back)
		winning := &fakeWorkflow{name: back, reverse: !losing.reverse, sources: to, targets: from, stopped: true, stoppedAt: c.clock.Time, options: losing.options}
		c.addStreams(winning, from)
		c.workflows = append(c.workflows, winning)
	}
	winning := c.workflow(back)
	if strings.HasSuffix(at, "undone") && !journaled {
		for _, cell := range c.cells {
			c.partitions[cell][vitess.Primary].disabled = nil
		}
		if at == "undone" {
			losing.stopped, losing.stoppedMessage = false, ""
		}
		c.removeWorkflow(back)
		return errInjected
	}
	if at == "created" {
		return errInjected
	}
	for _, name := range from {
		c.shard(name).PrimaryServing = false
	}
	for _, name := range to {
		c.shard(name).PrimaryServing = true
	}
	if at == "flags" {
		return errInjected
	}
	for i, cell := range c.cells {
		if at == "partitions" && i > 0 {
			return errInjected
		}
		c.partitions[cell][vitess.Primary].refs = slices.Clone(to)
		for _, kind := range vitess.ServingTypes { // the switch of PRIMARY drops all controls, of every type
			c.partitions[cell][kind].disabled = nil
		}
	}
	if r.ReverseReplication && winning != nil { // the server starts the streams that are there
		winning.stopped, winning.stoppedMessage = false, ""
	}
	if at == "unfrozen" {
		return errInjected
	}
	for i := range losing.streams {
		losing.streams[i].Message = "FROZEN"
	}
	return nil
}

// ApplyVSchema implements vitess.Cluster.
func (c *fakeCluster) ApplyVSchema(_ context.Context, _, vschema string) error {
	return c.act("ApplyVSchema", "", func() error {
		c.vschema = canonical(vschema)
		return nil
	})
}

// DeleteShard implements vitess.Cluster.
func (c *fakeCluster) DeleteShard(_ context.Context, _, shard string) error {
	return c.act("DeleteShard", shard, func() error {
		s := c.shard(shard)
		switch {
		case s == nil:
			return errors.New("node doesn't exist: keyspaces/customer/shards/" + shard)
		case s.PrimaryServing || c.serves(shard):
			return fmt.Errorf("shard %s is still serving; cannot delete it", shard)
		}
		c.removeShard(shard)
		return nil
	})
}

func (c *fakeCluster) serves(shard string) bool {
	for _, cell := range c.cells {
		for _, p := range c.partitions[cell] {
			if slices.Contains(p.refs, shard) {
				return true
			}
		}
	}
	return false
}

// CreateShard implements vitess.Cluster: a shard without tablets, which serves if it meets no other one.
func (c *fakeCluster) CreateShard(_ context.Context, _, shard string) error {
	return c.act("CreateShard", shard, func() error {
		if c.shard(shard) != nil {
			return errors.New("node already exists: keyspaces/customer/shards/" + shard)
		}
		created := vitess.Shard{Shard: mustLayout([]string{shard})[0]}
		created.PrimaryServing = !slices.ContainsFunc(c.shards, func(s vitess.Shard) bool { return s.Range.Intersects(created.Range) })
		c.shards = append(c.shards, created)
		return nil
	})
}

// ClearTabletControl implements vitess.Cluster.
func (c *fakeCluster) ClearTabletControl(_ context.Context, _, shard string, kind vitess.TabletType) error {
	return c.act("ClearTabletControl", fmt.Sprintf("%s %s", shard, kind), func() error {
		if c.shard(shard) == nil {
			return errors.New("node doesn't exist: keyspaces/customer/shards/" + shard)
		}
		for _, cell := range c.cells {
			p := c.partitions[cell][kind]
			p.disabled = slices.DeleteFunc(p.disabled, func(s string) bool { return s == shard })
		}
		return nil
	})
}

// RebuildKeyspaceGraph implements vitess.Cluster: every type is served by the shards whose records say so.
func (c *fakeCluster) RebuildKeyspaceGraph(context.Context, string) error {
	return c.act("RebuildKeyspaceGraph", "", func() error {
		for _, cell := range c.cells {
			for kind, p := range c.partitions[cell] {
				if len(p.disabled) > 0 {
					return fmt.Errorf("can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition %s", kind)
				}
			}
		}
		var serving []string
		for _, s := range c.shards {
			if s.PrimaryServing {
				serving = append(serving, s.Name)
			}
		}
		layout := mustLayout(serving)
		if covered, ok := layout.Union(); !ok || !covered.IsWhole() {
			return errors.New("keyspace partition does not cover the key space")
		}
		for _, cell := range c.cells {
			for kind := range c.partitions[cell] {
				c.partitions[cell][kind] = &fakePartition{refs: layout.Names()}
			}
		}
		return nil
	})
}

var _ vitess.Cluster = (*fakeCluster)(nil)
