package vitess

import (
	"testing"
	"time"
)

func TestCommandsAreWhatVtctldclientTakes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{CommandReshardCreate(ReshardCreate{Workflow: "sf_1", Keyspace: "customer", Sources: []string{"0"}, Targets: []string{"-80", "80-"},
			TabletTypes: []string{"REPLICA", "PRIMARY"}, OnDDL: "STOP", DeferSecondaryKeys: true, AutoStart: true}),
			"vtctldclient Reshard --workflow sf_1 --target-keyspace customer create --source-shards 0 --target-shards -80,80- --tablet-types REPLICA,PRIMARY --on-ddl STOP"},
		{CommandReshardCreate(ReshardCreate{Workflow: "sf_1", Keyspace: "customer", Sources: []string{"-80", "80-"}, Targets: []string{"-"}, Cells: []string{"zone1", "zone2"},
			OnDDL: "IGNORE", Config: map[string]string{"b": "2", "a": "1"}}),
			"vtctldclient Reshard --workflow sf_1 --target-keyspace customer create --source-shards -80,80- --target-shards - --cells zone1,zone2 --on-ddl IGNORE " +
				"--defer-secondary-keys=false --auto-start=false --config-overrides a=1,b=2"},
		{CommandStartWorkflow("customer", "sf_1"), "vtctldclient Reshard --workflow sf_1 --target-keyspace customer start"},
		{CommandShowWorkflow("customer", "sf_1"), "vtctldclient Reshard --workflow sf_1 --target-keyspace customer show"},
		{CommandDeleteWorkflow("customer", "sf_1", false), "vtctldclient Reshard --workflow sf_1 --target-keyspace customer cancel"},
		{CommandDeleteWorkflow("customer", "sf_1", true), "vtctldclient Reshard --workflow sf_1 --target-keyspace customer cancel --keep-data"},
		{CommandCompleteWorkflow("customer", "sf_1"), "vtctldclient MoveTables --workflow sf_1 --target-keyspace customer complete --keep-data"},
		{CommandSwitchTraffic(SwitchTraffic{Keyspace: "customer", Workflow: "sf_1", Types: []TabletType{Rdonly, Replica}, MaxLag: 30 * time.Second, Timeout: 90 * time.Minute, ReverseReplication: true}),
			"vtctldclient Reshard --workflow sf_1 --target-keyspace customer switchtraffic --tablet-types rdonly,replica --max-replication-lag-allowed 30s --timeout 1h30m"},
		{CommandSwitchTraffic(SwitchTraffic{Keyspace: "customer", Workflow: "sf_1", Types: []TabletType{Primary}, Backward: true, Timeout: 2 * time.Hour, DryRun: true}),
			"vtctldclient Reshard --workflow sf_1 --target-keyspace customer reversetraffic --tablet-types primary --timeout 2h --enable-reverse-replication=false --dry-run"},
		{CommandVDiffCreate(VDiffCreate{Keyspace: "customer", Workflow: "sf_1", UUID: "b3f59678-5241-11ee-be56-0242ac120002", MaxExtraRows: 1000, Samples: 10, MaxDuration: time.Minute}),
			"vtctldclient VDiff --workflow sf_1 --target-keyspace customer create b3f59678-5241-11ee-be56-0242ac120002 --max-extra-rows-to-compare 1000 --max-report-sample-rows 10 --max-diff-duration 1m"},
		{CommandVDiffResume("customer", "sf_1", "u"), "vtctldclient VDiff --workflow sf_1 --target-keyspace customer resume u"},
		{CommandVDiffStop("customer", "sf_1", "u"), "vtctldclient VDiff --workflow sf_1 --target-keyspace customer stop u"},
		{CommandReparent("customer", "-80"), "vtctldclient PlannedReparentShard customer/-80"},
		{CommandGetSrvKeyspaces("customer"), "vtctldclient GetSrvKeyspaces customer"},
		{CommandGetVSchema("customer"), "vtctldclient GetVSchema customer"},
		{CommandGetWorkflows("customer"), "vtctldclient GetWorkflows customer"},
		{CommandValidateKeyspace("customer", true), "vtctldclient ValidateKeyspace --ping-tablets customer"},
		{CommandValidateKeyspace("customer", false), "vtctldclient ValidateKeyspace customer"},
		{CommandVDiffShow("customer", "sf_1", "u"), "vtctldclient VDiff --workflow sf_1 --target-keyspace customer show u --verbose"},
		{CommandApplyVSchema("customer", `{"comment": "it's"}`), `vtctldclient ApplyVSchema --vschema '{"comment": "it'\''s"}' customer`},
		{CommandDeleteShards("customer", "-80"), "vtctldclient DeleteShards --recursive customer/-80"},
		{CommandCreateShard("customer", "0"), "vtctldclient CreateShard customer/0"},
		{CommandClearTabletControl("customer", "0", Rdonly), "vtctldclient SetShardTabletControl --disable-query-service=false customer/0 rdonly"},
		{CommandRebuildKeyspaceGraph("customer"), "vtctldclient RebuildKeyspaceGraph customer"},
		{CommandExecuteFetchAsDBA("zone1-0000000100", "select 'a'"), `vtctldclient ExecuteFetchAsDBA zone1-0000000100 'select '\''a'\'''`},
		{command("X", "", "a b", "$(rm)"), "vtctldclient X '' 'a b' '$(rm)'"},
	} {
		if c.got != c.want {
			t.Errorf("command\n got %s\nwant %s", c.got, c.want)
		}
	}
}
