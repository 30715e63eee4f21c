package reshard

import (
	"context"
	"fmt"
	"time"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var preflightSpec = &tasks.Spec{
	Name:    "reshard_preflight",
	Summary: "checks everything that would make the reshard fail or lose something",
	Doc: `Read-only. Checks what ReshardCreate checks and what it does not, against the wanted vschema where that is written
first, else against the cluster's: shards, ranges and primaries; a serving tablet to copy from; targets empty and not
serving; tables equal on all sources, with primary keys, in the vschema with a primary vindex whose columns exist;
AUTO_INCREMENT without a sequence; views and foreign keys; stopped and foreign streams; leftover tablet controls;
Online DDL; unresolved distributed transactions. Every refusal comes with what cures it, all of them together. Replicas
that the targets lack and complaints of the server's own validation are warnings.
Where only target shards, primaries or tablets are missing it waits for them, at most wait.
Done when all of it holds; passed over once the segment has a workflow.`,
	Internal:   true,
	Parameters: segmentParameters(vschemaParameter, cellsParameter, typesParameter, waitParameter),
}

// preflightTask remembers that its checks held: nothing on the cluster shows it.
type preflightTask struct {
	base
	held *tasks.Observation
}

// Observe implements tasks.Observer.
func (t *preflightTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	switch {
	case v.Workflow != nil || stageOf(v) > nothingYet:
		return done(s.passed(v, "the reshard has begun")), nil
	case t.held != nil:
		return *t.held, nil
	}
	if o, found := foreign(v); found {
		return o, nil
	}
	return absent("not checked yet"), nil
}

// Run implements tasks.Task.
func (t *preflightTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, err := t.open(parameters)
	if err != nil {
		return nil, "", err
	}
	until := s.now().Add(s.Duration("wait"))
	said := time.Time{}
	var output string
	err = s.watch(ctx, slow(), func(v *vitess.SegmentView) (bool, error) {
		if v.Workflow != nil || stageOf(v) > nothingYet {
			output = s.passed(v, "the reshard has begun")
			return true, nil
		}
		facts, err := s.gather(ctx, v)
		if err != nil {
			return false, err
		}
		complaints := facts.check()
		refusals, awaited := complaints.errors()
		switch {
		case len(refusals) == 0:
			output = t.hold(s, complaints.warnings())
			return true, nil
		case !awaited || !s.now().Before(until):
			return false, refusals
		}
		s.remind(&said, remindEvery, "waiting for the targets until %s: %s", until.UTC().Format(time.RFC3339), refusals[0].Summary)
		return false, nil
	})
	return nil, output, err
}

// hold remembers the good end and says the warnings.
func (t *preflightTask) hold(s *scene, warnings []string) string {
	o := done(fmt.Sprintf("%s can become %s", s.segment.Sources, s.segment.Targets))
	o.Warnings = warnings
	for _, w := range warnings {
		s.env.Output("warning: " + w)
		o.Output += "\nwarning: " + w
	}
	t.held = &o
	return o.Output
}

// complaint is what a check found.
type complaint struct {
	text, cure string
	awaited    bool // waiting for tablets may cure it
	warning    bool
	conflict   bool // somebody else's doing: exit 6
}

type complaints []complaint

// errors are the refusals, and whether waiting may cure all of them.
func (c complaints) errors() (refusals diag.List, awaited bool) {
	awaited = true
	for _, x := range c {
		if x.warning {
			continue
		}
		d := failed(x.text, "", x.cure)
		if x.conflict {
			d.Exit = diag.ExitRefused
		}
		refusals = append(refusals, d)
		awaited = awaited && x.awaited
	}
	return refusals, awaited
}

func (c complaints) warnings() []string {
	var texts []string
	for _, x := range c {
		if x.warning {
			texts = append(texts, x.text)
		}
	}
	return texts
}

// Commands implements tasks.Commander.
func (t *preflightTask) Commands(_ context.Context, parameters map[string]string) []string {
	keyspace := parameters["keyspace"]
	return []string{
		"vtctldclient FindAllShardsInKeyspace " + keyspace, "vtctldclient GetTablets --strict --keyspace " + keyspace,
		vitess.CommandGetVSchema(keyspace), vitess.CommandGetWorkflows(keyspace), vitess.CommandValidateKeyspace(keyspace, true),
	}
}

// Describe implements tasks.Describer.
func (t *preflightTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("check that %s can become %s", parameters["sources"], parameters["targets"])
}
