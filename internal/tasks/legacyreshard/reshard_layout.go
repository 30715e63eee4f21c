package legacyreshard

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"shardform/internal/diag/spell"
	"shardform/internal/keyrange"
	"shardform/internal/tasks/automation"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// Servers are the addresses of a legacy cluster, host:port.
type Servers struct{ Vtctld, Vtworker string }

// Request is everything that the expansion of one segment depends on.
type Request struct {
	Cluster, Keyspace string
	Servers           Servers
	Segment           keyrange.Segment
	Options           map[string]string // of SplitCloneTask; those that other tasks take too are passed on to them
	Verify            bool              // compare rows before anything is migrated
	MaxDelay          time.Duration     // how far filtered replication may be behind before rows are compared
	Approval          []string          // steps that wait for an approval, as plan files call them: see Guarded
	Window            *reshard.Window   // when writes may be migrated; nil: at any time
}

// GuardedSteps are the containers that may wait for an approval.
var GuardedSteps = []string{"migrate_rdonly", "migrate_replica", "migrate_master"}

// Guarded is the container that a step which plan files name for an approval is here, "" if there is none.
func Guarded(step string) string {
	return map[string]string{"switch_rdonly": "migrate_rdonly", "switch_replica": "migrate_replica", "switch_primary": "migrate_master"}[step]
}

const nothingWayBack = "nothing to undo that serves: drop the tables on the new shards"

// Reshard lays out the reshard of one segment: the containers of HorizontalReshardingTask.
func Reshard(r Request) []reshard.Step {
	sources, targets := r.Segment.Sources, r.Segment.Targets
	copySchema := reshard.Step{Name: "copy_schema", Summary: fmt.Sprintf("copy the schema of %s to %s", sources[0], targets), WayBack: nothingWayBack}
	wait := reshard.Step{Name: "wait", Summary: fmt.Sprintf("wait until %s has nearly caught up", targets), WayBack: cloneWayBack}
	diff := reshard.Step{Name: "diff", Summary: fmt.Sprintf("compare the rows of %s with their source", targets), WayBack: cloneWayBack}
	for _, t := range targets {
		r.add(&copySchema, t, "legacy_copy_schema", map[string]string{
			"shard": t.Name, "source_keyspace_and_shard": r.Keyspace + "/" + sources[0].Name, "dest_keyspace_and_shard": r.Keyspace + "/" + t.Name,
		})
		r.add(&wait, t, "legacy_wait", map[string]string{"shard": t.Name, "max_delay": spell.Duration(r.MaxDelay)})
		r.add(&diff, t, "legacy_diff", map[string]string{"dest_shard": t.Name})
	}
	clone := reshard.Step{Name: "clone", Summary: fmt.Sprintf("copy the rows of %s to %s by vtworker", sources, targets), WayBack: cloneWayBack}
	for _, s := range sources {
		r.add(&clone, s, "legacy_clone", map[string]string{"source_shard": s.Name})
	}
	steps := []reshard.Step{copySchema, clone, wait}
	if r.Verify {
		steps = append(steps, diff)
	}
	for _, t := range automation.ServedTypes {
		steps = append(steps, r.migrate(t))
	}
	return steps
}

const cloneWayBack = "end the filtered replication (vtctlclient SourceShardDelete) and drop the tables; nothing that serves is touched"

func (r Request) migrate(t string) reshard.Step {
	step := reshard.Step{Name: "migrate_" + t, Summary: fmt.Sprintf("serve %s from %s", t, r.Segment.Targets)}
	gates := reshard.Request{Cluster: r.Cluster, Keyspace: r.Keyspace, Segment: r.Segment, Workflow: vitess.WorkflowName(r.Keyspace, r.Segment),
		Settings: reshard.Settings{Window: r.Window}}
	for _, guarded := range r.Approval {
		if Guarded(guarded) == step.Name {
			step.Tasks = append(step.Tasks, gates.ApprovalGate(guarded))
		}
	}
	if t == "master" && r.Window != nil {
		step.Tasks = append(step.Tasks, gates.WindowGate())
	}
	var back []string
	for _, s := range r.Segment.Sources {
		own := map[string]string{"source_shard": s.Name, "type": t}
		if t == "master" {
			maps.Copy(own, r.Window.Parameters())
		}
		r.add(&step, s, "legacy_migrate", own)
		back = append(back, vitess.CommandMigrateBack(r.Keyspace, s.Name, automation.ServedType(t)))
	}
	step.WayBack = strings.Join(back, "; ")
	if t != "master" {
		return step
	}
	step.WayBack, step.PointOfNoReturn = "none: only a new reshard the other way", true
	if !r.Verify {
		step.Notes = append(step.Notes, "verify is disabled: writes are moved to rows that nobody compared")
	}
	step.Notes = append(step.Notes, fmt.Sprintf("%s stays in the topology, not serving", r.Segment.Sources))
	return step
}

// add appends a task about shard. Its parameters are own, those of the segment, the servers and the options.
func (r Request) add(step *reshard.Step, shard keyrange.Shard, task string, own map[string]string) {
	p := map[string]string{
		"cluster": r.Cluster, "keyspace": r.Keyspace, "sources": strings.Join(r.Segment.Sources.Names(), ","), "targets": strings.Join(r.Segment.Targets.Names(), ","),
	}
	maps.Copy(p, own)
	step.Tasks = append(step.Tasks, stepTaskOf(shard.Name, task, p, r.Servers, r.Options))
}

// stepTaskOf adds to p what of servers and options the task takes.
func stepTaskOf(label, task string, p map[string]string, servers Servers, options map[string]string) reshard.StepTask {
	all := maps.Clone(options)
	if all == nil {
		all = map[string]string{}
	}
	all["vtctld_endpoint"], all["vtworker_endpoint"] = servers.Vtctld, servers.Vtworker
	for _, d := range Definitions() {
		if d.Spec.Name != task {
			continue
		}
		for name, text := range all {
			if _, takes := d.Spec.Parameter(name); takes {
				p[name] = text
			}
		}
	}
	return reshard.StepTask{Label: label, Name: task, Parameters: p}
}
