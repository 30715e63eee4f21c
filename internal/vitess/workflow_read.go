package vitess

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/keyrange"
)

// Workflows reads the keyspace's workflows. The server fails if any shard has no primary (new shards whose tablets are
// still to come); then only the shards that have one are asked, as no other can have streams that run.
func (c *Client) Workflows(ctx context.Context, keyspace string) ([]Workflow, error) {
	answer, err := c.rawWorkflows(ctx, keyspace, "")
	if err != nil {
		return nil, err
	}
	var workflows []Workflow
	for _, w := range answer {
		workflows = append(workflows, readWorkflow(w))
	}
	c.byThisClock(ctx, keyspace, workflows)
	slices.SortFunc(workflows, func(a, b Workflow) int { return cmp.Compare(a.Name, b.Name) })
	return workflows, nil
}

func (c *Client) rawWorkflows(ctx context.Context, keyspace, workflow string) ([]*vtctldatapb.Workflow, error) {
	ask := func(shards []string) (workflows []*vtctldatapb.Workflow, err error) {
		err = c.read(ctx, "read the workflows of keyspace "+keyspace, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			answer, err := vtctld.GetWorkflows(ctx, &vtctldatapb.GetWorkflowsRequest{Keyspace: keyspace, Workflow: workflow, Shards: shards})
			workflows = answer.GetWorkflows()
			return err
		})
		return workflows, err
	}
	workflows, err := ask(nil)
	if err == nil || ctx.Err() != nil || temporary(cause(err)) {
		return workflows, err
	}
	shards, failed := c.shards(ctx, keyspace)
	if failed != nil {
		return nil, err
	}
	shards = c.dropLostPrimaries(ctx, keyspace, shards, nil)
	var reachable []string
	for _, s := range shards {
		if s.PrimaryAlias != "" {
			reachable = append(reachable, s.Name)
		}
	}
	switch len(reachable) {
	case len(shards): // a primary is not what was missing
		return nil, err
	case 0: // an empty list would ask for all
		return nil, nil
	}
	return ask(reachable)
}

func readWorkflow(w *vtctldatapb.Workflow) Workflow {
	workflow := Workflow{
		Name: w.GetName(), Type: w.GetWorkflowType(), SourceKeyspace: w.GetSource().GetKeyspace(),
		MaxTransactionLag: lagOf(w.GetMaxVReplicationTransactionLag()),
		Options:           WorkflowOptions{DeferSecondaryKeys: w.GetDeferSecondaryKeys()},
	}
	sources, targets := map[string]bool{}, map[string]bool{}
	for key, onShard := range w.GetShardStreams() {
		target, _, _ := strings.Cut(key, "/") // "shard/tablet alias"
		for i, s := range onShard.GetStreams() {
			if i == 0 && len(workflow.Streams) == 0 {
				workflow.Options = readOptions(w, s)
			}
			shard := cmp.Or(s.GetShard(), target)
			targets[shard] = true
			sources[s.GetBinlogSource().GetShard()] = true
			workflow.Streams = append(workflow.Streams, readStream(s, shard))
		}
	}
	workflow.Sources, workflow.Targets = layoutOf(sources), layoutOf(targets)
	slices.SortFunc(workflow.Streams, func(a, b Stream) int {
		return cmp.Or(rangeOf(a.Target).Compare(rangeOf(b.Target)), cmp.Compare(a.Target, b.Target), cmp.Compare(a.ID, b.ID))
	})
	return workflow
}

// readOptions takes the options from one stream, as all streams of a workflow have the same.
func readOptions(w *vtctldatapb.Workflow, s *vtctldatapb.Workflow_Stream) WorkflowOptions {
	options := WorkflowOptions{
		OnDDL: s.GetBinlogSource().GetOnDdl().String(), DeferSecondaryKeys: w.GetDeferSecondaryKeys(),
		StopAfterCopy: s.GetBinlogSource().GetStopAfterCopy(),
	}
	for _, cell := range s.GetCells() {
		if cell != "" { // the server splits an empty text into one empty cell
			options.Cells = append(options.Cells, cell)
		}
	}
	for _, t := range s.GetTabletTypes() {
		options.TabletTypes = append(options.TabletTypes, t.String())
	}
	return options
}

func readStream(s *vtctldatapb.Workflow_Stream, shard string) Stream {
	stream := Stream{
		ID: s.GetId(), Target: shard, Tablet: aliasOf(s.GetTablet()), Source: s.GetBinlogSource().GetShard(),
		State: s.GetState(), Message: s.GetMessage(), Position: s.GetPosition(), RowsCopied: s.GetRowsCopied(),
		Transaction: timeOf(s.GetTransactionTimestamp()), Updated: timeOf(s.GetTimeUpdated()),
		Throttled: s.GetThrottlerStatus().GetComponentThrottled(), ThrottledAt: timeOf(s.GetThrottlerStatus().GetTimeThrottled()),
	}
	for _, copying := range s.GetCopyStates() {
		stream.CopyTables = append(stream.CopyTables, copying.GetTable())
	}
	slices.Sort(stream.CopyTables)
	return stream
}

func layoutOf(names map[string]bool) keyrange.Layout {
	var shards []keyrange.Shard
	for name := range names {
		shards = append(shards, keyrange.Shard{Name: name, Range: rangeOf(name)})
	}
	slices.SortFunc(shards, func(a, b keyrange.Shard) int { return cmp.Compare(a.Name, b.Name) })
	return keyrange.NewLayout(shards)
}

// lagOf is the server's lag in seconds as a duration. While copying it is the largest integer there is, turned over to
// the smallest on some machines: both become -1 s.
func lagOf(seconds int64) time.Duration {
	if seconds < 0 || seconds > math.MaxInt64/int64(time.Second) {
		return -time.Second
	}
	return time.Duration(seconds) * time.Second
}

// UnresolvedTransactions counts distributed transactions that wait for resolution. A server that does not know the
// question (Unimplemented: a sandbox) has none.
func (c *Client) UnresolvedTransactions(ctx context.Context, keyspace string) (int, error) {
	what := "read the unresolved transactions of keyspace " + keyspace
	shards, err := c.shards(ctx, keyspace)
	if err != nil {
		return 0, err
	}
	for _, s := range shards {
		if s.PrimaryAlias == "" {
			// Asking about a keyspace with such a shard makes vtctld v0.24 follow a nil pointer and die.
			return c.countUnresolved(ctx, keyspace, what, shards)
		}
	}
	n := 0
	err = c.read(ctx, what, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetUnresolvedTransactions(ctx, &vtctldatapb.GetUnresolvedTransactionsRequest{Keyspace: keyspace})
		n = len(answer.GetTransactions())
		return err
	})
	if err != nil && strings.Contains(err.Error(), "not allowed in state NOT_SERVING") {
		// vtctld asks the primaries of all shards, and those that a switch was taken back from refuse until they are refreshed.
		return c.countUnresolved(ctx, keyspace, what, shards)
	}
	return n, unlessUnknown(err)
}

// OnlineDDLs lists the Online DDL migrations that have not ended, as "uuid (state)", without duplicates: a migration is
// known to every shard. A server that does not know the question (Unimplemented: a sandbox) has none.
func (c *Client) OnlineDDLs(ctx context.Context, keyspace string) ([]string, error) {
	var open []string
	err := c.read(ctx, "read the schema migrations of keyspace "+keyspace, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetSchemaMigrations(ctx, &vtctldatapb.GetSchemaMigrationsRequest{Keyspace: keyspace})
		for _, m := range answer.GetMigrations() {
			switch m.GetStatus() {
			case vtctldatapb.SchemaMigration_REQUESTED, vtctldatapb.SchemaMigration_QUEUED,
				vtctldatapb.SchemaMigration_READY, vtctldatapb.SchemaMigration_RUNNING:
				open = append(open, fmt.Sprintf("%s (%s)", m.GetUuid(), strings.ToLower(m.GetStatus().String())))
			}
		}
		return err
	})
	slices.Sort(open)
	return slices.Compact(open), unlessUnknown(err)
}
