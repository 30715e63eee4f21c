package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// streamsOn returns the streams that write into a tablet's shard.
func (t tablets) streamsOn(ctx context.Context, tablet *topodatapb.Tablet) (all []*stream, err error) {
	err = t.topo.view(ctx, func(tx topoTx) error {
		all, err = tx.streams(`keyspace = ? AND shard = ?`, tablet.Keyspace, tablet.Shard)
		return err
	})
	return all, err
}

// HasVReplicationWorkflows implements vtctld.Tablets.
func (t tablets) HasVReplicationWorkflows(ctx context.Context, tablet *topodatapb.Tablet, _ *tabletmanagerdatapb.HasVReplicationWorkflowsRequest) (*tabletmanagerdatapb.HasVReplicationWorkflowsResponse, error) {
	all, err := t.streamsOn(ctx, tablet)
	return &tabletmanagerdatapb.HasVReplicationWorkflowsResponse{Has: len(all) > 0}, err
}

// ReadVReplicationWorkflow implements vtctld.Tablets. It returns nil where the tablet has no stream of the workflow.
func (t tablets) ReadVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.ReadVReplicationWorkflowRequest) (*tabletmanagerdatapb.ReadVReplicationWorkflowResponse, error) {
	resp, err := t.ReadVReplicationWorkflows(ctx, tablet, &tabletmanagerdatapb.ReadVReplicationWorkflowsRequest{IncludeWorkflows: []string{req.Workflow}})
	if err != nil || len(resp.Workflows) == 0 {
		return nil, err
	}
	return resp.Workflows[0], nil
}

// ReadVReplicationWorkflows implements vtctld.Tablets.
func (t tablets) ReadVReplicationWorkflows(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.ReadVReplicationWorkflowsRequest) (*tabletmanagerdatapb.ReadVReplicationWorkflowsResponse, error) {
	all, err := t.streamsOn(ctx, tablet)
	if err != nil {
		return nil, err
	}
	streams, err := t.live(ctx, all)
	if err != nil {
		return nil, err
	}
	workflows := map[string]*tabletmanagerdatapb.ReadVReplicationWorkflowResponse{}
	for _, s := range streams {
		if !asked(req, s) {
			continue
		}
		w := workflows[s.workflow]
		if w == nil {
			w = &tabletmanagerdatapb.ReadVReplicationWorkflowResponse{
				Workflow: s.workflow, Cells: s.cells, TabletTypes: s.tabletTypes, TabletSelectionPreference: s.preference, DbName: dbName(s.keyspace),
				WorkflowType: binlogdatapb.VReplicationWorkflowType(s.kind), WorkflowSubType: binlogdatapb.VReplicationWorkflowSubType(s.subKind),
				DeferSecondaryKeys: s.deferSecondaryKeys, Options: s.options,
			}
			workflows[s.workflow] = w
		}
		w.Streams = append(w.Streams, s.record())
	}
	resp := &tabletmanagerdatapb.ReadVReplicationWorkflowsResponse{}
	for _, name := range slices.Sorted(maps.Keys(workflows)) {
		resp.Workflows = append(resp.Workflows, workflows[name])
	}
	return resp, nil
}

// asked reports whether a request selects a stream.
func asked(req *tabletmanagerdatapb.ReadVReplicationWorkflowsRequest, s *liveStream) bool {
	state := s.recorded()
	switch {
	case req.ExcludeFrozen && s.isFrozen():
	case len(req.IncludeIds) > 0 && !slices.Contains(req.IncludeIds, int32(s.id)):
	case len(req.IncludeWorkflows) > 0 && !slices.Contains(req.IncludeWorkflows, s.workflow):
	case slices.Contains(req.ExcludeWorkflows, s.workflow):
	case len(req.IncludeStates) > 0 && !slices.Contains(req.IncludeStates, state):
	case slices.Contains(req.ExcludeStates, state):
	default:
		return true
	}
	return false
}

// recorded is the state that a tablet's own record has.
func (s *liveStream) recorded() binlogdatapb.VReplicationWorkflowState {
	state := s.state
	if state == stateRunning && !s.copied {
		state = stateCopying
	}
	return binlogdatapb.VReplicationWorkflowState(binlogdatapb.VReplicationWorkflowState_value[state])
}

// record is the tablet's record of the stream.
func (s *liveStream) record() *tabletmanagerdatapb.ReadVReplicationWorkflowResponse_Stream {
	updated, pos := &vttimepb.Time{Seconds: s.updated}, s.position()
	if pos != "" {
		pos = flavor + pos
	}
	return &tabletmanagerdatapb.ReadVReplicationWorkflowResponse_Stream{
		Id: int32(s.id), Bls: s.source, Pos: pos, MaxTps: math.MaxInt64, MaxReplicationLag: math.MaxInt64,
		TimeUpdated: updated, TransactionTimestamp: &vttimepb.Time{Seconds: s.txTime}, TimeHeartbeat: updated, TimeThrottled: &vttimepb.Time{},
		State: s.recorded(), Message: s.message, RowsCopied: s.rowsCopied,
	}
}

// simulatedNull is how clients say that a list is to stay as it is.
const simulatedNull = "NULL"

// UpdateVReplicationWorkflow implements vtctld.Tablets. The result is nil where the tablet has no stream of the workflow.
func (t tablets) UpdateVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) (*tabletmanagerdatapb.UpdateVReplicationWorkflowResponse, error) {
	t.change.Lock()
	defer t.change.Unlock()
	all, err := t.streamsOn(ctx, tablet)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *stream) bool { return s.workflow != req.Workflow })
	if len(all) == 0 {
		return &tabletmanagerdatapb.UpdateVReplicationWorkflowResponse{}, nil
	}
	for _, s := range all {
		if req.GetState() == binlogdatapb.VReplicationWorkflowState_Running && req.State != nil && strings.EqualFold(s.message, frozen) {
			return nil, errors.New("cannot start a workflow when it is frozen")
		}
	}
	result := &querypb.QueryResult{}
	err = t.topo.update(ctx, func(tx topoTx) error {
		for _, s := range all {
			before := s.settings()
			if err := t.updateStream(tx, s, req); err != nil {
				return err
			}
			if s.settings() != before {
				result.RowsAffected++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Settings are read when a stream starts, so those that go on start again.
	if err := t.stopStreams(ctx, streamIDs(all)...); err != nil {
		return nil, err
	}
	return &tabletmanagerdatapb.UpdateVReplicationWorkflowResponse{Result: result}, t.startStreams(ctx)
}

// settings are what an update can change of a stream, as one text.
func (s *stream) settings() string {
	return fmt.Sprint(s.cells, s.tabletTypes, s.preference, s.state, s.message, s.options, s.source.OnDdl, len(s.source.Filter.Rules))
}

func (e *engine) updateStream(tx topoTx, s *stream, r *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) error {
	if !slices.Equal(r.Cells, []string{simulatedNull}) {
		s.cells = strings.Join(r.Cells, ",")
	}
	if len(r.TabletTypes) != 1 || r.TabletTypes[0] != -1 {
		s.tabletTypes = r.TabletTypes
	}
	if r.TabletSelectionPreference != nil && *r.TabletSelectionPreference != tabletmanagerdatapb.TabletSelectionPreference_UNKNOWN {
		s.preference = tabletmanagerdatapb.TabletSelectionPreference_ANY // all but the one order that a record can hold
		if *r.TabletSelectionPreference == tabletmanagerdatapb.TabletSelectionPreference_INORDER {
			s.preference = *r.TabletSelectionPreference
		}
	}
	if r.OnDdl != nil && *r.OnDdl >= 0 {
		s.source.OnDdl = *r.OnDdl
	}
	s.source.Filter.Rules = append(s.source.Filter.Rules, r.FilterRules...)
	options, err := overridden(s.options, r.ConfigOverrides)
	if err != nil {
		return err
	}
	s.options = options
	if err := tx.saveSettings(s); err != nil {
		return err
	}
	state, message := s.state, s.message
	if r.State != nil && *r.State >= 0 {
		state = r.State.String()
		if state == stateCopying {
			state = stateRunning
		}
		if s.state == stateError && state == stateRunning {
			message = ""
		}
	}
	if r.Message != nil {
		message = *r.Message
	}
	return tx.setStream(s, state, message, e.now())
}

// overridden returns a stream's options with changed settings; one that is empty is removed.
func overridden(options string, settings map[string]string) (string, error) {
	if len(settings) == 0 {
		return options, nil
	}
	parsed := map[string]any{}
	if err := json.Unmarshal([]byte(options), &parsed); err != nil {
		return "", err
	}
	config, _ := parsed["config"].(map[string]any)
	if config == nil {
		config = map[string]any{}
	}
	for name, value := range settings {
		if value = strings.TrimSpace(value); value == "" {
			delete(config, name)
		} else {
			config[name] = value
		}
	}
	parsed["config"] = config
	text, err := json.Marshal(parsed)
	return string(text), err
}
