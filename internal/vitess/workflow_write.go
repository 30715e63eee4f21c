package vitess

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/diag"
)

// ReshardCreate creates a Reshard workflow; tablet types are preferred in their order.
func (c *Client) ReshardCreate(ctx context.Context, r ReshardCreate) error {
	types, err := tabletTypes(r.TabletTypes)
	if err != nil {
		return err
	}
	if _, ok := binlogdatapb.OnDDLAction_value[r.OnDDL]; !ok {
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("on_ddl %q is unknown", r.OnDDL),
			Detail: "vtctld would read it as IGNORE without a word", Hint: "use IGNORE, STOP, EXEC or EXEC_IGNORE"}
	}
	request := &vtctldatapb.ReshardCreateRequest{
		Workflow: r.Workflow, Keyspace: r.Keyspace, SourceShards: r.Sources, TargetShards: r.Targets,
		Cells: r.Cells, TabletTypes: types, TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_INORDER,
		OnDdl: r.OnDDL, DeferSecondaryKeys: r.DeferSecondaryKeys, AutoStart: r.AutoStart,
	}
	if len(r.Config) > 0 {
		request.WorkflowOptions = &vtctldatapb.WorkflowOptions{Config: r.Config}
	}
	return c.write(ctx, "ReshardCreate", fmt.Sprintf("create workflow %s.%s", r.Keyspace, r.Workflow), limitUnbounded,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.ReshardCreate(ctx, request)
			return err
		})
}

// CopySchema creates tables of one shard on another one. The server compares them before, and does nothing where they are
// equal, and afterwards. Replicas that are slow to follow learn of the tables later.
func (c *Client) CopySchema(ctx context.Context, r CopySchema) error {
	what := fmt.Sprintf("create tables of %s/%s on %s/%s", r.Keyspace, r.Source, r.Keyspace, r.Target)
	source, err := c.primary(ctx, r.Keyspace, r.Source, what)
	if err != nil {
		return err
	}
	return c.write(ctx, "CopySchemaShard", what, limitUnbounded, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		_, err := vtctld.CopySchemaShard(ctx, &vtctldatapb.CopySchemaShardRequest{SourceTabletAlias: source, Tables: r.Tables,
			DestinationKeyspace: r.Keyspace, DestinationShard: r.Target, WaitReplicasTimeout: durationProto(time.Second)})
		return err
	})
}

func tabletTypes(names []string) ([]topodatapb.TabletType, error) {
	var types []topodatapb.TabletType
	for _, name := range names {
		value, ok := topodatapb.TabletType_value[name]
		if !ok {
			return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("tablet type %q is unknown", name),
				Hint: "use PRIMARY, REPLICA or RDONLY, in upper case"}
		}
		types = append(types, topodatapb.TabletType(value))
	}
	return types, nil
}

// StartWorkflow sets every stream to Running and clears its message.
func (c *Client) StartWorkflow(ctx context.Context, keyspace, workflow string) error {
	return c.setState(ctx, "start", keyspace, workflow, binlogdatapb.VReplicationWorkflowState_Running, "")
}

// StopWorkflow sets every stream to Stopped, with the message.
func (c *Client) StopWorkflow(ctx context.Context, keyspace, workflow, message string) error {
	return c.setState(ctx, "stop", keyspace, workflow, binlogdatapb.VReplicationWorkflowState_Stopped, message)
}

// setState spells out "leave as it is" for cells and tablet types, the way vtctldclient does: empty lists would wipe them.
func (c *Client) setState(ctx context.Context, verb, keyspace, workflow string, state binlogdatapb.VReplicationWorkflowState, message string) error {
	request := &vtctldatapb.WorkflowUpdateRequest{Keyspace: keyspace, TabletRequest: &tabletmanagerdatapb.UpdateVReplicationWorkflowRequest{
		Workflow: workflow, Cells: []string{"NULL"}, TabletTypes: []topodatapb.TabletType{-1},
		TabletSelectionPreference: tabletmanagerdatapb.TabletSelectionPreference_UNKNOWN.Enum(),
		State:                     state.Enum(), Message: proto.String(message),
	}}
	return c.write(ctx, "WorkflowUpdate", fmt.Sprintf("%s workflow %s.%s", verb, keyspace, workflow), limitUpdate,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.WorkflowUpdate(ctx, request)
			return err
		})
}

// DeleteWorkflow deletes the streams and, unless keepData, the copied tables on the targets.
func (c *Client) DeleteWorkflow(ctx context.Context, keyspace, workflow string, keepData bool) error {
	err := c.write(ctx, "WorkflowDelete", fmt.Sprintf("delete workflow %s.%s", keyspace, workflow), limitUnbounded,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.WorkflowDelete(ctx, &vtctldatapb.WorkflowDeleteRequest{Keyspace: keyspace, Workflow: workflow, KeepData: keepData})
			return err
		})
	return c.locked(ctx, keyspace, err, workflow)
}

// CompleteWorkflow deletes the streams and the streams back; the shards stay.
func (c *Client) CompleteWorkflow(ctx context.Context, keyspace, workflow string) error {
	err := c.write(ctx, "MoveTablesComplete", fmt.Sprintf("complete workflow %s.%s", keyspace, workflow), limitUnbounded,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.MoveTablesComplete(ctx, &vtctldatapb.MoveTablesCompleteRequest{Workflow: workflow, TargetKeyspace: keyspace, KeepData: true})
			return err
		})
	return c.locked(ctx, keyspace, err, workflow)
}

// SwitchTraffic switches the types in all cells and returns what a dry run would do.
func (c *Client) SwitchTraffic(ctx context.Context, r SwitchTraffic) ([]string, error) {
	verb, direction := "switch", int32(0)
	if r.Backward {
		verb, direction = "reverse", 1
	}
	if r.DryRun {
		verb = "try to " + verb
	}
	what := fmt.Sprintf("%s %v of workflow %s.%s", verb, r.Types, r.Keyspace, r.Workflow)
	var names []string
	for _, t := range r.Types {
		names = append(names, string(t))
	}
	types, err := tabletTypes(names)
	switch {
	case err != nil:
		return nil, err
	case len(types) == 0:
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + what, Detail: "no tablet types were given; vtctld would do nothing and answer success"}
	case r.Timeout < time.Second:
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + what, Detail: fmt.Sprintf("the timeout is %s, and vtctld takes at least 1s", r.Timeout)}
	}
	locks := []string{r.Workflow}
	if r.Backward { // which of the two the server locks depends on where writes are
		locks = []string{ReverseName(r.Workflow), r.Workflow}
	}
	if r.Resume && !r.DryRun {
		if !primaryOnly(types) {
			return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + what, Detail: "only a switch of PRIMARY alone can be resumed"}
		}
		if err := c.resume(ctx, r); err != nil {
			return nil, c.locked(ctx, r.Keyspace, err, locks...)
		}
	}
	limit := limitSwitchReads
	if slices.Contains(r.Types, Primary) {
		limit = limitSwitch(r.Timeout)
	}
	var results []string
	err = c.write(ctx, "WorkflowSwitchTraffic", what, limit, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.WorkflowSwitchTraffic(ctx, &vtctldatapb.WorkflowSwitchTrafficRequest{
			Keyspace: r.Keyspace, Workflow: r.Workflow, TabletTypes: types, Direction: direction,
			MaxReplicationLagAllowed: durationProto(r.MaxLag), Timeout: durationProto(r.Timeout),
			EnableReverseReplication: r.ReverseReplication, DryRun: r.DryRun,
		})
		results = answer.GetDryRunResults()
		return err
	})
	return results, c.locked(ctx, r.Keyspace, err, locks...)
}

func durationProto(d time.Duration) *vttimepb.Duration {
	return &vttimepb.Duration{Seconds: int64(d / time.Second), Nanos: int32(d % time.Second)}
}

// RemoveStreams deletes the workflow's rows of _vt.vreplication on every primary that has some, for the case that the
// server itself no longer can: its source shards are gone, or they serve. Streams have to be stopped before: a tablet does
// not notice that the row of one that it runs is gone.
func (c *Client) RemoveStreams(ctx context.Context, keyspace, workflow string) error {
	found, err := c.rawWorkflows(ctx, keyspace, workflow)
	if err != nil {
		return err
	}
	for _, w := range found {
		if w.GetName() != workflow {
			continue
		}
		for _, onShard := range w.GetShardStreams() {
			if len(onShard.GetStreams()) == 0 {
				continue
			}
			stream := onShard.GetStreams()[0]
			if err := c.removeStreams(ctx, keyspace, workflow, stream); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Client) removeStreams(ctx context.Context, keyspace, workflow string, stream *vtctldatapb.Workflow_Stream) error {
	what := fmt.Sprintf("remove the streams of workflow %s.%s from shard %s", keyspace, workflow, stream.GetShard())
	return c.write(ctx, "ExecuteFetchAsDBA", what, limitUpdate, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		_, err := vtctld.ExecuteFetchAsDBA(ctx, &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: stream.GetTablet(), Query: deleteStreams(workflow), MaxRows: 1})
		return err
	})
}

// deleteStreams is the statement that removes the workflow's streams from a tablet, whose MySQL may have other databases.
func deleteStreams(workflow string) string {
	return "delete from _vt.vreplication where workflow = " + literal(workflow) + " and db_name = database()"
}
