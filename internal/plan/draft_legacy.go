package plan

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/tasks/legacyreshard"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// legacy are the servers of a cluster block with legacy, nil for any other.
func (m *maker) legacy(cluster string) *legacyreshard.Servers {
	for _, c := range m.in.Config.Clusters {
		if c.Name == cluster && c.Legacy != nil {
			return &legacyreshard.Servers{Vtctld: c.Legacy.Vtctld, Vtworker: c.Legacy.Vtworker}
		}
	}
	return nil
}

// draftLegacy drafts the reshards of a keyspace on a legacy cluster, in key order: those that were begun and lead to what
// is wanted, and what else the layout wants. There is no workflow that would tell what is open: the records of the shards
// do, and what the cells serve. What was begun and is not wanted any more is refused, as no way back is built.
func (m *maker) draftLegacy(k *keyspace, servers legacyreshard.Servers) {
	if !m.in.Rollback.IsZero() {
		m.draftLegacyStuck(k, m.in.Rollback.Operation().Last(), nil, "rollback is not built yet for legacy clusters")
		return
	}
	then := k.serving
	var open []keyrange.Segment
	taken := func(segment keyrange.Segment) bool {
		return slices.ContainsFunc(open, func(o keyrange.Segment) bool { return overlap(o, segment) })
	}
	for _, last := range m.recorded.order {
		if last.Address.Block() != k.Address || last.Kind != KindLegacy || !last.open() {
			continue
		}
		segment := last.segment()
		switch {
		case k.overtaken(segment):
			k.retired = append(k.retired, retired{last.Address, k.overtakenBy(segment)})
		case k.wants(segment.Targets):
			open, then = append(open, segment), exchanged(then, segment)
			m.draftLegacySegment(k, segment, last, servers)
		case k.untouched(segment):
			k.retired = append(k.retired, retired{last.Address, "the layout wanted is another and nothing of it is left on the cluster"})
		default:
			open = append(open, segment)
			m.draftLegacyStuck(k, last.Address.Operation().Last(), k.begun(segment), fmt.Sprintf("the reshard from %s to %s was begun, and the layout wanted is %s", segment.Sources, segment.Targets, k.Shards))
		}
	}
	for _, segment := range keyrange.Segments(then, k.Shards) {
		if !taken(segment) {
			open = append(open, segment)
			m.draftLegacySegment(k, segment, nil, servers)
		}
	}
	if strays := k.strays(open); len(strays) > 0 {
		m.draftLegacyStuck(k, "filtered_replication", strays, fmt.Sprintf("keyspace %s has filtered replication that nobody planned", k.Name))
	}
}

func (m *maker) draftLegacySegment(k *keyspace, segment keyrange.Segment, last *instance, servers legacyreshard.Servers) {
	address := k.operationAddress(segment)
	if last != nil { // gone on with under its own names
		address = last.Address
	}
	if !m.selects(address) {
		return
	}
	d := k.newDraft(address, KindLegacy)
	d.Sources, d.Targets = segment.Sources.Names(), segment.Targets.Names()
	if last == nil {
		d.Reason = m.layoutReason(k, segment)
	}
	var window *reshard.Window
	if w := k.Reshard.Switch.Window; w != nil {
		window = &reshard.Window{Opens: w.Opens, Lasts: w.Lasts, Timezone: w.Timezone, MinRemaining: w.MinRemaining}
	}
	d.Containers = containersOf(address, legacyreshard.Reshard(legacyreshard.Request{
		Cluster: k.Cluster, Keyspace: k.Name, Servers: servers, Segment: segment, Options: k.Reshard.CopyConfig, Verify: k.Reshard.Verify.Enabled,
		MaxDelay: k.Reshard.Switch.MaxReplicationLag, Approval: k.Reshard.Switch.Approval, Window: window,
	}))
	m.drafts = append(m.drafts, d)
}

func (k *keyspace) legacyView(segment keyrange.Segment) vitess.LegacySegment {
	return vitess.LegacySegment{Snapshot: k.snapshot, Segment: segment}
}

// untouched reports whether the cluster shows nothing of a reshard.
func (k *keyspace) untouched(segment keyrange.Segment) bool { return len(k.begun(segment)) == 0 }

// begun are the targets of a segment that follow its sources or serve already, with what they follow.
func (k *keyspace) begun(segment keyrange.Segment) []vitess.Shard {
	v := k.legacyView(segment)
	var begun []vitess.Shard
	for _, t := range segment.Targets {
		if record := k.snapshot.Shard(t); record != nil && (v.Begun(t) || len(record.Sources) > 0 && !record.Frozen) {
			begun = append(begun, *record)
		}
	}
	return begun
}

// strays are the shards that follow others of the keyspace and are no targets of what is planned. Those that a finished
// reshard left, which lead back and stand still, are none.
func (k *keyspace) strays(planned []keyrange.Segment) []vitess.Shard {
	return slices.DeleteFunc(slices.Clone(k.snapshot.Shards), func(s vitess.Shard) bool {
		own := slices.ContainsFunc(planned, func(p keyrange.Segment) bool { return p.Targets.Has(s.Range) })
		follows := slices.ContainsFunc(s.Sources, func(from vitess.SourceShard) bool { return from.Keyspace == k.Name })
		return own || !follows || s.Frozen
	})
}

// draftLegacyStuck drafts nothing but the complaint about a reshard that cannot be gone on with, and what ends it by hand.
func (m *maker) draftLegacyStuck(k *keyspace, part string, shards []vitess.Shard, summary string) {
	address := k.Address
	if part != k.Address.Name() {
		address = k.Address.WithOperation(part)
	}
	d := k.newDraft(address, KindLegacy)
	d.Reason = "it cannot be gone on with by itself"
	var found, by []string
	for _, s := range shards {
		for _, from := range s.Sources {
			found = append(found, fmt.Sprintf("%s/%s follows %s/%s", k.Name, s.Name, from.Keyspace, from.Shard))
			by = append(by, vitess.CommandEndFilteredReplication(k.Name, s, from)...)
		}
	}
	for _, t := range []vitess.TabletType{vitess.Rdonly, vitess.Replica} {
		for _, c := range k.snapshot.Serving {
			for _, s := range k.serving {
				if p, ok := c.Partitions[t]; ok && !p.Shards.Has(s.Range) {
					found = append(found, fmt.Sprintf("%s serves %s from %s in cell %s", k.Name, strings.ToLower(string(t)), p.Shards, c.Cell))
					by = append([]string{vitess.CommandMigrateBack(k.Name, s.Name, t)}, by...)
				}
			}
		}
	}
	slices.Sort(found)
	complaint := &diag.Diagnostic{Summary: summary, Place: placed(k.ShardsAt), Exit: diag.ExitRefused, Detail: strings.Join(slices.Compact(found), "\n"),
		Hint: "the way back on a legacy cluster is not built yet; go on with the layout that was wanted, or end it by hand"}
	if len(by) > 0 {
		complaint.Hint += ":\n" + strings.Join(compacted(by), "\n")
	}
	d.refuse(complaint)
	m.drafts = append(m.drafts, d)
}

// compacted is texts without those that came before.
func compacted(texts []string) []string {
	var once []string
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return once
}
