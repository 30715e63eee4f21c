package sandbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/keyrange"
	"shardform/internal/sandbox/sandboxspec"
)

const testSchema = `
-- customers and what they ordered
CREATE TABLE customer (
  id bigint NOT NULL AUTO_INCREMENT,
  name varchar(64) NOT NULL DEFAULT 'nobody',
  email varchar(128) DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY email_idx (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE corder (
  corder_id bigint NOT NULL,
  customer_id bigint NOT NULL,
  sku varbinary(32),
  price decimal(10,2) NOT NULL,
  PRIMARY KEY (customer_id, corder_id),
  KEY sku_idx (sku)
);
`

const testVSchema = `{
  "sharded": true,
  "vindexes": {"xxhash": {"type": "xxhash"}},
  "tables": {
    "customer": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
    "corder": {"column_vindexes": [{"column": "customer_id", "name": "xxhash"}]}
  }
}`

// testSpec is a sandbox with one keyspace "ks" on the given shards.
func testSpec(t *testing.T, rows int, shards []string, spare ...string) sandboxspec.Sandbox {
	t.Helper()
	return sandboxspec.Sandbox{
		Path: filepath.Join(t.TempDir(), "sb"),
		Keyspaces: []sandboxspec.Keyspace{{
			Name: "ks", Shards: shards, VSchema: testVSchema, Schema: testSchema,
			Generates: []sandboxspec.Generate{{Table: "customer", Rows: rows}, {Table: "corder", Rows: rows}},
		}},
		Spare: map[string][]string{"ks": spare},
	}
}

// open opens a sandbox for the length of the test.
func open(t *testing.T, spec sandboxspec.Sandbox, opts Options) *Cluster {
	t.Helper()
	c, err := Open(t.Context(), spec, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// dial gives a client of the sandbox.
func dial(t *testing.T, c *Cluster) vtctlservicepb.VtctldClient {
	t.Helper()
	conn, err := grpc.NewClient(c.Target(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return vtctlservicepb.NewVtctldClient(conn)
}

// dialThrough is dial by Cluster.Dial.
func dialThrough(t *testing.T, c *Cluster) vtctlservicepb.VtctldClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///sandbox", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return c.Dial(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return vtctlservicepb.NewVtctldClient(conn)
}

// rowsByShard sums a table's rows by shard.
func rowsByShard(t *testing.T, c *Cluster, table string) map[string]int64 {
	t.Helper()
	all, err := c.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, r := range all {
		if r.Table == table {
			sums[r.Shard] += r.Rows
		}
	}
	return sums
}

// again tells a polling loop to look once more, after letting others run, until the test's time is over.
func again(t *testing.T, what string) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatalf("%s: the test's time is over", what)
	case <-time.After(2 * time.Millisecond):
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func mustRows(t *testing.T, c *Cluster) []TableRows {
	t.Helper()
	all, err := c.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// misplaced lists the rows of serving shards that belong elsewhere.
func misplaced(t *testing.T, c *Cluster) []string {
	t.Helper()
	var bad []string
	vschema, err := parseVSchema(testVSchema)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range mustRows(t, c) {
		if !r.Serving {
			continue
		}
		shard, err := keyrange.ParseShard(r.Shard)
		if err != nil {
			t.Fatal(err)
		}
		db, err := openDatabase(shardPath(c.root, r.Keyspace, r.Shard))
		if err != nil {
			t.Fatal(err)
		}
		err = db.view(t.Context(), func(tx *sql.Tx) error {
			all, err := tables(tx)
			if err != nil {
				return err
			}
			for _, table := range all {
				if table.Name != r.Table {
					continue
				}
				place, err := placeTable(vschema, table)
				if err != nil {
					return err
				}
				stmts, err := newRowSQL(table)
				if err != nil {
					return err
				}
				rows, err := collect(tx, func(scan func(...any) error) ([]any, error) { return scanRow(scan, len(table.Columns)) }, stmts.scan)
				if err != nil {
					return err
				}
				for _, row := range rows {
					if in, err := place.in(row, shard.Range); err != nil || !in {
						bad = append(bad, fmt.Sprintf("%s/%s %s %v is misplaced (%v)", r.Keyspace, r.Shard, r.Table, row, err))
					}
				}
			}
			return nil
		})
		if err := errors.Join(err, db.close()); err != nil {
			t.Fatal(err)
		}
	}
	return bad
}
