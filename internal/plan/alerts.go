package plan

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// alerts says first of all where writes may be stopped.
func (m *maker) alerts(context.Context) error {
	for _, b := range m.blocks {
		k := m.keyspaces[b.address]
		if k == nil {
			continue
		}
		var views []*vitess.SegmentView
		for _, s := range k.segments {
			views = append(views, s.SegmentView)
		}
		m.plan.Alerts = append(m.plan.Alerts, alerts(k.snapshot, views)...)
	}
	return nil
}

// alerts are the shards of a keyspace whose writes are stopped, one line each: "WRITES ARE STOPPED on customer/- since
// 2026-11-23T12:00:00Z". By a PRIMARY switch of one of the segments that began and did not end; then the time is told where
// the cluster tells it. Or by a control that such a switch has left and whose workflow somebody deleted.
func alerts(s *vitess.Snapshot, segments []*vitess.SegmentView) []string {
	var lines []string
	told := map[string]bool{}
	tell := func(shard string, since time.Time) {
		if told[shard] || shard == "" {
			return
		}
		told[shard] = true
		line := fmt.Sprintf("WRITES ARE STOPPED on %s/%s", s.Keyspace, shard)
		if !since.IsZero() {
			line += " since " + since.UTC().Format(time.RFC3339)
		}
		lines = append(lines, line)
	}
	for _, v := range segments {
		if _, since, shards, ok := v.MidFlight(); ok {
			for shard := range strings.SplitSeq(shards, ",") {
				tell(shard, since)
			}
		}
	}
	for _, shard := range s.WritesDisabled() {
		tell(shard, time.Time{})
	}
	return lines
}

// StoppedWrites are the alerts of every keyspace of the configuration, whatever is wanted or recorded of it, in the order
// of the blocks. A cluster that cannot be asked is an error.
func StoppedWrites(ctx context.Context, cfg *config.Config, clusters ClusterSource) ([]string, error) {
	var lines []string
	for i := range cfg.Keyspaces {
		k := &cfg.Keyspaces[i]
		reader, err := clusters(ctx, k.Cluster)
		if err != nil {
			return nil, err
		}
		snapshot, err := reader.Snapshot(ctx, k.Name)
		if err != nil {
			return nil, fmt.Errorf("reading keyspace %s of cluster %s: %w", k.Name, k.Cluster, err)
		}
		var views []*vitess.SegmentView
		for _, open := range snapshot.OpenSegments() {
			views = append(views, snapshot.View(open))
		}
		lines = append(lines, alerts(snapshot, views)...)
	}
	return lines, nil
}

// leftovers warns of shards that nothing uses, where they are not kept on purpose, and of workflows of other kinds.
func (m *maker) leftovers(context.Context) error {
	for _, b := range m.blocks {
		if k := m.keyspaces[b.address]; k != nil {
			m.leftoverShards(k)
			m.otherWorkflows(k)
		}
	}
	return nil
}

func (m *maker) leftoverShards(k *keyspace) {
	if !k.Reshard.RemoveShards {
		return
	}
	var names []string
	for _, shard := range k.snapshot.Shards {
		if shard.PrimaryServing || k.Shards.Has(shard.Range) || k.serving.Has(shard.Range) || k.inSegment(shard.Range) {
			continue
		}
		names = append(names, shard.Name)
	}
	warning := &diag.Diagnostic{Severity: diag.Warning, Address: k.Address.String()}
	switch len(names) {
	case 0:
		return
	case 1:
		warning.Summary = fmt.Sprintf("shard %s/%s serves nothing and is in no layout", k.Name, names[0])
		warning.Hint = "if it is not needed any more: " + vitess.CommandDeleteShards(k.Name, names...)
	default:
		warning.Summary = fmt.Sprintf("%d shards of keyspace %s serve nothing and are in no layout", len(names), k.Name)
		warning.Detail = strings.Join(names, ", ")
		warning.Hint = "if they are not needed any more: " + vitess.CommandDeleteShards(k.Name, names...)
	}
	m.plan.Warnings = append(m.plan.Warnings, warning)
}

// inSegment reports whether a shard of this range takes part in a reshard.
func (k *keyspace) inSegment(r keyrange.Range) bool {
	for _, s := range k.segments {
		if s.Sources.Has(r) || s.Targets.Has(r) {
			return true
		}
	}
	for _, s := range k.snapshot.OpenSegments() {
		if s.Sources.Has(r) || s.Targets.Has(r) {
			return true
		}
	}
	return false
}

// otherWorkflows warns of workflows that are no reshards: they are left alone, and stand in the way of a reshard of
// their shards.
func (m *maker) otherWorkflows(k *keyspace) {
	for _, w := range k.snapshot.Workflows {
		if w.Type == vitess.TypeReshard || w.Type == vitess.TypeOnlineDDL {
			continue
		}
		m.plan.Warnings = append(m.plan.Warnings, &diag.Diagnostic{Severity: diag.Warning, Address: k.Address.String(),
			Summary: fmt.Sprintf("keyspace %s has the %s workflow %s from %s/%s to %s", k.Name, w.Type, w.Name, w.SourceKeyspace, w.Sources, w.Targets),
			Detail:  "it is no reshard and is left alone"})
	}
}
