package reshard

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"shardform/internal/diag/spell"
)

// Forward lays out the reshard of one segment as steps in the order of docs/contributing/cluster.md#forward. It is pure:
// equal requests give equal steps, whatever a cluster shows.
func Forward(r Request) []Step {
	var steps []Step
	writes := r.VSchema != "" && r.VSchema != r.VSchemaBefore
	if r.Hold {
		steps = append(steps, r.hold())
	}
	steps = append(steps, r.preflight(writes && r.Sharded))
	if writes && r.Sharded && r.First {
		steps = append(steps, r.vschema())
	}
	steps = append(steps, r.create(), r.copy())
	if r.Settings.VerifyEnabled {
		steps = append(steps, r.verify())
	}
	steps = append(steps, r.switchReads("RDONLY"), r.switchReads("REPLICA"), r.switchPrimary())
	if r.Settings.Soak > 0 {
		steps = append(steps, r.soak())
	}
	steps = append(steps, r.finish())
	if writes && !r.Sharded && r.Last {
		steps = append(steps, r.vschema())
	}
	return append(steps, r.confirm())
}

const (
	deleteWayBack  = "delete the workflow with what it copied; nothing that serves is touched"
	noReverse      = "no way back after switch_primary"
	noneWayBack    = "none: there is no reverse stream any more, only a new reshard the other way"
	nothingWayBack = "nothing to undo"
)

// parameters are those of every task of the segment, with own on top.
func (r Request) parameters(own map[string]string) map[string]string {
	all := map[string]string{
		"cluster": r.Cluster, "keyspace": r.Keyspace, "workflow": r.Workflow,
		"sources": strings.Join(r.Segment.Sources.Names(), ","), "targets": strings.Join(r.Segment.Targets.Names(), ","),
	}
	maps.Copy(all, own)
	return withoutEmpty(all)
}

// withoutEmpty takes out empty parameters: they are as good as absent, and absent is shorter to read.
func withoutEmpty(p map[string]string) map[string]string {
	maps.DeleteFunc(p, func(_, text string) bool { return text == "" })
	return p
}

// single is a step of one task, which is called like it.
func (r Request) single(step Step, task string, own map[string]string) Step {
	step.Tasks = []StepTask{{Label: step.Name, Name: task, Parameters: r.parameters(own)}}
	return step
}

func (r Request) preflight(wantedFirst bool) Step {
	own := map[string]string{
		"cells": strings.Join(r.Settings.Cells, ","), "tablet_types": strings.Join(r.Settings.TabletTypes, ","),
		"wait": spell.Duration(r.Settings.PreflightWait),
	}
	if wantedFirst {
		own["vschema"] = r.VSchema
	}
	return r.single(Step{
		Name: "preflight", Summary: fmt.Sprintf("check that %s can become %s", r.Segment.Sources, r.Segment.Targets), WayBack: nothingWayBack,
	}, preflightSpec.Name, own)
}

func (r Request) vschema() Step {
	own := map[string]string{"vschema": r.VSchema, "before": r.VSchemaBefore}
	summary := "write the vschema before anything is copied"
	if !r.Sharded {
		summary = "write the unsharded vschema, now that one shard serves"
	}
	return r.single(Step{Name: "vschema", Summary: summary, WayBack: "write the earlier vschema again"}, vschemaSpec.Name, own)
}

func (r Request) create() Step {
	own := map[string]string{
		"cells": strings.Join(r.Settings.Cells, ","), "tablet_types": strings.Join(r.Settings.TabletTypes, ","),
		"on_ddl": r.Settings.OnDDL, "defer_secondary_keys": strconv.FormatBool(r.Settings.DeferSecondaryKeys),
	}
	if len(r.Settings.CopyConfig) > 0 {
		text, _ := json.Marshal(r.Settings.CopyConfig) // a map of strings
		own["config"] = string(text)
	}
	return r.gated(r.single(Step{
		Name: "create", Summary: fmt.Sprintf("start copying %s to %s", r.Segment.Sources, r.Segment.Targets), WayBack: deleteWayBack,
	}, createSpec.Name, own))
}

func (r Request) copy() Step {
	return r.single(Step{Name: "copy", Summary: "wait until all rows are copied and changes are followed", WayBack: deleteWayBack},
		copySpec.Name, map[string]string{"stall_after": spell.Duration(r.Settings.StallAfter)})
}

func (r Request) verify() Step {
	return r.single(Step{Name: "verify", Summary: "compare every row by VDiff", WayBack: deleteWayBack}, verifySpec.Name, r.accounting(r.diff()))
}

func (r Request) diff() map[string]string {
	return map[string]string{
		"max_age": spell.Duration(r.Settings.VerifyMaxAge), "diff_timeout": spell.Duration(r.Settings.VerifyTimeout),
		"samples": strconv.Itoa(r.Settings.VerifySamples),
	}
}

// accounting adds the settings of counting rows to a task's parameters where they are not the defaults: an operation that
// an earlier version began has the same tasks then.
func (r Request) accounting(own map[string]string) map[string]string {
	if r.Settings.SkipCount {
		own["count_rows"] = "false"
	}
	if len(r.Settings.AcceptMissing) > 0 {
		text, _ := json.Marshal(r.Settings.AcceptMissing) // a map of strings
		own["accept_missing"] = string(text)
	}
	return own
}

func (r Request) switching() map[string]string {
	return map[string]string{
		"max_replication_lag": spell.Duration(r.Settings.MaxReplicationLag), "lag_wait": spell.Duration(r.Settings.LagWait),
		"timeout": spell.Duration(r.Settings.SwitchTimeout), "reverse_replication": strconv.FormatBool(r.Settings.ReverseReplication),
	}
}

func (r Request) switchReads(kind string) Step {
	own := r.switching()
	own["type"] = kind
	switched := map[string]string{"RDONLY": "RDONLY", "REPLICA": "RDONLY and REPLICA"}[kind]
	return r.gated(r.single(Step{
		Name: "switch_" + strings.ToLower(kind), Summary: fmt.Sprintf("serve %s reads from %s in all cells", kind, r.Segment.Targets),
		WayBack: fmt.Sprintf("switch %s reads back, then delete the workflow", switched),
	}, switchReadsSpec.Name, own))
}

func (r Request) switchPrimary() Step {
	own := r.switching()
	step := Step{
		Name: "switch_primary", Summary: fmt.Sprintf("serve writes from %s", r.Segment.Targets),
		WayBack: "switch reads back, then writes: the reverse streams keep the old shards up to date",
	}
	own["verify"] = strconv.FormatBool(r.Settings.VerifyEnabled)
	if r.Settings.VerifyEnabled {
		maps.Copy(own, r.diff())
	} else {
		step.Notes = append(step.Notes, "verify is disabled: writes are switched to rows that nobody compared")
	}
	if !r.Settings.ReverseReplication {
		step.WayBack = "none: reverse_replication = false"
		step.PointOfNoReturn = true
		step.Notes = append(step.Notes, noReverse+": reverse_replication = false")
	}
	maps.Copy(own, r.Settings.Window.Parameters()) // looked at once more when all the checks are done
	return r.gated(r.single(step, switchPrimarySpec.Name, own))
}

func (r Request) soak() Step {
	return r.single(Step{
		Name: "soak", Summary: fmt.Sprintf("stay reversible for %s", spell.Duration(r.Settings.Soak)),
		WayBack: "switch reads back, then writes: the reverse streams keep the old shards up to date",
	}, soakSpec.Name, map[string]string{"lasts": spell.Duration(r.Settings.Soak), "max_replication_lag": spell.Duration(r.Settings.MaxReplicationLag)})
}

func (r Request) finish() Step {
	step := Step{Name: "finish", Summary: "remove the workflow and its reverse streams", WayBack: noneWayBack, PointOfNoReturn: r.Settings.ReverseReplication}
	if r.Settings.ReverseReplication && r.Settings.Soak == 0 {
		step.Notes = append(step.Notes, "irreversible at once: no soak between switch_primary and finish")
	}
	switch {
	case r.Settings.SkipCount:
		step.Notes = append(step.Notes, "count_rows = false: rows that lie on the wrong shard are deleted with it")
	case !r.Settings.ReverseReplication:
		step.Notes = append(step.Notes, "rows are not counted again before this step but placed by their keyspace ids, where the vindex is one that shardform computes: reverse_replication = false")
	}
	step.Tasks = []StepTask{{Label: "complete", Name: completeSpec.Name, Parameters: r.parameters(r.accounting(map[string]string{}))}}
	names := strings.Join(r.Segment.Sources.Names(), ",")
	if !r.Settings.RemoveShards {
		step.Notes = append(step.Notes, fmt.Sprintf("remove_shards = false: %s stays in the topology, not serving", names))
		return r.gated(step)
	}
	step.Summary += fmt.Sprintf(", then delete %s", names)
	for _, shard := range r.Segment.Sources {
		step.Tasks = append(step.Tasks, StepTask{
			Label: "delete_shard:" + shard.Name, Name: shardDeleteSpec.Name, Destroys: 1,
			Parameters: map[string]string{"cluster": r.Cluster, "keyspace": r.Keyspace, "shard": shard.Name},
		})
	}
	return r.gated(step)
}

func (r Request) confirm() Step {
	own := map[string]string{"remove_shards": strconv.FormatBool(r.Settings.RemoveShards)}
	if r.VSchema != "" && (r.Sharded || r.Last) {
		own["vschema"] = r.VSchema
	}
	return r.single(Step{Name: "confirm", Summary: fmt.Sprintf("check that %s serves and nothing is left over", r.Segment.Targets), WayBack: noneWayBack},
		confirmSpec.Name, own)
}
