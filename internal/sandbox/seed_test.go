package sandbox

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/sandbox/sandboxspec"
)

const seedSchema = `
CREATE TABLE item (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(20) NOT NULL, note text, price decimal(8,2) DEFAULT 1.5, raw blob, seen datetime DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE part (id bigint PRIMARY KEY, item_id bigint NOT NULL, kind enum('x','y') NOT NULL);`

// seeded opens a sandbox with seedSchema on one shard, filled from a CSV text.
func seeded(t *testing.T, csv string, generate ...sandboxspec.Generate) (*Cluster, error) {
	t.Helper()
	spec := sandboxspec.Sandbox{Path: filepath.Join(t.TempDir(), "sb"), Keyspaces: []sandboxspec.Keyspace{{Name: "ks", Shards: []string{"0"}, Schema: seedSchema, Generates: generate}}}
	if csv != "" {
		file := filepath.Join(t.TempDir(), "item.csv")
		if err := os.WriteFile(file, []byte(csv), 0o644); err != nil {
			t.Fatal(err)
		}
		spec.Keyspaces[0].Loads = []sandboxspec.Load{{Table: "item", CSV: file}}
	}
	c, err := Open(t.Context(), spec, Options{Now: func() time.Time { return sharedClock }})
	if err == nil {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return c, err
}

func query(t *testing.T, c *Cluster, shard, text string) [][]any {
	t.Helper()
	db, err := openExisting(shardPath(c.root, "ks", shard))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]any
	err = db.view(t.Context(), func(tx *sql.Tx) error {
		found, err := tx.Query(text)
		if err != nil {
			return err
		}
		defer found.Close()
		columns, err := found.Columns()
		if err != nil {
			return err
		}
		for found.Next() {
			row, err := scanRow(found.Scan, len(columns))
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return found.Err()
	})
	if err := errors.Join(err, db.close()); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestCSVIsLoadedByHeader(t *testing.T) {
	c, err := seeded(t, "Price,name,id,raw\n2.25,\"a, b\",5,0x00ff\n,plain,,NULL\n\\N,'quoted',9,text\n")
	wantError(t, err, "column id may not be NULL")
	if c != nil {
		t.Fatal("half a load was kept")
	}
	c, err = seeded(t, "Price,name,raw\n2.25,\"a, b\",0x00ff\n,plain,NULL\n\\N,'quoted',text\n")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]any{
		{int64(1), "a, b", nil, 2.25, []byte{0, 255}, int64(1)},
		{int64(2), "plain", nil, nil, nil, int64(1)},
		{int64(3), "'quoted'", nil, nil, []byte("text"), int64(1)},
	}
	if diff := cmp.Diff(want, query(t, c, "0", "SELECT id, name, note, price, raw, seen LIKE '20__-__-__ __:__:__' FROM item ORDER BY id")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestCSVErrorsNameFileAndLine(t *testing.T) {
	for csv, want := range map[string]string{
		"id,nmae\n":                    `item.csv:1: table item has no column "nmae"; it has id, name`,
		"id,ID\n":                      "item.csv:1: the header names column ID twice",
		"id,name\n1,a\nx,b\n":          `item.csv:3: column id (bigint) cannot hold "x"`,
		"id,name\n1,a\n\n1,b\n":        "item.csv:4: constraint failed",
		"id,name\n1,\"a\nb\"\n2,\"c\n": "item.csv:",
		"id,name\n1,a,b\n":             "item.csv:2: wrong number of fields",
		"id\n1\n":                      "item.csv:2: column name has neither a value nor a default",
		"":                             "",
	} {
		if csv == "" {
			continue
		}
		_, err := seeded(t, csv)
		wantError(t, err, want)
	}
}

func TestGeneratedRowsAreTheSameEveryTime(t *testing.T) {
	generate := []sandboxspec.Generate{{Table: "item", Rows: 50}, {Table: "part", Rows: 80}}
	var texts []string
	for range 2 {
		c, err := seeded(t, "id,name\n7,first\n", generate...)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, row := range append(query(t, c, "0", "SELECT id, name, note, price, raw, seen FROM item"), query(t, c, "0", "SELECT * FROM part")...) {
			b.WriteString(joinKey(row) + "\n")
		}
		texts = append(texts, b.String())
		got := query(t, c, "0", "SELECT (SELECT count(*) FROM item), count(*), count(DISTINCT item_id) > 20, (SELECT count(*) FROM part WHERE item_id NOT IN (SELECT id FROM item)) FROM part")
		if diff := cmp.Diff([][]any{{int64(51), int64(80), int64(1), int64(0)}}, got); diff != "" {
			t.Errorf("items, parts, whether parts are spread, parts without item (-want +got):\n%s", diff)
		}
	}
	if texts[0] != texts[1] {
		t.Error("two sandboxes of one description have different rows")
	}
}

func TestDescriptionsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*sandboxspec.Sandbox)
		want   string
	}{
		"no path":       {func(s *sandboxspec.Sandbox) { s.Path = "" }, "no path"},
		"gap":           {func(s *sandboxspec.Sandbox) { s.Keyspaces[0].Shards = []string{"-40", "80-"} }, "keyspace ks: shards"},
		"name":          {func(s *sandboxspec.Sandbox) { s.Keyspaces[0].Name = "../up" }, "keyspace name"},
		"vschema":       {func(s *sandboxspec.Sandbox) { s.Keyspaces[0].VSchema = "{" }, "keyspace ks: vschema"},
		"unknown table": {func(s *sandboxspec.Sandbox) { s.Keyspaces[0].Generates[0].Table = "nope" }, "table nope is not in the schema"},
		"no file": {func(s *sandboxspec.Sandbox) {
			s.Keyspaces[0].Loads = []sandboxspec.Load{{Table: "customer", CSV: "nope.csv"}}
		}, "load customer: open nope.csv"},
		"no way to place":   {func(s *sandboxspec.Sandbox) { s.Keyspaces[0].VSchema = "" }, "cannot place the rows of table customer on 2 shards: table customer not found"},
		"spare shard":       {func(s *sandboxspec.Sandbox) { s.Spare = map[string][]string{"ks": {"80-40"}} }, "ends before it starts"},
		"keyspace twice":    {func(s *sandboxspec.Sandbox) { s.Keyspaces = append(s.Keyspaces, s.Keyspaces[0]) }, "is there twice"},
		"unsupported table": {func(s *sandboxspec.Sandbox) { s.Keyspaces[0].Schema = "CREATE VIEW v AS SELECT 1" }, "schema line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := testSpec(t, 5, []string{"-80", "80-"})
			tc.change(&spec)
			c, err := Open(t.Context(), spec, Options{})
			if err == nil {
				c.Close()
			}
			wantError(t, err, tc.want)
			if spec.Path != "" {
				if _, err := os.Stat(filepath.Join(spec.Path, topoFile)); err == nil {
					t.Error("a sandbox was left behind")
				}
			}
		})
	}
}
