package plan

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

const shardedVSchema = `{
  "sharded": true,
  "tables": {
    "customer": {
      "column_vindexes": [
        {
          "column": "customer_id",
          "name": "xxhash"
        }
      ]
    }
  },
  "vindexes": {
    "xxhash": {
      "type": "xxhash"
    }
  }
}`

// scene is a keyspace as a cluster shows it, made by hand: keyspace customer on cluster main in one cell.
type scene struct {
	t        testing.TB
	snapshot *vitess.Snapshot
	tables   map[string][]vitess.TableSchema
	vdiffs   []vitess.VDiff
	counts   map[string]int64 // by shard, of each table; others cannot be counted
}

// newScene has the shards of serving in service, with a thousand rows each, and those of spare beside them, empty. All of them have a
// primary, a replica and a rdonly tablet.
func newScene(t testing.TB, vschema string, serving, spare []string) *scene {
	t.Helper()
	canonical, err := vitess.CanonicalVSchema(vschema)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, tables: map[string][]vitess.TableSchema{}, snapshot: &vitess.Snapshot{
		Keyspace: "customer", Exists: true, Cells: []string{"zone1"}, VSchema: canonical,
		Serving: []vitess.CellServing{{Cell: "zone1", Partitions: map[vitess.TabletType]vitess.Partition{}}},
	}}
	for i, name := range slices.Concat(serving, spare) {
		alias := fmt.Sprintf("zone1-%010d", 100*(i+1))
		s.snapshot.Shards = append(s.snapshot.Shards, vitess.Shard{Shard: layoutOf(t, name)[0], PrimaryServing: i < len(serving), PrimaryAlias: alias})
		for j, kind := range []string{"PRIMARY", "REPLICA", "RDONLY"} {
			s.snapshot.Tablets = append(s.snapshot.Tablets, vitess.Tablet{Alias: fmt.Sprintf("zone1-%010d", 100*(i+1)+j), Shard: name, Type: kind, Cell: "zone1", Addr: "db:3306"})
		}
		if i < len(serving) {
			s.tables["customer/"+name] = []vitess.TableSchema{{Name: "customer", Type: "BASE TABLE", Create: "create table customer (customer_id bigint primary key)",
				Columns: []string{"customer_id"}, PrimaryKey: []string{"customer_id"}, Rows: 1000, Bytes: 65536}}
		}
	}
	slices.SortFunc(s.snapshot.Shards, func(a, b vitess.Shard) int { return a.Range.Compare(b.Range) })
	for _, kind := range vitess.ServingTypes {
		s.serve(kind, serving...)
	}
	return s
}

// serve makes the shards what a type is served from, with nothing disabled.
func (s *scene) serve(kind vitess.TabletType, names ...string) *scene {
	s.snapshot.Serving[0].Partitions[kind] = vitess.Partition{Shards: layoutOf(s.t, names...)}
	return s
}

// disable puts disabled controls on shards.
func (s *scene) disable(kind vitess.TabletType, names ...string) *scene {
	p := s.snapshot.Serving[0].Partitions[kind]
	p.Disabled = names
	s.snapshot.Serving[0].Partitions[kind] = p
	return s
}

// writes moves writes, records and all.
func (s *scene) writes(names ...string) *scene {
	for i := range s.snapshot.Shards {
		s.snapshot.Shards[i].PrimaryServing = slices.Contains(names, s.snapshot.Shards[i].Name)
	}
	return s.serve(vitess.Primary, names...)
}

// remove takes a shard out of the topology.
func (s *scene) remove(name string) *scene {
	s.snapshot.Shards = slices.DeleteFunc(s.snapshot.Shards, func(shard vitess.Shard) bool { return shard.Name == name })
	s.snapshot.Tablets = slices.DeleteFunc(s.snapshot.Tablets, func(tablet vitess.Tablet) bool { return tablet.Shard == name })
	return s
}

// workflow adds a Reshard with streams for every intersecting pair of shards, changed by each.
func (s *scene) workflow(name string, sources, targets []string, change func(*vitess.Stream)) *scene {
	w := vitess.Workflow{Name: name, Type: "Reshard", SourceKeyspace: "customer", Sources: layoutOf(s.t, sources...), Targets: layoutOf(s.t, targets...),
		Options: vitess.WorkflowOptions{TabletTypes: []string{"REPLICA", "PRIMARY"}, OnDDL: "STOP", DeferSecondaryKeys: true}}
	for _, target := range w.Targets {
		for _, source := range w.Sources {
			if !source.Range.Intersects(target.Range) {
				continue
			}
			stream := vitess.Stream{ID: int64(len(w.Streams) + 1), Target: target.Name, Tablet: "zone1-0000000" + strconv.Itoa(200+10*len(w.Streams)), Source: source.Name, State: vitess.StateRunning, Position: "gtid:1-5", RowsCopied: 500, Updated: noon, Transaction: noon}
			change(&stream)
			w.Streams = append(w.Streams, stream)
		}
	}
	s.snapshot.Workflows = append(s.snapshot.Workflows, w)
	slices.SortFunc(s.snapshot.Workflows, func(a, b vitess.Workflow) int { return strings.Compare(a.Name, b.Name) })
	return s
}

func runningStream(*vitess.Stream) {}

func copyingStream(s *vitess.Stream) {
	s.State, s.CopyTables, s.Position = vitess.StateCopying, []string{"customer"}, ""
}

func frozenStream(s *vitess.Stream) { s.State, s.Message = vitess.StateStopped, "FROZEN" }

func cutoverStream(s *vitess.Stream) {
	s.State, s.Message, s.Updated = vitess.StateStopped, vitess.CutoverMessage, noon.Add(-time.Minute)
}

func (s *scene) reader() *fakeReader {
	counts := map[string]int64{}
	for _, tablet := range s.snapshot.Tablets {
		if n, can := s.counts[tablet.Shard]; can {
			counts[tablet.Alias] = n
		}
	}
	return &fakeReader{snapshots: map[string]*vitess.Snapshot{"customer": s.snapshot}, tables: s.tables, vdiffs: s.vdiffs, counts: counts}
}

func (s *scene) clusters(_ context.Context, name string) (vitess.Reader, error) {
	if name != "main" {
		return nil, fmt.Errorf("no cluster %s", name)
	}
	return s.reader(), nil
}

// wanted is a configuration of the one keyspace block.
func wanted(t testing.TB, shards ...string) *config.Config {
	at := func(line int) diag.Place {
		return diag.Place{File: "main.hcl", Line: line, Column: 3}
	}
	k := config.Keyspace{
		Address: addr.Keyspace("customer"), Name: "customer", Cluster: "main", Shards: layoutOf(t, shards...),
		Place: at(1), ShardsAt: at(2), VSchemaAt: at(3),
		Reshard: config.Reshard{
			TabletTypes: []string{"REPLICA", "PRIMARY"}, OnDDL: "STOP", DeferSecondaryKeys: true, StallAfter: 10 * time.Minute,
			Verify:       config.Verify{Enabled: true, MaxAge: 24 * time.Hour, Timeout: 12 * time.Hour, Samples: 10, CountRows: true},
			Switch:       config.Switch{MaxReplicationLag: 30 * time.Second, LagWait: 10 * time.Minute, Timeout: 30 * time.Second, ReverseReplication: true},
			RemoveShards: true, Retry: config.Retry{Attempts: 5, Backoff: time.Second, MaxBackoff: time.Minute},
		},
	}
	return &config.Config{
		Dir: ".", Clusters: []config.Cluster{{Name: "main", Vtctld: []string{"localhost:15999"}}},
		Keyspaces: []config.Keyspace{k}, Order: []addr.Address{k.Address},
	}
}

func segmentOf(t testing.TB, sources, targets []string) keyrange.Segment {
	return keyrange.Segment{Sources: layoutOf(t, sources...), Targets: layoutOf(t, targets...)}
}
