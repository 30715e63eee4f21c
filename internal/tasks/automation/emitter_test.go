package automation_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/tasks"
)

const horizontal = "keyspace=ks source_shard_list=-40,40-80 dest_shard_list=-20,20-80 vtctld_endpoint=c:1 vtworker_endpoint=w:1"
const vertical = "source_keyspace=a dest_keyspace=b shard_list=-80,80- tables=t,/u/ vtctld_endpoint=c:1 vtworker_endpoint=w:1"

func TestEmittedContainersAreTheOriginals(t *testing.T) {
	for _, c := range []struct{ name, task, parameters, want string }{
		{"horizontal", "HorizontalReshardingTask", horizontal, `
CopySchemaShardTask dest_keyspace_and_shard=ks/-20 source_keyspace_and_shard=ks/-40 vtctld_endpoint=c:1 | CopySchemaShardTask dest_keyspace_and_shard=ks/20-80 source_keyspace_and_shard=ks/-40 vtctld_endpoint=c:1
SplitCloneTask keyspace=ks source_shard=-40 vtctld_endpoint=c:1 vtworker_endpoint=w:1 | SplitCloneTask keyspace=ks source_shard=40-80 vtctld_endpoint=c:1 vtworker_endpoint=w:1
WaitForFilteredReplicationTask keyspace=ks max_delay=30s shard=-20 vtctld_endpoint=c:1 | WaitForFilteredReplicationTask keyspace=ks max_delay=30s shard=20-80 vtctld_endpoint=c:1
SplitDiffTask dest_shard=-20 keyspace=ks vtworker_endpoint=w:1
SplitDiffTask dest_shard=20-80 keyspace=ks vtworker_endpoint=w:1
MigrateServedTypesTask keyspace=ks source_shard=-40 type=rdonly vtctld_endpoint=c:1 | MigrateServedTypesTask keyspace=ks source_shard=40-80 type=rdonly vtctld_endpoint=c:1
MigrateServedTypesTask keyspace=ks source_shard=-40 type=replica vtctld_endpoint=c:1 | MigrateServedTypesTask keyspace=ks source_shard=40-80 type=replica vtctld_endpoint=c:1
MigrateServedTypesTask keyspace=ks source_shard=-40 type=master vtctld_endpoint=c:1 | MigrateServedTypesTask keyspace=ks source_shard=40-80 type=master vtctld_endpoint=c:1
`},
		{"horizontal with options", "HorizontalReshardingTask",
			"keyspace=ks source_shard_list=0 dest_shard_list=- vtctld_endpoint=c:1 vtworker_endpoint=w:1 exclude_tables=x min_healthy_rdonly_tablets=1", `
CopySchemaShardTask dest_keyspace_and_shard=ks/- exclude_tables=x source_keyspace_and_shard=ks/0 vtctld_endpoint=c:1
SplitCloneTask exclude_tables=x keyspace=ks min_healthy_rdonly_tablets=1 source_shard=0 vtctld_endpoint=c:1 vtworker_endpoint=w:1
WaitForFilteredReplicationTask keyspace=ks max_delay=30s shard=- vtctld_endpoint=c:1
SplitDiffTask dest_shard=- exclude_tables=x keyspace=ks min_healthy_rdonly_tablets=1 vtworker_endpoint=w:1
MigrateServedTypesTask keyspace=ks source_shard=0 type=rdonly vtctld_endpoint=c:1
MigrateServedTypesTask keyspace=ks source_shard=0 type=replica vtctld_endpoint=c:1
MigrateServedTypesTask keyspace=ks source_shard=0 type=master vtctld_endpoint=c:1
`},
		{"vertical", "VerticalSplitTask", vertical, `
CopySchemaShardTask dest_keyspace_and_shard=b/-80 source_keyspace_and_shard=a/-80 tables=t,/u/ vtctld_endpoint=c:1 | CopySchemaShardTask dest_keyspace_and_shard=b/80- source_keyspace_and_shard=a/80- tables=t,/u/ vtctld_endpoint=c:1
VerticalSplitCloneTask dest_keyspace=b shard=-80 tables=t,/u/ vtctld_endpoint=c:1 vtworker_endpoint=w:1 | VerticalSplitCloneTask dest_keyspace=b shard=80- tables=t,/u/ vtctld_endpoint=c:1 vtworker_endpoint=w:1
WaitForFilteredReplicationTask keyspace=b max_delay=30s shard=-80 vtctld_endpoint=c:1 | WaitForFilteredReplicationTask keyspace=b max_delay=30s shard=80- vtctld_endpoint=c:1
VerticalSplitDiffTask dest_keyspace=b shard=-80 vtworker_endpoint=w:1
VerticalSplitDiffTask dest_keyspace=b shard=80- vtworker_endpoint=w:1
MigrateServedFromTask dest_keyspace=b shard=-80 type=rdonly vtctld_endpoint=c:1 | MigrateServedFromTask dest_keyspace=b shard=80- type=rdonly vtctld_endpoint=c:1
MigrateServedFromTask dest_keyspace=b shard=-80 type=replica vtctld_endpoint=c:1 | MigrateServedFromTask dest_keyspace=b shard=80- type=replica vtctld_endpoint=c:1
MigrateServedFromTask dest_keyspace=b shard=-80 type=master vtctld_endpoint=c:1 | MigrateServedFromTask dest_keyspace=b shard=80- type=master vtctld_endpoint=c:1
`},
		{"vertical with options", "VerticalSplitTask",
			"source_keyspace=a dest_keyspace=b shard_list=0 tables=t vtctld_endpoint=c:1 vtworker_endpoint=w:1 min_healthy_rdonly_tablets=1", `
CopySchemaShardTask dest_keyspace_and_shard=b/0 source_keyspace_and_shard=a/0 tables=t vtctld_endpoint=c:1
VerticalSplitCloneTask dest_keyspace=b min_healthy_rdonly_tablets=1 shard=0 tables=t vtctld_endpoint=c:1 vtworker_endpoint=w:1
WaitForFilteredReplicationTask keyspace=b max_delay=30s shard=0 vtctld_endpoint=c:1
VerticalSplitDiffTask dest_keyspace=b min_healthy_rdonly_tablets=1 shard=0 vtworker_endpoint=w:1
MigrateServedFromTask dest_keyspace=b shard=0 type=rdonly vtctld_endpoint=c:1
MigrateServedFromTask dest_keyspace=b shard=0 type=replica vtctld_endpoint=c:1
MigrateServedFromTask dest_keyspace=b shard=0 type=master vtctld_endpoint=c:1
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(&fakeLegacy{})
			emitted, output, err := r.run(t, t.Context(), c.task, parametersOf(c.parameters))
			if err != nil || output != "" {
				t.Fatalf("output %q, error %v", output, err)
			}
			if diff := cmp.Diff(c.want[1:], shape(emitted)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			expanded, err := r.task(t, c.task).(tasks.Expander).Expand(parametersOf(c.parameters))
			if diff := cmp.Diff(shape(emitted), shape(expanded)); err != nil || diff != "" {
				t.Errorf("Expand says something else than Run: error %v\n%s", err, diff)
			}
			for _, container := range emitted {
				for _, task := range container.ParallelTasks {
					if err := registry.Check(task.Name, task.Parameters); err != nil {
						t.Errorf("%s is not valid: %v", task.Name, err)
					}
				}
			}
		})
	}
}

func TestListsThatMakeNoReshardingAreRefused(t *testing.T) {
	for _, c := range []struct{ task, parameters, change, want string }{
		{"HorizontalReshardingTask", horizontal, "source_shard_list=-40,", `parameter source_shard_list: element 2 of "-40," is empty`},
		{"HorizontalReshardingTask", horizontal, "dest_shard_list=-20,-20", `parameter dest_shard_list: -20 is in "-20,-20" twice`},
		{"HorizontalReshardingTask", horizontal, "dest_shard_list=-20,-40", "a shard is both source and destination: -40"},
		{"VerticalSplitTask", vertical, "shard_list=,0", `parameter shard_list: element 1 of ",0" is empty`},
		{"VerticalSplitTask", vertical, "dest_keyspace=a", "a keyspace is both source and destination: a"},
	} {
		p := parametersOf(c.parameters)
		for name, value := range parametersOf(c.change) {
			p[name] = value
		}
		err := registry.Check(c.task, p)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.change, err, c.want)
		}
	}
}
