package vitess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"google.golang.org/grpc/codes"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"

	"shardform/internal/diag"
)

// A PRIMARY switch whose vtctld died cannot simply be sent again on v0.24 with 2PC enabled, its default: while a control
// disables writes on a shard, refreshing any of its tablets waits for prepared transactions that a tablet which does not
// serve can never report as done, and the server refreshes all tablets before a switch. What works depends on the
// journal, the switch's own point of no return:
//   - written: force, which tolerates the tablets that could not be refreshed; the steps that are left need none of them.
//   - not written: force would stop writes once more, by a refresh that never ends. Nothing but the control has happened,
//     so it is cleared, as the server's own undoing does it, and the switch starts over at once.
// Clearing after the journal would let both sides take writes, so where the journal cannot be read nothing is done.

// resume prepares the cluster for finishing a switch that died, and says whether it has to be forced. A server without
// ExecuteFetchAsDBA (a sandbox) keeps no such journal; it is asked to switch again, without more ado.
func (c *Client) resume(ctx context.Context, r SwitchTraffic) (force bool, err error) {
	name := r.Workflow
	if r.Backward {
		name = ReverseName(r.Workflow)
	}
	workflows, err := c.Workflows(ctx, r.Keyspace)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(workflows, func(w Workflow) bool { return w.Name == name })
	if i < 0 {
		return false, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("cannot finish the switch of workflow %s.%s", r.Keyspace, r.Workflow),
			Detail: fmt.Sprintf("the switch of PRIMARY goes by workflow %s, which does not exist", name),
			Hint:   "look at what is there:\n" + command("GetWorkflows", r.Keyspace)}
	}
	w := &workflows[i]
	journaled, err := c.Journaled(ctx, r.Keyspace, w)
	switch {
	case codeOf(err) == codes.Unimplemented:
		return false, nil
	case err != nil || journaled:
		return journaled, err
	}
	for _, source := range w.Sources {
		if err := c.ClearTabletControl(ctx, r.Keyspace, source.Name, Primary); err != nil {
			return false, err
		}
	}
	return false, nil
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

// lockHint tells of the locks that a dead vtctld leaves behind; "" if the error is of another kind.
func lockHint(keyspace, workflow string, err error) string {
	if !answered(err, "failed to lock the") || !answered(err, "deadline exceeded") {
		return ""
	}
	return fmt.Sprintf("another vtctld call is working on the workflow; but a vtctld that was killed in the middle of one leaves its lock behind "+
		"for up to 24 hours (keyspace locks: minutes). If nobody is at work, delete it from the global topology, for etcd:\n"+
		"etcdctl del --prefix <global root>/internal/named_locks/%s/%s/locks", keyspace, workflow)
}

// withLockHint adds lockHint to a Diagnostic.
func withLockHint(keyspace, workflow string, err error) error {
	hint := lockHint(keyspace, workflow, err)
	var d *diag.Diagnostic
	if hint == "" || !errors.As(err, &d) {
		return err
	}
	d.Hint = hint
	return err
}

func primaryOnly(types []topodatapb.TabletType) bool {
	return len(types) == 1 && types[0] == topodatapb.TabletType_PRIMARY
}
