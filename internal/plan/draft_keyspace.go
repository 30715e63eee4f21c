package plan

import (
	"cmp"
	"fmt"
	"slices"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// The last part of the addresses of keyspace operations that are no reshards.
const (
	partVSchema  = "vschema"
	partControls = "clear_controls"
	partSwitch   = "finish_switch"
)

// What the containers of the creation and of the PRIMARY switch are called.
const (
	partCreate        = "create"
	partSwitchPrimary = "switch_primary"
)

// draftKeyspace drafts the operations of one keyspace: an interrupted switch of writes first, then leftover controls, as
// they stand in every reshard's way, then what is taken back, then what leads forward; or the vschema alone where no
// reshard carries it.
func (m *maker) draftKeyspace(k *keyspace) {
	if m.draftInterrupted(k) {
		return
	}
	cleared := m.draftControls(k)
	var ahead []*segmentState
	for _, s := range k.segments {
		switch s.course {
		case forward:
			ahead = append(ahead, s)
		case stray:
			m.draftStray(k, s)
		default:
			m.draftBack(k, s, false)
		}
	}
	// What is open comes first: no other reshard of the keyspace begins beside it.
	slices.SortStableFunc(ahead, func(a, b *segmentState) int { return cmp.Compare(a.turn(), b.turn()) })
	for i, s := range ahead {
		s.behind = s.behind || cleared && s.Workflow == nil
		m.draftForward(k, s, i == 0, i == len(ahead)-1)
	}
	m.draftVSchema(k, len(ahead) == 0 && m.in.Rollback.IsZero() && !slices.ContainsFunc(k.segments, func(s *segmentState) bool { return s.course == stray }))
}

// draftInterrupted drafts the end of a PRIMARY switch that was interrupted on its way to shards that are not wanted. Writes
// may be stopped: it comes before anything else. Where the layout wanted has the sources again, the way back follows;
// anything else depends on what serves behind it, and is left to the next plan. A switch that leads to what is wanted is
// finished by its own operation.
func (m *maker) draftInterrupted(k *keyspace) bool {
	for _, s := range k.segments {
		if s.course == forward || !writesStopped(s.SegmentView) {
			continue
		}
		direction, _, shards, _ := s.MidFlight()
		d := k.newDraft(k.Address.WithOperation(partSwitch), KindSwitch)
		d.view = s
		if s.Workflow != nil {
			d.Workflow = s.Workflow.Name
		}
		d.Sources, d.Targets = s.Sources.Names(), s.Targets.Names()
		d.Reason = fmt.Sprintf("writes are stopped on %s: the switch that was interrupted is finished first, %s as it was going", shards, direction)
		d.Containers = containersOf(d.Address, []reshard.Step{reshard.FinishSwitch(reshard.Request{
			Cluster: k.Cluster, Keyspace: k.Name, Segment: s.Segment, Workflow: d.Workflow, Settings: settings(&k.Reshard),
		}, direction)})
		m.drafts = append(m.drafts, d)
		if s.course == back && m.owns(k, s) {
			m.draftBack(k, s, true)
			return true
		}
		warning := &diag.Diagnostic{Severity: diag.Warning, Summary: "this plan does not reach the layout wanted", Address: d.Address.String(),
			Place: placed(k.ShardsAt), Detail: "it only finishes the switch of writes; " + wants(k, s), Hint: "plan again when it is finished"}
		if !m.in.Rollback.IsZero() {
			warning.Summary, warning.Place = "this plan does not roll back yet", nil
			warning.Detail = fmt.Sprintf("it only finishes the switch of writes, as workflow %s was neither started nor adopted by this state", s.workflowName())
			warning.Hint = "when it is finished, and where it is yours to undo: " + m.adoptCommand(k.addressOf(s))
		}
		d.Diagnostics = append(d.Diagnostics, warning)
		return true
	}
	return false
}

// newDraft is an operation on a keyspace that has no containers yet.
func (k *keyspace) newDraft(a addr.Address, kind Kind) *draft {
	return &draft{keyspace: k, Operation: Operation{Address: a, Kind: kind, Cluster: k.Cluster, Keyspace: k.Name, Retry: k.Reshard.Retry}}
}

func (m *maker) draftForward(k *keyspace, s *segmentState, first, last bool) {
	segment, address := s.Segment, k.operationAddress(s.Segment)
	workflow := vitess.WorkflowName(k.Name, segment)
	if (s.Workflow != nil || s.Reverse != nil) && len(s.Conflicts) == 0 {
		workflow = s.workflowName()
	}
	e := Expansion{VSchemaBefore: k.snapshot.VSchema, Sharded: k.after.Sharded, First: first, Last: last, Soak: k.Reshard.Soak, Hold: k.held(s.last)}
	open := s.last.open() && s.last.Kind == KindReshard
	if open {
		// What was begun is gone on with as it was laid out: under its own names, whatever the plan file spells by now.
		segment, address = s.last.segment(), s.last.Address
		e, workflow = s.last.Expansion, s.last.Workflow
		e.Soak = k.Reshard.Soak
		if _, _, _, midFlight := s.MidFlight(); midFlight || s.Writes() == vitess.AllSwitched {
			e.Soak = max(e.Soak, s.last.Expansion.Soak) // an edit never skips a soak
		}
	}
	d := k.newDraft(address, KindReshard)
	d.view, d.behind = s, s.behind
	d.lay(k, segment, workflow, e)
	if open && d.DifferenceTo(s.last.Operation, s.last.containers) != nil {
		// The configuration was edited: what it wants now is compared with what the cluster has now.
		e.VSchemaBefore, e.Sharded = k.snapshot.VSchema, k.after.Sharded
		d.lay(k, segment, workflow, e)
	}
	if s.first {
		d.Reason = "configuration changed: the layout wanted is another, but writes have moved: this reshard is finished first"
	}
	if len(s.instead) > 0 {
		d.Diagnostics = append(d.Diagnostics, &diag.Diagnostic{Severity: diag.Warning, Summary: "this plan does not reach the layout wanted", Address: address.String(), Place: placed(k.ShardsAt),
			Detail: fmt.Sprintf("the reshard from %s to %s is finished first; then to be done: %s", s.Sources, s.Targets, segmentList(s.instead)), Hint: "plan again when it is finished"})
	}
	m.drafts = append(m.drafts, d)
}

// lay lays out the containers of a forward reshard.
func (d *draft) lay(k *keyspace, segment keyrange.Segment, workflow string, e Expansion) {
	e.VSchemaWanted = vschemaFingerprint(k.wanted)
	d.Expansion, d.Workflow = e, workflow
	d.Sources, d.Targets = segment.Sources.Names(), segment.Targets.Names()
	with := settings(&k.Reshard)
	with.Soak = e.Soak
	steps := reshard.Forward(reshard.Request{
		Cluster: k.Cluster, Keyspace: k.Name, Segment: segment, Workflow: workflow,
		VSchema: k.wanted, VSchemaBefore: sameVSchema(k.wanted, e.VSchemaBefore), Sharded: e.Sharded, First: e.First, Last: e.Last, Hold: e.Hold,
		Settings: with,
	})
	d.Containers = containersOf(d.Address, steps)
}

// containersOf gives steps their addresses.
func containersOf(operation addr.Address, steps []reshard.Step) []Container {
	containers := make([]Container, len(steps))
	for i, s := range steps {
		a := operation.WithContainer(s.Name)
		containers[i] = Container{Address: a, Summary: s.Summary, WayBack: s.WayBack, PointOfNoReturn: s.PointOfNoReturn, Notes: s.Notes, Tasks: make([]Task, len(s.Tasks))}
		for j, t := range s.Tasks {
			containers[i].Tasks[j] = Task{Address: a.WithTask(t.Label), Name: t.Name, Parameters: t.Parameters, Destroys: t.Destroys, Diffs: vschemaDiff(t.Parameters)}
		}
	}
	return containers
}

// vschemaDiff is the change of the vschema that a task with these parameters makes, if it makes one.
func vschemaDiff(parameters map[string]string) []TextDiff {
	after, writes := parameters["vschema"]
	before, compares := parameters["before"]
	if !writes || !compares {
		return nil
	}
	return []TextDiff{{Parameter: "vschema", Before: before, After: after}}
}

func settings(r *config.Reshard) reshard.Settings {
	var window *reshard.Window
	if w := r.Switch.Window; w != nil {
		window = &reshard.Window{Opens: w.Opens, Lasts: w.Lasts, Timezone: w.Timezone, MinRemaining: w.MinRemaining}
	}
	return reshard.Settings{
		Cells: r.Cells, TabletTypes: r.TabletTypes, OnDDL: r.OnDDL, DeferSecondaryKeys: r.DeferSecondaryKeys,
		PreflightWait: r.PreflightWait, StallAfter: r.StallAfter, CopyConfig: r.CopyConfig,
		VerifyEnabled: r.Verify.Enabled, VerifyMaxAge: r.Verify.MaxAge, VerifyTimeout: r.Verify.Timeout, VerifySamples: r.Verify.Samples,
		SkipCount: !r.Verify.CountRows, AcceptMissing: r.Verify.AcceptMissing,
		MaxReplicationLag: r.Switch.MaxReplicationLag, LagWait: r.Switch.LagWait, SwitchTimeout: r.Switch.Timeout,
		ReverseReplication: r.Switch.ReverseReplication, RemoveShards: r.RemoveShards,
		Approval: r.Switch.Approval, Window: window, Soak: r.Soak,
	}
}

// wants says what the configuration wants of a segment that is open.
func wants(k *keyspace, s *segmentState) string {
	if s.course == back {
		return fmt.Sprintf("the reshard from %s to %s is open, and the layout wanted has %s again", s.Sources, s.Targets, s.Sources)
	}
	text := fmt.Sprintf("the reshard from %s to %s is open, and the layout wanted is %s", s.Sources, s.Targets, k.Shards)
	if len(s.instead) > 0 {
		text += "; once that is settled: " + segmentList(s.instead)
	}
	return text
}

// draftStray drafts nothing but the complaint about a reshard that nobody planned.
func (m *maker) draftStray(k *keyspace, s *segmentState) {
	d := k.newDraft(k.operationAddress(s.Segment), KindWayBack)
	d.view = s
	d.Sources, d.Targets, d.Workflow = s.Sources.Names(), s.Targets.Names(), s.workflowName()
	d.Reason = "cluster changed outside shardform"
	complaint := &diag.Diagnostic{Summary: fmt.Sprintf("keyspace %s has a reshard that nobody planned", k.Name), Place: placed(k.ShardsAt), Exit: diag.ExitRefused,
		Detail: fmt.Sprintf("expected no open reshard but those that lead to %s; found one from %s to %s", k.Shards, s.Sources, s.Targets)}
	if s.Workflow != nil {
		complaint.Detail += ", workflow " + s.Workflow.Name
		complaint.Hint = fmt.Sprintf("look at it, and finish or cancel it where it was started:\n%s\nwhere it is yours to undo: %s", vitess.CommandShowWorkflow(k.Name, s.Workflow.Name), m.adoptCommand(d.Address))
	}
	d.refuse(complaint)
	m.drafts = append(m.drafts, d)
}
