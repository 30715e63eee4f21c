package plan

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/keyrange"
)

// matchKeyspace finds out whether a keyspace operation is one that was begun, and why it is needed.
func (m *maker) matchKeyspace(d *draft, last *instance) {
	d.Instance = last.next()
	if last.open() && last.Kind == d.Kind {
		difference := d.DifferenceTo(last.Operation, last.containers)
		if difference == nil || d.Action == Blocked {
			d.Instance, d.resumed = last.Operation.Instance, true
		}
		if d.Reason == "" {
			d.Reason = "its last run has not ended"
			if difference != nil {
				d.Reason = fmt.Sprintf("configuration changed: it differs from %s on", difference.At)
			}
		}
		return
	}
	if d.Reason != "" {
		return
	}
	switch {
	case d.Kind == KindVSchema:
		d.Reason = m.vschemaReason(d.keyspace)
	case d.view != nil && d.view.Workflow != nil && len(d.view.Conflicts) == 0:
		d.Reason = fmt.Sprintf("workflow %s is open between these shards, and this state did not start it", d.view.Workflow.Name)
	case d.view != nil && d.view.ForwardGone():
		d.Reason = fmt.Sprintf("writes are served by %s and workflow %s is gone: of the reshard only the reverse streams %s are left", d.view.Targets, d.view.workflowName(), d.view.Reverse.Name)
	case d.view != nil:
		d.Reason = m.layoutReason(d.keyspace, d.view.Segment)
	}
}

// layoutReason tells "configuration changed" from "cluster changed outside shardform" for a segment: the recorded
// operations that ended say what the cluster served when shardform last left it.
func (m *maker) layoutReason(k *keyspace, segment keyrange.Segment) string {
	left := m.layoutLeft(k, segment)
	moved := slices.DeleteFunc(slices.Clone(left), func(s keyrange.Shard) bool { return k.serving.Has(s.Range) })
	wanted := !slices.ContainsFunc(left, func(s keyrange.Shard) bool { return !k.Shards.Has(s.Range) })
	switch {
	case len(left) == 0:
		return fmt.Sprintf("the cluster serves %s, the configuration wants %s", segment.Sources, segment.Targets)
	case len(moved) == 0:
		return fmt.Sprintf("configuration changed: it wants %s instead of %s", segment.Targets, segment.Sources)
	case wanted:
		return fmt.Sprintf("cluster changed outside shardform: it serves %s instead of %s", segment.Sources, strings.Join(keyrange.Layout(left).Names(), ","))
	}
	return fmt.Sprintf("configuration changed, and cluster changed outside shardform: %s was left serving, now it is %s, and %s is wanted",
		strings.Join(keyrange.Layout(left).Names(), ","), segment.Sources, segment.Targets)
}

// layoutLeft is what the recorded reshards of the keyspace left serving where segment is.
func (m *maker) layoutLeft(k *keyspace, segment keyrange.Segment) []keyrange.Shard {
	var left []keyrange.Shard
	for _, i := range m.endedInOrder(k) {
		if i.Kind != KindReshard && i.Kind != KindLegacy {
			continue
		}
		left = slices.DeleteFunc(left, func(s keyrange.Shard) bool { return touches(s, i.Targets) })
		left = append(left, i.Targets...)
	}
	own := slices.Concat(segment.Sources, segment.Targets)
	return keyrange.NewLayout(slices.DeleteFunc(left, func(s keyrange.Shard) bool { return !touches(s, own) }))
}

func touches(s keyrange.Shard, l keyrange.Layout) bool {
	return slices.ContainsFunc(l, func(o keyrange.Shard) bool { return s.Range.Intersects(o.Range) })
}

// endedInOrder are the newest instances of the keyspace's operations that ended well, in the order in which they began.
func (m *maker) endedInOrder(k *keyspace) []*instance {
	var ended []*instance
	for _, i := range m.recorded.order {
		if i.Address.Block() == k.Address && !i.open() {
			ended = append(ended, i)
		}
	}
	return ended
}

// vschemaReason is layoutReason for the vschema.
func (m *maker) vschemaReason(k *keyspace) string {
	left := ""
	for _, i := range m.endedInOrder(k) {
		if i.Expansion.VSchemaWanted != "" {
			left = i.Expansion.VSchemaWanted
		}
	}
	switch left {
	case "":
		return "the cluster's vschema is not the one of the configuration"
	case vschemaFingerprint(k.wanted):
		return "cluster changed outside shardform: its vschema is not the one that was written"
	case vschemaFingerprint(k.snapshot.VSchema):
		return "configuration changed: it wants another vschema"
	}
	return "configuration changed, and cluster changed outside shardform: the vschema is neither the one that was written nor the one wanted"
}
