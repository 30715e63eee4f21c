package vtctld

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vitess.io/vitess/go/vt/hook"
	"vitess.io/vitess/go/vt/logutil"
	"vitess.io/vitess/go/vt/mysqlctl/tmutils"
	querypb "vitess.io/vitess/go/vt/proto/query"
	replicationdatapb "vitess.io/vitess/go/vt/proto/replicationdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	"vitess.io/vitess/go/vt/vttablet/tmclient"
)

// client is Vitess's client of tablets: what Tablets has goes there, everything else is refused. An embedded interface would
// panic in a goroutine of vtctld's instead.
type client struct {
	tablets Tablets
	step    Step
}

var _ tmclient.TabletManagerClient = (*client)(nil)

// unanswered is the answer to an RPC that the tablets of a sandbox do not have.
func unanswered(rpc string) error {
	return status.Errorf(codes.Unimplemented, "the tablets of a sandbox do not implement %s", rpc)
}

func (c *client) Close() {}

func (c *client) Ping(ctx context.Context, tablet *topodatapb.Tablet) error {
	if err := c.step(ctx, "tablet Ping"); err != nil {
		return err
	}
	return c.tablets.Ping(ctx, tablet)
}

func (c *client) GetSchema(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.GetSchemaRequest) (*tabletmanagerdatapb.SchemaDefinition, error) {
	if err := c.step(ctx, "tablet GetSchema"); err != nil {
		return nil, err
	}
	return c.tablets.GetSchema(ctx, tablet, request)
}

func (c *client) ResetSequences(ctx context.Context, tablet *topodatapb.Tablet, tables []string) error {
	if err := c.step(ctx, "tablet ResetSequences"); err != nil {
		return err
	}
	return c.tablets.ResetSequences(ctx, tablet, tables)
}

func (c *client) RefreshState(ctx context.Context, tablet *topodatapb.Tablet) error {
	if err := c.step(ctx, "tablet RefreshState"); err != nil {
		return err
	}
	return c.tablets.RefreshState(ctx, tablet)
}

func (c *client) ReloadSchema(ctx context.Context, tablet *topodatapb.Tablet, waitPosition string) error {
	if err := c.step(ctx, "tablet ReloadSchema"); err != nil {
		return err
	}
	return c.tablets.ReloadSchema(ctx, tablet, waitPosition)
}

func (c *client) ApplySchema(ctx context.Context, tablet *topodatapb.Tablet, change *tmutils.SchemaChange) (*tabletmanagerdatapb.SchemaChangeResult, error) {
	if err := c.step(ctx, "tablet ApplySchema"); err != nil {
		return nil, err
	}
	return nil, c.tablets.ApplySchema(ctx, tablet, change.SQL)
}

func (c *client) ExecuteFetchAsDba(ctx context.Context, tablet *topodatapb.Tablet, _ bool, req *tabletmanagerdatapb.ExecuteFetchAsDbaRequest) (*querypb.QueryResult, error) {
	if err := c.step(ctx, "tablet ExecuteFetchAsDba"); err != nil {
		return nil, err
	}
	return c.tablets.ExecuteFetchAsDba(ctx, tablet, req)
}

func (c *client) ExecuteFetchAsAllPrivs(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.ExecuteFetchAsAllPrivsRequest) (*querypb.QueryResult, error) {
	if err := c.step(ctx, "tablet ExecuteFetchAsAllPrivs"); err != nil {
		return nil, err
	}
	return c.tablets.ExecuteFetchAsAllPrivs(ctx, tablet, req)
}

func (c *client) ExecuteFetchAsApp(ctx context.Context, tablet *topodatapb.Tablet, _ bool, req *tabletmanagerdatapb.ExecuteFetchAsAppRequest) (*querypb.QueryResult, error) {
	if err := c.step(ctx, "tablet ExecuteFetchAsApp"); err != nil {
		return nil, err
	}
	return c.tablets.ExecuteFetchAsApp(ctx, tablet, req)
}

func (c *client) GetUnresolvedTransactions(ctx context.Context, tablet *topodatapb.Tablet, abandonAge int64) ([]*querypb.TransactionMetadata, error) {
	if err := c.step(ctx, "tablet GetUnresolvedTransactions"); err != nil {
		return nil, err
	}
	return c.tablets.GetUnresolvedTransactions(ctx, tablet, abandonAge)
}

func (c *client) GetReplicas(ctx context.Context, tablet *topodatapb.Tablet) ([]string, error) {
	if err := c.step(ctx, "tablet GetReplicas"); err != nil {
		return nil, err
	}
	return c.tablets.GetReplicas(ctx, tablet)
}

func (c *client) PrimaryPosition(ctx context.Context, tablet *topodatapb.Tablet) (string, error) {
	if err := c.step(ctx, "tablet PrimaryPosition"); err != nil {
		return "", err
	}
	return c.tablets.PrimaryPosition(ctx, tablet)
}

func (c *client) CreateVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.CreateVReplicationWorkflowRequest) (*tabletmanagerdatapb.CreateVReplicationWorkflowResponse, error) {
	if err := c.step(ctx, "tablet CreateVReplicationWorkflow"); err != nil {
		return nil, err
	}
	return c.tablets.CreateVReplicationWorkflow(ctx, tablet, request)
}

func (c *client) DeleteVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.DeleteVReplicationWorkflowRequest) (*tabletmanagerdatapb.DeleteVReplicationWorkflowResponse, error) {
	if err := c.step(ctx, "tablet DeleteVReplicationWorkflow"); err != nil {
		return nil, err
	}
	return c.tablets.DeleteVReplicationWorkflow(ctx, tablet, request)
}

func (c *client) HasVReplicationWorkflows(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.HasVReplicationWorkflowsRequest) (*tabletmanagerdatapb.HasVReplicationWorkflowsResponse, error) {
	if err := c.step(ctx, "tablet HasVReplicationWorkflows"); err != nil {
		return nil, err
	}
	return c.tablets.HasVReplicationWorkflows(ctx, tablet, request)
}

func (c *client) ReadVReplicationWorkflows(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.ReadVReplicationWorkflowsRequest) (*tabletmanagerdatapb.ReadVReplicationWorkflowsResponse, error) {
	if err := c.step(ctx, "tablet ReadVReplicationWorkflows"); err != nil {
		return nil, err
	}
	return c.tablets.ReadVReplicationWorkflows(ctx, tablet, request)
}

func (c *client) ReadVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.ReadVReplicationWorkflowRequest) (*tabletmanagerdatapb.ReadVReplicationWorkflowResponse, error) {
	if err := c.step(ctx, "tablet ReadVReplicationWorkflow"); err != nil {
		return nil, err
	}
	return c.tablets.ReadVReplicationWorkflow(ctx, tablet, request)
}

func (c *client) UpdateVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) (*tabletmanagerdatapb.UpdateVReplicationWorkflowResponse, error) {
	if err := c.step(ctx, "tablet UpdateVReplicationWorkflow"); err != nil {
		return nil, err
	}
	return c.tablets.UpdateVReplicationWorkflow(ctx, tablet, request)
}

func (c *client) UpdateVReplicationWorkflows(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.UpdateVReplicationWorkflowsRequest) (*tabletmanagerdatapb.UpdateVReplicationWorkflowsResponse, error) {
	if err := c.step(ctx, "tablet UpdateVReplicationWorkflows"); err != nil {
		return nil, err
	}
	return c.tablets.UpdateVReplicationWorkflows(ctx, tablet, request)
}

func (c *client) ValidateVReplicationPermissions(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.ValidateVReplicationPermissionsRequest) (*tabletmanagerdatapb.ValidateVReplicationPermissionsResponse, error) {
	if err := c.step(ctx, "tablet ValidateVReplicationPermissions"); err != nil {
		return nil, err
	}
	return c.tablets.ValidateVReplicationPermissions(ctx, tablet, request)
}

func (c *client) VReplicationExec(ctx context.Context, tablet *topodatapb.Tablet, query string) (*querypb.QueryResult, error) {
	if err := c.step(ctx, "tablet VReplicationExec"); err != nil {
		return nil, err
	}
	return c.tablets.VReplicationExec(ctx, tablet, query)
}

func (c *client) VReplicationWaitForPos(ctx context.Context, tablet *topodatapb.Tablet, id int32, pos string) error {
	if err := c.step(ctx, "tablet VReplicationWaitForPos"); err != nil {
		return err
	}
	return c.tablets.VReplicationWaitForPos(ctx, tablet, id, pos)
}

func (c *client) VDiff(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.VDiffRequest) (*tabletmanagerdatapb.VDiffResponse, error) {
	if err := c.step(ctx, "tablet VDiff"); err != nil {
		return nil, err
	}
	return c.tablets.VDiff(ctx, tablet, req)
}

func (c *client) UpdateSequenceTables(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.UpdateSequenceTablesRequest) (*tabletmanagerdatapb.UpdateSequenceTablesResponse, error) {
	if err := c.step(ctx, "tablet UpdateSequenceTables"); err != nil {
		return nil, err
	}
	return c.tablets.UpdateSequenceTables(ctx, tablet, request)
}

func (c *client) GetMaxValueForSequences(ctx context.Context, tablet *topodatapb.Tablet, request *tabletmanagerdatapb.GetMaxValueForSequencesRequest) (*tabletmanagerdatapb.GetMaxValueForSequencesResponse, error) {
	if err := c.step(ctx, "tablet GetMaxValueForSequences"); err != nil {
		return nil, err
	}
	return c.tablets.GetMaxValueForSequences(ctx, tablet, request)
}

func (c *client) GetPermissions(context.Context, *topodatapb.Tablet) (*tabletmanagerdatapb.Permissions, error) {
	return nil, unanswered("GetPermissions")
}

func (c *client) GetGlobalStatusVars(context.Context, *topodatapb.Tablet, []string) (map[string]string, error) {
	return nil, unanswered("GetGlobalStatusVars")
}

func (c *client) SetReadOnly(context.Context, *topodatapb.Tablet) error {
	return unanswered("SetReadOnly")
}

func (c *client) SetReadWrite(context.Context, *topodatapb.Tablet) error {
	return unanswered("SetReadWrite")
}

func (c *client) ChangeTags(context.Context, *topodatapb.Tablet, map[string]string, bool) (*tabletmanagerdatapb.ChangeTagsResponse, error) {
	return nil, unanswered("ChangeTags")
}

func (c *client) ChangeType(context.Context, *topodatapb.Tablet, topodatapb.TabletType, bool) error {
	return unanswered("ChangeType")
}

func (c *client) Sleep(context.Context, *topodatapb.Tablet, time.Duration) error {
	return unanswered("Sleep")
}

func (c *client) ExecuteHook(context.Context, *topodatapb.Tablet, *hook.Hook) (*hook.HookResult, error) {
	return nil, unanswered("ExecuteHook")
}

func (c *client) RunHealthCheck(context.Context, *topodatapb.Tablet) error {
	return unanswered("RunHealthCheck")
}

func (c *client) PreflightSchema(context.Context, *topodatapb.Tablet, []string) ([]*tabletmanagerdatapb.SchemaChangeResult, error) {
	return nil, unanswered("PreflightSchema")
}

func (c *client) LockTables(context.Context, *topodatapb.Tablet) error {
	return unanswered("LockTables")
}

func (c *client) UnlockTables(context.Context, *topodatapb.Tablet) error {
	return unanswered("UnlockTables")
}

func (c *client) ExecuteQuery(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.ExecuteQueryRequest) (*querypb.QueryResult, error) {
	return nil, unanswered("ExecuteQuery")
}

func (c *client) ExecuteMultiFetchAsDba(context.Context, *topodatapb.Tablet, bool, *tabletmanagerdatapb.ExecuteMultiFetchAsDbaRequest) ([]*querypb.QueryResult, error) {
	return nil, unanswered("ExecuteMultiFetchAsDba")
}

func (c *client) ReadTransaction(context.Context, *topodatapb.Tablet, string) (*querypb.TransactionMetadata, error) {
	return nil, unanswered("ReadTransaction")
}

func (c *client) GetTransactionInfo(context.Context, *topodatapb.Tablet, string) (*tabletmanagerdatapb.GetTransactionInfoResponse, error) {
	return nil, unanswered("GetTransactionInfo")
}

func (c *client) ConcludeTransaction(context.Context, *topodatapb.Tablet, string, bool) error {
	return unanswered("ConcludeTransaction")
}

func (c *client) MysqlHostMetrics(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.MysqlHostMetricsRequest) (*tabletmanagerdatapb.MysqlHostMetricsResponse, error) {
	return nil, unanswered("MysqlHostMetrics")
}

func (c *client) PrimaryStatus(context.Context, *topodatapb.Tablet) (*replicationdatapb.PrimaryStatus, error) {
	return nil, unanswered("PrimaryStatus")
}

func (c *client) ReplicationStatus(context.Context, *topodatapb.Tablet) (*replicationdatapb.Status, error) {
	return nil, unanswered("ReplicationStatus")
}

func (c *client) FullStatus(context.Context, *topodatapb.Tablet) (*replicationdatapb.FullStatus, error) {
	return nil, unanswered("FullStatus")
}

func (c *client) StopReplication(context.Context, *topodatapb.Tablet) error {
	return unanswered("StopReplication")
}

func (c *client) StopReplicationMinimum(context.Context, *topodatapb.Tablet, string, time.Duration) (string, error) {
	return "", unanswered("StopReplicationMinimum")
}

func (c *client) StartReplication(context.Context, *topodatapb.Tablet, bool) error {
	return unanswered("StartReplication")
}

func (c *client) RestartReplication(context.Context, *topodatapb.Tablet, bool) error {
	return unanswered("RestartReplication")
}

func (c *client) StartReplicationUntilAfter(context.Context, *topodatapb.Tablet, string, time.Duration) error {
	return unanswered("StartReplicationUntilAfter")
}

func (c *client) WaitForPosition(context.Context, *topodatapb.Tablet, string) error {
	return unanswered("WaitForPosition")
}

func (c *client) DeleteTableData(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.DeleteTableDataRequest) (*tabletmanagerdatapb.DeleteTableDataResponse, error) {
	return nil, unanswered("DeleteTableData")
}

func (c *client) ResetReplication(context.Context, *topodatapb.Tablet) error {
	return unanswered("ResetReplication")
}

func (c *client) InitPrimary(context.Context, *topodatapb.Tablet, bool) (string, error) {
	return "", unanswered("InitPrimary")
}

func (c *client) PopulateReparentJournal(context.Context, *topodatapb.Tablet, int64, string, *topodatapb.TabletAlias, string) error {
	return unanswered("PopulateReparentJournal")
}

func (c *client) ReadReparentJournalInfo(context.Context, *topodatapb.Tablet) (int32, error) {
	return 0, unanswered("ReadReparentJournalInfo")
}

func (c *client) InitReplica(context.Context, *topodatapb.Tablet, *topodatapb.TabletAlias, string, int64, bool) error {
	return unanswered("InitReplica")
}

func (c *client) DemotePrimary(context.Context, *topodatapb.Tablet, bool) (*replicationdatapb.PrimaryStatus, error) {
	return nil, unanswered("DemotePrimary")
}

func (c *client) UndoDemotePrimary(context.Context, *topodatapb.Tablet, bool) error {
	return unanswered("UndoDemotePrimary")
}

func (c *client) ReplicaWasPromoted(context.Context, *topodatapb.Tablet) error {
	return unanswered("ReplicaWasPromoted")
}

func (c *client) ResetReplicationParameters(context.Context, *topodatapb.Tablet) error {
	return unanswered("ResetReplicationParameters")
}

func (c *client) SetReplicationSource(context.Context, *topodatapb.Tablet, *topodatapb.TabletAlias, int64, string, bool, bool, float64) error {
	return unanswered("SetReplicationSource")
}

func (c *client) ReplicaWasRestarted(context.Context, *topodatapb.Tablet, *topodatapb.TabletAlias) error {
	return unanswered("ReplicaWasRestarted")
}

func (c *client) StopReplicationAndGetStatus(context.Context, *topodatapb.Tablet, replicationdatapb.StopReplicationMode) (*replicationdatapb.StopReplicationStatus, error) {
	return nil, unanswered("StopReplicationAndGetStatus")
}

func (c *client) PromoteReplica(context.Context, *topodatapb.Tablet, bool) (string, error) {
	return "", unanswered("PromoteReplica")
}

func (c *client) Backup(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.BackupRequest) (logutil.EventStream, error) {
	return nil, unanswered("Backup")
}

func (c *client) RestoreFromBackup(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.RestoreFromBackupRequest) (logutil.EventStream, error) {
	return nil, unanswered("RestoreFromBackup")
}

func (c *client) CheckThrottler(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.CheckThrottlerRequest) (*tabletmanagerdatapb.CheckThrottlerResponse, error) {
	return nil, unanswered("CheckThrottler")
}

func (c *client) GetThrottlerStatus(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.GetThrottlerStatusRequest) (*tabletmanagerdatapb.GetThrottlerStatusResponse, error) {
	return nil, unanswered("GetThrottlerStatus")
}
