package plan

import (
	"context"
	"fmt"

	"shardform/internal/vitess"
)

// readOnly is a cluster that only shows itself. Tasks get it when they are observed, so that planning can change
// nothing whatever a task does.
type readOnly struct{ vitess.Reader }

func refuse(what string) error {
	return fmt.Errorf("%s while planning: a plan only reads", what)
}

func (readOnly) ReshardCreate(context.Context, vitess.ReshardCreate) error {
	return refuse("ReshardCreate")
}
func (readOnly) StartWorkflow(context.Context, string, string) error {
	return refuse("StartWorkflow")
}
func (readOnly) StopWorkflow(context.Context, string, string, string) error {
	return refuse("StopWorkflow")
}
func (readOnly) DeleteWorkflow(context.Context, string, string, bool) error {
	return refuse("DeleteWorkflow")
}
func (readOnly) CompleteWorkflow(context.Context, string, string) error {
	return refuse("CompleteWorkflow")
}
func (readOnly) RemoveStreams(context.Context, string, string) error {
	return refuse("RemoveStreams")
}

// SwitchTraffic refuses a dry run too: it refreshes tablets.
func (readOnly) SwitchTraffic(context.Context, vitess.SwitchTraffic) ([]string, error) {
	return nil, refuse("SwitchTraffic")
}
func (readOnly) VDiffCreate(context.Context, vitess.VDiffCreate) error { return refuse("VDiffCreate") }
func (readOnly) CopySchema(context.Context, vitess.CopySchema) error   { return refuse("CopySchema") }

func (readOnly) VDiffResume(context.Context, string, string, string) error {
	return refuse("VDiffResume")
}
func (readOnly) VDiffStop(context.Context, string, string, string) error { return refuse("VDiffStop") }
func (readOnly) VDiffDelete(context.Context, string, string, string) error {
	return refuse("VDiffDelete")
}
func (readOnly) ApplyVSchema(context.Context, string, string) error { return refuse("ApplyVSchema") }
func (readOnly) DeleteShard(context.Context, string, string) error  { return refuse("DeleteShard") }
func (readOnly) CreateShard(context.Context, string, string) error  { return refuse("CreateShard") }
func (readOnly) ClearTabletControl(context.Context, string, string, vitess.TabletType) error {
	return refuse("ClearTabletControl")
}
func (readOnly) RebuildKeyspaceGraph(context.Context, string) error {
	return refuse("RebuildKeyspaceGraph")
}

var _ vitess.Cluster = readOnly{}
