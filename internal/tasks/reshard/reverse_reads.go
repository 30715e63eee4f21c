package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var reverseReadsSpec = &tasks.Spec{
	Name:    "reshard_reverse_reads",
	Summary: "moves reads back to the sources, in all cells",
	Doc: `Sends WorkflowSwitchTraffic backward for exactly the read types that are switched now, wholly or in some cells: reversing
another one is an error. Where writes are switched too, the reverse streams have to run on every source and to be within
max_replication_lag first (waited for, at most lag_wait); before that there is no lag that could matter. Where a failed
reversal has deleted the workflow, reads go back by the reverse workflow, forward. A type that is switched and not in
types was switched since the plan: it is refused.
Done when every cell that serves a read type has the source shards in its SrvKeyspace, open.
If it dies halfway it is sent again for what is still switched. A switch of writes that it finds half way is finished
first, in its own direction.`,
	Internal: true,
	Parameters: segmentParameters(
		tasks.Parameter{Name: "types", Kind: tasks.String, Required: true, Doc: "read types that were switched when this was planned, joined by commas"},
		maxLagParameter, lagWaitParameter, switchTimeout),
}

type reverseReadsTask struct{ base }

// Observe implements tasks.Observer.
func (t *reverseReadsTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.readsReversed(v), nil
}

func (s *scene) readsReversed(v *vitess.SegmentView) tasks.Observation {
	switched := wayBack{v}.switchedReads()
	if len(switched) == 0 {
		return done(fmt.Sprintf("reads are served by %s in every cell", s.segment.Sources))
	}
	if o, found := s.finishing(v); found {
		return o
	}
	if o, found := s.withoutWorkflow(v); found {
		return o
	}
	planned := splitNames(s.String("types"))
	for _, kind := range switched {
		if !slices.Contains(planned, string(kind)) {
			return conflict(fmt.Sprintf("%s reads are switched too: %s", kind, cellList(v, kind)),
				fmt.Sprintf("only %s reads switched, as when this was planned", strings.Join(planned, " and ")), "plan again")
		}
	}
	if o, found := s.irreversible(v); found {
		return o
	}
	var where []string
	partly := false
	for _, kind := range switched {
		where = append(where, fmt.Sprintf("%s reads are served: %s", kind, cellList(v, kind)))
		partly = partly || v.Reads(kind) == vitess.PartlySwitched
	}
	if partly {
		return running("reads are switched in part: " + strings.Join(where, ", "))
	}
	return absent(strings.Join(where, ", "))
}

// Run implements tasks.Task.
func (t *reverseReadsTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	if direction, _, _, midFlight := v.MidFlight(); midFlight {
		if v, err = s.endMidFlight(ctx, v, direction, true); err != nil {
			return nil, "", err
		}
	}
	switch o := s.readsReversed(v); o.State {
	case tasks.Done:
		return nil, o.Output, nil
	case tasks.Conflict:
		return nil, "", asError(o)
	}
	if v.Writes() == vitess.AllSwitched {
		if v, err = s.awaitReversible(ctx, s.readsReversed); err != nil {
			return nil, "", err
		}
	}
	types := wayBack{v}.switchedReads()
	if len(types) == 0 { // somebody was faster
		return nil, s.readsReversed(v).Output, nil
	}
	s.say("switching %s reads back to %s", typeList(types, " and "), s.segment.Sources)
	_, acted := s.cluster.SwitchTraffic(ctx, s.trafficRequest(v, vitess.Backward, types...))
	limit := switchSettle
	if acted != nil {
		limit = 0
	}
	v, ok, err := s.settle(ctx, limit, func(v *vitess.SegmentView) bool { return s.readsReversed(v).State == tasks.Done })
	switch {
	case ok:
		return nil, s.readsReversed(v).Output, nil
	case acted != nil:
		where := "where they are served could not be read"
		if err == nil {
			where = s.readsReversed(v).Detail
		}
		return nil, "", s.undone(v, fmt.Sprintf("switching %s reads back to %s failed (%s)", typeList(types, " and "), s.segment.Sources, where), acted,
			vitess.CommandGetSrvKeyspaces(s.keyspace))
	case err != nil:
		return nil, "", err
	}
	return nil, "", temporary(failed(fmt.Sprintf("%s reads were switched back and it does not show", typeList(types, " and ")), s.readsReversed(v).Detail,
		vitess.CommandGetSrvKeyspaces(s.keyspace)))
}

// Commands implements tasks.Commander.
func (t *reverseReadsTask) Commands(ctx context.Context, parameters map[string]string) []string {
	s, v, err := t.glimpse(ctx, parameters)
	if err != nil {
		return nil
	}
	var types []vitess.TabletType
	for _, name := range splitNames(s.String("types")) {
		types = append(types, vitess.TabletType(name))
	}
	return []string{vitess.CommandSwitchTraffic(s.trafficRequest(v, vitess.Backward, types...)), vitess.CommandGetSrvKeyspaces(s.keyspace)}
}

// Describe implements tasks.Describer.
func (t *reverseReadsTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("serve %s reads from %s again, in all cells", parameters["types"], parameters["sources"])
}
