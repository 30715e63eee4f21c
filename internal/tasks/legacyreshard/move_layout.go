package legacyreshard

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"shardform/internal/diag/spell"
	"shardform/internal/tasks/automation"
	"shardform/internal/tasks/reshard"
)

// MoveRequest is everything that the expansion of a vertical split depends on.
type MoveRequest struct {
	Cluster  string
	Servers  Servers
	From, To string // keyspaces
	Source   string // the shard of From; it has one, or vtworker refuses the split
	Shards   []string
	Tables   []string
	Options  map[string]string // of VerticalSplitCloneTask; those that other tasks take too are passed on to them
	MaxDelay time.Duration
}

// Move lays out a vertical split: the containers of VerticalSplitTask.
func Move(r MoveRequest) []reshard.Step {
	tables := strings.Join(r.Tables, ",")
	const undo = "end the filtered replication (vtctlclient SourceShardDelete) and drop the tables; nothing that serves is touched"
	copySchema := reshard.Step{Name: "copy_schema", Summary: fmt.Sprintf("copy the schema of %s to %s", tables, r.To), WayBack: "nothing to undo that serves: drop the tables on " + r.To}
	clone := reshard.Step{Name: "clone", Summary: fmt.Sprintf("copy the rows of %s to %s by vtworker", tables, r.To), WayBack: undo}
	wait := reshard.Step{Name: "wait", Summary: fmt.Sprintf("wait until %s has nearly caught up", r.To), WayBack: undo}
	diff := reshard.Step{Name: "diff", Summary: fmt.Sprintf("compare the rows of %s with their source", tables), WayBack: undo}
	for _, shard := range r.Shards {
		r.add(&copySchema, shard, "legacy_move_schema", map[string]string{
			"source_keyspace_and_shard": r.From + "/" + r.Source, "dest_keyspace_and_shard": r.To + "/" + shard,
		})
		r.add(&clone, shard, "legacy_move_clone", nil)
		r.add(&wait, shard, "legacy_move_wait", map[string]string{"keyspace": r.To, "max_delay": spell.Duration(r.MaxDelay)})
		r.add(&diff, shard, "legacy_move_diff", nil)
	}
	steps := []reshard.Step{copySchema, clone, wait, diff}
	for _, t := range automation.ServedTypes {
		step := reshard.Step{Name: "migrate_" + t, Summary: fmt.Sprintf("serve %s of %s from %s", t, tables, r.To)}
		step.WayBack = fmt.Sprintf("vtctlclient MigrateServedFrom -reverse %s/SHARD %s", r.To, t)
		if t == "master" {
			step.WayBack, step.PointOfNoReturn = "none: only by moving the tables anew", true
			step.Notes = []string{fmt.Sprintf("the tables stay on %s, which denies them", r.From)}
		}
		for _, shard := range r.Shards {
			r.add(&step, shard, "legacy_move_migrate", map[string]string{"type": t})
		}
		steps = append(steps, step)
	}
	return steps
}

func (r MoveRequest) add(step *reshard.Step, shard, task string, own map[string]string) {
	p := map[string]string{
		"cluster": r.Cluster, "source": r.From + "/" + r.Source, "dest_keyspace": r.To, "shard": shard, "tables": strings.Join(r.Tables, ","),
	}
	maps.Copy(p, own)
	step.Tasks = append(step.Tasks, stepTaskOf(shard, task, p, r.Servers, r.Options))
}
