package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var shardDeleteSpec = &tasks.Spec{
	Name:    "shard_delete",
	Summary: "deletes a shard that serves nothing from the topology",
	Doc: `Sends DeleteShards(recursive): the shard record and its tablet records go, tablets and MySQL servers stay, rows and
all. The output names the tablets to stop: one that is restarted can make its shard appear again. A shard that serves
any type in any cell, or that a workflow reads or writes, is refused.
Done when the shard has no record.
If it dies halfway it is looked for again; deleting a shard that is gone is no error.`,
	Internal: true,
	Parameters: []tasks.Parameter{clusterParameter, keyspaceParameter,
		{Name: "shard", Kind: tasks.String, Required: true, Doc: "name of the shard"}},
}

// shardDeleteTask keeps the output of its Run: behind it nobody knows the tablets any more.
type shardDeleteTask struct {
	base
	deleted string
}

// Observe implements tasks.Observer.
func (t *shardDeleteTask) Observe(ctx context.Context, parameters map[string]string, _ tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	shard := s.String("shard")
	switch {
	case !hasShard(v.Snapshot, shard) && t.deleted != "":
		return done(t.deleted), nil
	case !hasShard(v.Snapshot, shard):
		return done(fmt.Sprintf("shard %s/%s is gone", s.keyspace, shard)), nil
	}
	return absent(fmt.Sprintf("shard %s/%s is there", s.keyspace, shard)), nil
}

func hasShard(snapshot *vitess.Snapshot, name string) bool {
	return slices.ContainsFunc(snapshot.Shards, func(s vitess.Shard) bool { return s.Name == name })
}

// Run implements tasks.Task.
func (t *shardDeleteTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	shard := s.String("shard")
	if !hasShard(v.Snapshot, shard) {
		return nil, fmt.Sprintf("shard %s/%s is gone", s.keyspace, shard), nil
	}
	if users := shardUsers(v.Snapshot, shard); len(users) > 0 {
		return nil, "", refused(fmt.Sprintf("shard %s/%s is in use and is not deleted", s.keyspace, shard), strings.Join(users, "\n"),
			"expected a shard that serves nothing and that no workflow names; apply again to look anew")
	}
	toStop := stopList(s.keyspace, v.Tablets, []string{shard})
	s.say("deleting shard %s/%s%s", s.keyspace, shard, toStop)
	acted := s.cluster.DeleteShard(ctx, s.keyspace, shard)
	_, gone, err := s.settle(ctx, 0, func(v *vitess.SegmentView) bool { return !hasShard(v.Snapshot, shard) })
	switch {
	case gone:
		t.deleted = fmt.Sprintf("deleted shard %s/%s%s", s.keyspace, shard, toStop)
		return nil, t.deleted, nil
	case acted != nil:
		return nil, "", wrap(fmt.Sprintf("deleting shard %s/%s failed", s.keyspace, shard), acted, vitess.CommandDeleteShards(s.keyspace, shard), true)
	case err != nil:
		return nil, "", err
	}
	return nil, "", temporary(failed(fmt.Sprintf("shard %s/%s was deleted and is still there", s.keyspace, shard),
		"a tablet of it that runs may have made it appear again"+toStop, ""))
}

// shardUsers says who needs the shard.
func shardUsers(snapshot *vitess.Snapshot, shard string) []string {
	var users []string
	for _, record := range snapshot.Shards {
		if record.Name == shard && record.PrimaryServing {
			users = append(users, "its record says that it serves writes")
		}
	}
	named := func(l keyrange.Layout) bool { return slices.Contains(l.Names(), shard) }
	for _, cell := range snapshot.Serving {
		for _, kind := range vitess.ServingTypes {
			if named(cell.Partitions[kind].Shards) {
				users = append(users, fmt.Sprintf("cell %s serves %s from it", cell.Cell, kind))
			}
		}
	}
	for _, w := range snapshot.Workflows {
		if named(w.Targets) || w.SourceKeyspace == snapshot.Keyspace && named(w.Sources) {
			users = append(users, fmt.Sprintf("%s workflow %s reads or writes it", w.Type, w.Name))
		}
	}
	return users
}

// stopList names the tablets of the shards, as the tail of a sentence; "" if there are none.
func stopList(keyspace string, tablets []vitess.Tablet, shards []string) string {
	var names []string
	for _, t := range tablets {
		if slices.Contains(shards, t.Shard) {
			names = append(names, fmt.Sprintf("%s (%s/%s %s, MySQL %s)", t.Alias, keyspace, t.Shard, t.Type, t.Addr))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; tablets to stop: " + strings.Join(names, ", ")
}

// Commands implements tasks.Commander.
func (t *shardDeleteTask) Commands(_ context.Context, parameters map[string]string) []string {
	return []string{vitess.CommandDeleteShards(parameters["keyspace"], parameters["shard"])}
}

// Describe implements tasks.Describer.
func (t *shardDeleteTask) Describe(parameters map[string]string) string {
	return fmt.Sprintf("delete shard %s/%s and its tablet records", parameters["keyspace"], parameters["shard"])
}
