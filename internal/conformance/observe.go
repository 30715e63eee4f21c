package conformance

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

// observe reads the state of the keyspace.
func observe(ctx context.Context, conn grpc.ClientConnInterface) (State, error) {
	vtctld := vtctlservicepb.NewVtctldClient(conn)
	var s State
	graph, err := vtctld.GetSrvKeyspaces(ctx, &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: Keyspace})
	if err != nil {
		return s, fmt.Errorf("reading the serving graph: %w", err)
	}
	for kind, field := range map[topodatapb.TabletType]*string{
		topodatapb.TabletType_PRIMARY: &s.Primary, topodatapb.TabletType_REPLICA: &s.Replica, topodatapb.TabletType_RDONLY: &s.Rdonly,
	} {
		*field = partitionText(graph.SrvKeyspaces, kind)
	}
	found, err := vtctld.FindAllShardsInKeyspace(ctx, &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: Keyspace})
	if err != nil {
		return s, fmt.Errorf("reading the shards: %w", err)
	}
	var shards, tables, led []string
	for _, name := range slices.Sorted(maps.Keys(found.Shards)) {
		record := found.Shards[name].Shard
		shards = append(shards, shardText(name, record))
		if record.PrimaryAlias == nil {
			continue
		}
		led = append(led, name)
		schema, err := vtctld.GetSchema(ctx, &vtctldatapb.GetSchemaRequest{TabletAlias: record.PrimaryAlias, TableNamesOnly: true})
		if err != nil {
			return s, fmt.Errorf("reading the tables of shard %s: %w", name, err)
		}
		var names []string
		for _, t := range schema.GetSchema().GetTableDefinitions() {
			names = append(names, t.Name)
		}
		slices.Sort(names)
		switch {
		case slices.Equal(names, []string{"corder", "customer"}):
			tables = append(tables, name)
		case len(names) > 0:
			tables = append(tables, fmt.Sprintf("%s(%s)", name, strings.Join(names, ",")))
		}
	}
	s.Shards, s.Tables, s.Workflows = strings.Join(shards, " "), cmp.Or(strings.Join(tables, " "), none), none
	if len(led) > 0 {
		// The server fails for all if a shard that it is to look at has no primary.
		answer, err := vtctld.GetWorkflows(ctx, &vtctldatapb.GetWorkflowsRequest{Keyspace: Keyspace, Shards: led})
		if err != nil {
			return s, fmt.Errorf("reading the workflows: %w", err)
		}
		s.Workflows = cmp.Or(workflowsText(answer), none)
	}
	return s, nil
}

// partitionText is what the cells serve a type from. Cells that do not have the keyspace have no say.
func partitionText(cells map[string]*topodatapb.SrvKeyspace, kind topodatapb.TabletType) string {
	var said []string
	for _, graph := range cells {
		if len(graph.GetPartitions()) == 0 {
			continue
		}
		text := "nothing"
		for _, p := range graph.Partitions {
			if p.ServedType == kind {
				text = referencesText(p)
			}
		}
		said = append(said, text)
	}
	slices.Sort(said)
	said = slices.Compact(said)
	if len(said) == 0 {
		return "nothing"
	}
	return strings.Join(said, " or in other cells ")
}

func referencesText(p *topodatapb.SrvKeyspace_KeyspacePartition) string {
	var names, controls []string
	for _, r := range p.ShardReferences {
		names = append(names, r.Name)
	}
	for _, c := range p.ShardTabletControls {
		if c.QueryServiceDisabled {
			controls = append(controls, c.Name+":off")
		} else {
			controls = append(controls, c.Name+":on")
		}
	}
	text := strings.Join(names, " ")
	if len(controls) > 0 {
		slices.Sort(controls)
		text += " [" + strings.Join(controls, " ") + "]"
	}
	return text
}

func shardText(name string, record *topodatapb.Shard) string {
	parts := []string{name}
	if record.GetIsPrimaryServing() {
		parts = append(parts, "serving")
	}
	if record.GetPrimaryAlias() == nil {
		parts = append(parts, "no-primary")
	}
	for _, c := range record.GetTabletControls() {
		control := c.TabletType.String() + "-control"
		if len(c.DeniedTables) > 0 {
			control += "(denies " + strings.Join(c.DeniedTables, ",") + ")"
		}
		if c.Frozen {
			control += "(frozen)"
		}
		parts = append(parts, control)
	}
	return strings.Join(parts, ":")
}

func workflowsText(answer *vtctldatapb.GetWorkflowsResponse) string {
	var lines []string
	for _, w := range answer.Workflows {
		lines = append(lines, w.Name+" "+streamsText(w))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// streamsText tells the streams of a workflow, in one where all are alike.
func streamsText(w *vtctldatapb.Workflow) string {
	var all, sources, targets, conditions []string
	for _, on := range w.ShardStreams {
		for _, s := range on.Streams {
			from, to, is := s.GetBinlogSource().GetShard(), s.Shard, conditionText(s)
			all = append(all, from+">"+to+" "+is)
			sources, targets, conditions = append(sources, from), append(targets, to), append(conditions, is)
		}
	}
	slices.Sort(conditions)
	if len(slices.Compact(conditions)) != 1 {
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	names := func(list []string) string {
		slices.Sort(list)
		return strings.Join(slices.Compact(list), ",")
	}
	return names(sources) + ">" + names(targets) + " " + conditions[0]
}

// conditionText is a stream's state with its message. What MySQL says of an error is its own business.
func conditionText(s *vtctldatapb.Workflow_Stream) string {
	if s.Message == "" || s.State == "Error" {
		return s.State
	}
	return s.State + "(" + normal(s.Message) + ")"
}
