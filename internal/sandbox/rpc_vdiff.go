package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// VDiffCreate begins a comparison of a workflow's sources and targets, on every target.
func (e *engine) VDiffCreate(ctx context.Context, req *vtctldatapb.VDiffCreateRequest) (*vtctldatapb.VDiffCreateResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	id := strings.TrimSpace(req.Uuid)
	if id == "" {
		id = uuid.NewString()
	} else if err := uuid.Validate(id); err != nil {
		return nil, fmt.Errorf("invalid UUID provided: %s: %w", id, err)
	}
	m, _, err := e.migrationState(ctx, req.TargetKeyspace, req.Workflow)
	if err != nil {
		return nil, err
	}
	if m.frozen {
		return nil, fmt.Errorf("invalid VDiff run: writes have been already been switched for workflow %s.%s", req.TargetKeyspace, req.Workflow)
	}
	streams, err := e.live(ctx, m.streams)
	if err != nil {
		return nil, err
	}
	for _, s := range streams {
		if s.shown() != stateRunning {
			return nil, fmt.Errorf("not all streams are running in workflow %s.%s", req.TargetKeyspace, req.Workflow)
		}
	}
	options, err := protojson.Marshal(vdiffOptions(req))
	if err != nil {
		return nil, err
	}
	state := vdiffPending
	if req.AutoStart != nil && !req.GetAutoStart() {
		state = vdiffStopped
	}
	var errs []error
	for _, t := range m.targets {
		errs = append(errs, e.topo.update(ctx, func(tx topoTx) error {
			have, err := tx.vdiffs(`uuid = ? AND keyspace = ? AND shard = ?`, id, t.keyspace, t.name)
			if err != nil {
				return err
			}
			if len(have) > 0 {
				return fmt.Errorf("vdiff with UUID %s already exists on tablet %s", id, aliasText(t.PrimaryAlias))
			}
			_, err = tx.Exec(`INSERT INTO vdiff (uuid, keyspace, workflow, shard, state, options, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				id, t.keyspace, req.Workflow, t.name, state, string(options), e.now().Unix())
			return err
		}))
	}
	if err := errors.Join(aggregate(errs), e.startVDiffs(ctx)); err != nil {
		return nil, err
	}
	return &vtctldatapb.VDiffCreateResponse{UUID: id}, nil
}

func vdiffOptions(req *vtctldatapb.VDiffCreateRequest) *tabletmanagerdatapb.VDiffOptions {
	limit := req.Limit
	if limit == 0 {
		limit = math.MaxInt64
	}
	autoStart := req.AutoStart == nil || req.GetAutoStart()
	cells := func(names []string) string {
		if len(names) == 0 {
			return cell
		}
		return strings.Join(names, ",")
	}
	types := strings.ToLower(typesText(req.TabletTypes))
	if req.TabletSelectionPreference == tabletmanagerdatapb.TabletSelectionPreference_INORDER {
		types = "in_order:" + types
	}
	return &tabletmanagerdatapb.VDiffOptions{
		PickerOptions: &tabletmanagerdatapb.VDiffPickerOptions{TabletTypes: types, SourceCell: cells(req.SourceCells), TargetCell: cells(req.TargetCells)},
		CoreOptions: &tabletmanagerdatapb.VDiffCoreOptions{
			Tables: strings.Join(req.Tables, ","), AutoRetry: req.AutoRetry, MaxRows: limit, TimeoutSeconds: int64(durationOf(req.FilteredReplicationWaitTime, defaultTimeout).Seconds()),
			MaxExtraRowsToCompare: req.MaxExtraRowsToCompare, UpdateTableStats: req.UpdateTableStats, MaxDiffSeconds: req.MaxDiffDuration.GetSeconds(), AutoStart: &autoStart,
		},
		ReportOptions: &tabletmanagerdatapb.VDiffReportOptions{
			OnlyPks: req.OnlyPKs, DebugQuery: req.DebugQuery, MaxSampleRows: req.MaxReportSampleRows, RowDiffColumnTruncateAt: req.RowDiffColumnTruncateAt,
		},
	}
}

// vdiffTargets are the targets of a workflow that a request selects.
func (e *engine) vdiffTargets(ctx context.Context, ks, workflow string, names []string) ([]*shardInfo, error) {
	m, _, err := e.migrationState(ctx, ks, workflow)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(m.targets, func(s *shardInfo) bool { return s.name == name }) {
			return nil, fmt.Errorf("specified target shard %s not a valid target for workflow %s", name, workflow)
		}
	}
	if len(names) == 0 {
		return m.targets, nil
	}
	return slices.DeleteFunc(m.targets, func(s *shardInfo) bool { return !slices.Contains(names, s.name) }), nil
}

// VDiffStop stops a running comparison. One that does not run, or is not there, counts as stopped.
func (e *engine) VDiffStop(ctx context.Context, req *vtctldatapb.VDiffStopRequest) (*vtctldatapb.VDiffStopResponse, error) {
	targets, err := e.vdiffTargets(ctx, req.TargetKeyspace, req.Workflow, req.TargetShards)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if err := e.stopVDiffs(ctx, `uuid = ? AND keyspace = ? AND shard = ?`, req.Uuid, t.keyspace, t.name); err != nil {
			return nil, err
		}
		err := e.topo.update(ctx, func(tx topoTx) error {
			open, err := tx.vdiffs(`uuid = ? AND keyspace = ? AND shard = ? AND state != ?`, req.Uuid, t.keyspace, t.name, vdiffCompleted)
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
		if err != nil {
			return nil, err
		}
	}
	return &vtctldatapb.VDiffStopResponse{}, nil
}

// VDiffResume goes on with a stopped comparison, each table behind the last row that was seen, and looks for such rows in
// one that is completed.
func (e *engine) VDiffResume(ctx context.Context, req *vtctldatapb.VDiffResumeRequest) (*vtctldatapb.VDiffResumeResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	targets, err := e.vdiffTargets(ctx, req.TargetKeyspace, req.Workflow, req.TargetShards)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, t := range targets {
		errs = append(errs, e.topo.update(ctx, func(tx topoTx) error { return resumeVDiff(tx, req.Uuid, t) }))
	}
	if err := errors.Join(aggregate(errs), e.startVDiffs(ctx)); err != nil {
		return nil, err
	}
	return &vtctldatapb.VDiffResumeResponse{}, nil
}

func resumeVDiff(tx topoTx, id string, t *shardInfo) error {
	found, err := tx.vdiffs(`uuid = ? AND keyspace = ? AND shard = ?`, id, t.keyspace, t.name)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("vdiff with UUID %s not found on tablet %s", id, aliasText(t.PrimaryAlias))
	}
	d := found[0]
	if d.state != vdiffCompleted && d.state != vdiffStopped {
		return fmt.Errorf("no completed or stopped vdiff found for UUID %s on tablet %s", id, aliasText(t.PrimaryAlias))
	}
	if _, err := tx.Exec(`UPDATE vdiff SET state = ?, started_at = NULL, completed_at = NULL WHERE id = ?`, vdiffPending, d.id); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE vdiff_table SET state = ? WHERE vdiff_id = ?`, vdiffPending, d.id)
	return err
}

// VDiffDelete forgets one comparison, or all of a workflow's.
func (e *engine) VDiffDelete(ctx context.Context, req *vtctldatapb.VDiffDeleteRequest) (*vtctldatapb.VDiffDeleteResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	targets, err := e.vdiffTargets(ctx, req.TargetKeyspace, req.Workflow, nil)
	if err != nil {
		return nil, err
	}
	if req.Arg != "all" && !isUUID(req.Arg) {
		return nil, fmt.Errorf("action argument %s not supported", req.Arg)
	}
	var errs []error
	for _, t := range targets {
		where, args := `keyspace = ? AND shard = ? AND workflow = ?`, []any{t.keyspace, t.name, req.Workflow}
		if req.Arg != "all" {
			where, args = `keyspace = ? AND shard = ? AND uuid = ?`, []any{t.keyspace, t.name, req.Arg}
		}
		if err := e.stopVDiffs(ctx, where, args...); err != nil {
			return nil, err
		}
		errs = append(errs, e.topo.update(ctx, func(tx topoTx) error {
			found, err := tx.vdiffs(where, args...)
			if err != nil {
				return err
			}
			if len(found) == 0 && req.Arg != "all" {
				return fmt.Errorf("no vdiff found for UUID %s on tablet %s", req.Arg, aliasText(t.PrimaryAlias))
			}
			return tx.deleteVDiffs(where, args...)
		}))
	}
	if err := aggregate(errs); err != nil {
		return nil, err
	}
	return &vtctldatapb.VDiffDeleteResponse{}, nil
}
