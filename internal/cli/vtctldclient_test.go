package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// vtctldclient sends what vtctldclient 24 sends for a command line, as far as shardform prints such commands.
type vtctldclient struct {
	vtctlservicepb.VtctldClient
}

func dialVtctldclient(t *testing.T, target string) vtctldclient {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return vtctldclient{vtctlservicepb.NewVtctldClient(conn)}
}

// run executes one command line.
func (c vtctldclient) run(ctx context.Context, line string) error {
	words, err := shellWords(line)
	if err != nil {
		return err
	}
	var args []string
	flags := map[string]string{}
	bare := map[string]bool{"recursive": true, "keep-data": true, "dry-run": true, "verbose": true, "ping-tablets": true, "strict": true}
	for i := 1; i < len(words); i++ {
		name, isFlag := strings.CutPrefix(words[i], "--")
		if !isFlag {
			args = append(args, words[i])
			continue
		}
		name, value, given := strings.Cut(name, "=")
		switch {
		case given:
		case bare[name]:
			value = "true"
		case i+1 < len(words):
			i++
			value = words[i]
		}
		flags[name] = value
	}
	if len(args) == 0 {
		return fmt.Errorf("no command in %q", line)
	}
	err = c.command(ctx, args[0], args[1:], flags)
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

func (c vtctldclient) command(ctx context.Context, name string, args []string, flags map[string]string) (err error) {
	shard := func() (keyspace, shard string) {
		keyspace, shard, _ = strings.Cut(args[0], "/")
		return keyspace, shard
	}
	switch name {
	case "Reshard", "MoveTables", "VDiff":
		return c.workflow(ctx, name, args, flags)
	case "ExecuteFetchAsDBA":
		cell, uid, _ := strings.Cut(args[0], "-")
		alias := &topodatapb.TabletAlias{Cell: cell}
		if _, err := fmt.Sscanf(uid, "%d", &alias.Uid); err != nil {
			return err
		}
		_, err = c.ExecuteFetchAsDBA(ctx, &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: alias, Query: args[1], MaxRows: 10_000})
	case "SetShardTabletControl":
		ks, s := shard()
		_, err = c.SetShardTabletControl(ctx, &vtctldatapb.SetShardTabletControlRequest{Keyspace: ks, Shard: s,
			TabletType: topodatapb.TabletType(topodatapb.TabletType_value[strings.ToUpper(args[1])]), DisableQueryService: flags["disable-query-service"] == "true"})
	case "RebuildKeyspaceGraph":
		_, err = c.RebuildKeyspaceGraph(ctx, &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: args[0]})
	case "DeleteShards":
		ks, s := shard()
		_, err = c.DeleteShards(ctx, &vtctldatapb.DeleteShardsRequest{Shards: []*vtctldatapb.Shard{{Keyspace: ks, Name: s}}, Recursive: flags["recursive"] == "true"})
	case "CreateShard":
		ks, s := shard()
		_, err = c.CreateShard(ctx, &vtctldatapb.CreateShardRequest{Keyspace: ks, ShardName: s})
	case "GetSrvKeyspaces":
		_, err = c.GetSrvKeyspaces(ctx, &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: args[0]})
	case "GetWorkflows":
		_, err = c.GetWorkflows(ctx, &vtctldatapb.GetWorkflowsRequest{Keyspace: args[0]})
	case "GetVSchema":
		_, err = c.GetVSchema(ctx, &vtctldatapb.GetVSchemaRequest{Keyspace: args[0]})
	case "GetTablets":
		_, err = c.GetTablets(ctx, &vtctldatapb.GetTabletsRequest{Keyspace: flags["keyspace"], Strict: true})
	case "FindAllShardsInKeyspace":
		_, err = c.FindAllShardsInKeyspace(ctx, &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: args[0]})
	case "ValidateKeyspace":
		_, err = c.ValidateKeyspace(ctx, &vtctldatapb.ValidateKeyspaceRequest{Keyspace: args[0], PingTablets: flags["ping-tablets"] == "true"})
	default:
		return fmt.Errorf("this test does not know vtctldclient %s", name)
	}
	return err
}

func (c vtctldclient) workflow(ctx context.Context, kind string, args []string, flags map[string]string) (err error) {
	workflow, keyspace := flags["workflow"], flags["target-keyspace"]
	action := kind + " " + args[0]
	switch action {
	case "Reshard show":
		_, err = c.GetWorkflows(ctx, &vtctldatapb.GetWorkflowsRequest{Keyspace: keyspace, Workflow: workflow})
	case "Reshard start", "Reshard stop":
		state := binlogdatapb.VReplicationWorkflowState_Running
		if action == "Reshard stop" {
			state = binlogdatapb.VReplicationWorkflowState_Stopped
		}
		_, err = c.WorkflowUpdate(ctx, &vtctldatapb.WorkflowUpdateRequest{Keyspace: keyspace, TabletRequest: &tabletmanagerdatapb.UpdateVReplicationWorkflowRequest{
			Workflow: workflow, Cells: []string{"NULL"}, TabletTypes: []topodatapb.TabletType{-1}, TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_UNKNOWN.Enum(),
			State: state.Enum(), Message: proto.String(""),
		}})
	case "Reshard cancel":
		_, err = c.WorkflowDelete(ctx, &vtctldatapb.WorkflowDeleteRequest{Keyspace: keyspace, Workflow: workflow, KeepData: flags["keep-data"] == "true"})
	case "MoveTables complete":
		_, err = c.MoveTablesComplete(ctx, &vtctldatapb.MoveTablesCompleteRequest{TargetKeyspace: keyspace, Workflow: workflow, KeepData: flags["keep-data"] == "true"})
	case "Reshard switchtraffic", "Reshard reversetraffic":
		return c.traffic(ctx, action, workflow, keyspace, flags)
	case "Reshard create":
		_, err = c.ReshardCreate(ctx, &vtctldatapb.ReshardCreateRequest{
			Workflow: workflow, Keyspace: keyspace, SourceShards: strings.Split(flags["source-shards"], ","), TargetShards: strings.Split(flags["target-shards"], ","),
			TabletTypes: tabletTypesOf(flags["tablet-types"]), TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_INORDER,
			OnDdl: flags["on-ddl"], DeferSecondaryKeys: true, AutoStart: true,
		})
	default:
		return fmt.Errorf("this test does not know vtctldclient %s", action)
	}
	return err
}

func tabletTypesOf(text string) []topodatapb.TabletType {
	var types []topodatapb.TabletType
	for name := range strings.SplitSeq(text, ",") {
		types = append(types, topodatapb.TabletType(topodatapb.TabletType_value[strings.ToUpper(name)]))
	}
	return types
}

func (c vtctldclient) traffic(ctx context.Context, action, workflow, keyspace string, flags map[string]string) error {
	seconds := func(flag string) (*vttimepb.Duration, error) {
		text, given := flags[flag]
		if !given {
			text = "30s"
		}
		d, err := time.ParseDuration(text)
		return &vttimepb.Duration{Seconds: int64(d / time.Second)}, err
	}
	lag, err := seconds("max-replication-lag-allowed")
	if err != nil {
		return err
	}
	timeout, err := seconds("timeout")
	if err != nil {
		return err
	}
	request := &vtctldatapb.WorkflowSwitchTrafficRequest{
		Keyspace: keyspace, Workflow: workflow, TabletTypes: tabletTypesOf(flags["tablet-types"]), MaxReplicationLagAllowed: lag, Timeout: timeout,
		EnableReverseReplication: flags["enable-reverse-replication"] != "false", DryRun: flags["dry-run"] == "true",
	}
	if action == "Reshard reversetraffic" {
		request.Direction = 1
	}
	_, err = c.WorkflowSwitchTraffic(ctx, request)
	return err
}

// shellWords splits a line as a POSIX shell does, where it has words and single quotes only.
func shellWords(line string) ([]string, error) {
	var words []string
	word, quoted, inWord := strings.Builder{}, false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			quoted, inWord = !quoted, true
		case quoted:
			word.WriteByte(c)
		case c == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			inWord = true
		case c == ' ':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote is open in %q", line)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
