package automation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// observation says what a cluster shows of a command: whether its work is done, and what was seen.
type observation func(ctx context.Context, cluster *vitess.LegacyCluster, p parameters) (done bool, detail string, err error)

// observedTask is one task of a command whose work shows on the cluster. Like the original it runs without looking; it
// looks where an attempt was sent and its answer was lost: the server refuses to do the same work twice, so that a second
// attempt would fail for good.
type observedTask struct {
	*commandTask
	lost      bool // an attempt was sent, and it is not known how it ended
	attempted bool // by this process
	succeeded bool
	output    string
}

// Observe implements tasks.Observer. It reads the cluster only after an attempt whose answer was lost.
func (t *observedTask) Observe(ctx context.Context, given map[string]string, record tasks.Record) (tasks.Observation, error) {
	p := parameters(given)
	if t.succeeded {
		return tasks.Observation{State: tasks.Done, Output: t.output}, nil
	}
	earlier := !t.attempted && (record.Announced || record.Attempts > 0)
	if !t.lost && !earlier {
		return tasks.Observation{State: tasks.Absent}, nil
	}
	t.lost = true
	if p[vtctldEndpoint] == "" {
		return tasks.Observation{State: tasks.Absent, Detail: "an earlier attempt may have done it; without " + vtctldEndpoint + " nobody can look"}, nil
	}
	legacy, err := t.legacy()
	if err != nil {
		return tasks.Observation{}, err
	}
	done, detail, err := t.command.observe(ctx, vitess.NewLegacyCluster(legacy, p[vtctldEndpoint]), p)
	switch {
	case ctx.Err() != nil:
		return tasks.Observation{}, context.Cause(ctx)
	case err != nil:
		return tasks.Observation{}, err
	case !done:
		return tasks.Observation{State: tasks.Absent, Detail: detail}, nil
	}
	detail = "an earlier attempt did it: " + detail
	return tasks.Observation{State: tasks.Done, Output: detail, Detail: detail}, nil
}

// Run sends the command.
func (t *observedTask) Run(ctx context.Context, given map[string]string) ([]*automationpb.TaskContainer, string, error) {
	t.attempted = true
	// A vtworker that was not ready has lost this command half way, or is still at an earlier attempt of it.
	output, err := t.send(ctx, given, func() { t.lost = true })
	t.succeeded, t.output = err == nil, output
	t.lost = t.lost || answerLost(err)
	return nil, output, err
}

// answerLost reports whether a command was sent and no answer of its own came back.
func answerLost(err error) bool {
	if err == nil || diag.IsTemporary(err) { // temporary: it was not sent
		return false
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Aborted:
		return true
	}
	return false
}

// snapshotOf reads a keyspace and the record of one of its shards, nil if there is none.
func snapshotOf(ctx context.Context, cluster *vitess.LegacyCluster, keyspace, name string) (*vitess.Snapshot, keyrange.Shard, *vitess.Shard, error) {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		return nil, shard, nil, err
	}
	snapshot, err := cluster.Snapshot(ctx, keyspace)
	if err != nil {
		return nil, shard, nil, err
	}
	return snapshot, shard, snapshot.Shard(shard), nil
}

// observeClone looks for what SplitClone does last: it sets up filtered replication to every new shard.
func observeClone(ctx context.Context, cluster *vitess.LegacyCluster, p parameters) (bool, string, error) {
	snapshot, source, _, err := snapshotOf(ctx, cluster, p["keyspace"], p["source_shard"])
	if err != nil {
		return false, "", err
	}
	v := vitess.LegacySegmentAround(snapshot, source)
	if v.Replicating(source) != vitess.AllSwitched {
		return false, fmt.Sprintf("the shards that overlap with %s do not have filtered replication from it", p.shard("keyspace", "source_shard")), nil
	}
	return true, fmt.Sprintf("%s has filtered replication from %s", v.Targets, p.shard("keyspace", "source_shard")), nil
}

// observeMigration looks at what the cells serve, and for master at the shards' records. A reversal may be sent again.
func observeMigration(ctx context.Context, cluster *vitess.LegacyCluster, p parameters) (bool, string, error) {
	if p.yes("reverse") {
		return false, "", nil
	}
	snapshot, source, _, err := snapshotOf(ctx, cluster, p["keyspace"], p["source_shard"])
	if err != nil {
		return false, "", err
	}
	v := vitess.LegacySegmentAround(snapshot, source)
	if len(v.Targets) == 0 || !v.Migrated(ServedType(p["type"]), source) {
		return false, fmt.Sprintf("%s is not served by the new shards in every cell", p["type"]), nil
	}
	return true, fmt.Sprintf("%s serves %s in every cell", v.Targets, p["type"]), nil
}

// observeSplitOff looks for what VerticalSplitClone does last: it sets up filtered replication of the tables.
func observeSplitOff(ctx context.Context, cluster *vitess.LegacyCluster, p parameters) (bool, string, error) {
	m, err := moveInto(ctx, cluster, p, strings.Split(p["tables"], ","))
	if err != nil || m == nil {
		return false, p.shard("dest_keyspace", "shard") + " does not follow the tables", err
	}
	yes, _ := m.Replicating()
	return yes, fmt.Sprintf("%s follows %s of %s", p.shard("dest_keyspace", "shard"), p["tables"], m.From.Keyspace), nil
}

// observeServedFrom looks at the record of the keyspace and at which tables its source denies. A reversal may be sent again.
func observeServedFrom(ctx context.Context, cluster *vitess.LegacyCluster, p parameters) (bool, string, error) {
	if p.yes("reverse") {
		return false, "", nil
	}
	t := ServedType(p["type"])
	detail := fmt.Sprintf("%s serves %s of its tables itself", p["dest_keyspace"], p["type"])
	m, err := moveInto(ctx, cluster, p, nil)
	switch {
	case err != nil:
		return false, "", err
	case m != nil:
		return m.Moved(t), detail, nil
	}
	// Nothing is left that names the source once master was migrated: it is where tables are denied to the type.
	to, _, target, err := snapshotOf(ctx, cluster, p["dest_keyspace"], p["shard"])
	if err != nil || target == nil || slices.ContainsFunc(to.ServedFrom, func(f vitess.ServedFrom) bool { return f.Type == t }) {
		return false, "", err
	}
	keyspaces, err := cluster.Keyspaces(ctx)
	if err != nil {
		return false, "", err
	}
	for _, name := range keyspaces {
		if name == p["dest_keyspace"] {
			continue
		}
		from, err := cluster.Snapshot(ctx, name)
		if err != nil {
			return false, "", err
		}
		if slices.ContainsFunc(from.Shards, func(s vitess.Shard) bool { return len(s.Denied[t]) > 0 }) {
			return true, detail, nil
		}
	}
	return false, "", nil
}

// moveInto is the vertical split into the shard that the parameters name, of the given tables or else of those that the
// shard follows; nil if it follows nothing.
func moveInto(ctx context.Context, cluster *vitess.LegacyCluster, p parameters, tables []string) (*vitess.LegacyMove, error) {
	to, _, target, err := snapshotOf(ctx, cluster, p["dest_keyspace"], p["shard"])
	if err != nil || target == nil || len(target.Sources) == 0 {
		return nil, err
	}
	source := target.Sources[0]
	from, err := cluster.Snapshot(ctx, source.Keyspace)
	if err != nil {
		return nil, err
	}
	if tables == nil {
		tables = source.Tables
	}
	m, ok := vitess.NewLegacyMove(from, to, source.Shard, target.Name, tables)
	if !ok {
		return nil, nil
	}
	return m, nil
}
