package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/keyrange"
)

// firstUID is the number of the first tablet; every shard gets a block of uidsPerShard.
const (
	firstUID     = 100
	uidsPerShard = 10
)

// shardInfo is a shard's record with its name.
type shardInfo struct {
	keyspace, name string
	*topodatapb.Shard
}

func (s *shardInfo) String() string { return s.keyspace + "/" + s.name }

// keyRange is the shard's range; the whole key space for one whose name is no range.
func (s *shardInfo) keyRange() keyrange.Range { return rangeOf(s.KeyRange) }

func rangeOf(kr *topodatapb.KeyRange) keyrange.Range {
	return keyrange.NewRange(kr.GetStart(), kr.GetEnd())
}

// rangeText spells a key range as Vitess does: the bytes as they are, "-" for the whole key space.
func rangeText(kr *topodatapb.KeyRange) string {
	return fmt.Sprintf("%x-%x", kr.GetStart(), kr.GetEnd())
}

// shard reads a shard's record; a name that cannot be a shard's is an error of its own.
func (tx topoTx) shard(ks, name string) (*shardInfo, error) {
	if _, err := parseShardName(name); err != nil {
		return nil, err
	}
	s := &topodatapb.Shard{}
	if err := tx.get(shardNode(ks, name), s); err != nil {
		return nil, err
	}
	return &shardInfo{keyspace: ks, name: name, Shard: s}, nil
}

func (tx topoTx) putShard(s *shardInfo) error { return tx.put(shardNode(s.keyspace, s.name), s.Shard) }

// shardNames are the names of a keyspace's shards, in the order of the names.
func (tx topoTx) shardNames(ks string) ([]string, error) {
	prefix := "keyspaces/" + ks + "/shards/"
	if err := tx.hasKeyspace(ks); isNoNode(err) {
		return nil, &noNodeError{path: prefix}
	} else if err != nil {
		return nil, err
	}
	paths, err := tx.list(prefix)
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(p, prefix), "/Shard")
	}
	return names, err
}

// shards are a keyspace's shards in key order.
func (tx topoTx) shards(ks string) ([]*shardInfo, error) {
	names, err := tx.shardNames(ks)
	if err != nil {
		return nil, fmt.Errorf("FindAllShardsInKeyspace(%s): List: %w", ks, err)
	}
	all := make([]*shardInfo, len(names))
	for i, name := range names {
		if all[i], err = tx.shard(ks, name); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b *shardInfo) int { return a.keyRange().Compare(b.keyRange()) })
	return all, nil
}

// createShard makes a shard's record, under the name as it is spelled: serving only if its range meets no other shard's,
// without tablets.
func (tx topoTx) createShard(ks, name string) (*shardInfo, error) {
	kr, err := parseShardName(name)
	if err != nil {
		return nil, err
	}
	if err := tx.lockable(ks); err != nil {
		return nil, err
	}
	others, err := tx.shards(ks)
	if err != nil {
		return nil, err
	}
	s := &shardInfo{keyspace: ks, name: name, Shard: &topodatapb.Shard{KeyRange: kr, IsPrimaryServing: true}}
	for _, o := range others {
		if o.name == name {
			return nil, &nodeExistsError{path: shardNode(ks, name)}
		}
		if o.keyRange().Intersects(s.keyRange()) {
			s.IsPrimaryServing = false
		}
	}
	return s, tx.putShard(s)
}

// addTablets gives a shard a primary, a replica and a rdonly tablet and names the primary in its record.
func (tx topoTx) addTablets(s *shardInfo, now time.Time) error {
	uid, err := tx.counter("next_uid", firstUID, uidsPerShard)
	if err != nil {
		return err
	}
	term := timeProto(now)
	for i, kind := range []topodatapb.TabletType{topodatapb.TabletType_PRIMARY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_RDONLY} {
		t := &topodatapb.Tablet{
			Alias:           &topodatapb.TabletAlias{Cell: cell, Uid: uint32(uid) + uint32(i)},
			Hostname:        "localhost",
			MysqlHostname:   "localhost",
			PortMap:         map[string]int32{"vt": 15000 + int32(uid) + int32(i), "grpc": 16000 + int32(uid) + int32(i)},
			MysqlPort:       17000 + int32(uid) + int32(i),
			Keyspace:        s.keyspace,
			Shard:           s.name,
			KeyRange:        s.KeyRange,
			Type:            kind,
			TabletStartTime: term,
		}
		if kind == topodatapb.TabletType_PRIMARY {
			t.PrimaryTermStartTime = term
			s.PrimaryAlias, s.PrimaryTermStartTime = t.Alias, term
		}
		if err := tx.put(tabletNode(aliasText(t.Alias)), t); err != nil {
			return err
		}
	}
	return tx.putShard(s)
}

func aliasText(a *topodatapb.TabletAlias) string {
	return fmt.Sprintf("%s-%010d", a.GetCell(), a.GetUid())
}

func timeProto(t time.Time) *vttimepb.Time {
	return &vttimepb.Time{Seconds: t.Unix(), Nanoseconds: int32(t.Nanosecond())}
}

// tablets are the tablets of which keep says so, in the order of their aliases.
func (tx topoTx) tablets(keep func(*topodatapb.Tablet) bool) ([]*topodatapb.Tablet, error) {
	paths, err := tx.list("tablets/")
	if err != nil {
		return nil, err
	}
	var all []*topodatapb.Tablet
	for _, p := range paths {
		t := &topodatapb.Tablet{}
		if err := tx.get(p, t); err != nil {
			return nil, err
		}
		if keep(t) {
			all = append(all, t)
		}
	}
	return all, nil
}

func (tx topoTx) shardTablets(ks, shard string) ([]*topodatapb.Tablet, error) {
	return tx.tablets(func(t *topodatapb.Tablet) bool { return t.Keyspace == ks && t.Shard == shard })
}

func (tx topoTx) tablet(alias *topodatapb.TabletAlias) (*topodatapb.Tablet, error) {
	t := &topodatapb.Tablet{}
	err := tx.get(tabletNode(aliasText(alias)), t)
	return t, err
}

func (tx topoTx) vschema(ks string) (*vschemapb.Keyspace, error) {
	v := &vschemapb.Keyspace{}
	return v, tx.get(vschemaNode(ks), v)
}

// compareRanges orders ranges by where they start, then by where they end; no range is the whole key space.
func compareRanges(a, b *topodatapb.KeyRange) int { return rangeOf(a).Compare(rangeOf(b)) }

func sameRange(a, b *topodatapb.KeyRange) bool { return rangeOf(a).Equal(rangeOf(b)) }
