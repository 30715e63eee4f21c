package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// errNoTabletRequest is the real server's panic for a request without what is to be updated.
var errNoTabletRequest = errors.New("uncaught panic: runtime error: invalid memory address or nil pointer dereference")

// WorkflowUpdate starts and stops a workflow's streams and changes their settings.
func (e *engine) WorkflowUpdate(ctx context.Context, req *vtctldatapb.WorkflowUpdateRequest) (*vtctldatapb.WorkflowUpdateResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	r := req.TabletRequest
	if r == nil {
		return nil, errNoTabletRequest
	}
	shards, all, err := e.streamsOn(ctx, &vtctldatapb.GetWorkflowsRequest{Keyspace: req.Keyspace, Workflow: r.Workflow, Shards: r.Shards})
	if isNoNode(err) {
		return nil, fmt.Errorf("%s keyspace does not exist: %w", req.Keyspace, err)
	}
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *stream) bool { return s.workflow != r.Workflow })
	if len(all) == 0 {
		return nil, fmt.Errorf("the %s workflow does not exist in the %s keyspace", r.Workflow, req.Keyspace)
	}
	start := r.State != nil && *r.State == binlogdatapb.VReplicationWorkflowState_Running
	for _, s := range all {
		if start && strings.EqualFold(s.message, frozen) {
			return nil, errors.New("cannot start a workflow when it is frozen")
		}
	}
	changed := map[string]bool{} // by shard
	err = e.topo.update(ctx, func(tx topoTx) error {
		for _, s := range all {
			before := s.settings()
			if err := e.updateStream(tx, s, r); err != nil {
				return err
			}
			changed[s.shard] = changed[s.shard] || s.settings() != before
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Settings are read when a stream starts, so those that go on start anew.
	if err := e.stopStreams(ctx, streamIDs(all)...); err != nil {
		return nil, err
	}
	if err := e.startStreams(ctx); err != nil {
		return nil, err
	}
	return updated(req.Keyspace, r.Workflow, shards, changed), nil
}

// settings are what an update can change of a stream, as one text.
func (s *stream) settings() string {
	return fmt.Sprint(s.cells, s.tabletTypes, s.preference, s.state, s.message, s.source.OnDdl, len(s.source.Filter.Rules))
}

func updated(ks, workflow string, shards map[string]*shardInfo, changed map[string]bool) *vtctldatapb.WorkflowUpdateResponse {
	resp := &vtctldatapb.WorkflowUpdateResponse{}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		resp.Details = append(resp.Details, &vtctldatapb.WorkflowUpdateResponse_TabletInfo{Tablet: shards[name].PrimaryAlias, Changed: changed[name]})
	}
	resp.Summary = fmt.Sprintf("Successfully updated the %s workflow on (%d) target primary tablets in the %s keyspace", workflow, len(resp.Details), ks)
	return resp
}

// simulatedNull is how clients say that a list is to stay as it is.
const simulatedNull = "NULL"

func (e *engine) updateStream(tx topoTx, s *stream, r *tabletmanagerdatapb.UpdateVReplicationWorkflowRequest) error {
	if !slices.Equal(r.Cells, []string{simulatedNull}) {
		s.cells = strings.Join(r.Cells, ",")
	}
	if len(r.TabletTypes) != 1 || r.TabletTypes[0] != -1 {
		s.tabletTypes = r.TabletTypes
	}
	if r.TabletSelectionPreference != nil && *r.TabletSelectionPreference != tabletmanagerdatapb.TabletSelectionPreference_UNKNOWN {
		s.preference = preference(*r.TabletSelectionPreference)
	}
	if r.OnDdl != nil && *r.OnDdl >= 0 {
		s.source.OnDdl = *r.OnDdl
	}
	s.source.Filter.Rules = append(s.source.Filter.Rules, r.FilterRules...)
	source, err := protojson.Marshal(s.source)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE stream SET cells = ?, tablet_types = ?, preference = ?, source = ? WHERE id = ?`,
		s.cells, typesText(s.tabletTypes), s.preference, string(source), s.id); err != nil {
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
