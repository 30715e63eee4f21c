package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// misplacedPlan splits a shard that can have rows of the other one; %s is the reshard block.
const misplacedPlan = `
cluster "s" {
  sandbox {
    path = "sandbox"
    keyspace "customer" {
      shards  = ["-80", "80-"]
      schema  = "create table t (id bigint not null primary key, v text); create table u (a varchar(20), b int, k varbinary(9), id bigint, primary key (a, b, k));"
      vschema = file("t.vschema.json")
      generate "t" {
        rows = 20
      }
      generate "u" {
        rows = 20
      }
    }
  }
}
keyspace "customer" {
  shards = ["-40", "40-80", "80-"]
  reshard {
%s
  }
}
`

const misplacedVSchema = `{"sharded": true, "vindexes": {"h": {"type": "hash"}, "x": {"type": "xxhash"}},
	"tables": {"t": {"columnVindexes": [{"column": "id", "name": "h"}]}, "u": {"columnVindexes": [{"column": "id", "name": "x"}]}}}`

// misplaced makes a directory with misplacedPlan and two rows of shard 80- in the file of -80.
func (p testProgram) misplaced(reshard string) string {
	p.t.Helper()
	dir := p.folder()
	p.write(filepath.Join(dir, "t.vschema.json"), misplacedVSchema)
	p.writePlan(dir, fmt.Sprintf(misplacedPlan, reshard))
	if r := p.run(dir, "", "sandbox", "reset"); r.exit != 0 {
		p.t.Fatalf("seeding: %s", r.stderr)
	}
	// hash puts 1004 at d03ef2a58daed99e and 1005 at d248374ba3d75cbf, both in 80-.
	p.insert(filepath.Join(dir, "sandbox/customer/-80.sqlite"), 1004, 1005)
	return dir
}

// insert puts rows into table t of a shard's file as a client of its MySQL would.
func (p testProgram) insert(file string, ids ...int) {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	for _, id := range ids {
		if _, err := db.ExecContext(p.t.Context(), `INSERT INTO t (id, v) VALUES (?, 'by hand')`, id); err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestRowsOnTheWrongShardAreNotDeleted is case 59: rows outside the range of the shard that they lie on are filtered out
// by copy and VDiff alike, and would be deleted with it.
func TestRowsOnTheWrongShardAreNotDeleted(t *testing.T) {
	t.Parallel()
	p := buildWithFailpoints(t)
	dir := p.misplaced("")
	r := p.run(dir, "", applying...)
	if r.exit != 6 {
		t.Fatalf("apply ends with exit %d, want 6\n%s%s", r.exit, r.stdout, r.stderr)
	}
	for _, text := range []string{"2 rows of table t on customer/-80", "id=1004", "id=1005", "accept_missing", "ExecuteFetchAsDBA"} {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("the error lacks %q:\n%s%s", text, r.stdout, r.stderr)
		}
	}
	if rows := p.query(filepath.Join(dir, "sandbox/customer/-80.sqlite"), "SELECT count(*) FROM t WHERE v = 'by hand'"); rows[0] != "2" {
		t.Errorf("%s rows that were inserted by hand are left on -80", rows[0])
	}
	// Another number than that of the rows that are there passes nothing.
	p.writePlan(dir, fmt.Sprintf(misplacedPlan, "verify {\n accept_missing = { t = 3 }\n }"))
	if r := p.run(dir, "", applying...); r.exit != 6 {
		t.Errorf("3 are accepted and 2 are there: exit %d, want 6\n%s%s", r.exit, r.stdout, r.stderr)
	}
	p.writePlan(dir, fmt.Sprintf(misplacedPlan, "verify {\n accept_missing = { t = 2 }\n }"))
	p.finishes(dir, "2 are accepted")
}

// TestRowsThatAppearDuringTheSoakAreNotDeleted inserts them when verify has been passed.
func TestRowsThatAppearDuringTheSoakAreNotDeleted(t *testing.T) {
	t.Parallel()
	p := buildWithFailpoints(t)
	dir := p.folder()
	p.write(filepath.Join(dir, "t.vschema.json"), misplacedVSchema)
	p.writePlan(dir, fmt.Sprintf(misplacedPlan, "switch {\n approval = [\"finish\"]\n }"))
	if r := p.run(dir, "", applying...); !strings.Contains(r.stdout+r.stderr, "shardform approve") {
		t.Fatalf("apply up to the approval ends with exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	p.onClosed(filepath.Join(dir, "sandbox/customer/-80.sqlite"), `INSERT INTO t (id, v) VALUES (1004, 'by hand')`)
	p.writePlan(dir, fmt.Sprintf(misplacedPlan, ""))
	r := p.run(dir, "", applying...)
	if r.exit != 6 || !strings.Contains(r.stdout+r.stderr, "1 row of table t on customer/-80") {
		t.Errorf("apply ends with exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	p.writePlan(dir, fmt.Sprintf(misplacedPlan, "verify {\n count_rows = false\n }"))
	p.finishes(dir, "count_rows is off")
}

// onClosed changes a shard's file that does not serve, as MySQL's administrator can.
func (p testProgram) onClosed(file, statement string) {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range []string{"BEGIN IMMEDIATE", "UPDATE _sf_shard SET mode = 2", statement, "UPDATE _sf_shard SET mode = 0", "COMMIT"} {
		if _, err := db.ExecContext(p.t.Context(), s); err != nil {
			p.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (p testProgram) write(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}
