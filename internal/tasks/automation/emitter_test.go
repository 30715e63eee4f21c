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
			"keyspace=ks source_shard_list=-80,80- dest_shard_list=- vtctld_endpoint=c:1 vtworker_endpoint=w:1 exclude_tables=x min_healthy_rdonly_tablets=1", `
CopySchemaShardTask dest_keyspace_and_shard=ks/- exclude_tables=x source_keyspace_and_shard=ks/-80 vtctld_endpoint=c:1
SplitCloneTask exclude_tables=x keyspace=ks min_healthy_rdonly_tablets=1 source_shard=-80 vtctld_endpoint=c:1 vtworker_endpoint=w:1 | SplitCloneTask exclude_tables=x keyspace=ks min_healthy_rdonly_tablets=1 source_shard=80- vtctld_endpoint=c:1 vtworker_endpoint=w:1
WaitForFilteredReplicationTask keyspace=ks max_delay=30s shard=- vtctld_endpoint=c:1
SplitDiffTask dest_shard=- exclude_tables=x keyspace=ks min_healthy_rdonly_tablets=1 vtworker_endpoint=w:1
MigrateServedTypesTask keyspace=ks source_shard=-80 type=rdonly vtctld_endpoint=c:1 | MigrateServedTypesTask keyspace=ks source_shard=80- type=rdonly vtctld_endpoint=c:1
MigrateServedTypesTask keyspace=ks source_shard=-80 type=replica vtctld_endpoint=c:1 | MigrateServedTypesTask keyspace=ks source_shard=80- type=replica vtctld_endpoint=c:1
MigrateServedTypesTask keyspace=ks source_shard=-80 type=master vtctld_endpoint=c:1 | MigrateServedTypesTask keyspace=ks source_shard=80- type=master vtctld_endpoint=c:1
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

func TestValuesThatCannotBeWhatTheyStandForAreRefused(t *testing.T) {
	for _, c := range []struct{ task, parameters, change, want string }{
		{"HorizontalReshardingTask", horizontal, "min_healthy_rdonly_tablets=abc", `parameter min_healthy_rdonly_tablets: expected a whole number that is not negative, found "abc"`},
		{"HorizontalReshardingTask", horizontal, "vtctld_endpoint=vtctld", `parameter vtctld_endpoint: "vtctld" is not HOST:PORT`},
		{"HorizontalReshardingTask", horizontal, "vtworker_endpoint=http://w:1", `parameter vtworker_endpoint: "http://w:1" is not HOST:PORT`},
		{"HorizontalReshardingTask", horizontal, "source_shard_list=-40,80-", "shards don't form a contiguous keyrange"},
		{"HorizontalReshardingTask", horizontal, "dest_shard_list=-20,20-60", "source and target keyranges don't match: -80 vs -60"},
		{"HorizontalReshardingTask", horizontal, "source_shard_list=zz", `parameter source_shard_list: "zz" is not a key range`},
		{"HorizontalReshardingTask", horizontal, "dest_shard_list=-4g,4g-80", `parameter dest_shard_list: shard name "-4g"`},
		{"HorizontalReshardingTask", horizontal, "dest_shard_list=zz vtctld_endpoint=x min_healthy_rdonly_tablets=-1",
			`parameter dest_shard_list: "zz" is not a key range; expected shards such as -80,80-, or 0 for the shard of a keyspace that is not sharded; ` +
				`parameter min_healthy_rdonly_tablets: expected a whole number that is not negative, found "-1"; parameter vtctld_endpoint: "x" is not HOST:PORT`},
		{"VerticalSplitTask", vertical, "shard_list=-40,80-", `parameter shard_list: "-40,80-": element 2: no shard has the ids of 40-80`},
		{"VerticalSplitTask", vertical, "shard_list=zz", `parameter shard_list: "zz" is not a key range`},
		{"VerticalSplitTask", vertical, "vtworker_endpoint=w:", `parameter vtworker_endpoint: "w:" is not HOST:PORT`},
		{"SplitCloneTask", "keyspace=ks source_shard=0 vtworker_endpoint=w:1", "source_shard=0/1 online=maybe max_tps=1.5",
			`parameter max_tps: expected a whole number that is not negative, found "1.5"; parameter online: expected true or false, found "maybe"; parameter source_shard: shard name "0/1" has the character '/'`},
		{"CopySchemaShardTask", "source_keyspace_and_shard=ks/0 dest_keyspace_and_shard=ks/-80 vtctld_endpoint=c:1", "dest_keyspace_and_shard=ks",
			`parameter dest_keyspace_and_shard: expected KEYSPACE/SHARD, found "ks"`},
		{"MigrateServedTypesTask", "keyspace=ks source_shard=0 type=master vtctld_endpoint=c:1", "type=primary", `parameter type: expected one of rdonly, replica, master, found "primary"`},
		{"WaitForFilteredReplicationTask", "keyspace=ks shard=-80 max_delay=30s vtctld_endpoint=c:1", "max_delay=30", `parameter max_delay: expected a duration such as 30s or 1h30m, found "30"`},
	} {
		p := parametersOf(c.parameters)
		if err := registry.Check(c.task, p); err != nil {
			t.Errorf("%s %s: %v", c.task, c.parameters, err)
		}
		for name, value := range parametersOf(c.change) {
			p[name] = value
		}
		if err := registry.Check(c.task, p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %q", c.change, err, c.want)
		}
	}
	// What the servers read, though plan files write it otherwise.
	if err := registry.Check("MigrateServedTypesTask", parametersOf("keyspace=ks source_shard=0 type=RDONLY reverse=1 vtctld_endpoint=c:1")); err != nil {
		t.Error(err)
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
