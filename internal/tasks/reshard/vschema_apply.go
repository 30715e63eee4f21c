package reshard

import (
	"context"
	"fmt"
	"strings"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var vschemaSpec = &tasks.Spec{
	Name:    "vschema_apply",
	Summary: "writes a keyspace's vschema",
	Doc: `Compares the cluster's vschema once more, right before it sends ApplyVSchema: the server replaces the whole document and
the last writer wins, so a vschema that is neither the one the plan showed nor the wanted one is refused. So is another
primary vindex, or another column of it, for a table with rows while several shards serve: its rows would be looked for
where they are not. And so is an unsharded vschema while several shards serve: every query would break.
Done when GetVSchema gives the wanted one.
If it dies halfway it is written again.`,
	Internal: true,
	Parameters: []tasks.Parameter{clusterParameter, keyspaceParameter,
		{Name: "vschema", Kind: tasks.String, Required: true, Multiline: true, Doc: vschemaParameter.Doc},
		{Name: "before", Kind: tasks.String, Multiline: true, Doc: "the vschema that the plan saw, as canonical JSON; default: none"},
		{Name: "workflow", Kind: tasks.String, Doc: "workflow of the reshard it belongs to, if any"},
		{Name: "sources", Kind: tasks.String, Doc: "shards that the reshard starts from, joined by commas"},
		{Name: "targets", Kind: tasks.String, Doc: "shards that the reshard goes to, joined by commas"},
	},
}

type vschemaTask struct{ base }

// Observe implements tasks.Observer.
func (t *vschemaTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, err := t.open(parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	return s.vschemaApplied(ctx)
}

func (s *scene) vschemaApplied(ctx context.Context) (tasks.Observation, error) {
	wanted, err := vitess.CanonicalVSchema(s.String("vschema"))
	if err != nil {
		return tasks.Observation{}, failed("the wanted vschema cannot be read", err.Error(), "")
	}
	before, err := vitess.CanonicalVSchema(s.String("before"))
	if err != nil {
		return tasks.Observation{}, failed("the vschema that the plan saw cannot be read", err.Error(), "")
	}
	found, err := s.cluster.VSchema(ctx, s.keyspace)
	if err != nil {
		return tasks.Observation{}, s.unread(ctx, "reading the vschema of", err)
	}
	switch {
	case vitess.SameVSchema(found, wanted):
		return done("the vschema is as wanted"), nil
	case vitess.SameVSchema(found, before):
		return absent("the vschema is as the plan saw it"), nil
	}
	return conflict(fmt.Sprintf("the vschema of %s was changed by someone since the plan", s.keyspace), "the vschema that the plan showed, or the wanted one",
		vitess.CommandGetVSchema(s.keyspace), "plan again: it shows the difference to the vschema as it is now"), nil
}

// Run implements tasks.Task.
func (t *vschemaTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, err := t.open(parameters)
	if err != nil {
		return nil, "", err
	}
	o, err := s.vschemaApplied(ctx)
	if err == nil && o.State == tasks.Absent {
		if err := s.mayApply(ctx); err != nil {
			return nil, "", err
		}
		o, err = s.vschemaApplied(ctx) // reading the tables took its time
	}
	switch {
	case err != nil:
		return nil, "", err
	case o.State == tasks.Done:
		return nil, o.Output, nil
	case o.State == tasks.Conflict:
		return nil, "", asError(o)
	}
	s.say("writing the vschema of %s", s.keyspace)
	acted := s.cluster.ApplyVSchema(ctx, s.keyspace, s.String("vschema"))
	o, err = s.vschemaApplied(ctx)
	switch {
	case err == nil && o.State == tasks.Done:
		return nil, o.Output, nil
	case acted != nil:
		return nil, "", wrap(fmt.Sprintf("writing the vschema of %s failed", s.keyspace), acted, "", true)
	case err != nil:
		return nil, "", err
	}
	return nil, "", failed(fmt.Sprintf("the vschema of %s was written and is not what was written", s.keyspace), o.Detail,
		"the server may drop what it does not know: "+vitess.CommandGetVSchema(s.keyspace))
}

// mayApply refuses a vschema under which rows or queries would be lost.
func (s *scene) mayApply(ctx context.Context) error {
	v, err := s.look(ctx)
	if err != nil {
		return err
	}
	wanted, err := vitess.ParseVSchema(s.String("vschema"))
	if err != nil {
		return failed("the wanted vschema cannot be read", err.Error(), "")
	}
	present, err := vitess.ParseVSchema(v.VSchema)
	if err != nil {
		return failed("the cluster's vschema cannot be read", err.Error(), vitess.CommandGetVSchema(s.keyspace))
	}
	serving := v.ServingShards().Names()
	if len(serving) < 2 {
		return nil
	}
	if !wanted.Sharded {
		return refused(fmt.Sprintf("an unsharded vschema would break every query of %s", s.keyspace),
			fmt.Sprintf("it serves from %s", strings.Join(serving, ",")), "write it when one shard serves")
	}
	changed := PrimaryVindexChanges(present, wanted)
	if len(changed) == 0 {
		return nil
	}
	filled, err := s.tablesWithRows(ctx, serving, changed)
	if err != nil {
		return err
	}
	var blocked []string
	for _, change := range changed {
		if filled[change.Table] {
			blocked = append(blocked, change.String())
		}
	}
	if len(blocked) == 0 {
		return nil
	}
	return refused(fmt.Sprintf("the primary vindex of tables with rows would change on %s", s.keyspace), strings.Join(blocked, "\n"),
		"rows stay where the old vindex placed them: copy the table into a new one by a Materialize workflow instead")
}

// tablesWithRows are the tables that would change and have rows on some of the shards.
func (s *scene) tablesWithRows(ctx context.Context, shards []string, changed []VindexChange) (map[string]bool, error) {
	among := make([]string, len(changed))
	for i, change := range changed {
		among[i] = change.Table
	}
	filled := map[string]bool{}
	for _, shard := range shards {
		names, err := s.cluster.TablesWithRows(ctx, s.keyspace, shard, among)
		if err != nil {
			return nil, s.unread(ctx, "asking for rows on shard "+shard+" of", err)
		}
		for _, name := range names {
			filled[name] = true
		}
	}
	return filled, nil
}

// Commands implements tasks.Commander.
func (t *vschemaTask) Commands(_ context.Context, parameters map[string]string) []string {
	return []string{vitess.CommandApplyVSchema(parameters["keyspace"], parameters["vschema"])}
}

// Describe implements tasks.Describer.
func (t *vschemaTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("write the vschema of %s", parameters["keyspace"])
}
