package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// CreateShard makes a shard's record, without tablets: those come with the next opening of a sandbox that names the
// shard as a spare.
func (e *engine) CreateShard(ctx context.Context, req *vtctldatapb.CreateShardRequest) (*vtctldatapb.CreateShardResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	resp := &vtctldatapb.CreateShardResponse{Keyspace: &vtctldatapb.Keyspace{Name: req.Keyspace, Keyspace: &topodatapb.Keyspace{}}}
	err := e.topo.update(ctx, func(tx topoTx) error {
		s, err := tx.createShard(req.Keyspace, req.ShardName)
		var exists *nodeExistsError
		if errors.As(err, &exists) && req.Force {
			resp.ShardAlreadyExists = true
			s, err = tx.shard(req.Keyspace, req.ShardName)
		}
		if err != nil {
			return err
		}
		resp.Shard = shardProto(s)
		return tx.get(keyspaceNode(req.Keyspace), resp.Keyspace.Keyspace)
	})
	if err != nil {
		return nil, err
	}
	return resp, e.syncModes(ctx)
}

// DeleteShards removes shards with their tablets and rows, in the order of the request, up to the first error.
func (e *engine) DeleteShards(ctx context.Context, req *vtctldatapb.DeleteShardsRequest) (*vtctldatapb.DeleteShardsResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	for i, s := range req.Shards {
		if i == 1 {
			if err := half(ctx); err != nil {
				return nil, err
			}
		}
		if err := e.deleteShard(ctx, req, s.Keyspace, s.Name); err != nil {
			return nil, err
		}
	}
	return &vtctldatapb.DeleteShardsResponse{}, nil
}

func (e *engine) deleteShard(ctx context.Context, req *vtctldatapb.DeleteShardsRequest, ks, name string) error {
	var serving []topodatapb.TabletType
	var tablets []*topodatapb.Tablet
	err := e.topo.view(ctx, func(tx topoTx) error {
		if _, err := tx.shard(ks, name); err != nil {
			return err
		}
		srv, err := tx.srvKeyspace(ks)
		if err != nil && !isNoNode(err) {
			return err
		}
		serving = servingTypes(srv, name)
		tablets, err = tx.shardTablets(ks, name)
		return err
	})
	switch {
	case isNoNode(err) && req.Force:
		return nil
	case isNoNode(err):
		return fmt.Errorf("failed to lock %s/%s; if you really want to delete this shard, re-run with Force=true: %w", ks, name, err)
	case err != nil:
		return err
	case len(serving) > 0 && !req.EvenIfServing:
		return fmt.Errorf("shard %v/%v is still serving; cannot delete it; use EvenIfServing = true to delete anyway", ks, name)
	case len(tablets) > 0 && !req.Recursive:
		//lint:ignore ST1005 the text is the real server's
		return fmt.Errorf("Shard %v/%v still hase %v tablets in cell %v; use Recursive = true or remove them manually", ks, name, len(tablets), cell)
	}
	if len(req.Shards) == 1 {
		if err := e.halfDelete(ctx, tablets); err != nil {
			return err
		}
	}
	return e.removeShard(ctx, ks, name)
}

// halfDelete is what a deletion of one shard that fails half way has done: the tablets are gone, the shard is not.
func (e *engine) halfDelete(ctx context.Context, tablets []*topodatapb.Tablet) error {
	struck := half(ctx)
	if struck == nil {
		return nil
	}
	err := e.topo.update(ctx, func(tx topoTx) error {
		for _, t := range tablets {
			if err := tx.remove(tabletNode(aliasText(t.Alias))); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(struck, err)
}

// removeShard removes a shard from the topology, with everything on it, then its file. A file whose shard is gone is
// removed at the next start if this is cut short.
func (e *engine) removeShard(ctx context.Context, ks, name string) error {
	var on []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		on, err = tx.streams(`keyspace = ? AND shard = ?`, ks, name)
		return err
	})
	if err != nil {
		return err
	}
	if err := e.stopStreams(ctx, streamIDs(on)...); err != nil {
		return err
	}
	if err := e.stopVDiffs(ctx, `keyspace = ? AND shard = ?`, ks, name); err != nil {
		return err
	}
	err = e.topo.update(ctx, func(tx topoTx) error {
		tablets, err := tx.shardTablets(ks, name)
		if err != nil {
			return err
		}
		for _, t := range tablets {
			if err := tx.remove(tabletNode(aliasText(t.Alias))); err != nil {
				return err
			}
		}
		if err := tx.deleteStreams(`keyspace = ? AND shard = ?`, ks, name); err != nil {
			return err
		}
		if err := tx.deleteVDiffs(`keyspace = ? AND shard = ?`, ks, name); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM journal WHERE keyspace = ? AND shard = ?`, ks, name); err != nil {
			return err
		}
		if err := tx.usedSpares(ks, []string{name}); err != nil {
			return err
		}
		return tx.remove(shardNode(ks, name))
	})
	if err != nil {
		return err
	}
	return e.removeFile(ks, name)
}

// SetShardTabletControl sets or clears the control of one type on one shard.
func (e *engine) SetShardTabletControl(ctx context.Context, req *vtctldatapb.SetShardTabletControlRequest) (*vtctldatapb.SetShardTabletControlResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	resp := &vtctldatapb.SetShardTabletControlResponse{}
	err := e.topo.update(ctx, func(tx topoTx) error {
		if err := tx.lockable(req.Keyspace); err != nil {
			return err
		}
		s, err := tx.shard(req.Keyspace, req.Shard)
		if err != nil {
			return err
		}
		if err := setTabletControl(s, req); err != nil {
			return err
		}
		resp.Shard = s.Shard
		if err := tx.putShard(s); err != nil {
			return err
		}
		here := len(req.Cells) == 0 || slices.Contains(req.Cells, cell)
		if req.Remove || len(req.DeniedTables) > 0 || !here {
			return nil
		}
		return tx.setQueryService(req.Keyspace, []*shardInfo{s}, req.TabletType, req.DisableQueryService)
	})
	if err != nil {
		return nil, err
	}
	return resp, e.syncModes(ctx)
}

// setTabletControl keeps the entry in the shard's record; the sandbox records denied tables and does not act on them.
func setTabletControl(s *shardInfo, req *vtctldatapb.SetShardTabletControlRequest) error {
	ofPrimary := req.TabletType == topodatapb.TabletType_PRIMARY
	if ofPrimary && len(req.Cells) > 0 {
		return errors.New("you cannot specify cells for a primary's tablet control")
	}
	i := slices.IndexFunc(s.TabletControls, func(c *topodatapb.Shard_TabletControl) bool { return c.TabletType == req.TabletType })
	if i < 0 {
		if !req.Remove {
			s.TabletControls = append(s.TabletControls, &topodatapb.Shard_TabletControl{TabletType: req.TabletType, Cells: req.Cells, DeniedTables: req.DeniedTables})
		}
		return nil
	}
	c := s.TabletControls[i]
	switch {
	case ofPrimary && req.Remove:
		c.DeniedTables = slices.DeleteFunc(c.DeniedTables, func(t string) bool { return len(req.DeniedTables) == 0 || slices.Contains(req.DeniedTables, t) })
		if len(c.DeniedTables) == 0 {
			s.TabletControls = slices.Delete(s.TabletControls, i, i+1)
		}
	case ofPrimary:
		c.DeniedTables = append(c.DeniedTables, req.DeniedTables...)
		slices.Sort(c.DeniedTables)
		c.DeniedTables = slices.Compact(c.DeniedTables)
	case req.Remove:
		c.Cells = slices.DeleteFunc(c.Cells, func(name string) bool { return len(req.Cells) == 0 || slices.Contains(req.Cells, name) })
		if len(c.Cells) == 0 {
			s.TabletControls = slices.Delete(s.TabletControls, i, i+1)
		}
	case !slices.Equal(c.DeniedTables, req.DeniedTables):
		return fmt.Errorf("trying to use two different sets of denied tables for shard %v: %v and %v", s, c.DeniedTables, req.DeniedTables)
	case len(c.Cells) == 0 || len(req.Cells) == 0:
		c.Cells = nil // all of them
	default:
		c.Cells = append(c.Cells, slices.DeleteFunc(slices.Clone(req.Cells), func(name string) bool { return slices.Contains(c.Cells, name) })...)
	}
	return nil
}

// SetShardIsPrimaryServing sets a shard's flag; the serving graph stays as it is.
func (e *engine) SetShardIsPrimaryServing(ctx context.Context, req *vtctldatapb.SetShardIsPrimaryServingRequest) (*vtctldatapb.SetShardIsPrimaryServingResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	resp := &vtctldatapb.SetShardIsPrimaryServingResponse{}
	err := e.topo.update(ctx, func(tx topoTx) error {
		s, err := tx.shard(req.Keyspace, req.Shard)
		if err != nil {
			return err
		}
		s.IsPrimaryServing = req.IsServing
		resp.Shard = s.Shard
		return tx.putShard(s)
	})
	if err != nil {
		return nil, err
	}
	return resp, e.syncModes(ctx)
}

// RebuildKeyspaceGraph makes the serving graph anew from the shard records.
func (e *engine) RebuildKeyspaceGraph(ctx context.Context, req *vtctldatapb.RebuildKeyspaceGraphRequest) (*vtctldatapb.RebuildKeyspaceGraphResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	err := e.topo.update(ctx, func(tx topoTx) error {
		if err := tx.lockable(req.Keyspace); err != nil {
			return err
		}
		if err := tx.rebuildKeyspace(req.Keyspace); err != nil {
			return err
		}
		if err := checkCells(req.Cells); err != nil {
			return fmt.Errorf("writing serving data failed: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &vtctldatapb.RebuildKeyspaceGraphResponse{}, e.syncModes(ctx)
}

// RefreshStateByShard makes a shard's file follow the topology.
func (e *engine) RefreshStateByShard(ctx context.Context, req *vtctldatapb.RefreshStateByShardRequest) (*vtctldatapb.RefreshStateByShardResponse, error) {
	switch {
	case req.Keyspace == "":
		return nil, errors.New("RefreshStateByShard requires a keyspace")
	case req.Shard == "":
		return nil, errors.New("RefreshStateByShard requires a shard")
	}
	var s *shardInfo
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		s, err = tx.shard(req.Keyspace, req.Shard)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("failed to get shard %s/%s/: %w", req.Keyspace, req.Shard, err)
	}
	resp := &vtctldatapb.RefreshStateByShardResponse{}
	if s.PrimaryAlias != nil {
		if err := e.refresh(ctx, s); err != nil {
			resp.IsPartialRefresh = true
			resp.PartialRefreshDetails = fmt.Sprintf("failed to refresh tablet %s: %v", aliasText(s.PrimaryAlias), err)
		}
	}
	return resp, nil
}
