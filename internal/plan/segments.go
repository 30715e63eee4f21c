package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// course says which way a segment goes.
type course int

const (
	forward course = iota // towards the layout wanted
	back                  // a reshard is open and the layout wanted has its sources again, or it is rolled back
	aside                 // a reshard of this state is open and the layout wanted has neither its sources nor its targets
	stray                 // the same of a workflow that nobody recorded
)

// segmentState is one segment of a keyspace with what is seen and recorded of it.
type segmentState struct {
	*vitess.SegmentView
	course course
	last   *instance // recorded at this segment's address, if any
	// first says that the layout wanted has not its targets, but its writes have moved: it is finished all the same,
	// before anything else is done there.
	first bool
	// behind says that the segment is reached when another reshard of its shards was taken back.
	behind bool
	// instead are the segments wanted where this one has to be settled first.
	instead []keyrange.Segment
}

// retired is a recorded, open operation of which nothing is left on the cluster.
type retired struct {
	address addr.Address
	reason  string
}

func (k *keyspace) operationAddress(segment keyrange.Segment) addr.Address {
	return k.Address.WithOperation(segment.String())
}

// draftKeyspaces finds the segments of each selected keyspace and drafts their operations, in the order of the blocks.
// The blocks' order is restored by a later pass.
func (m *maker) draftKeyspaces(context.Context) error {
	for _, b := range m.blocks {
		if k := m.keyspaces[b.address]; k != nil {
			if servers := m.legacy(k.Cluster); servers != nil {
				m.draftLegacy(k, *servers)
				continue
			}
			if m.in.Rollback.IsZero() {
				k.segments = m.findSegments(k)
			} else {
				k.segments = m.findRollback(k)
			}
			m.draftKeyspace(k)
		}
	}
	return nil
}

// findSegments are the reshards of a keyspace, in key order: those that are recorded and have not ended, those that lead
// from what serves to what is wanted, and those that are open on the cluster.
func (m *maker) findSegments(k *keyspace) []*segmentState {
	var found []*segmentState
	add := func(segment keyrange.Segment, c course) {
		s := &segmentState{SegmentView: k.snapshot.View(segment), course: c, last: m.recordedAt(k, segment)}
		s.finishFirst()
		found = append(found, s)
	}
	claimed := func(segment keyrange.Segment) bool {
		return slices.ContainsFunc(found, func(s *segmentState) bool { return claims(s.SegmentView, segment) })
	}
	for _, last := range m.recorded.order {
		if last.Address.Block() == k.Address && last.reshards() && last.open() && k.overtaken(last.segment()) {
			k.retired = append(k.retired, retired{last.Address, k.overtakenBy(last.segment())})
		}
	}
	// What this state, or one that was lost, has begun goes on as it began, also where the layout wanted goes on beside
	// it: an edit does not make one reshard of two.
	then := k.serving
	for _, last := range m.openReshards(k) {
		if last.Kind == KindWayBack && k.held(last) { // a rollback that was begun goes on, whatever is wanted
			add(last.segment(), back)
		}
	}
	for _, segment := range m.ownSegments(k) {
		if k.wants(segment.Targets) && !claimed(segment) {
			add(segment, forward)
			then = exchanged(then, segment)
		}
	}
	wanted := keyrange.Segments(then, k.Shards)
	for _, segment := range wanted {
		add(segment, forward)
	}
	for _, last := range m.openReshards(k) {
		segment := last.segment()
		v := k.snapshot.View(segment)
		switch {
		case claimed(segment):
		case last.Kind == KindReshard && nothingLeft(v) && v.Writes() == vitess.AllSwitched:
			add(segment, aside) // all but its end is done, and what it left is its own to delete
		case last.Kind == KindReshard && nothingLeft(v):
			k.retired = append(k.retired, retired{last.Address, "the layout wanted is another and nothing of it is left on the cluster"})
		case k.wants(segment.Sources):
			add(segment, back)
		default:
			add(segment, aside)
		}
	}
	for _, open := range k.snapshot.OpenSegments() {
		overlaps := slices.ContainsFunc(wanted, func(s keyrange.Segment) bool { return overlap(s, open) })
		switch {
		case claimed(open):
		case k.wants(open.Targets) && !overlaps:
			add(open, forward)
		case k.wants(open.Sources):
			add(open, back)
		case m.recordedAt(k, open) != nil || ownName(k.snapshot.View(open)) || m.adopts(k.operationAddress(open)):
			add(open, aside)
		case !overlaps || writesStopped(k.snapshot.View(open)):
			add(open, stray) // elsewhere it is a conflict of the segment that it overlaps
		}
	}
	for _, a := range m.in.Adopt { // shards that a reshard left, which was finished by somebody else
		segment, err := keyrange.ParseSegment(a.Operation().Last())
		if a.Block() != k.Address || err != nil || claimed(segment) || !k.wants(segment.Targets) {
			continue
		}
		if v := k.snapshot.View(segment); v.Writes() == vitess.AllSwitched && len(v.SourcesPresent()) > 0 {
			add(segment, forward)
		}
	}
	found = m.settle(k, found)
	slices.SortStableFunc(found, func(a, b *segmentState) int { return compareSegments(a.Segment, b.Segment) })
	return slices.DeleteFunc(found, func(s *segmentState) bool { return !m.selects(k.operationAddress(s.Segment)) })
}

// ownSegments are the reshards that this state has open, and those on the cluster that bear the name that shardform
// gives to exactly their shards.
func (m *maker) ownSegments(k *keyspace) []keyrange.Segment {
	var own []keyrange.Segment
	for _, last := range m.openReshards(k) {
		own = append(own, last.segment())
	}
	for _, open := range k.snapshot.OpenSegments() {
		if v := k.snapshot.View(open); v.Workflow != nil && v.Workflow.Name == vitess.WorkflowName(k.Name, open) {
			own = append(own, open)
		}
	}
	return own
}

// exchanged is layout with the segment's sources exchanged for its targets.
func exchanged(layout keyrange.Layout, segment keyrange.Segment) keyrange.Layout {
	shards := slices.DeleteFunc(slices.Clone(layout), func(s keyrange.Shard) bool {
		return segment.Sources.Has(s.Range) || segment.Targets.Has(s.Range)
	})
	return keyrange.NewLayout(append(shards, segment.Targets...))
}

// ownName reports whether the workflow has a name that shardform gives: with its state lost it is still its own.
func ownName(v *vitess.SegmentView) bool {
	return v.Workflow != nil && vitess.OwnName(v.Workflow.Name)
}

// claims reports whether an open reshard is the segment's own: between the same shards, or what is left of that where
// streams are missing.
func claims(v *vitess.SegmentView, open keyrange.Segment) bool {
	if v.Sources.Equal(open.Sources) && v.Targets.Equal(open.Targets) {
		return true
	}
	if w := v.Workflow; w != nil {
		return w.Sources.Equal(open.Sources) && w.Targets.Equal(open.Targets)
	}
	return false
}

// finishFirst turns a reshard that the layout wanted has no use for any more forward, if its writes have moved: there is
// no short cut back, and what it left half done would stand in the way of the next one.
func (s *segmentState) finishFirst() {
	if s.course != aside {
		return
	}
	if _, _, _, midFlight := s.MidFlight(); s.Writes() == vitess.AllSwitched && !midFlight {
		s.course, s.first = forward, true
	}
}

// turn is 0 for a reshard that has streams on the cluster, 1 for one that is still to begin.
func (s *segmentState) turn() int {
	if s.Workflow != nil || s.Reverse != nil {
		return 0
	}
	return 1
}

// writesStopped reports whether a PRIMARY switch of the segment was interrupted while writes are stopped.
func writesStopped(v *vitess.SegmentView) bool {
	_, _, shards, midFlight := v.MidFlight()
	return midFlight && shards != ""
}

// settle puts the wanted segments behind another reshard of their shards that is taken back by the same plan, and takes
// them out where another one has to be finished, or cannot be taken back.
func (m *maker) settle(k *keyspace, found []*segmentState) []*segmentState {
	return slices.DeleteFunc(found, func(s *segmentState) bool {
		if s.course != forward || s.first {
			return false
		}
		if slices.ContainsFunc(found, func(other *segmentState) bool { return other.course == back && claims(other.SegmentView, s.Segment) }) {
			return true // it is rolled back
		}
		if s.Workflow != nil {
			return false
		}
		for _, other := range found {
			switch {
			case other == s || !overlap(s.Segment, other.Segment):
			case other.course == aside && m.takenBack(k, other):
				s.behind = true
			case other.course == back:
				return true // the way back leads there
			case other.course == aside || other.first:
				other.instead = append(other.instead, s.Segment)
				return true
			}
		}
		return false
	})
}

// recordedAt is the newest instance at a segment's address, whatever names the address spells its shards by.
func (m *maker) recordedAt(k *keyspace, segment keyrange.Segment) *instance {
	if i := m.recorded.latest[k.operationAddress(segment)]; i != nil && i.reshards() {
		return i
	}
	for _, i := range slices.Backward(m.recorded.order) {
		if i.Address.Block() == k.Address && i.reshards() && i.Sources.Equal(segment.Sources) && i.Targets.Equal(segment.Targets) {
			return i
		}
	}
	return nil
}

// reshards reports whether the instance is a reshard, there or back.
func (i *instance) reshards() bool { return i.Kind == KindReshard || i.Kind == KindWayBack }

// overtaken reports whether the cluster has left a record that is open, as where an older state was put back: of the reshard
// there is no workflow, and either shards that are neither its sources nor its targets serve in place of some of its sources, or
// one of its sources is deleted while another serves, or another reshard has begun from its targets, which serve.
func (k *keyspace) overtaken(segment keyrange.Segment) bool {
	v := k.snapshot.View(segment)
	if v.Workflow != nil || v.Reverse != nil {
		return false
	}
	next := func(open keyrange.Segment) bool {
		return slices.ContainsFunc(open.Sources, func(s keyrange.Shard) bool { return segment.Targets.Has(s.Range) })
	}
	if v.Writes() == vitess.AllSwitched && slices.ContainsFunc(v.OpenSegments(), next) {
		return true
	}
	if len(v.SourcesPresent()) < len(segment.Sources) && slices.ContainsFunc(segment.Sources, func(s keyrange.Shard) bool { return k.serving.Has(s.Range) }) {
		return true
	}
	others := slices.ContainsFunc(k.serving, func(shard keyrange.Shard) bool {
		return touches(shard, segment.Sources) && !segment.Sources.Has(shard.Range) && !segment.Targets.Has(shard.Range)
	})
	return others && !slices.ContainsFunc(segment.Sources, func(s keyrange.Shard) bool { return !k.serving.Covers(s.Range) })
}

// overtakenBy says what has overtaken the segment.
func (k *keyspace) overtakenBy(segment keyrange.Segment) string {
	return fmt.Sprintf("the cluster serves %s by now, so the reshard from %s to %s, which the state has open, was ended or undone without it", k.serving, segment.Sources, segment.Targets)
}

// openReshards are the recorded reshards of a keyspace, there or back, that have not ended and that the cluster has not
// overtaken, oldest first.
func (m *maker) openReshards(k *keyspace) []*instance {
	var open []*instance
	for _, i := range m.recorded.order {
		if i.Address.Block() == k.Address && i.reshards() && i.open() && !k.overtaken(i.segment()) {
			open = append(open, i)
		}
	}
	return open
}

// nothingLeft reports whether the cluster shows nothing of a reshard: it never began, or ended altogether. Where another
// reshard of its shards is open, reads that have moved are that one's.
func nothingLeft(v *vitess.SegmentView) bool {
	if v.Workflow != nil || v.Reverse != nil || v.Writes() == vitess.PartlySwitched {
		return false
	}
	if slices.ContainsFunc(v.OpenSegments(), func(open keyrange.Segment) bool { return overlap(open, v.Segment) }) {
		return v.Writes() == vitess.NotSwitched
	}
	for _, t := range []vitess.TabletType{vitess.Rdonly, vitess.Replica} {
		if len(v.ReadsByCell(t)) > 0 && v.Reads(t) != v.Writes() {
			return false
		}
	}
	return true
}

// overlap reports whether two segments have ids in common.
func overlap(a, b keyrange.Segment) bool {
	for _, x := range slices.Concat(a.Sources, a.Targets) {
		for _, y := range slices.Concat(b.Sources, b.Targets) {
			if x.Range.Intersects(y.Range) {
				return true
			}
		}
	}
	return false
}

func compareSegments(a, b keyrange.Segment) int {
	if c := slices.CompareFunc(a.Sources, b.Sources, compareShards); c != 0 {
		return c
	}
	return slices.CompareFunc(a.Targets, b.Targets, compareShards)
}

func compareShards(a, b keyrange.Shard) int { return a.Range.Compare(b.Range) }

func segmentList(segments []keyrange.Segment) string {
	parts := make([]string, len(segments))
	for i, s := range segments {
		parts[i] = fmt.Sprintf("%s to %s", s.Sources, s.Targets)
	}
	return strings.Join(parts, ", ")
}
