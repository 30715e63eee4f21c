package reshard

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var switchReadsSpec = &tasks.Spec{
	Name:    "reshard_switch_reads",
	Summary: "moves the reads of one tablet type to the targets, in all cells",
	Doc: `Sends WorkflowSwitchTraffic for one type and all cells, once the lag is within max_replication_lag. Reads go before
writes, RDONLY too even without such tablets: the other order leaves tablet controls behind for good.
Done when every cell that serves the type has the target shards in its SrvKeyspace and the sources closed.
If it dies halfway it is sent again, which is safe. A switch of writes that it finds half way is finished first.
Traffic that someone has switched back by hand is not switched again before switch_rdonly is approved anew.`,
	Internal:   true,
	Parameters: segmentParameters(readTypesParameter, maxLagParameter, lagWaitParameter, switchTimeout, reverseParameter),
}

// switchReadsTask remembers, from being observed, what the state has of it.
type switchReadsTask struct {
	base
	record tasks.Record
}

func (s *scene) readType() vitess.TabletType { return vitess.TabletType(s.String("type")) }

// switchRequest asks for a switch of types forward.
func (s *scene) switchRequest(v *vitess.SegmentView, types ...vitess.TabletType) vitess.SwitchTraffic {
	return vitess.SwitchTraffic{
		Keyspace: s.keyspace, Workflow: s.name(v), Types: types, MaxLag: s.Duration("max_replication_lag"),
		Timeout: max(s.Duration("timeout"), time.Second), ReverseReplication: s.Bool("reverse_replication"),
	}
}

// Observe implements tasks.Observer.
func (t *switchReadsTask) Observe(ctx context.Context, parameters map[string]string, record tasks.Record) (tasks.Observation, error) {
	t.record = record
	s, v, err := t.glanced(ctx, parameters, record)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.readsSwitched(v), nil
}

func (s *scene) readsSwitched(v *vitess.SegmentView) tasks.Observation {
	kind := s.readType()
	at := stageOf(v)
	switch reads := v.Reads(kind); {
	case reads == vitess.AllSwitched:
		return done(fmt.Sprintf("%s reads are served by %s in every cell", kind, s.segment.Targets))
	case len(v.ReadsByCell(kind)) == 0 && at >= isSwitching:
		return done(fmt.Sprintf("no cell serves %s", kind))
	case at == isCompleted:
		return conflict(fmt.Sprintf("the workflow is gone and %s reads are not on %s: %s", kind, s.segment.Targets, cellList(v, kind)),
			"reads that moved before the workflow was completed", vitess.CommandRebuildKeyspaceGraph(s.keyspace))
	case at == isMidFlight:
		o, _ := s.finishing(v)
		return o
	}
	if o, found := s.takenBack(v, at < isSwitched && len(v.ReadsByCell(kind)) > 0, string(kind)+" reads were"); found {
		return o
	}
	if o, found := foreign(v); found {
		return o
	}
	if o, found := s.stopped(v); found {
		return o
	}
	if v.Reads(kind) == vitess.PartlySwitched {
		return running(fmt.Sprintf("%s reads are switched in part: %s", kind, cellList(v, kind)))
	}
	return absent(fmt.Sprintf("%s reads are served by %s", kind, s.segment.Sources))
}

func cellList(v *vitess.SegmentView, kind vitess.TabletType) string {
	var cells []string
	for _, c := range v.ReadsByCell(kind) {
		cells = append(cells, fmt.Sprintf("%s from %s", c.Cell, c.Shards))
	}
	return strings.Join(cells, "; ")
}

// switchSettle is how long a switch may take to show after the server answered.
const switchSettle = 15 * time.Second

// Run implements tasks.Task.
func (t *switchReadsTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.recalled(ctx, parameters, t.record)
	if err != nil {
		return nil, "", err
	}
	if _, _, _, midFlight := v.MidFlight(); midFlight {
		if v, err = s.finishMidFlight(ctx, v); err != nil {
			return nil, "", err
		}
	}
	if o := s.readsSwitched(v); o.State == tasks.Done {
		return nil, o.Output, nil
	}
	if stageOf(v) < isSwitched { // behind a switch of writes made by hand there is no lag to wait for
		if v, err = s.ready(ctx, v, func(v *vitess.SegmentView) error {
			if o := s.readsSwitched(v); o.State == tasks.Conflict {
				return asError(o)
			}
			return nil
		}); err != nil {
			return nil, "", err
		}
	}
	kind := s.readType()
	s.say("switching %s reads to %s", kind, s.segment.Targets)
	var acted error
	if v.ForwardGone() {
		acted = s.readsFollowWrites(ctx, v)
	} else {
		_, acted = s.cluster.SwitchTraffic(ctx, s.switchRequest(v, kind))
	}
	limit := switchSettle
	if acted != nil {
		limit = 0
	}
	v, ok, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool { return s.readsSwitched(v).State == tasks.Done })
	switch {
	case ok:
		return nil, s.readsSwitched(v).Output, nil
	case diag.ExitOf(acted) == diag.ExitRefused:
		return nil, "", acted
	case acted != nil:
		return nil, "", s.undone(v, fmt.Sprintf("switching %s reads to %s failed (%s reads: %s)", kind, s.segment.Targets, kind, s.readState(v, err)), acted,
			vitess.CommandGetWorkflows(s.keyspace))
	case err != nil:
		return nil, "", err
	}
	return nil, "", temporary(failed(fmt.Sprintf("%s reads were switched and do not show", kind), cellList(v, kind), ""))
}

// readsFollowWrites moves all reads of the segment to where writes are, without its workflow, which is gone: the streams
// back switch traffic back only. It clears the controls that keep reads off the targets and rebuilds the serving graph, which
// serves every type from the shards that serve writes; so no other reshard of the keyspace may have moved any traffic.
func (s *scene) readsFollowWrites(ctx context.Context, v *vitess.SegmentView) error {
	if open := unsettled(v.Snapshot, s.segment); len(open) > 0 {
		return refused(fmt.Sprintf("reads of %s cannot be switched now: its workflow is gone, and rebuilding the serving graph would move those of another reshard", s.arrow()),
			"expected no other reshard that has moved traffic, found: "+strings.Join(open, ", "), "finish that one, or take it back, first")
	}
	for _, step := range controlSteps(v.Snapshot, ownControls(v), nil) {
		s.say("%s", step.command(s.keyspace))
		if err := s.cluster.ClearTabletControl(ctx, s.keyspace, step.shard, step.kind); err != nil {
			return err
		}
	}
	return s.cluster.RebuildKeyspaceGraph(ctx, s.keyspace)
}

// readState says where reads are after an error.
func (s *scene) readState(v *vitess.SegmentView, err error) string {
	if err != nil || v == nil {
		return "could not be read"
	}
	return cellList(v, s.readType())
}

// ready waits until the streams run within the bound of lag, for at most lag_wait. first is a look of a moment ago; nil:
// none. check fails for what waiting cannot cure.
func (s *scene) ready(ctx context.Context, first *vitess.SegmentView, check func(*vitess.SegmentView) error) (*vitess.SegmentView, error) {
	until := s.now().Add(s.Duration("lag_wait"))
	bound := s.Duration("max_replication_lag")
	said := time.Time{}
	var last *vitess.SegmentView
	err := s.watchFrom(ctx, first, quick(), func(v *vitess.SegmentView) (bool, error) {
		last = v
		if err := check(v); err != nil {
			return false, err
		}
		if v.Workflow == nil {
			return false, refused(fmt.Sprintf("there is no workflow to switch: %s", s.arrow()), "expected the workflow that was copied", "apply again")
		}
		if err := s.mayWork(v); err != nil {
			return false, err
		}
		found := s.outOfBound(v)
		if found == "" {
			return true, nil
		}
		if !s.now().Before(until) {
			return false, failed(fmt.Sprintf("switching %s has to wait", s.arrow()),
				fmt.Sprintf("expected running streams with a lag of at most %s within %s, found: %s", spell.Duration(bound), spell.Duration(s.Duration("lag_wait")), found),
				"nothing was switched by this step; look at the streams, then apply again\n"+vitess.CommandShowWorkflow(s.keyspace, v.Workflow.Name))
		}
		s.remind(&said, reportEvery, "waiting for streams within %s: %s", spell.Duration(bound), found)
		return false, nil
	})
	return last, err
}

// Commands implements tasks.Commander.
func (t *switchReadsTask) Commands(ctx context.Context, parameters map[string]string) []string {
	s, v, err := t.glimpse(ctx, parameters)
	if err != nil {
		return nil
	}
	return readsCommands(v, s.switchRequest(nil, s.readType()))
}

// readsCommands are those that move reads to the targets from where the reshard stands; v nil: as it will.
func readsCommands(v *vitess.SegmentView, request vitess.SwitchTraffic) []string {
	if v != nil && v.ForwardGone() {
		return byRecordsCommands(v)
	}
	return []string{vitess.CommandSwitchTraffic(request)}
}

// Describe implements tasks.Describer.
func (t *switchReadsTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("serve %s reads from %s instead of %s, in all cells", parameters["type"], parameters["targets"], parameters["sources"])
}
