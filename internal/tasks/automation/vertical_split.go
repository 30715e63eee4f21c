package automation

import (
	"fmt"

	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

var verticalSplit = &emitter{
	spec: &tasks.Spec{
		Name:    "VerticalSplitTask",
		Modern:  moveInstead,
		Summary: "emits the tasks that split tables off to another keyspace with vtworker",
		Doc: `Emits these containers, in order: CopySchemaShardTask of the tables for each shard · VerticalSplitCloneTask for each shard ·
WaitForFilteredReplicationTask (30s) for each shard · a container with one VerticalSplitDiffTask for each shard ·
MigrateServedFromTask for each shard, in one container a type: rdonly, replica, master.
The tasks of a container run one at a time, as they did in the original in spite of its word for them. The original
emitted the same when it ran; plan shows it before. An empty option is not passed on, and a list with an empty or a
repeated shard is refused.`,
		Parameters: []tasks.Parameter{
			required("source_keyspace", "keyspace that has the tables now"),
			required("dest_keyspace", "keyspace that the tables go to; it has the same shards"),
			required("shard_list", "the shards of both, separated by commas"),
			required("tables", "tables to split off, separated by commas; /RE/ is a regular expression"),
			vtctld(),
			vtworker(),
			minHealthyRdonlyTablets(),
		},
	},
	expand: func(p parameters) ([]*automationpb.TaskContainer, error) {
		shards, layout, err := p.shards("shard_list")
		if err != nil {
			return nil, err
		}
		// All shards of a keyspace: which keyspace serves a type is said for the whole of it.
		if _, err := keyrange.ParseLayout(keyrange.NewLayout(layout).Names()); err != nil {
			return nil, tasks.WrongParameter("shard_list", fmt.Errorf("%q: %w", p["shard_list"], err))
		}
		source, destination := p["source_keyspace"], p["dest_keyspace"]
		if err := disjoint([]string{source}, []string{destination}, "a keyspace is both source and destination"); err != nil {
			return nil, err
		}
		workerOptions := []string{vtworkerEndpoint, "min_healthy_rdonly_tablets"}
		emitted := []*automationpb.TaskContainer{
			container("CopySchemaShardTask", shards, func(shard string) map[string]string {
				return p.with([]string{vtctldEndpoint, "tables"},
					"source_keyspace_and_shard", source+"/"+shard, "dest_keyspace_and_shard", destination+"/"+shard)
			}),
			container("VerticalSplitCloneTask", shards, func(shard string) map[string]string {
				return p.with(append(workerOptions, vtctldEndpoint, "tables"), "dest_keyspace", destination, "shard", shard)
			}),
			container("WaitForFilteredReplicationTask", shards, func(shard string) map[string]string {
				return p.with([]string{vtctldEndpoint}, "keyspace", destination, "shard", shard, "max_delay", filteredReplicationDelay)
			}),
		}
		for _, shard := range shards {
			emitted = append(emitted, tasks.NewTaskContainerWithSingleTask("VerticalSplitDiffTask", p.with(workerOptions, "dest_keyspace", destination, "shard", shard)))
		}
		for _, tabletType := range ServedTypes {
			emitted = append(emitted, container("MigrateServedFromTask", shards, func(shard string) map[string]string {
				return p.with([]string{vtctldEndpoint}, "dest_keyspace", destination, "shard", shard, "type", tabletType)
			}))
		}
		return emitted, nil
	},
	describe: func(p parameters) string {
		return fmt.Sprintf("split %s off from %s to %s with vtworker", p["tables"], p["source_keyspace"], p["dest_keyspace"])
	},
}
