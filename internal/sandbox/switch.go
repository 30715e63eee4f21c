package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// defaultTimeout is the real server's for what a request leaves out.
const defaultTimeout = 30 * time.Second

// trafficSwitch is one WorkflowSwitchTraffic call. For a reversal of writes it is a forward switch of the reverse workflow.
type trafficSwitch struct {
	*engine
	req      *vtctldatapb.WorkflowSwitchTrafficRequest
	m        *migration
	state    trafficState
	backward bool
	timeout  time.Duration
	plan     []string // what a dry run would do
}

// WorkflowSwitchTraffic moves reads, writes or both to the other side of a workflow.
func (e *engine) WorkflowSwitchTraffic(ctx context.Context, req *vtctldatapb.WorkflowSwitchTrafficRequest) (*vtctldatapb.WorkflowSwitchTrafficResponse, error) {
	e.change.Lock()
	defer e.change.Unlock()
	timeout := durationOf(req.Timeout, defaultTimeout)
	if timeout < time.Second {
		return &vtctldatapb.WorkflowSwitchTrafficResponse{}, nil // the real server wraps no error here, and answers that there is none
	}
	for _, kind := range req.TabletTypes {
		if !slices.Contains(servedTypes[:], kind) {
			return nil, fmt.Errorf("invalid tablet type passed %s", kind)
		}
	}
	writes := slices.Contains(req.TabletTypes, topodatapb.TabletType_PRIMARY)
	reads := slices.ContainsFunc(req.TabletTypes, func(t topodatapb.TabletType) bool { return t != topodatapb.TabletType_PRIMARY })
	if !writes {
		if err := half(ctx); err != nil {
			return nil, err
		}
	}
	s := &trafficSwitch{engine: e, req: req, backward: req.Direction != 0, timeout: timeout}
	if err := s.load(ctx, req.Workflow); err != nil {
		return nil, err
	}
	alreadySwitched := s.state.writes != s.backward
	if s.backward && (s.state.writes || writes) {
		if err := s.load(ctx, reverseName(s.m.workflow)); err != nil {
			return nil, err
		}
		s.backward = false
	}
	if !alreadySwitched {
		reason, err := s.obstacle(ctx)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			return nil, fmt.Errorf("cannot switch traffic for workflow %s at this time: %s", s.m.workflow, reason)
		}
	}
	if reads {
		if err := s.switchReads(ctx); err != nil {
			return nil, err
		}
	}
	if writes {
		if err := s.switchWrites(ctx); err != nil {
			return nil, err
		}
	}
	return s.respond(ctx)
}

func durationOf(d *vttimepb.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return time.Duration(d.Seconds)*time.Second + time.Duration(d.Nanos)
}

func (s *trafficSwitch) load(ctx context.Context, workflow string) error {
	return s.topo.view(ctx, func(tx topoTx) (err error) {
		if s.m, err = tx.migration(s.req.Keyspace, workflow); err != nil {
			return err
		}
		s.state, err = tx.state(s.m)
		return err
	})
}

func (s *trafficSwitch) respond(ctx context.Context) (*vtctldatapb.WorkflowSwitchTrafficResponse, error) {
	cmd := "SwitchTraffic"
	if s.req.Direction != 0 {
		cmd = "ReverseTraffic"
	}
	if s.req.DryRun {
		if len(s.plan) == 0 {
			s.plan = []string{"No changes required"}
		}
		return &vtctldatapb.WorkflowSwitchTrafficResponse{
			Summary:       fmt.Sprintf("%s dry run results for workflow %s.%s at %v", cmd, s.req.Keyspace, s.req.Workflow, s.now().UTC().Format(time.RFC822)),
			DryRunResults: s.plan,
		}, nil
	}
	resp := &vtctldatapb.WorkflowSwitchTrafficResponse{
		Summary:    fmt.Sprintf("%s was successful for workflow %s.%s", cmd, s.req.Keyspace, s.req.Workflow),
		StartState: s.state.String(),
	}
	if err := s.load(ctx, s.m.workflow); err != nil {
		resp.CurrentState = fmt.Sprintf("Error reloading workflow state after switching traffic: %v", err)
	} else {
		resp.CurrentState = s.state.String()
	}
	return resp, nil
}

// obstacle says why traffic cannot be switched now, "" if it can.
func (s *trafficSwitch) obstacle(ctx context.Context) (string, error) {
	w, err := s.workflow(ctx, s.m.keyspace, s.m.workflow, s.req.Shards)
	if err != nil {
		return "", err
	}
	allowed := int64(durationOf(s.req.MaxReplicationLagAllowed, defaultTimeout).Seconds())
	if w.MaxVReplicationTransactionLag > allowed {
		return fmt.Sprintf("replication lag %ds is higher than allowed lag %ds", w.MaxVReplicationTransactionLag, allowed), nil
	}
	for _, on := range w.ShardStreams {
		for _, stream := range on.Streams {
			switch {
			case stream.Message == frozen:
				return "workflow is frozen", nil
			case stream.State == stateCopying:
				return "copy is still in progress", nil
			case stream.State == stateError:
				return "workflow has errors", nil
			}
		}
	}
	var failed strings.Builder
	for _, side := range []struct {
		name   string
		shards []*shardInfo
	}{{"source", s.m.sources}, {"target", s.m.targets}} {
		for _, shard := range side.shards {
			if err := s.refresh(ctx, shard); err != nil && !s.req.Force {
				fmt.Fprintf(&failed, "failed to successfully refresh all tablets in the %s/%s %s shard (%v):\n  %v\n", shard.keyspace, shard.name, side.name, nil,
					fmt.Sprintf("failed to refresh tablet %s: %v", aliasText(shard.PrimaryAlias), err))
			}
		}
	}
	if failed.Len() > 0 {
		return "could not refresh all of the tablets involved in the operation:\n" + failed.String(), nil
	}
	return "", nil
}

// refresh asks a shard's primary whether it is there.
func (e *engine) refresh(ctx context.Context, shard *shardInfo) error {
	f, err := e.file(ctx, shard.keyspace, shard.name)
	if err != nil {
		return err
	}
	return f.ping(ctx)
}
