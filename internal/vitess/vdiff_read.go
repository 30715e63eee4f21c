package vitess

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/parallel"
)

// vdiffShow is an answer of VDiffShow: rows by shard name.
type vdiffShow map[string][]row

// VDiff sums up one VDiff over all target shards. A VDiff that only some of them know has State started, pending, stopped
// or error but never completed, and Missing lists the others: creating it again makes it whole.
func (c *Client) VDiff(ctx context.Context, keyspace, workflow, uuid string) (*VDiff, error) {
	listed, err := c.showVDiff(ctx, keyspace, workflow, "all")
	if err != nil {
		return nil, err
	}
	return c.vdiff(ctx, keyspace, workflow, uuid, listed)
}

// VDiffs lists every VDiff of the workflow that any target shard knows (the server lists the last 100), oldest first.
// No workflow, no VDiffs.
func (c *Client) VDiffs(ctx context.Context, keyspace, workflow string) ([]VDiff, error) {
	listed, err := c.showVDiff(ctx, keyspace, workflow, "all")
	if err != nil {
		return nil, err
	}
	order := map[string]int64{} // the lowest id of any shard
	for _, rows := range listed {
		for _, r := range rows {
			id, known := order[r["vdiff_uuid"]]
			if !known || r.int("id") < id {
				order[r["vdiff_uuid"]] = r.int("id")
			}
		}
	}
	var uuids []string
	for uuid := range order {
		uuids = append(uuids, uuid)
	}
	slices.SortFunc(uuids, func(a, b string) int { return cmp.Or(cmp.Compare(order[a], order[b]), cmp.Compare(a, b)) })
	vdiffs := make([]VDiff, len(uuids))
	group, ctx := parallel.WithContext(ctx)
	group.SetLimit(4)
	for i, uuid := range uuids {
		group.Go(func() error {
			d, err := c.vdiff(ctx, keyspace, workflow, uuid, listed)
			if err != nil {
				return err
			}
			d.Report = nil
			vdiffs[i] = *d
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return vdiffs, nil
}

// vdiff sums up the VDiff: tables and results come from its summary, which the server refuses to give while any target
// does not know it, options and the rest from the list.
func (c *Client) vdiff(ctx context.Context, keyspace, workflow, uuid string, listed vdiffShow) (*VDiff, error) {
	raw := vdiffShow{}
	for shard, rows := range listed {
		for _, r := range rows {
			if r["vdiff_uuid"] == uuid {
				raw[shard] = append(raw[shard], r)
			}
		}
	}
	if len(raw) == 0 {
		return &VDiff{UUID: uuid, State: VDiffAbsent}, nil
	}
	if len(raw) < len(listed) {
		return sumPartialVDiff(uuid, raw, listed), nil
	}
	summary, err := c.showVDiff(ctx, keyspace, workflow, uuid)
	if err != nil {
		return nil, err
	}
	return sumVDiff(uuid, raw, summary, func(shard string) time.Duration { return c.clocks.aheadOf(keyspace, shard) })
}

func (c *Client) showVDiff(ctx context.Context, keyspace, workflow, which string) (vdiffShow, error) {
	what := fmt.Sprintf("read the VDiffs of workflow %s.%s", keyspace, workflow)
	if which != "all" {
		what = fmt.Sprintf("read VDiff %s of workflow %s.%s", which, keyspace, workflow)
	}
	shown := vdiffShow{}
	err := c.read(ctx, what, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.VDiffShow(ctx, &vtctldatapb.VDiffShowRequest{Workflow: workflow, TargetKeyspace: keyspace, Arg: which})
		for shard, response := range answer.GetTabletResponses() {
			shown[shard] = rowsOf(response.GetOutput())
		}
		return err
	})
	switch {
	case answered(err, "no streams found in keyspace"): // the workflow is gone, and its VDiffs with it
		return vdiffShow{}, nil
	case which != "all" && answered(err, "no vdiff found for UUID"): // deleted since it was listed
		return vdiffShow{}, nil
	}
	return shown, err
}
