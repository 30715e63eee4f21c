package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// GetWorkflows answers with the workflows on a keyspace's shards, or on those that the request names.
func (e *engine) GetWorkflows(ctx context.Context, req *vtctldatapb.GetWorkflowsRequest) (*vtctldatapb.GetWorkflowsResponse, error) {
	shards, all, err := e.streamsOn(ctx, req)
	if err != nil {
		return nil, err
	}
	streams, err := e.live(ctx, all)
	if err != nil {
		return nil, err
	}
	byName := map[string]*vtctldatapb.Workflow{}
	resp := &vtctldatapb.GetWorkflowsResponse{}
	for _, s := range streams {
		w := byName[s.workflow]
		if w == nil {
			w = &vtctldatapb.Workflow{
				Name:               s.workflow,
				Source:             &vtctldatapb.Workflow_ReplicationLocation{Keyspace: s.source.Keyspace},
				Target:             &vtctldatapb.Workflow_ReplicationLocation{Keyspace: s.keyspace},
				ShardStreams:       map[string]*vtctldatapb.Workflow_ShardStream{},
				WorkflowType:       binlogdatapb.VReplicationWorkflowType_Reshard.String(),
				WorkflowSubType:    binlogdatapb.VReplicationWorkflowSubType_None.String(),
				DeferSecondaryKeys: s.deferSecondaryKeys,
				Options:            &vtctldatapb.WorkflowOptions{},
			}
			if err := json.Unmarshal([]byte(s.options), w.Options); err != nil {
				return nil, err
			}
			byName[s.workflow] = w
			resp.Workflows = append(resp.Workflows, w)
		}
		if err := e.addStream(ctx, w, shards[s.shard], s, req.IncludeLogs); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// streamsOn are the shards and streams that a request asks for.
func (e *engine) streamsOn(ctx context.Context, req *vtctldatapb.GetWorkflowsRequest) (map[string]*shardInfo, []*stream, error) {
	byName := map[string]*shardInfo{}
	var all []*stream
	err := e.topo.view(ctx, func(tx topoTx) error {
		names, err := tx.shardNames(req.Keyspace)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return fmt.Errorf("no shards found in keyspace %s", req.Keyspace)
		}
		for _, want := range req.Shards {
			if !slices.Contains(names, want) {
				return fmt.Errorf("shard %s not found in keyspace %s", want, req.Keyspace)
			}
		}
		if len(req.Shards) > 0 {
			names = req.Shards
		}
		for _, name := range names {
			s, err := tx.shard(req.Keyspace, name)
			if err != nil {
				return err
			}
			if s.PrimaryAlias == nil {
				return fmt.Errorf("no primary found for shard %s/%s", req.Keyspace, name)
			}
			if _, err := tx.tablet(s.PrimaryAlias); err != nil {
				return err
			}
			byName[name] = s
		}
		all, err = tx.streams(`keyspace = ?`, req.Keyspace)
		return err
	})
	all = slices.DeleteFunc(all, func(s *stream) bool {
		return byName[s.shard] == nil || req.Workflow != "" && s.workflow != req.Workflow || req.ActiveOnly && s.state == stateStopped
	})
	return byName, all, err
}

// addStream adds a stream to the message of its workflow.
func (e *engine) addStream(ctx context.Context, w *vtctldatapb.Workflow, shard *shardInfo, s *liveStream, logs bool) error {
	key := s.shard + "/" + aliasText(shard.PrimaryAlias)
	on := w.ShardStreams[key]
	if on == nil {
		on = &vtctldatapb.Workflow_ShardStream{TabletControls: shard.TabletControls, IsPrimaryServing: shard.IsPrimaryServing}
		w.ShardStreams[key] = on
	}
	m := &vtctldatapb.Workflow_Stream{
		Id:                        s.id,
		Shard:                     s.shard,
		Tablet:                    shard.PrimaryAlias,
		BinlogSource:              s.source,
		Position:                  s.position(),
		State:                     s.shown(),
		DbName:                    dbName(s.keyspace),
		TransactionTimestamp:      &vttimepb.Time{Seconds: s.txTime},
		TimeUpdated:               &vttimepb.Time{Seconds: s.updated},
		Message:                   s.message,
		Tags:                      []string{""},
		RowsCopied:                s.rowsCopied,
		ThrottlerStatus:           &vtctldatapb.Workflow_Stream_ThrottlerStatus{TimeThrottled: &vttimepb.Time{}},
		TabletTypes:               s.tabletTypes,
		TabletSelectionPreference: s.preference,
		Cells:                     strings.Split(s.cells, ","),
	}
	for _, c := range s.copying {
		m.CopyStates = append(m.CopyStates, &vtctldatapb.Workflow_Stream_CopyState{Table: c.table, LastPk: c.lastPK, StreamId: s.id})
	}
	if logs {
		var err error
		if m.Logs, err = e.streamLogs(ctx, s.id); err != nil {
			return err
		}
	}
	on.Streams = append(on.Streams, m)
	add := func(list []string, name string) []string {
		if slices.Contains(list, name) {
			return list
		}
		list = append(list, name)
		slices.Sort(list)
		return list
	}
	w.Source.Shards = add(w.Source.Shards, s.source.Shard)
	w.Target.Shards = add(w.Target.Shards, s.shard)
	now := e.now().Unix()
	w.MaxVReplicationLag = max(w.MaxVReplicationLag, now-s.updated)
	if lag := s.transactionLag(now); lag == copyingLag || w.MaxVReplicationTransactionLag == copyingLag {
		w.MaxVReplicationTransactionLag = copyingLag
	} else {
		w.MaxVReplicationTransactionLag = max(w.MaxVReplicationTransactionLag, lag)
	}
	return nil
}

// dbName is the database that a tablet of the keyspace has.
func dbName(ks string) string { return "vt_" + ks }

func (e *engine) streamLogs(ctx context.Context, id int64) ([]*vtctldatapb.Workflow_Stream_Log, error) {
	var logs []*vtctldatapb.Workflow_Stream_Log
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		logs, err = collect(tx.Tx, func(scan func(...any) error) (*vtctldatapb.Workflow_Stream_Log, error) {
			l := &vtctldatapb.Workflow_Stream_Log{StreamId: id, Count: 1, CreatedAt: &vttimepb.Time{}}
			err := scan(&l.Id, &l.Type, &l.State, &l.Message, &l.CreatedAt.Seconds)
			l.UpdatedAt = l.CreatedAt
			return l, err
		}, `SELECT id, type, state, message, created_at FROM stream_log WHERE stream_id = ? ORDER BY id`, id)
		return err
	})
	return logs, err
}

// WorkflowStatus answers with a workflow's streams and traffic. The copy state is empty: for a Reshard the real server
// asks for a table named /.* and finds none.
func (e *engine) WorkflowStatus(ctx context.Context, req *vtctldatapb.WorkflowStatusRequest) (*vtctldatapb.WorkflowStatusResponse, error) {
	var state trafficState
	err := e.topo.view(ctx, func(tx topoTx) error {
		m, err := tx.migration(req.Keyspace, req.Workflow)
		if err != nil {
			return err
		}
		state, err = tx.state(m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("failed to get workflow state for %s.%s workflow: %w", req.Keyspace, req.Workflow, err)
	}
	w, err := e.workflow(ctx, req.Keyspace, req.Workflow, req.Shards)
	if err != nil {
		return nil, err
	}
	resp := &vtctldatapb.WorkflowStatusResponse{TrafficState: state.String(), ShardStreams: map[string]*vtctldatapb.WorkflowStatusResponse_ShardStreams{}}
	for key, on := range w.ShardStreams {
		shard, _, _ := strings.Cut(key, "/")
		streams := &vtctldatapb.WorkflowStatusResponse_ShardStreams{}
		for _, s := range on.Streams {
			streams.Streams = append(streams.Streams, &vtctldatapb.WorkflowStatusResponse_ShardStreamState{
				Id:          int32(s.Id),
				Tablet:      s.Tablet,
				SourceShard: s.BinlogSource.Keyspace + "/" + s.BinlogSource.Shard,
				Position:    s.Position,
				Status:      s.State,
				Info:        e.streamInfo(s),
			})
		}
		resp.ShardStreams[req.Keyspace+"/"+shard] = streams
	}
	return resp, nil
}

// streamInfo has the real server's arithmetic, in which the nanosecond within the current second stands for the time.
func (e *engine) streamInfo(s *vtctldatapb.Workflow_Stream) string {
	switch {
	case s.State == stateError:
		return s.Message
	case s.Position == "":
		return "VStream has not started"
	}
	now, at := int64(e.now().Nanosecond()), s.TransactionTimestamp.GetSeconds()
	info := fmt.Sprintf("VStream Lag: %ds", (now-at)/1e9)
	if at > 0 {
		info += fmt.Sprintf("; ; Tx time: %s.", time.Unix(at, 0).Format(time.ANSIC))
	}
	return info
}

// workflow is the one workflow of that name.
func (e *engine) workflow(ctx context.Context, ks, name string, shards []string) (*vtctldatapb.Workflow, error) {
	resp, err := e.GetWorkflows(ctx, &vtctldatapb.GetWorkflowsRequest{Keyspace: ks, Workflow: name, Shards: shards})
	if err != nil {
		return nil, err
	}
	if len(resp.Workflows) != 1 {
		return nil, fmt.Errorf("unexpected number of workflows returned for %s.%s; expected 1, got %d", ks, name, len(resp.Workflows))
	}
	return resp.Workflows[0], nil
}
