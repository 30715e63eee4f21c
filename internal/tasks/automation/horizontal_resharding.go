package automation

import (
	"fmt"

	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

var horizontalResharding = &emitter{
	spec: &tasks.Spec{
		Name:    "HorizontalReshardingTask",
		Modern:  reshardInstead,
		Summary: "emits the tasks that split or merge shards with vtworker",
		Doc: `Emits these containers, in order: CopySchemaShardTask from the first source to each destination · SplitCloneTask for each source ·
WaitForFilteredReplicationTask (30s) for each destination · a container with one SplitDiffTask for each destination ·
MigrateServedTypesTask for each source, in one container a type: rdonly, replica, master.
The tasks of a container run one at a time, as they did in the original in spite of its word for them. The original
emitted the same when it ran; plan shows it before. An empty option is not passed on, and lists with an empty or a
repeated shard are refused.`,
		Parameters: []tasks.Parameter{
			required("keyspace", "keyspace of the shards"),
			required("source_shard_list", "shards that serve now, separated by commas"),
			required("dest_shard_list", "shards that are to serve, separated by commas; their tablets exist"),
			vtctld(),
			vtworker(),
			excludeTables(),
			minHealthyRdonlyTablets(),
		},
	},
	expand: func(p parameters) ([]*automationpb.TaskContainer, error) {
		sources, from, sourcesErr := p.shards("source_shard_list")
		destinations, to, destinationsErr := p.shards("dest_shard_list")
		if err := together(sourcesErr, destinationsErr); err != nil {
			return nil, err
		}
		if err := disjoint(sources, destinations, "a shard is both source and destination"); err != nil {
			return nil, err
		}
		if err := keyrange.CheckReshard(from, to); err != nil {
			return nil, fmt.Errorf("%s cannot be resharded into %s: %w", p["source_shard_list"], p["dest_shard_list"], err)
		}
		keyspace := p["keyspace"]
		workerOptions := []string{vtworkerEndpoint, "exclude_tables", "min_healthy_rdonly_tablets"}
		emitted := []*automationpb.TaskContainer{
			container("CopySchemaShardTask", destinations, func(shard string) map[string]string {
				return p.with([]string{vtctldEndpoint, "exclude_tables"},
					"source_keyspace_and_shard", keyspace+"/"+sources[0], "dest_keyspace_and_shard", keyspace+"/"+shard)
			}),
			container("SplitCloneTask", sources, func(shard string) map[string]string {
				return p.with(append(workerOptions, vtctldEndpoint), "keyspace", keyspace, "source_shard", shard)
			}),
			container("WaitForFilteredReplicationTask", destinations, func(shard string) map[string]string {
				return p.with([]string{vtctldEndpoint}, "keyspace", keyspace, "shard", shard, "max_delay", filteredReplicationDelay)
			}),
		}
		for _, shard := range destinations {
			emitted = append(emitted, tasks.NewTaskContainerWithSingleTask("SplitDiffTask", p.with(workerOptions, "keyspace", keyspace, "dest_shard", shard)))
		}
		for _, tabletType := range ServedTypes {
			emitted = append(emitted, container("MigrateServedTypesTask", sources, func(shard string) map[string]string {
				return p.with([]string{vtctldEndpoint}, "keyspace", keyspace, "source_shard", shard, "type", tabletType)
			}))
		}
		return emitted, nil
	},
	describe: func(p parameters) string {
		return fmt.Sprintf("reshard %s from %s to %s with vtworker", p["keyspace"], p["source_shard_list"], p["dest_shard_list"])
	},
}
