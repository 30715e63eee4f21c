package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var confirmSpec = &tasks.Spec{
	Name:    "reshard_confirm",
	Summary: "checks that the targets serve and that nothing is left over",
	Doc: `Read-only: every type is served by the targets in every cell, there is no workflow and no reverse workflow, no tablet
control is disabled, the server's own validation has no complaints, the vschema is the wanted one, and the source shards
are gone (or, with remove_shards = false, do not serve). What does not hold after some seconds is an error that has all
of it, with the commands that cure it. The output has the layout and the tablets that are still to be stopped.`,
	Internal:   true,
	Parameters: segmentParameters(vschemaParameter, removeParameter),
}

type confirmTask struct{ base }

// finding is one thing that does not hold, and what to do about it.
type finding struct {
	text string
	cure []string
}

// Observe implements tasks.Observer.
func (t *confirmTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return observeEnd(ctx, v, s.findings, s.summary)
}

// observeEnd says whether nothing is found that does not hold.
func observeEnd(ctx context.Context, v *vitess.SegmentView, find findFunc, summary func(*vitess.SegmentView) string) (tasks.Observation, error) {
	findings, err := find(ctx, v)
	if err != nil {
		return tasks.Observation{}, err
	}
	if len(findings) > 0 {
		return absent(findings[0].text), nil
	}
	return done(summary(v)), nil
}

// findFunc finds everything that does not hold.
type findFunc func(context.Context, *vitess.SegmentView) ([]finding, error)

// confirmSettle is how long cells may take to agree.
const confirmSettle = 10 * time.Second

// Run implements tasks.Task.
func (t *confirmTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, err := t.open(parameters)
	if err != nil {
		return nil, "", err
	}
	output, err := s.confirmEnd(ctx, s.arrow(), s.findings, s.summary)
	return nil, output, err
}

// confirmEnd waits a little for the end of what to be as it should and returns its summary.
func (s *scene) confirmEnd(ctx context.Context, what string, find findFunc, summary func(*vitess.SegmentView) string) (output string, err error) {
	until := s.now().Add(confirmSettle)
	err = s.watch(ctx, quick(), func(v *vitess.SegmentView) (bool, error) {
		findings, err := find(ctx, v)
		switch {
		case err != nil:
			return false, err
		case len(findings) == 0:
			output = summary(v)
			return true, nil
		case s.now().Before(until):
			return false, nil
		}
		var texts, cures []string
		for _, f := range findings {
			texts = append(texts, f.text)
			cures = append(cures, f.cure...)
		}
		return false, failed(what+" is not as it should be at its end", strings.Join(texts, "\n"), strings.Join(cures, "\n"))
	})
	return output, err
}

// findings is everything that does not hold behind a reshard. What only the server can tell is asked when all else is
// well.
func (s *scene) findings(ctx context.Context, v *vitess.SegmentView) ([]finding, error) {
	list := slices.Concat(layoutFindings(s.keyspace, v), s.leftovers(v), s.shardsLeft(v))
	if len(list) > 0 {
		return list, nil
	}
	list, err := s.complaints(ctx)
	if err == nil && s.Given("vschema") && !vitess.SameVSchema(v.VSchema, s.String("vschema")) {
		list = append(list, finding{"the vschema is not the wanted one", []string{"apply again: plan shows the difference"}})
	}
	return list, err
}

// complaints are those of the server's own validation.
func (s *scene) complaints(ctx context.Context) ([]finding, error) {
	complaints, err := s.cluster.ValidateKeyspace(ctx, s.keyspace, false)
	if err != nil {
		return nil, s.unread(ctx, "validating", err)
	}
	var list []finding
	for _, complaint := range complaints {
		list = append(list, finding{"ValidateKeyspace: " + complaint, []string{vitess.CommandValidateKeyspace(s.keyspace, false)}})
	}
	return list, nil
}

// layoutFindings compares what serves with the targets.
func layoutFindings(keyspace string, v *vitess.SegmentView) []finding {
	var list []finding
	if v.Writes() != vitess.AllSwitched {
		list = append(list, finding{fmt.Sprintf("writes are not served by %s in every cell and shard record: %s", v.Targets, cellList(v, vitess.Primary)),
			[]string{vitess.CommandGetSrvKeyspaces(keyspace)}})
	}
	for _, kind := range readsNotMoved(v) {
		list = append(list, finding{fmt.Sprintf("%s reads are not served by %s in every cell: %s", kind, v.Targets, cellList(v, kind)),
			[]string{vitess.CommandGetSrvKeyspaces(keyspace)}})
	}
	return list
}

// leftovers are workflows and controls that should be gone.
func (s *scene) leftovers(v *vitess.SegmentView) []finding {
	var list []finding
	for _, w := range []*vitess.Workflow{v.Workflow, v.Reverse} {
		if w != nil {
			list = append(list, finding{fmt.Sprintf("workflow %s is still there", w.Name), []string{vitess.CommandShowWorkflow(s.keyspace, w.Name)}})
		}
	}
	for _, c := range v.Conflicts {
		list = append(list, finding{c.Found, c.Cure})
	}
	if controls := v.LeftoverControls(); len(controls) > 0 {
		list = append(list, finding{"tablet controls are left: " + controlList(controls), ControlsCommands(v.Snapshot, controls)})
	}
	return list
}

// shardsLeft are source shards that should be gone.
func (s *scene) shardsLeft(v *vitess.SegmentView) []finding {
	var list []finding
	if s.Bool("remove_shards") {
		if names := v.SourcesPresent().Names(); len(names) > 0 {
			list = append(list, finding{fmt.Sprintf("of keyspace %s, %s still there", s.keyspace, oneOrMore(names, "shard %s is", "shards %s are")), []string{vitess.CommandDeleteShards(s.keyspace, names...)}})
		}
	}
	return list
}

// summary is the output: what serves, and what is left to the operator.
func (s *scene) summary(v *vitess.SegmentView) string {
	serving, _ := v.Layout(vitess.Primary) // cells agree, or there would be findings
	text := fmt.Sprintf("%s serves from %s", s.keyspace, serving)
	if present := v.SourcesPresent(); len(present) > 0 {
		text += fmt.Sprintf("; %s is still in the topology, not serving, and can be deleted: %s", present, vitess.CommandDeleteShards(s.keyspace, present.Names()...))
	}
	return text + stopList(s.keyspace, v.Tablets, s.segment.Sources.Names())
}

// Commands implements tasks.Commander.
func (t *confirmTask) Commands(_ context.Context, parameters map[string]string) []string {
	keyspace := parameters["keyspace"]
	return []string{vitess.CommandGetSrvKeyspaces(keyspace), vitess.CommandGetWorkflows(keyspace), vitess.CommandValidateKeyspace(keyspace, false)}
}

// Describe implements tasks.Describer.
func (t *confirmTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("check that %s serves everywhere and that nothing is left over", parameters["targets"])
}
