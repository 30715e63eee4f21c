package plan

import (
	"fmt"
	"strings"

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

// partSwitchPrimary is what the container of the PRIMARY switch is called.
const partSwitchPrimary = "switch_primary"

// draftKeyspace drafts the operations of one keyspace: leftover controls first, as they stand in every reshard's way,
// then its segments, or the vschema alone where no segment carries it.
func (m *maker) draftKeyspace(k *keyspace) {
	if m.draftInterrupted(k) {
		return
	}
	m.draftControls(k)
	var ahead []*segmentState
	for _, s := range k.segments {
		if s.course == forward {
			ahead = append(ahead, s)
		}
	}
	for i, s := range ahead {
		m.draftForward(k, s, i == 0, i == len(ahead)-1)
	}
	for _, s := range k.segments {
		if s.course != forward {
			m.draftBlocked(k, s)
		}
	}
	m.draftVSchema(k, len(k.segments) == 0)
}

// draftInterrupted drafts the end of a PRIMARY switch that was interrupted on its way to shards that are not wanted. Writes
// may be stopped: it comes before anything else, and by itself, as what is to be done then depends on what serves behind
// it. A switch that leads to what is wanted is finished by its own operation.
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
		d.Diagnostics = append(d.Diagnostics, &diag.Diagnostic{Severity: diag.Warning, Summary: "this plan does not reach the layout wanted", Address: d.Address.String(),
			Place: placed(k.ShardsAt), Detail: "it only finishes the switch of writes; " + wants(k, s), Hint: "plan again when it is finished"})
		m.drafts = append(m.drafts, d)
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
	if s.Workflow != nil && len(s.Conflicts) == 0 {
		workflow = s.Workflow.Name
	}
	e := Expansion{VSchemaBefore: k.snapshot.VSchema, Sharded: k.after.Sharded, First: first, Last: last}
	if s.last.open() {
		// What was begun is gone on with as it was laid out: under its own names, whatever the plan file spells by now.
		segment, address = s.last.segment(), s.last.Address
		e, workflow = s.last.Expansion, s.last.Workflow
	}
	d := k.newDraft(address, KindReshard)
	d.view = s
	d.lay(k, segment, workflow, e)
	if s.last.open() && firstDifference(s.last.containers, d.Containers) != nil {
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
	steps := reshard.Forward(reshard.Request{
		Cluster: k.Cluster, Keyspace: k.Name, Segment: segment, Workflow: workflow,
		VSchema: k.wanted, VSchemaBefore: sameVSchema(k.wanted, e.VSchemaBefore), Sharded: e.Sharded, First: e.First, Last: e.Last,
		Settings: settings(&k.Reshard),
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
	return reshard.Settings{
		Cells: r.Cells, TabletTypes: r.TabletTypes, OnDDL: r.OnDDL, DeferSecondaryKeys: r.DeferSecondaryKeys,
		PreflightWait: r.PreflightWait, StallAfter: r.StallAfter, CopyConfig: r.CopyConfig,
		VerifyEnabled: r.Verify.Enabled, VerifyMaxAge: r.Verify.MaxAge, VerifyTimeout: r.Verify.Timeout, VerifySamples: r.Verify.Samples,
		MaxReplicationLag: r.Switch.MaxReplicationLag, LagWait: r.Switch.LagWait, SwitchTimeout: r.Switch.Timeout,
		ReverseReplication: r.Switch.ReverseReplication, RemoveShards: r.RemoveShards,
	}
}

// draftBlocked drafts a reshard that would have to be undone or settled first, which is not built yet.
func (m *maker) draftBlocked(k *keyspace, s *segmentState) {
	d := k.newDraft(k.operationAddress(s.Segment), KindWayBack)
	if s.last != nil {
		d.Address = s.last.Address
	}
	d.view, d.Action = s, Blocked
	d.Sources, d.Targets = s.Sources.Names(), s.Targets.Names()
	if s.Workflow != nil {
		d.Workflow = s.Workflow.Name
	}
	if s.course == stray {
		d.Diagnostics = append(d.Diagnostics, strayWorkflow(k, s, d.Address))
		d.Reason = "cluster changed outside shardform"
	} else {
		text, commands := reshard.WayBackCommands(s.SegmentView)
		if s.last == nil {
			text += "; this state neither started nor adopted the workflow: make sure that nobody else needs it"
		}
		d.Case = text
		d.Reason = "configuration changed: " + wants(k, s)
		if s.last == nil {
			d.Reason = "not started by this state: " + wants(k, s)
		}
		d.Diagnostics = append(d.Diagnostics, notBuilt(d.Address, placed(k.ShardsAt), "going back", text, commands))
	}
	m.drafts = append(m.drafts, d)
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

// notBuilt is the complaint that something is right to want and has to be done by hand.
func notBuilt(a addr.Address, at *diag.Place, what, detail string, commands []string) *diag.Diagnostic {
	d := &diag.Diagnostic{Severity: diag.Error, Summary: what + " is not built yet", Address: a.String(), Place: at, Detail: detail}
	if len(commands) > 0 {
		d.Hint = "by hand, one after another, looking at the result of each:\n" + strings.Join(commands, "\n")
	}
	return d
}

func strayWorkflow(k *keyspace, s *segmentState, a addr.Address) *diag.Diagnostic {
	d := &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("keyspace %s has a reshard that nobody planned", k.Name), Address: a.String(),
		Place: placed(k.ShardsAt), Exit: diag.ExitRefused,
		Detail: fmt.Sprintf("expected no open reshard but those that lead to %s; found one from %s to %s", k.Shards, s.Sources, s.Targets)}
	if s.Workflow != nil {
		d.Detail += ", workflow " + s.Workflow.Name
		d.Hint = "look at it, and finish or cancel it where it was started:\n" + vitess.CommandShowWorkflow(k.Name, s.Workflow.Name)
	}
	return d
}

// draftControls drafts the clearing of controls that an earlier reshard left behind.
func (m *maker) draftControls(k *keyspace) {
	controls := k.snapshot.LeftoverControls()
	address := k.Address.WithOperation(partControls)
	if len(controls) == 0 || !m.selects(address) {
		return
	}
	d := k.newDraft(address, KindControls)
	d.Action, d.Reason = Blocked, "disabled tablet controls are left on the cluster by a reshard that was taken back or deleted"
	d.Case = controlsText(controls)
	d.Diagnostics = append(d.Diagnostics, notBuilt(address, placed(k.ShardsAt), "clearing tablet controls", d.Case, reshard.ControlsCommands(k.snapshot, controls)))
	m.drafts = append(m.drafts, d)
}

// controlsText lists controls, each type and shard once.
func controlsText(controls []vitess.Control) string {
	cells := map[string][]string{}
	var order []string
	for _, c := range controls {
		key := fmt.Sprintf("%s on %s", c.Type, c.Shard)
		if cells[key] == nil {
			order = append(order, key)
		}
		cells[key] = append(cells[key], c.Cell)
	}
	for i, key := range order {
		order[i] = fmt.Sprintf("%s is disabled in %s", key, strings.Join(cells[key], ", "))
	}
	return strings.Join(order, "; ")
}
