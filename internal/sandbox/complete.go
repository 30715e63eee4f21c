package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// errIgnoreSource is the real server's panic for a Reshard whose source is to be ignored.
var errIgnoreSource = errors.New("uncaught panic: runtime error: index out of range [0] with length 0")

// MoveTablesComplete ends a workflow whose traffic was switched: the source shards go, unless data is kept, then the
// streams. It serves Reshard too. As on the real server it cannot be repeated once the source shards are gone.
func (e *engine) MoveTablesComplete(ctx context.Context, req *vtctldatapb.MoveTablesCompleteRequest) (*vtctldatapb.MoveTablesCompleteResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	if req.IgnoreSourceKeyspace {
		return nil, errIgnoreSource
	}
	m, state, err := e.migrationState(ctx, req.TargetKeyspace, req.Workflow)
	if err != nil {
		return nil, err
	}
	if !state.writes || !state.replica || !state.rdonly {
		return nil, errors.New("cannot complete workflow because you have not yet switched all read and write traffic")
	}
	var serving []error
	for _, s := range m.sources {
		if s.IsPrimaryServing {
			serving = append(serving, fmt.Errorf("shard %s is still serving", s.name))
		}
	}
	if err := aggregate(serving); err != nil {
		return nil, err
	}
	if req.DryRun {
		return e.planComplete(ctx, req, m)
	}
	if !req.KeepData {
		for _, s := range m.sources {
			if err := e.dropSourceShard(ctx, s); err != nil {
				return nil, err
			}
		}
	}
	if err := half(ctx); err != nil {
		return nil, err
	}
	if err := e.dropStreams(ctx, m, m.sources, reverseName(m.workflow)); err != nil {
		return nil, err
	}
	if err := e.dropStreams(ctx, m, m.targets, m.workflow); err != nil {
		return nil, err
	}
	return &vtctldatapb.MoveTablesCompleteResponse{
		Summary: fmt.Sprintf("Successfully completed the %s workflow in the %s keyspace", req.Workflow, req.TargetKeyspace),
	}, nil
}

func (e *engine) migrationState(ctx context.Context, ks, workflow string) (m *migration, state trafficState, err error) {
	err = e.topo.view(ctx, func(tx topoTx) (err error) {
		if m, err = tx.migration(ks, workflow); err != nil {
			return err
		}
		state, err = tx.state(m)
		return err
	})
	return m, state, err
}

// planComplete says what would be done, in the real server's words.
func (e *engine) planComplete(ctx context.Context, req *vtctldatapb.MoveTablesCompleteRequest, m *migration) (*vtctldatapb.MoveTablesCompleteResponse, error) {
	plan := []string{"Lock keyspace " + m.keyspace}
	if !req.KeepData {
		gone, err := e.planDeletion(ctx, m.sources)
		if err != nil {
			return nil, err
		}
		plan = append(plan, fmt.Sprintf("Delete shards (and all related tablets): [%s]", gone))
	}
	streams := func(workflow string) func(*shardInfo) string {
		return func(s *shardInfo) string {
			return fmt.Sprintf("keyspace:%s;shard:%s;workflow:%s;dbname:%s;tablet:%d", s.keyspace, s.name, workflow, dbName(s.keyspace), s.PrimaryAlias.Uid)
		}
	}
	plan = append(plan,
		fmt.Sprintf("Delete reverse vreplication streams on sources: [%s]", byUID(m.sources, streams(reverseName(m.workflow)))),
		fmt.Sprintf("Delete vreplication streams on targets: [%s]", byUID(m.targets, streams(m.workflow))),
		"Routing rules for participating tables will be deleted",
		"Unlock keyspace "+m.keyspace)
	return &vtctldatapb.MoveTablesCompleteResponse{
		Summary:       fmt.Sprintf("Complete dry run results for workflow %s.%s at %v", req.TargetKeyspace, req.Workflow, e.now().UTC().Format(time.RFC822)),
		DryRunResults: plan,
	}, nil
}

// planDeletion names shards with their tablets.
func (e *engine) planDeletion(ctx context.Context, shards []*shardInfo) (string, error) {
	tablets := map[string][]string{}
	err := e.topo.view(ctx, func(tx topoTx) error {
		for _, s := range shards {
			all, err := tx.shardTablets(s.keyspace, s.name)
			if err != nil {
				return err
			}
			for _, t := range all {
				tablets[s.name] = append(tablets[s.name], strconv.Itoa(int(t.Alias.Uid)))
			}
		}
		return nil
	})
	return byUID(shards, func(s *shardInfo) string {
		return fmt.Sprintf("cell:%s;keyspace:%s;shards:[%s],%s", cell, s.keyspace, s.name, strings.Join(tablets[s.name], ","))
	}), err
}

// dropSourceShard removes a shard that no longer serves.
func (e *engine) dropSourceShard(ctx context.Context, s *shardInfo) error {
	var serving []topodatapb.TabletType
	err := e.topo.view(ctx, func(tx topoTx) error {
		srv, err := tx.srvKeyspace(s.keyspace)
		serving = servingTypes(srv, s.name)
		return err
	})
	if err != nil {
		return err
	}
	if len(serving) > 0 {
		return fmt.Errorf("shard %v/%v is still serving, cannot delete it, use the even-if-serving flag if needed", s.keyspace, s.name)
	}
	return e.removeShard(ctx, s.keyspace, s.name)
}

// dropStreams ends and forgets a workflow's streams on some shards, with their VDiffs.
func (e *engine) dropStreams(ctx context.Context, m *migration, shards []*shardInfo, workflow string) error {
	var gone []*stream
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		for _, s := range shards {
			on, err := tx.streams(`keyspace = ? AND shard = ? AND workflow = ?`, s.keyspace, s.name, workflow)
			if err != nil {
				return err
			}
			gone = append(gone, on...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.stopStreams(ctx, streamIDs(gone)...); err != nil {
		return err
	}
	for _, s := range shards {
		if err := e.stopVDiffs(ctx, `keyspace = ? AND shard = ? AND workflow = ?`, s.keyspace, s.name, workflow); err != nil {
			return err
		}
	}
	err = e.topo.update(ctx, func(tx topoTx) error {
		for _, s := range shards {
			if err := tx.deleteStreams(`keyspace = ? AND shard = ? AND workflow = ?`, s.keyspace, s.name, workflow); err != nil {
				return err
			}
			if err := tx.deleteVDiffs(`keyspace = ? AND shard = ? AND workflow = ?`, s.keyspace, s.name, workflow); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.forgetProgress(ctx, m.keyspace, shards)
}

// forgetProgress removes from shard files what they have of streams that are gone.
func (e *engine) forgetProgress(ctx context.Context, ks string, shards []*shardInfo) error {
	for _, s := range shards {
		var left []*stream
		var exists bool
		err := e.topo.view(ctx, func(tx topoTx) error {
			_, err := tx.shard(ks, s.name)
			if exists = err == nil; !exists {
				return nil
			}
			left, err = tx.streams(`keyspace = ? AND shard = ?`, ks, s.name)
			return err
		})
		if err != nil {
			return err
		}
		if !exists {
			continue
		}
		f, err := e.file(ctx, ks, s.name)
		if err != nil {
			return err
		}
		if err := f.forgetStreams(ctx, streamIDs(left)); err != nil {
			return err
		}
	}
	return nil
}

// WorkflowDelete cancels a workflow whose writes were not switched. It does so, too, where reads were switched or the
// switch of writes stands half way, as the real server does; and a choice of shards is one of streams alone, the tables go
// from every target.
func (e *engine) WorkflowDelete(ctx context.Context, req *vtctldatapb.WorkflowDeleteRequest) (*vtctldatapb.WorkflowDeleteResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	if req.IgnoreSourceKeyspace {
		return nil, errIgnoreSource
	}
	m, state, err := e.migrationState(ctx, req.Keyspace, req.Workflow)
	if err != nil {
		return nil, err
	}
	if state.writes {
		return nil, errors.New("cannot delete workflow because you have already switched write traffic")
	}
	if err := e.stopWorkflow(ctx, m.streams); err != nil {
		return nil, err
	}
	if err := e.dropTargets(ctx, m, req.KeepData); err != nil {
		return nil, err
	}
	if err := e.dropStreams(ctx, m, m.sources, reverseName(m.workflow)); err != nil {
		return nil, err
	}
	told := func(s *shardInfo) bool { return len(req.Shards) == 0 || slices.Contains(req.Shards, s.name) }
	dropped := slices.DeleteFunc(slices.Clone(m.targets), func(s *shardInfo) bool { return !told(s) })
	if err := e.dropStreams(ctx, m, dropped, m.workflow); err != nil {
		return nil, err
	}
	resp := &vtctldatapb.WorkflowDeleteResponse{Summary: fmt.Sprintf("Successfully cancelled the %s workflow in the %s keyspace", req.Workflow, req.Keyspace)}
	err = e.topo.view(ctx, func(tx topoTx) error {
		// Without a choice of shards every primary of the keyspace is told, whether it has streams or not.
		all, err := tx.shards(req.Keyspace)
		for _, s := range all {
			if told(s) {
				deleted := slices.ContainsFunc(dropped, func(t *shardInfo) bool { return t.name == s.name })
				resp.Details = append(resp.Details, &vtctldatapb.WorkflowDeleteResponse_TabletInfo{Tablet: s.PrimaryAlias, Deleted: deleted})
			}
		}
		return err
	})
	return resp, err
}

// stopWorkflow records streams as stopped and ends their runners.
func (e *engine) stopWorkflow(ctx context.Context, all []*stream) error {
	err := e.topo.update(ctx, func(tx topoTx) error {
		for _, s := range all {
			if err := tx.setStream(s, stateStopped, s.message, e.now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.stopStreams(ctx, streamIDs(all)...)
}

// dropTargets drops the tables of a source on every target, unless data is kept.
func (e *engine) dropTargets(ctx context.Context, m *migration, keep bool) error {
	var names []string
	if !keep {
		src, err := e.file(ctx, m.sources[0].keyspace, m.sources[0].name)
		if err != nil {
			return err
		}
		all, err := src.tables(ctx)
		if err != nil {
			return err
		}
		for _, t := range all {
			names = append(names, t.Name)
		}
	}
	for i, t := range m.targets {
		if i == 1 || len(m.targets) == 1 {
			if err := half(ctx); err != nil {
				return err
			}
		}
		f, err := e.file(ctx, t.keyspace, t.name)
		if err != nil {
			return err
		}
		if err := f.dropTables(ctx, names); err != nil {
			return err
		}
	}
	return nil
}
