package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/keyrange"
	"shardform/internal/tasks"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// owns reports whether this state may take a reshard back: it started or adopted its workflow, or --adopt says so now. A
// stale branch or a second team's configuration never undoes somebody else's reshard.
func (m *maker) owns(k *keyspace, s *segmentState) bool {
	if m.adopts(k.addressOf(s)) || s.Partial() != vitess.NotPartial { // what shardform was creating holds no data
		return true
	}
	last := s.last
	switch {
	case !last.open() || s.workflowName() != last.Workflow:
		return false
	case last.Kind == KindWayBack:
		return true
	}
	for i := range last.containers {
		for j := range last.containers[i].Tasks {
			if t := &last.containers[i].Tasks[j]; t.Address.Container().Last() == partCreate && t.Address.Last() == partCreate && !t.Started.IsZero() {
				return true
			}
		}
	}
	return false
}

func (m *maker) adopts(operation addr.Address) bool {
	return slices.ContainsFunc(m.in.Adopt, func(a addr.Address) bool { return a.Operation().Contains(operation) })
}

// checkAdopted warns of --adopt where nothing needs it.
func (m *maker) checkAdopted(context.Context) error {
	for _, a := range m.in.Adopt {
		if !slices.ContainsFunc(m.drafts, func(d *draft) bool { return d.keyspace != nil && a.Operation().Contains(d.Address) }) {
			m.plan.Warnings = append(m.plan.Warnings, &diag.Diagnostic{Severity: diag.Warning, Summary: fmt.Sprintf("--adopt %s: there is nothing to adopt", a), Address: a.String(),
				Hint: "it names an operation that goes back, or that has shards to delete, as plan shows it"})
		}
	}
	return nil
}

// addressOf is the address of a segment's operation: the recorded one while that is open, whatever names the plan file
// spells by now.
func (k *keyspace) addressOf(s *segmentState) addr.Address {
	if s.last.open() {
		return s.last.Address
	}
	return k.operationAddress(s.Segment)
}

// workflowName is what the cluster calls the segment's workflow; its recorded name where nothing is left of it.
func (s *segmentState) workflowName() string {
	switch {
	case s.Workflow != nil:
		return s.Workflow.Name
	case s.Reverse != nil:
		return vitess.ReverseName(s.Reverse.Name)
	case s.last != nil:
		return s.last.Workflow
	}
	return ""
}

// takenBack reports whether the reshard can be taken back by this plan, so that what is wanted instead can follow it.
func (m *maker) takenBack(k *keyspace, s *segmentState) bool {
	return (s.course == back || s.course == aside) && m.owns(k, s) && !writesStopped(s.SegmentView) && m.way(s).Blocked == ""
}

// way is the way back as the cluster shows it, or as it was recorded where all but its end is done.
func (m *maker) way(s *segmentState) reshard.Way {
	way := reshard.WayBack(s.SegmentView)
	recorded := s.recordedBack()
	switch {
	case recorded == nil:
	case s.Workflow == nil && s.Reverse == nil && s.Writes() == vitess.NotSwitched:
		return reshard.Way{Back: recorded.Back, Case: "the workflow is deleted; what is left of the way back is done"}
	case way.Blocked == "" && recorded.Covers(way.Back):
		way.Back = recorded.Back
	}
	return way
}

// recordedBack is what an open way back of the segment was laid out from, nil if there is none.
func (s *segmentState) recordedBack() *Back {
	if s.last.open() && s.last.Kind == KindWayBack {
		return s.last.Expansion.Back
	}
	return nil
}

// draftBack drafts the way back of a reshard, or says why there is none. behind says that an interrupted switch of writes
// is finished before.
func (m *maker) draftBack(k *keyspace, s *segmentState, behind bool) {
	d := k.newDraft(k.addressOf(s), KindWayBack)
	d.view, d.behind = s, behind
	d.Sources, d.Targets, d.Workflow = s.Sources.Names(), s.Targets.Names(), s.workflowName()
	way := m.way(s)
	d.Case = way.Case
	d.Reason = "configuration changed: " + wants(k, s)
	switch recorded := s.recordedBack(); {
	case !m.in.Rollback.IsZero():
		d.Reason = "it is rolled back"
	case recorded != nil && recorded.Held != "":
		d.Reason = "its rollback has not ended"
	case recorded != nil:
		d.Reason = "its way back has not ended: " + wants(k, s)
	case s.last == nil:
		d.Reason = "not started by this state: " + wants(k, s)
	}
	switch {
	case way.Blocked != "":
		d.refuse(&diag.Diagnostic{Summary: fmt.Sprintf("there is no way back from %s to %s now", s.Targets, s.Sources), Place: placed(k.ShardsAt), Detail: way.Blocked, Hint: strings.Join(way.Cure, "\n")})
	case !m.owns(k, s):
		d.refuse(&diag.Diagnostic{Summary: fmt.Sprintf("workflow %s was neither started nor adopted by this state", s.workflowName()), Place: placed(k.ShardsAt),
			Detail: "going back would undo what somebody else may need: " + way.Case, Hint: "where it is yours to undo: " + m.adoptCommand(d.Address)})
	default:
		m.layBack(k, d, s, way)
	}
	m.drafts = append(m.drafts, d)
}

// adoptCommand is the command that does what was asked for, with an operation taken over. A rollback stays one: apply would
// go on with an operation that leads to the layout wanted.
func (m *maker) adoptCommand(operation addr.Address) string {
	if !m.in.Rollback.IsZero() {
		return tasks.RollbackCommand(operation, m.in.ConfigPath, "--adopt", spell.ShellWord(operation.String()))
	}
	command := tasks.ApplyCommand("--adopt", operation, m.in.ConfigPath)
	if len(m.in.Config.Keyspaces) > 1 { // what is blocked in another keyspace would keep the command from being run
		command += " --target " + spell.ShellWord(operation.Block().String())
	}
	return command
}

// refuse makes the whole draft a blocked item.
func (d *draft) refuse(complaint *diag.Diagnostic) {
	complaint.Severity, complaint.Address = diag.Error, d.Address.String()
	d.Action = Blocked
	d.Diagnostics = append(d.Diagnostics, complaint)
}

func (m *maker) layBack(k *keyspace, d *draft, s *segmentState, way reshard.Way) {
	b := &Back{Back: way.Back, Adopted: m.adopts(d.Address)}
	if recorded := s.recordedBack(); recorded != nil {
		b.Adopted, b.Held = b.Adopted || recorded.Adopted, recorded.Held
	}
	if !m.in.Rollback.IsZero() && k.wants(s.Targets) {
		b.Held = k.Shards.String()
	}
	d.Expansion = Expansion{Back: b}
	d.Containers = containersOf(d.Address, reshard.Backward(reshard.Request{
		Cluster: k.Cluster, Keyspace: k.Name, Segment: s.Segment, Workflow: d.Workflow, Settings: settings(&k.Reshard),
	}, way.Back))
}

// findRollback is the one operation that is rolled back, wherever the configuration leads.
func (m *maker) findRollback(k *keyspace) []*segmentState {
	var open []*segmentState
	add := func(segment keyrange.Segment) {
		s := &segmentState{SegmentView: k.snapshot.View(segment), course: back, last: m.recordedAt(k, segment)}
		if !slices.ContainsFunc(open, func(o *segmentState) bool { return claims(o.SegmentView, segment) }) {
			open = append(open, s)
		}
	}
	for _, last := range m.openReshards(k) {
		add(last.segment())
	}
	// What is left of one has the shards that have streams, and still goes by the address that it had.
	if segment, err := keyrange.ParseSegment(m.in.Rollback.Operation().Last()); err == nil {
		if v := k.snapshot.View(segment); v.Workflow != nil && v.Workflow.Name == vitess.WorkflowName(k.Name, segment) {
			add(segment)
		}
	}
	for _, segment := range k.snapshot.OpenSegments() {
		add(segment)
	}
	named := slices.DeleteFunc(slices.Clone(open), func(s *segmentState) bool { return !m.in.Rollback.Operation().Contains(k.addressOf(s)) })
	if len(named) == 1 {
		return named
	}
	var names []string
	for _, s := range open {
		names = append(names, k.addressOf(s).String())
	}
	complaint := &diag.Diagnostic{Summary: fmt.Sprintf("nothing is open at %s that could be rolled back", m.in.Rollback), Address: m.in.Rollback.String(), Hint: "no reshard of this keyspace is open"}
	if len(named) > 1 {
		complaint.Summary = fmt.Sprintf("%s has several open operations", m.in.Rollback)
	}
	if len(names) > 0 {
		complaint.Hint = "name one of those that are open: " + strings.Join(names, ", ")
	}
	m.complain(complaint)
	return nil
}

// held reports whether the reshard was rolled back and the layout wanted is still the one that it was rolled back from.
func (k *keyspace) held(last *instance) bool {
	return last != nil && last.Kind == KindWayBack && !last.Forgotten && last.Expansion.Back != nil && k.holds(last.Expansion.Back)
}

func (k *keyspace) holds(b *Back) bool {
	layout, err := keyrange.ParseShards(strings.Split(b.Held, ","))
	return b.Held != "" && err == nil && layout.Equal(k.Shards)
}

// released lists the holds that an edit of the layout has ended.
func (m *maker) released(context.Context) error {
	if !m.in.Rollback.IsZero() {
		return nil
	}
	for _, i := range m.recorded.order {
		k := m.keyspaces[i.Address.Block()]
		if k != nil && i.Kind == KindWayBack && !i.open() && !i.Forgotten && i.Expansion.Back != nil && i.Expansion.Back.Held != "" && !k.holds(i.Expansion.Back) {
			m.plan.Released = append(m.plan.Released, i.Address)
		}
	}
	slices.SortFunc(m.plan.Released, addr.Compare)
	return nil
}
