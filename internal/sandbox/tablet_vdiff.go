package sandbox

import (
	"cmp"
	"context"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// VDiff implements vtctld.Tablets: it begins, resumes, stops, forgets or shows a tablet's part of a comparison.
func (t tablets) VDiff(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.VDiffRequest) (*tabletmanagerdatapb.VDiffResponse, error) {
	if req.Action == "show" {
		resp := &tabletmanagerdatapb.VDiffResponse{}
		return resp, t.topo.view(ctx, func(tx topoTx) error { return showVDiff(tx, tablet, req, resp) })
	}
	t.change.Lock()
	defer t.change.Unlock()
	switch req.Action {
	case "create":
		return t.createVDiff(ctx, tablet, req)
	case "resume":
		err := t.topo.update(ctx, func(tx topoTx) error { return resumeVDiff(tx, req.VdiffUuid, tablet) })
		return &tabletmanagerdatapb.VDiffResponse{VdiffUuid: req.VdiffUuid}, cmp.Or(err, t.startVDiffs(ctx))
	case "stop":
		return &tabletmanagerdatapb.VDiffResponse{}, t.stopVDiff(ctx, tablet, req.VdiffUuid)
	case "delete":
		return &tabletmanagerdatapb.VDiffResponse{}, t.deleteVDiff(ctx, tablet, req)
	}
	return nil, fmt.Errorf("action %s not supported", req.Action)
}

// createVDiff begins a comparison, unless the options say that it is to be resumed later.
func (t tablets) createVDiff(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.VDiffRequest) (*tabletmanagerdatapb.VDiffResponse, error) {
	o := proto.CloneOf(req.Options)
	for _, name := range []*string{&o.PickerOptions.SourceCell, &o.PickerOptions.TargetCell} {
		*name = cmp.Or(*name, cell)
	}
	options, err := protojson.Marshal(o)
	if err != nil {
		return nil, err
	}
	state := vdiffPending
	if auto := o.CoreOptions.AutoStart; auto != nil && !*auto {
		state = vdiffStopped
	}
	resp := &tabletmanagerdatapb.VDiffResponse{VdiffUuid: req.VdiffUuid}
	err = t.topo.update(ctx, func(tx topoTx) error {
		have, err := tx.vdiffs(`uuid = ? AND keyspace = ? AND shard = ?`, req.VdiffUuid, tablet.Keyspace, tablet.Shard)
		if err != nil {
			return err
		}
		if len(have) > 0 {
			return fmt.Errorf("vdiff with UUID %s already exists on tablet %s", req.VdiffUuid, aliasText(tablet.Alias))
		}
		made, err := tx.Exec(`INSERT INTO vdiff (uuid, keyspace, workflow, shard, state, options, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			req.VdiffUuid, tablet.Keyspace, req.Workflow, tablet.Shard, state, string(options), t.now().Unix())
		if err != nil {
			return err
		}
		resp.Id, err = made.LastInsertId()
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, t.startVDiffs(ctx)
}

// stopVDiff stops a running comparison. One that does not run, or is not there, counts as stopped.
func (t tablets) stopVDiff(ctx context.Context, tablet *topodatapb.Tablet, id string) error {
	if err := t.stopVDiffs(ctx, `uuid = ? AND keyspace = ? AND shard = ?`, id, tablet.Keyspace, tablet.Shard); err != nil {
		return err
	}
	return t.topo.update(ctx, func(tx topoTx) error {
		open, err := tx.vdiffs(`uuid = ? AND keyspace = ? AND shard = ? AND state != ?`, id, tablet.Keyspace, tablet.Shard, vdiffCompleted)
		if err != nil {
			return err
		}
		for _, d := range open {
			if _, err := tx.Exec(`UPDATE vdiff SET state = ?, last_error = '' WHERE id = ?`, vdiffStopped, d.id); err != nil {
				return err
			}
			if _, err := tx.Exec(`UPDATE vdiff_table SET state = ? WHERE vdiff_id = ?`, vdiffStopped, d.id); err != nil {
				return err
			}
		}
		return nil
	})
}

// resumeVDiff has a stopped comparison continue, each table after the last row that was seen, and one that is completed look
// for rows after those.
func resumeVDiff(tx topoTx, id string, t *topodatapb.Tablet) error {
	found, err := tx.vdiffs(`uuid = ? AND keyspace = ? AND shard = ?`, id, t.Keyspace, t.Shard)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("vdiff with UUID %s not found on tablet %s", id, aliasText(t.Alias))
	}
	d := found[0]
	if d.state != vdiffCompleted && d.state != vdiffStopped {
		return fmt.Errorf("no completed or stopped vdiff found for UUID %s on tablet %s", id, aliasText(t.Alias))
	}
	if _, err := tx.Exec(`UPDATE vdiff SET state = ?, started_at = NULL, completed_at = NULL WHERE id = ?`, vdiffPending, d.id); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE vdiff_table SET state = ? WHERE vdiff_id = ?`, vdiffPending, d.id)
	return err
}

// deleteVDiff forgets one comparison, or all of a workflow's.
func (t tablets) deleteVDiff(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.VDiffRequest) error {
	if req.ActionArg != "all" && !isUUID(req.ActionArg) {
		return fmt.Errorf("action argument %s not supported", req.ActionArg)
	}
	where, args := `keyspace = ? AND shard = ? AND workflow = ?`, []any{tablet.Keyspace, tablet.Shard, req.Workflow}
	if req.ActionArg != "all" {
		where, args = `keyspace = ? AND shard = ? AND uuid = ?`, []any{tablet.Keyspace, tablet.Shard, req.ActionArg}
	}
	if err := t.stopVDiffs(ctx, where, args...); err != nil {
		return err
	}
	return t.topo.update(ctx, func(tx topoTx) error {
		found, err := tx.vdiffs(where, args...)
		if err != nil {
			return err
		}
		if len(found) == 0 && req.ActionArg != "all" {
			return fmt.Errorf("no vdiff found for UUID %s on tablet %s", req.ActionArg, aliasText(tablet.Alias))
		}
		return tx.deleteVDiffs(where, args...)
	})
}
