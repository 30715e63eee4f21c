package vitess

import (
	"context"
	"time"

	"shardform/internal/diag"
)

// noWorkflows is the part of a Cluster that a Vitess with vtworker does not have. Everything is refused but what is
// truly none.
type noWorkflows struct{}

func notLegacy(what string) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: what + " is not for clusters with a legacy block",
		Hint: "such a cluster is resharded with vtworker, by keyspace blocks or tasks of its own"}
}

// Workflows implements WorkflowReader: there are none.
func (noWorkflows) Workflows(context.Context, string) ([]Workflow, error) { return nil, nil }

// VSchema implements SchemaReader. It is not read, as nothing writes it.
func (noWorkflows) VSchema(context.Context, string) (string, error) { return "", nil }

// TablesWithRows implements SchemaReader. It is not asked, as only what writes a vschema or copies by workflows has to know.
func (noWorkflows) TablesWithRows(context.Context, string, string, []string) ([]string, error) {
	return nil, notLegacy("asking for rows")
}

// Servers implements ServerReader. They are not asked.
func (noWorkflows) Servers(context.Context, []string) ([]Server, error) { return nil, nil }

// Tablets implements TopologyReader.
func (noWorkflows) Tablets(context.Context, string) ([]Tablet, error) {
	return nil, notLegacy("listing tablets")
}

// ValidateKeyspace implements TopologyReader.
func (noWorkflows) ValidateKeyspace(context.Context, string, bool) ([]string, error) {
	return nil, notLegacy("validating a keyspace")
}

// VDiffs implements WorkflowReader.
func (noWorkflows) VDiffs(context.Context, string, string) ([]VDiff, error) {
	return nil, notLegacy("a VDiff")
}

// VDiff implements WorkflowReader.
func (noWorkflows) VDiff(context.Context, string, string, string) (*VDiff, error) {
	return nil, notLegacy("a VDiff")
}

// StreamsCreated implements WorkflowReader.
func (noWorkflows) StreamsCreated(context.Context, string, *Workflow) (time.Time, error) {
	return time.Time{}, notLegacy("a workflow")
}

// CountRows implements RowReader.
func (noWorkflows) CountRows(context.Context, string, string) (int64, error) {
	return 0, notLegacy("an exact number of rows")
}

// ScanKeys implements RowReader.
func (noWorkflows) ScanKeys(context.Context, string, string, []string, string) (KeyScan, error) {
	return nil, notLegacy("a scan of keys")
}

// Position implements RowReader.
func (noWorkflows) Position(context.Context, string) (string, error) {
	return "", notLegacy("a position")
}

// Follows implements RowReader.
func (noWorkflows) Follows(context.Context, string, string) (bool, error) {
	return false, notLegacy("a position")
}

// VDiffCreated implements WorkflowReader.
func (noWorkflows) VDiffCreated(context.Context, string, *Workflow, string) (time.Time, error) {
	return time.Time{}, notLegacy("a VDiff")
}

// WorkflowLock implements WorkflowReader.
func (noWorkflows) WorkflowLock(context.Context, string, string) (*Lock, error) {
	return nil, notLegacy("a workflow")
}

// UnresolvedTransactions implements WorkflowReader.
func (noWorkflows) UnresolvedTransactions(context.Context, string) (int, error) {
	return 0, notLegacy("asking for unresolved transactions")
}

// OnlineDDLs implements WorkflowReader.
func (noWorkflows) OnlineDDLs(context.Context, string) ([]string, error) {
	return nil, notLegacy("Online DDL")
}

// ReshardCreate implements WorkflowWriter.
func (noWorkflows) ReshardCreate(context.Context, ReshardCreate) error {
	return notLegacy("Reshard")
}

// CopySchema implements WorkflowWriter.
func (noWorkflows) CopySchema(context.Context, CopySchema) error {
	return notLegacy("copying a schema by CopySchemaShard")
}

// StartWorkflow implements WorkflowWriter.
func (noWorkflows) StartWorkflow(context.Context, string, string) error {
	return notLegacy("a workflow")
}

// StopWorkflow implements WorkflowWriter.
func (noWorkflows) StopWorkflow(context.Context, string, string, string) error {
	return notLegacy("a workflow")
}

// DeleteWorkflow implements WorkflowWriter.
func (noWorkflows) DeleteWorkflow(context.Context, string, string, bool) error {
	return notLegacy("a workflow")
}

// CompleteWorkflow implements WorkflowWriter.
func (noWorkflows) CompleteWorkflow(context.Context, string, string) error {
	return notLegacy("a workflow")
}

// RemoveStreams implements WorkflowWriter.
func (noWorkflows) RemoveStreams(context.Context, string, string) error {
	return notLegacy("a workflow")
}

// SwitchTraffic implements WorkflowWriter.
func (noWorkflows) SwitchTraffic(context.Context, SwitchTraffic) ([]string, error) {
	return nil, notLegacy("SwitchTraffic")
}

// VDiffCreate implements WorkflowWriter.
func (noWorkflows) VDiffCreate(context.Context, VDiffCreate) error {
	return notLegacy("a VDiff")
}

// VDiffResume implements WorkflowWriter.
func (noWorkflows) VDiffResume(context.Context, string, string, string) error {
	return notLegacy("a VDiff")
}

// VDiffStop implements WorkflowWriter.
func (noWorkflows) VDiffStop(context.Context, string, string, string) error {
	return notLegacy("a VDiff")
}

// VDiffDelete implements WorkflowWriter.
func (noWorkflows) VDiffDelete(context.Context, string, string, string) error {
	return notLegacy("a VDiff")
}

// ApplyVSchema implements TopologyWriter.
func (noWorkflows) ApplyVSchema(context.Context, string, string) error {
	return notLegacy("writing a vschema")
}

// DeleteShard implements TopologyWriter.
func (noWorkflows) DeleteShard(context.Context, string, string) error {
	return notLegacy("deleting a shard")
}

// CreateShard implements TopologyWriter.
func (noWorkflows) CreateShard(context.Context, string, string) error {
	return notLegacy("creating a shard")
}

// ClearTabletControl implements TopologyWriter.
func (noWorkflows) ClearTabletControl(context.Context, string, string, TabletType) error {
	return notLegacy("clearing a tablet control")
}

// RebuildKeyspaceGraph implements TopologyWriter.
func (noWorkflows) RebuildKeyspaceGraph(context.Context, string) error {
	return notLegacy("rebuilding the serving graph")
}
