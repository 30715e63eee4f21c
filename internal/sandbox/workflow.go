package sandbox

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"

	"shardform/internal/parallel"
)

// reverseSuffix ends the name of the workflow that brings changes back after a switch.
const reverseSuffix = "_reverse"

func reverseName(workflow string) string {
	if name, ok := strings.CutSuffix(workflow, reverseSuffix); ok {
		return name
	}
	return workflow + reverseSuffix
}

// migration is a Reshard workflow as its streams show it, with the shards at both ends.
type migration struct {
	keyspace, workflow string
	sources, targets   []*shardInfo
	streams            []*stream
	frozen             bool
}

// migration finds a workflow. The errors are the real server's; the order of checks too.
func (tx topoTx) migration(ks, workflow string) (*migration, error) {
	shards, err := tx.shards(ks)
	if err != nil {
		return nil, err
	}
	m := &migration{keyspace: ks, workflow: workflow}
	for _, s := range shards {
		if s.PrimaryAlias == nil {
			return nil, fmt.Errorf("shard %v/%v doesn't have a primary set", ks, s.Shard)
		}
		if _, err := tx.tablet(s.PrimaryAlias); err != nil {
			return nil, err
		}
		on, err := tx.streams(`keyspace = ? AND shard = ? AND workflow = ?`, ks, s.name, workflow)
		if err != nil {
			return nil, err
		}
		if len(on) > 0 {
			m.targets = append(m.targets, s)
			m.streams = append(m.streams, on...)
		}
	}
	if len(m.targets) == 0 {
		return nil, fmt.Errorf("no streams found in keyspace %s for %s", ks, workflow)
	}
	for _, s := range m.streams {
		m.frozen = m.frozen || s.isFrozen()
		if slices.ContainsFunc(m.sources, func(o *shardInfo) bool { return o.name == s.source.Shard }) {
			continue
		}
		source, err := tx.shard(s.source.Keyspace, s.source.Shard)
		if err != nil {
			return nil, err
		}
		if source.PrimaryAlias == nil {
			return nil, fmt.Errorf("source shard %s/%s currently has no primary tablet", s.source.Keyspace, s.source.Shard)
		}
		m.sources = append(m.sources, source)
	}
	slices.SortFunc(m.sources, func(a, b *shardInfo) int { return a.keyRange().Compare(b.keyRange()) })
	if _, err := tx.vschema(ks); err != nil {
		return nil, err
	}
	return m, nil
}

// id is the journal's id: it depends on the streams, so a workflow made anew has another one.
func (m *migration) id() int64 {
	var parts []string
	for _, s := range m.streams {
		parts = append(parts, fmt.Sprintf("%s:%d", s.shard, s.id))
	}
	slices.Sort(parts)
	h := fnv.New64()
	h.Write([]byte(m.keyspace))
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return int64(h.Sum64() & math.MaxInt64)
}

// trafficState is which traffic of a workflow was switched, as one source shard shows it.
type trafficState struct {
	replica, rdonly, writes bool
}

// state reads the traffic state. For a reverse workflow the shards' parts are swapped: it always speaks of the workflow
// that the user started.
func (tx topoTx) state(m *migration) (trafficState, error) {
	shard := m.sources[0]
	if strings.HasSuffix(m.workflow, reverseSuffix) {
		shard = m.targets[0]
	}
	srv, err := tx.srvKeyspace(m.keyspace)
	if err != nil {
		return trafficState{}, err
	}
	return trafficState{
		replica: readsSwitched(srv, shard, topodatapb.TabletType_REPLICA),
		rdonly:  readsSwitched(srv, shard, topodatapb.TabletType_RDONLY),
		writes:  !shard.IsPrimaryServing,
	}, nil
}

// readsSwitched reports whether a type is no longer served by a shard. A shard counts as serving while the partition
// names it and either has no controls at all or one that lets the shard serve.
func readsSwitched(srv *topodatapb.SrvKeyspace, shard *shardInfo, kind topodatapb.TabletType) bool {
	p := partition(srv, kind)
	named := slices.ContainsFunc(p.GetShardReferences(), func(r *topodatapb.ShardReference) bool { return sameRange(r.KeyRange, shard.KeyRange) })
	controls := p.GetShardTabletControls()
	serves := slices.ContainsFunc(controls, func(c *topodatapb.ShardTabletControl) bool {
		return sameRange(c.KeyRange, shard.KeyRange) && !c.QueryServiceDisabled
	})
	return !(named && (serves || len(controls) == 0))
}

func (s trafficState) String() string {
	var parts []string
	switch {
	case s.replica && s.rdonly:
		parts = append(parts, "All Reads Switched")
	case !s.replica && !s.rdonly:
		parts = append(parts, "Reads Not Switched")
	case s.replica:
		parts = append(parts, "Reads partially switched", "All Replica Reads Switched", "Rdonly not switched")
	default:
		parts = append(parts, "Reads partially switched", "Replica not switched", "All Rdonly Reads Switched")
	}
	if s.writes {
		return strings.Join(append(parts, "Writes Switched"), ". ")
	}
	return strings.Join(append(parts, "Writes Not Switched"), ". ")
}

// liveStream is a stream with how far it is.
type liveStream struct {
	*stream
	progress
	sourceUUID string
	copying    []copyState
	updated    int64 // seconds
}

type copyState struct{ table, lastPK string }

// shown is the state that clients see.
func (s *liveStream) shown() string {
	if strings.Contains(strings.ToLower(s.message), "error") {
		return stateError
	}
	if s.state == stateRunning && !s.copied {
		return stateCopying
	}
	return s.state
}

func (s *liveStream) position() string {
	if !s.found && s.startPos == copyFirst {
		return ""
	}
	return gtid(s.sourceUUID, s.pos)
}

// copyingLag is what the real server reports while a stream copies: the conversion of an endless lag to an integer.
const copyingLag = math.MinInt64

// transactionLag is how far the stream is behind, in seconds, as the real server reckons it.
func (s *liveStream) transactionLag(now int64) int64 {
	if s.shown() == stateCopying {
		return copyingLag
	}
	// A stream that is in step writes heartbeats, so the time of its last sign of life counts once that is past the last change.
	last := s.txTime
	if last == 0 || s.updated > last {
		last = s.updated
	}
	return now - last
}

// live adds to streams how far they are.
func (e *engine) live(ctx context.Context, all []*stream) ([]*liveStream, error) {
	out := make([]*liveStream, len(all))
	for i, s := range all {
		l := &liveStream{stream: s, updated: s.timeUpdated}
		dst, err := e.file(ctx, s.keyspace, s.shard)
		if err != nil {
			return nil, err
		}
		if err := dst.view(ctx, l.read); err != nil {
			return nil, err
		}
		if l.sourceUUID, err = e.sourceUUID(ctx, s); err != nil {
			return nil, err
		}
		e.mu.Lock()
		if r := e.runners[s.id]; r != nil {
			l.updated = max(l.updated, r.beat.Load())
		}
		e.mu.Unlock()
		out[i] = l
	}
	return out, nil
}

func (e *engine) sourceUUID(ctx context.Context, s *stream) (string, error) {
	var missing bool
	err := e.topo.view(ctx, func(tx topoTx) error {
		_, err := tx.shard(s.source.Keyspace, s.source.Shard)
		missing = isNoNode(err)
		if missing {
			return nil
		}
		return err
	})
	if err != nil || missing {
		return strings.Repeat("0", 8) + "-0000-0000-0000-" + strings.Repeat("0", 12), err
	}
	src, err := e.file(ctx, s.source.Keyspace, s.source.Shard)
	if err != nil {
		return "", err
	}
	var id string
	return id, src.read.QueryRowContext(ctx, `SELECT uuid FROM _sf_shard`).Scan(&id)
}

// onShards runs f for each shard at the same time and joins the errors with a line end, as Vitess does.
func onShards[T any](shards []T, f func(T) error) error {
	routines := make([]*parallel.Routine, len(shards))
	for i, s := range shards {
		routines[i] = parallel.Start(func() error { return f(s) })
	}
	errs := make([]error, len(shards))
	for i, r := range routines {
		errs[i] = r.Wait()
	}
	return aggregate(errs)
}

func aggregate(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) <= 1 {
		return errors.Join(errs...)
	}
	return joinedErrors(errs)
}

// joinedErrors are several errors, each on its line.
type joinedErrors []error

func (j joinedErrors) Error() string {
	lines := make([]string, len(j))
	for i, err := range j {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

func (j joinedErrors) Unwrap() []error { return j }
