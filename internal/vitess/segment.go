package vitess

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/keyrange"
)

// SegmentView is what a snapshot shows of one segment. Its predicates look at the segment's own shards only, at all of
// them, in every cell; they follow what the server does, step by step, so that a state in which it died is told from
// one that it leaves behind on purpose. Workflow is never chosen by its name.
type SegmentView struct {
	*Snapshot
	keyrange.Segment
	Workflow  *Workflow  // the Reshard between exactly these shards, or a partly created or deleted one; nil if none
	Reverse   *Workflow  // its `_reverse`; without Workflow: one that lost its partner
	Conflicts []Conflict // what stands in the way and was not made for this segment
}

// Conflict is a workflow that does not fit the segment.
type Conflict struct {
	Workflow string
	Expected string
	Found    string
	Cure     []string // vtctldclient commands that would show and settle it
}

// View is what the snapshot shows of segment.
func (s *Snapshot) View(segment keyrange.Segment) *SegmentView {
	v := &SegmentView{Snapshot: s, Segment: segment}
	var exact, partial []*Workflow
	for i := range s.Workflows {
		w := &s.Workflows[i]
		switch {
		case w.Type == TypeOnlineDDL: // preflight's concern
		case s.reversed(w) != nil: // counted with its partner
		case s.orphan(w):
			if hasAll(segment.Targets, w.Sources) && hasAll(segment.Sources, w.Targets) {
				v.Reverse = w
				if v.Writes() != AllSwitched { // else it is a situation of its own, which continues in either direction: ForwardGone
					v.conflict(w, "is the way back of a workflow that is gone")
				}
			} else if s.touches(w, segment) {
				v.conflict(w, "is the way back of a workflow that is gone")
			}
		case s.reshards(w) && w.Sources.Equal(segment.Sources) && w.Targets.Equal(segment.Targets):
			exact = append(exact, w)
		case s.reshards(w) && hasAll(segment.Sources, w.Sources) && hasAll(segment.Targets, w.Targets):
			partial = append(partial, w)
		case s.touches(w, segment):
			v.conflict(w, "")
		}
	}
	v.choose(exact, partial)
	if v.Workflow != nil {
		for i := range s.Workflows {
			if s.reversed(&s.Workflows[i]) == v.Workflow {
				v.Reverse = &s.Workflows[i]
			}
		}
	}
	slices.SortStableFunc(v.Conflicts, func(a, b Conflict) int { return strings.Compare(a.Workflow, b.Workflow) })
	return v
}

// choose takes the workflow of the segment. Vitess creates no second one beside the first, so two are a riddle for
// people. One that lacks streams is the segment's if it has the segment's name; else it may be a part of anything.
func (v *SegmentView) choose(exact, partial []*Workflow) {
	name := WorkflowName(v.Keyspace, v.Segment)
	candidates := slices.Concat(exact, partial)
	if len(candidates) == 0 {
		return
	}
	chosen := max(0, slices.IndexFunc(candidates, func(w *Workflow) bool { return w.Name == name }))
	v.Workflow = candidates[chosen]
	for i, w := range candidates {
		switch {
		case i != chosen:
			v.conflict(w, "is a second workflow beside "+v.Workflow.Name)
		case i >= len(exact) && !OwnName(w.Name):
			v.conflict(w, "has streams for a part of the shards only")
		}
	}
}

// The types of workflow that resharding has to tell from others.
const (
	TypeReshard   = "Reshard"
	TypeOnlineDDL = "OnlineDDL"
)

func (s *Snapshot) reshards(w *Workflow) bool {
	return w.Type == TypeReshard && w.SourceKeyspace == s.Keyspace
}

// reversed is the workflow whose way back w is: named like it and `_reverse`, between the same shards the other way
// round (a part of them while the server creates or deletes the streams).
func (s *Snapshot) reversed(w *Workflow) *Workflow {
	if !s.reshards(w) || !strings.HasSuffix(w.Name, reverseSuffix) {
		return nil
	}
	forward := s.WorkflowNamed(ReverseName(w.Name))
	if forward == nil || !s.reshards(forward) || !hasAll(forward.Targets, w.Sources) || !hasAll(forward.Sources, w.Targets) {
		return nil
	}
	return forward
}

// orphan reports whether w is the way back of a workflow that is gone: a reversal of writes that fails before its
// journal deletes the frozen forward workflow and keeps the reverse one running. Reverse streams never copy rows.
func (s *Snapshot) orphan(w *Workflow) bool {
	return s.reshards(w) && strings.HasSuffix(w.Name, reverseSuffix) && s.WorkflowNamed(ReverseName(w.Name)) == nil &&
		!slices.ContainsFunc(w.Streams, func(st Stream) bool {
			return st.RowsCopied > 0 || len(st.CopyTables) > 0 || st.Position == ""
		})
}

// touches reports whether w reads or writes a shard of the segment.
func (s *Snapshot) touches(w *Workflow, segment keyrange.Segment) bool {
	shards := w.Targets
	if w.SourceKeyspace == s.Keyspace {
		shards = slices.Concat(w.Sources, w.Targets)
	}
	own := slices.Concat(segment.Sources, segment.Targets)
	return slices.ContainsFunc(shards, func(a keyrange.Shard) bool {
		return slices.ContainsFunc(own, func(b keyrange.Shard) bool { return a.Range.Intersects(b.Range) })
	})
}

func (v *SegmentView) conflict(w *Workflow, why string) {
	found := fmt.Sprintf("%s workflow %s from %s/%s to %s/%s", w.Type, w.Name, w.SourceKeyspace, w.Sources, v.Keyspace, w.Targets)
	if why != "" {
		found += ", which " + why
	}
	v.Conflicts = append(v.Conflicts, Conflict{
		Workflow: w.Name,
		Expected: fmt.Sprintf("no workflow on these shards but one Reshard from %s/%s to %s/%s", v.Keyspace, v.Sources, v.Keyspace, v.Targets),
		Found:    found,
		Cure:     v.Cures(w),
	})
}

// ForwardGone reports whether writes are switched and only the streams back are left of the reshard: a reversal that
// failed before its journal deletes the frozen workflow (vitess#14276), or somebody did. SwitchTraffic forward with the
// workflow Reverse, while it runs, takes the traffic back and creates the workflow again. The server neither completes nor
// deletes Reverse, as its sources serve: staying means to stop it and to remove its streams.
func (v *SegmentView) ForwardGone() bool {
	return v.Workflow == nil && v.Reverse != nil && v.Writes() == AllSwitched
}

// RemovalBegun reports whether only the reverse streams are left and shardform has stopped them, or some of them, in order to
// remove them, and ended before it did.
func (v *SegmentView) RemovalBegun() bool {
	return v.ForwardGone() && v.Reverse.some(Stream.stopped) && v.Reverse.every(func(s Stream) bool { return !s.stopped() || s.Message == RemovalMessage })
}

// orphanCures are Cures of streams back whose workflow is gone. Their targets are the shards that they would give the
// traffic back to: where those serve, deleting the streams with their data would delete the rows of the keyspace.
func (s *Snapshot) orphanCures(w *Workflow) []string {
	v := SegmentView{Snapshot: s, Segment: keyrange.Segment{Sources: w.Targets, Targets: w.Sources}, Reverse: w}
	show := commandWorkflow(w.Type, s.Keyspace, w.Name, "show")
	back := func(lag time.Duration, types ...TabletType) string {
		return CommandSwitchTraffic(SwitchTraffic{Keyspace: s.Keyspace, Workflow: w.Name, Types: types, MaxLag: lag, ReverseReplication: true})
	}
	direction, _, _, midFlight := v.MidFlight()
	switch {
	case midFlight && direction == Backward:
		return []string{show, "# its switch of writes was interrupted: finish that first, in its own direction:", back(720*time.Hour, Primary)}
	case midFlight:
		return []string{show, CommandGetSrvKeyspaces(s.Keyspace)}
	case v.Writes() == NotSwitched:
		return []string{show, "# its targets serve: its streams go, their rows stay", CommandDeleteWorkflow(s.Keyspace, w.Name, true)}
	}
	cure := []string{show, "# to go back:"}
	if reads := v.switchedReads(); len(reads) > 0 {
		cure = append(cure, back(0, reads...))
	}
	cure = append(cure, back(0, Primary), "# or, to stay and give up the way back:")
	return append(cure, CommandsRemoveStreams(s.Keyspace, w)...)
}

// switchedReads are the types whose reads have moved, wholly or in part.
func (v *SegmentView) switchedReads() []TabletType {
	var types []TabletType
	for _, t := range []TabletType{Rdonly, Replica} {
		if v.Reads(t) != NotSwitched {
			types = append(types, t)
		}
	}
	return types
}

// Cures are the commands that get a workflow out of the way. Cancelling is among them only where no traffic was moved:
// deleting a workflow behind switched reads succeeds and leaves shards that serve without tables.
func (s *Snapshot) Cures(w *Workflow) []string {
	if s.orphan(w) {
		return s.orphanCures(w)
	}
	show := commandWorkflow(w.Type, s.Keyspace, w.Name, "show")
	switch w.Type {
	case TypeReshard:
	case TypeOnlineDDL:
		return []string{command("OnlineDDL", "cleanup", s.Keyspace, w.Name)}
	case "MoveTables", "Migrate", "Materialize":
		return []string{show, "# then complete or cancel it, as its traffic says"}
	default:
		return []string{
			command("Workflow", "--keyspace", s.Keyspace, "show", "--workflow", w.Name),
			command("Workflow", "--keyspace", s.Keyspace, "delete", "--workflow", w.Name),
		}
	}
	// A view without its own conflicts: those of two workflows would ask for each other's cures.
	own := SegmentView{Snapshot: s, Segment: keyrange.Segment{Sources: w.Sources, Targets: w.Targets}, Workflow: w, Reverse: s.WorkflowNamed(ReverseName(w.Name))}
	traffic := func(backward bool, lag time.Duration, types ...TabletType) string {
		return CommandSwitchTraffic(SwitchTraffic{Keyspace: s.Keyspace, Workflow: w.Name, Types: types, Backward: backward, MaxLag: lag, ReverseReplication: true})
	}
	remove := CommandDeleteWorkflow(s.Keyspace, w.Name, false)
	if direction, _, _, midFlight := own.MidFlight(); midFlight {
		return []string{show, "# its switch of writes was interrupted: finish that first, in its own direction:", traffic(direction == Backward, 720*time.Hour, Primary)}
	}
	reads := own.switchedReads()
	switch {
	case own.Writes() != NotSwitched:
		return []string{show, "# writes have moved: finish it,", CommandCompleteWorkflow(s.Keyspace, w.Name),
			"# or take it back, looking at the result of each:", traffic(true, 0, Rdonly, Replica), traffic(true, 0, Primary), remove}
	case len(reads) > 0:
		return []string{show, "# reads have moved: take them back before it is cancelled", traffic(true, 0, reads...), remove}
	}
	return []string{show, remove}
}

// OpenSegments are the reshards that are open on the keyspace, in whatever state, in key order: one a Reshard workflow,
// `X_reverse` belonging to X. Where streams are missing the segment has only the shards that have some. A reverse
// workflow that lost its partner counts as the segment that it would take back.
func (s *Snapshot) OpenSegments() []keyrange.Segment {
	var open []keyrange.Segment
	add := func(seg keyrange.Segment) {
		if !slices.ContainsFunc(open, func(o keyrange.Segment) bool {
			return o.Sources.Equal(seg.Sources) && o.Targets.Equal(seg.Targets)
		}) {
			open = append(open, seg)
		}
	}
	for i := range s.Workflows {
		w := &s.Workflows[i]
		switch {
		case !s.reshards(w) || s.reversed(w) != nil:
		case s.orphan(w):
			add(keyrange.Segment{Sources: w.Targets, Targets: w.Sources})
		default:
			add(keyrange.Segment{Sources: w.Sources, Targets: w.Targets})
		}
	}
	slices.SortStableFunc(open, func(a, b keyrange.Segment) int {
		return slices.CompareFunc(a.Sources, b.Sources, func(x, y keyrange.Shard) int { return x.Range.Compare(y.Range) })
	})
	return open
}
