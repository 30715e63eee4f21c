package vitess

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"google.golang.org/grpc/codes"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
)

// A PRIMARY switch whose vtctld died cannot simply be sent again on v0.24 with 2PC enabled, its default: while a control
// disables writes on a shard, refreshing any of its tablets waits for prepared transactions that a tablet which does not
// serve can never report as done, and the server refreshes all tablets before a switch (force helps where one shard
// loses, after 30 s, and not where two do). What works depends on the journal, the switch's own point of no return:
//   - written: the flags of the shard records are flipped, losing side first, as the switch would do next. The server then
//     takes writes for switched, asks for no refresh, finds the journal and does the rest.
//   - not written: nothing but the control has happened. It is cleared, as the server's own undoing does it, and the
//     switch starts over at once.
//
// Clearing behind the journal would let both sides take writes, and flipping before it would lose some: so where the
// journal cannot be read nothing is done.

// resume prepares the cluster for finishing a switch that died. A server without ExecuteFetchAsDBA (a sandbox) keeps no
// such journal; it is asked to switch again, without more ado.
func (c *Client) resume(ctx context.Context, r SwitchTraffic) error {
	name := r.Workflow
	if r.Backward {
		name = ReverseName(r.Workflow)
	}
	workflows, err := c.Workflows(ctx, r.Keyspace)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(workflows, func(w Workflow) bool { return w.Name == name })
	if i < 0 {
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("cannot finish the switch of workflow %s.%s", r.Keyspace, r.Workflow),
			Detail: fmt.Sprintf("the switch of PRIMARY goes by workflow %s, which does not exist", name),
			Hint:   "look at what is there:\n" + CommandGetWorkflows(r.Keyspace)}
	}
	losing, winning := workflows[i].Sources, workflows[i].Targets
	journaled, err := c.Journaled(ctx, r.Keyspace, &workflows[i])
	switch {
	case codeOf(err) == codes.Unimplemented:
		return nil
	case err != nil:
		return err
	case journaled:
		return c.flip(ctx, r.Keyspace, losing, winning)
	}
	for _, s := range losing {
		if err := c.ClearTabletControl(ctx, r.Keyspace, s.Name, Primary); err != nil {
			return err
		}
	}
	return nil
}

// flip makes the shard records say that writes have moved; flags that say so already are left alone.
func (c *Client) flip(ctx context.Context, keyspace string, losing, winning keyrange.Layout) error {
	records, err := c.shards(ctx, keyspace)
	if err != nil {
		return err
	}
	for _, side := range []struct {
		shards  keyrange.Layout
		serving bool
	}{{losing, false}, {winning, true}} {
		for _, r := range records {
			if r.PrimaryServing == side.serving || !side.shards.Has(r.Range) {
				continue
			}
			if err := c.setServing(ctx, keyspace, r.Name, side.serving); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Client) setServing(ctx context.Context, keyspace, shard string, serving bool) error {
	return c.write(ctx, "SetShardIsPrimaryServing", fmt.Sprintf("set is_primary_serving = %v on shard %s/%s", serving, keyspace, shard), limitTopology,
		func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
			_, err := vtctld.SetShardIsPrimaryServing(ctx, &vtctldatapb.SetShardIsPrimaryServingRequest{Keyspace: keyspace, Shard: shard, IsServing: serving})
			return err
		})
}

// Journaled reports whether the PRIMARY switch of the workflow has passed its point of no return: some source's primary
// has its journal. For a reversal the workflow is the `_reverse` one.
func (c *Client) Journaled(ctx context.Context, keyspace string, w *Workflow) (bool, error) {
	what := fmt.Sprintf("read the switch journal of workflow %s.%s", keyspace, w.Name)
	for _, source := range w.Sources {
		tablet, err := c.primary(ctx, keyspace, source.Name, what)
		if err != nil {
			return false, err
		}
		rows, err := c.fetch(ctx, tablet, what, fmt.Sprintf("select id from _vt.resharding_journal where id = %d", journalID(keyspace, w)))
		if err != nil || len(rows) > 0 {
			return len(rows) > 0, err
		}
	}
	return false, nil
}

// journalID is the number of the journal of a workflow's switch: FNV-1 (64 bits, the highest dropped) of the keyspace
// and then every "shard:stream id" in the order of their texts, one right after the other.
func journalID(keyspace string, w *Workflow) int64 {
	var streams []string
	for _, s := range w.Streams {
		streams = append(streams, fmt.Sprintf("%s:%d", s.Target, s.ID))
	}
	slices.SortFunc(streams, cmp.Compare[string])
	h := fnv.New64()
	h.Write([]byte(keyspace))
	for _, s := range streams {
		h.Write([]byte(s))
	}
	return int64(h.Sum64() & math.MaxInt64)
}

func primaryOnly(types []topodatapb.TabletType) bool {
	return len(types) == 1 && types[0] == topodatapb.TabletType_PRIMARY
}
