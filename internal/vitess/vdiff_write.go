package vitess

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// VDiffCreate creates and starts a VDiff of all rows of all tables, with vtctldclient's defaults spelled out. The server
// asks the targets one by one and fails if any has a VDiff of this UUID, the others have it then too: so if afterwards
// all know it, it was created.
func (c *Client) VDiffCreate(ctx context.Context, r VDiffCreate) error {
	err := c.write(ctx, "VDiffCreate", fmt.Sprintf("create VDiff %s of workflow %s.%s", r.UUID, r.Keyspace, r.Workflow), limitVDiff,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.VDiffCreate(ctx, &vtctldatapb.VDiffCreateRequest{
				Workflow: r.Workflow, TargetKeyspace: r.Keyspace, Uuid: r.UUID,
				TabletTypes: []topodatapb.TabletType{
					topodatapb.TabletType_RDONLY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_PRIMARY,
				},
				TabletSelectionPreference:   tabletmanagerdatapb.TabletSelectionPreference_INORDER,
				FilteredReplicationWaitTime: &vttimepb.Duration{Seconds: 30},
				WaitUpdateInterval:          &vttimepb.Duration{Seconds: 60},
				MaxExtraRowsToCompare:       r.MaxExtraRows, MaxReportSampleRows: r.Samples,
				MaxDiffDuration: durationProto(r.MaxDuration), AutoRetry: true,
				RowDiffColumnTruncateAt: 128, AutoStart: proto.Bool(true),
			})
			return err
		})
	if !answered(err, "already exists on tablet") {
		return err
	}
	listed, failed := c.showVDiff(ctx, r.Keyspace, r.Workflow, "all")
	if failed != nil {
		return err
	}
	for _, rows := range listed {
		if !slices.ContainsFunc(rows, func(x row) bool { return x["vdiff_uuid"] == r.UUID }) {
			return err
		}
	}
	return nil
}

// VDiffResume resumes a VDiff on the target shards where it is stopped. The others are left alone: the server refuses one
// that runs, and opens one that is completed again, to compare only what lies after the last row it has seen.
func (c *Client) VDiffResume(ctx context.Context, keyspace, workflow, uuid string) error {
	listed, err := c.showVDiff(ctx, keyspace, workflow, "all")
	if err != nil {
		return err
	}
	var stopped []string
	for shard, rows := range listed {
		if slices.ContainsFunc(rows, func(r row) bool { return r["vdiff_uuid"] == uuid && stateOf(r["state"]) == VDiffStopped }) {
			stopped = append(stopped, shard)
		}
	}
	if len(stopped) == 0 {
		return nil
	}
	slices.Sort(stopped)
	return c.write(ctx, "VDiffResume", fmt.Sprintf("resume VDiff %s of workflow %s.%s", uuid, keyspace, workflow), limitVDiff,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.VDiffResume(ctx, &vtctldatapb.VDiffResumeRequest{Workflow: workflow, TargetKeyspace: keyspace, Uuid: uuid, TargetShards: stopped})
			return err
		})
}

// VDiffStop stops a VDiff; one that does not run is no error.
func (c *Client) VDiffStop(ctx context.Context, keyspace, workflow, uuid string) error {
	return c.write(ctx, "VDiffStop", fmt.Sprintf("stop VDiff %s of workflow %s.%s", uuid, keyspace, workflow), limitVDiff,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.VDiffStop(ctx, &vtctldatapb.VDiffStopRequest{Workflow: workflow, TargetKeyspace: keyspace, Uuid: uuid})
			return err
		})
}

// VDiffDelete deletes a VDiff and its results.
func (c *Client) VDiffDelete(ctx context.Context, keyspace, workflow, uuid string) error {
	return c.write(ctx, "VDiffDelete", fmt.Sprintf("delete VDiff %s of workflow %s.%s", uuid, keyspace, workflow), limitVDiff,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.VDiffDelete(ctx, &vtctldatapb.VDiffDeleteRequest{Workflow: workflow, TargetKeyspace: keyspace, Arg: uuid})
			return err
		})
}
