package sandbox

import (
	"context"
	"fmt"
	"slices"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// GetCellInfoNames answers with the sandbox's one cell.
func (e *engine) GetCellInfoNames(context.Context, *vtctldatapb.GetCellInfoNamesRequest) (*vtctldatapb.GetCellInfoNamesResponse, error) {
	return &vtctldatapb.GetCellInfoNamesResponse{Names: []string{cell}}, nil
}

// GetCellInfo answers for the sandbox's one cell.
func (e *engine) GetCellInfo(_ context.Context, req *vtctldatapb.GetCellInfoRequest) (*vtctldatapb.GetCellInfoResponse, error) {
	if req.Cell != cell {
		return nil, &noNodeError{path: "cells/" + req.Cell + "/CellInfo"}
	}
	return &vtctldatapb.GetCellInfoResponse{CellInfo: &topodatapb.CellInfo{ServerAddress: "sandbox", Root: "/" + cell}}, nil
}

// GetCellsAliases answers that there are none.
func (e *engine) GetCellsAliases(context.Context, *vtctldatapb.GetCellsAliasesRequest) (*vtctldatapb.GetCellsAliasesResponse, error) {
	return &vtctldatapb.GetCellsAliasesResponse{}, nil
}

// GetKeyspaces answers with every keyspace.
func (e *engine) GetKeyspaces(ctx context.Context, _ *vtctldatapb.GetKeyspacesRequest) (*vtctldatapb.GetKeyspacesResponse, error) {
	resp := &vtctldatapb.GetKeyspacesResponse{}
	err := e.topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		for _, name := range names {
			k := &topodatapb.Keyspace{}
			if err := tx.get(keyspaceNode(name), k); err != nil {
				return err
			}
			resp.Keyspaces = append(resp.Keyspaces, &vtctldatapb.Keyspace{Name: name, Keyspace: k})
		}
		return err
	})
	return resp, err
}

// GetKeyspace answers with one keyspace.
func (e *engine) GetKeyspace(ctx context.Context, req *vtctldatapb.GetKeyspaceRequest) (*vtctldatapb.GetKeyspaceResponse, error) {
	k := &topodatapb.Keyspace{}
	err := e.topo.view(ctx, func(tx topoTx) error { return tx.get(keyspaceNode(req.Keyspace), k) })
	return &vtctldatapb.GetKeyspaceResponse{Keyspace: &vtctldatapb.Keyspace{Name: req.Keyspace, Keyspace: k}}, err
}

// FindAllShardsInKeyspace answers with a keyspace's shard records by name.
func (e *engine) FindAllShardsInKeyspace(ctx context.Context, req *vtctldatapb.FindAllShardsInKeyspaceRequest) (*vtctldatapb.FindAllShardsInKeyspaceResponse, error) {
	resp := &vtctldatapb.FindAllShardsInKeyspaceResponse{Shards: map[string]*vtctldatapb.Shard{}}
	err := e.topo.view(ctx, func(tx topoTx) error {
		shards, err := tx.shards(req.Keyspace)
		for _, s := range shards {
			resp.Shards[s.name] = shardProto(s)
		}
		return err
	})
	return resp, err
}

func shardProto(s *shardInfo) *vtctldatapb.Shard {
	return &vtctldatapb.Shard{Keyspace: s.keyspace, Name: s.name, Shard: s.Shard}
}

// GetShard answers with one shard record.
func (e *engine) GetShard(ctx context.Context, req *vtctldatapb.GetShardRequest) (*vtctldatapb.GetShardResponse, error) {
	resp := &vtctldatapb.GetShardResponse{}
	err := e.topo.view(ctx, func(tx topoTx) error {
		s, err := tx.shard(req.Keyspace, req.ShardName)
		if err == nil {
			resp.Shard = shardProto(s)
		}
		return err
	})
	return resp, err
}

// GetTablet answers with one tablet.
func (e *engine) GetTablet(ctx context.Context, req *vtctldatapb.GetTabletRequest) (*vtctldatapb.GetTabletResponse, error) {
	resp := &vtctldatapb.GetTabletResponse{}
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		resp.Tablet, err = tx.tablet(req.TabletAlias)
		return err
	})
	return resp, err
}

// GetTablets answers with the tablets that the request selects.
func (e *engine) GetTablets(ctx context.Context, req *vtctldatapb.GetTabletsRequest) (*vtctldatapb.GetTabletsResponse, error) {
	if len(req.TabletAliases) == 0 && (req.Keyspace == "" || req.Shard == "") {
		if err := cellsFail(req.Cells, req.Strict); err != nil {
			return nil, err
		}
	}
	resp := &vtctldatapb.GetTabletsResponse{}
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		if len(req.TabletAliases) == 0 && req.Keyspace != "" && req.Shard != "" {
			if _, err := tx.shard(req.Keyspace, req.Shard); err != nil {
				return fmt.Errorf("GetTabletMapForShard(%s, %s) failed: %w", req.Keyspace, req.Shard, err)
			}
		}
		resp.Tablets, err = tx.tablets(func(t *topodatapb.Tablet) bool {
			if req.TabletType != topodatapb.TabletType_UNKNOWN && t.Type != req.TabletType {
				return false
			}
			if len(req.TabletAliases) > 0 {
				return slices.ContainsFunc(req.TabletAliases, func(a *topodatapb.TabletAlias) bool { return aliasText(a) == aliasText(t.Alias) })
			}
			return (req.Keyspace == "" || t.Keyspace == req.Keyspace) && (req.Shard == "" || t.Shard == req.Shard) &&
				(len(req.Cells) == 0 || slices.Contains(req.Cells, t.Alias.Cell))
		})
		return err
	})
	return resp, err
}

// cellsFail is the error of asking cells for their tablets: all of them have to fail, or one if the request is strict.
func cellsFail(cells []string, strict bool) error {
	var errs []error
	for _, c := range cells {
		if err := checkCells([]string{c}); err != nil {
			errs = append(errs, fmt.Errorf("GetTabletsByCell(%s) failed: %w", c, err))
		}
	}
	if strict || len(errs) == len(cells) {
		return aggregate(errs)
	}
	return nil
}

// GetSrvKeyspaces answers with the serving graph of each cell; a cell that has none has an empty entry.
func (e *engine) GetSrvKeyspaces(ctx context.Context, req *vtctldatapb.GetSrvKeyspacesRequest) (*vtctldatapb.GetSrvKeyspacesResponse, error) {
	cells := req.Cells
	if len(cells) == 0 {
		cells = []string{cell}
	}
	resp := &vtctldatapb.GetSrvKeyspacesResponse{SrvKeyspaces: map[string]*topodatapb.SrvKeyspace{}}
	err := e.topo.view(ctx, func(tx topoTx) error {
		for _, name := range cells {
			srv, err := tx.srvKeyspace(req.Keyspace)
			if err != nil && !isNoNode(err) {
				return err
			}
			if err != nil || name != cell {
				srv = nil
			}
			resp.SrvKeyspaces[name] = srv
		}
		return nil
	})
	return resp, err
}

// GetVSchema answers with a keyspace's vschema.
func (e *engine) GetVSchema(ctx context.Context, req *vtctldatapb.GetVSchemaRequest) (*vtctldatapb.GetVSchemaResponse, error) {
	resp := &vtctldatapb.GetVSchemaResponse{}
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		resp.VSchema, err = tx.vschema(req.Keyspace)
		return err
	})
	return resp, err
}
