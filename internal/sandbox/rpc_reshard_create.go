package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/keyrange"
)

// ReshardCreate copies the schema to the target shards and makes their streams.
func (e *engine) ReshardCreate(ctx context.Context, req *vtctldatapb.ReshardCreateRequest) (*vtctldatapb.WorkflowStatusResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	var sources, targets []*shardInfo
	err := e.topo.view(ctx, func(tx topoTx) error {
		if err := tx.validateSrvKeyspace(req.Keyspace, req.Cells); err != nil {
			return err
		}
		var err error
		if sources, targets, err = tx.reshardable(req); err != nil {
			return fmt.Errorf("buildResharder: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = e.topo.update(ctx, func(tx topoTx) error { return tx.usedSpares(req.Keyspace, req.TargetShards) })
	if err != nil {
		return nil, err
	}
	if !req.SkipSchemaCopy {
		if err := e.copySchema(ctx, sources[0], targets); err != nil {
			return nil, fmt.Errorf("copySchema: %w", err)
		}
	}
	if err := e.createStreams(ctx, req, sources, targets); err != nil {
		return nil, err
	}
	if req.AutoStart {
		if err := e.startAll(ctx, req.Keyspace, targets); err != nil {
			return nil, fmt.Errorf("startStreams: %w", err)
		}
	}
	return e.WorkflowStatus(ctx, &vtctldatapb.WorkflowStatusRequest{Keyspace: req.Keyspace, Workflow: req.Workflow, Shards: req.TargetShards})
}

// reshardable makes the real server's checks in its order.
func (tx topoTx) reshardable(req *vtctldatapb.ReshardCreateRequest) (sources, targets []*shardInfo, err error) {
	for _, name := range req.SourceShards {
		s, err := tx.shard(req.Keyspace, name)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("GetShard(%s) failed: %w", name, err)
		case !s.IsPrimaryServing:
			return nil, nil, fmt.Errorf("source shard %v is not in serving state", name)
		case s.PrimaryAlias == nil:
			return nil, nil, fmt.Errorf("GetTablet(%s) failed: %w", "", &noNodeError{path: tabletNode("")})
		}
		sources = append(sources, s)
	}
	for _, name := range req.TargetShards {
		s, err := tx.shard(req.Keyspace, name)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("GetShard(%s) failed: %w", name, err)
		case s.PrimaryAlias == nil:
			return nil, nil, fmt.Errorf("target shard %v has no primary tablet", name)
		case s.IsPrimaryServing:
			return nil, nil, fmt.Errorf("target shard %v is in serving state", name)
		}
		targets = append(targets, s)
	}
	if err := checkRanges(sources, targets); err != nil {
		return nil, nil, fmt.Errorf("ValidateForReshard: %w", err)
	}
	for _, t := range targets {
		existing, err := tx.streams(`keyspace = ? AND shard = ?`, req.Keyspace, t.name)
		if err != nil {
			return nil, nil, err
		}
		if len(existing) > 0 {
			taken := errors.New("some streams already exist in the target shards, please clean them up and retry the command")
			var errs []error
			for _, t := range targets {
				if on, err := tx.streams(`keyspace = ? AND shard = ?`, req.Keyspace, t.name); err == nil && len(on) > 0 {
					errs = append(errs, taken)
				}
			}
			return nil, nil, fmt.Errorf("validateTargets: %w", aggregate(errs))
		}
	}
	if _, err := tx.vschema(req.Keyspace); err != nil {
		return nil, nil, fmt.Errorf("GetVSchema: %w", err)
	}
	for _, s := range sources {
		on, err := tx.streams(`keyspace = ? AND shard = ? AND message != ?`, req.Keyspace, s.name, frozen)
		if err != nil {
			return nil, nil, err
		}
		if len(on) > 0 {
			return nil, nil, fmt.Errorf("readRefStreams: %w", errSourceHasStreams)
		}
	}
	return sources, targets, nil
}

// errSourceHasStreams is what the real server says of a Reshard's streams on a shard that is a source: it takes the rule
// /.* for the name of a table.
var errSourceHasStreams = errors.New("blsIsReference: table /.* not found in vschema")

func checkRanges(sources, targets []*shardInfo) error {
	return keyrange.CheckReshard(layoutOf(sources), layoutOf(targets))
}

func layoutOf(shards []*shardInfo) keyrange.Layout {
	layout := make(keyrange.Layout, len(shards))
	for i, s := range shards {
		layout[i] = keyrange.Shard{Name: s.name, Range: s.keyRange()}
	}
	return layout
}

// copySchema gives every target the tables of one source. Targets that have the same tables already are left as they are.
func (e *engine) copySchema(ctx context.Context, source *shardInfo, targets []*shardInfo) error {
	src, err := e.file(ctx, source.keyspace, source.name)
	if err != nil {
		return err
	}
	want, err := src.tables(ctx)
	if err != nil {
		return err
	}
	return onShards(targets, func(t *shardInfo) error {
		dst, err := e.file(ctx, t.keyspace, t.name)
		if err != nil {
			return err
		}
		have, err := dst.tables(ctx)
		if err != nil {
			return err
		}
		if slices.EqualFunc(have, want, func(a, b *table) bool { return a.show() == b.show() }) {
			return nil
		}
		return dst.update(ctx, func(tx *sql.Tx) error {
			for _, w := range want {
				if slices.ContainsFunc(have, func(h *table) bool { return h.Name == w.Name }) {
					return fmt.Errorf("creating a table failed. Most likely some tables already exist on the destination and differ from the source. Please remove all to be copied tables from the destination manually and run this command again. Full error: Table '%s' already exists (errno 1050) (sqlstate 42S01)", w.Name)
				}
				if err := dst.addTable(tx, w); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// createStreams makes the streams shard by shard; a fault half way leaves those of the first.
func (e *engine) createStreams(ctx context.Context, req *vtctldatapb.ReshardCreateRequest, sources, targets []*shardInfo) error {
	options := req.WorkflowOptions
	if options == nil {
		options = &vtctldatapb.WorkflowOptions{}
	}
	text, err := json.Marshal(options)
	if err != nil {
		return err
	}
	for i, t := range targets {
		if i == 1 || len(targets) == 1 {
			if err := half(ctx); err != nil {
				return err
			}
		}
		err := e.topo.update(ctx, func(tx topoTx) error {
			for _, s := range sources {
				if !s.keyRange().Intersects(t.keyRange()) {
					continue
				}
				err := tx.addStream(&stream{
					keyspace: req.Keyspace, shard: t.name, workflow: req.Workflow,
					source: &binlogdatapb.BinlogSource{
						Keyspace:      req.Keyspace,
						Shard:         s.name,
						Filter:        &binlogdatapb.Filter{Rules: []*binlogdatapb.Rule{{Match: "/.*", Filter: rangeText(t.KeyRange)}}},
						StopAfterCopy: req.StopAfterCopy,
						OnDdl:         binlogdatapb.OnDDLAction(binlogdatapb.OnDDLAction_value[req.OnDdl]),
					},
					cells: strings.Join(req.Cells, ","), tabletTypes: req.TabletTypes, preference: preference(req.TabletSelectionPreference),
					deferSecondaryKeys: req.DeferSecondaryKeys, options: string(text),
					state: stateStopped, startPos: copyFirst, timeUpdated: e.now().Unix(),
				}, e.now())
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("createStreams: %w", err)
		}
	}
	return nil
}

// preference keeps the two orders that a stream's record can hold.
func preference(p tabletmanagerdatapb.TabletSelectionPreference) tabletmanagerdatapb.TabletSelectionPreference {
	if p == tabletmanagerdatapb.TabletSelectionPreference_INORDER {
		return p
	}
	return tabletmanagerdatapb.TabletSelectionPreference_ANY
}

// startAll starts every stream on the targets, of whatever workflow.
func (e *engine) startAll(ctx context.Context, ks string, targets []*shardInfo) error {
	err := e.topo.update(ctx, func(tx topoTx) error {
		for _, t := range targets {
			all, err := tx.streams(`keyspace = ? AND shard = ?`, ks, t.name)
			if err != nil {
				return err
			}
			for _, s := range all {
				if err := tx.setStream(s, stateRunning, s.message, e.now()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.startStreams(ctx)
}

// streamableTypes are the tablet types that a stream may read from: all of them if it names none.
func streamableTypes(types []topodatapb.TabletType) []topodatapb.TabletType {
	if len(types) == 0 {
		return servedTypes[:]
	}
	return types
}
