package reshard

import (
	"context"
	"fmt"
	"slices"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var confirmBackSpec = &tasks.Spec{
	Name:    "reshard_confirm_back",
	Summary: "checks that the sources serve again and that nothing is left over",
	Doc: `Read-only: every type is served by the sources in every cell, there is no workflow and no reverse workflow, no tablet
control is disabled, and the server's own validation has no complaints. What does not hold after some seconds is an
error that has all of it, with the commands that cure it. The target shards stay in the topology, not serving: the
output says so.`,
	Internal:   true,
	Parameters: segmentParameters(),
}

type confirmBackTask struct{ base }

// Observe implements tasks.Observer.
func (t *confirmBackTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return observeEnd(ctx, v, s.findingsBack, s.summaryBack)
}

// Run implements tasks.Task.
func (t *confirmBackTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, err := t.open(parameters)
	if err != nil {
		return nil, "", err
	}
	output, err := s.confirmEnd(ctx, "the way back of "+s.arrow(), s.findingsBack, s.summaryBack)
	return nil, output, err
}

// findingsBack is everything that does not hold behind a way back: what serves is judged as if the segment had been
// resharded the other way.
func (s *scene) findingsBack(ctx context.Context, v *vitess.SegmentView) ([]finding, error) {
	list := slices.Concat(layoutFindings(s.keyspace, v.View(s.segment.Reverse())), s.leftovers(v))
	if len(list) > 0 {
		return list, nil
	}
	return s.complaints(ctx)
}

// summaryBack is the output: what serves, and what stays.
func (s *scene) summaryBack(v *vitess.SegmentView) string {
	serving, _ := v.Layout(vitess.Primary) // cells agree, or there would be findings
	text := fmt.Sprintf("%s serves from %s", s.keyspace, serving)
	present := v.View(s.segment.Reverse()).SourcesPresent()
	if len(present) == 0 {
		return text
	}
	return text + fmt.Sprintf("; %s is still in the topology, not serving: it can be used again, or deleted: %s", present, vitess.CommandDeleteShards(s.keyspace, present.Names()...))
}

// Commands implements tasks.Commander.
func (t *confirmBackTask) Commands(_ context.Context, parameters map[string]string) []string {
	keyspace := parameters["keyspace"]
	return []string{vitess.CommandGetSrvKeyspaces(keyspace), vitess.CommandGetWorkflows(keyspace), vitess.CommandValidateKeyspace(keyspace, false)}
}

// Describe implements tasks.Describer.
func (t *confirmBackTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("check that %s serves everywhere and that nothing is left over", parameters["sources"])
}
