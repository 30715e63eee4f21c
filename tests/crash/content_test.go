//go:build crash

package crash

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // a sandbox's files are there for any SQLite client
)

// content is what a sandbox holds when nothing is in progress.
type content struct {
	Rows map[string][]string // every row, by shard/table
	Topo []string            // serving graph, shards, tablets, vschema
	Open []string            // streams
	Made map[string]string   // how many streams and VDiffs there have ever been
}

// contentOf reads the sandbox in dir, which no process serves.
func (p program) contentOf(dir string) content {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "sandbox/customer/*.sqlite"))
	if err != nil || len(files) == 0 {
		p.t.Fatalf("shards in %s: %v, %v", dir, files, err)
	}
	c := content{Rows: map[string][]string{}, Made: map[string]string{}}
	for _, file := range files {
		for _, table := range p.query(file, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_sf_*' AND name NOT GLOB 'sqlite_*'`) {
			c.Rows[strings.TrimSuffix(filepath.Base(file), ".sqlite")+"/"+table] = p.query(file, "SELECT * FROM "+table+" ORDER BY 1")
		}
	}
	topo := filepath.Join(dir, "sandbox/topo.sqlite")
	for _, node := range p.query(topo, "SELECT path, value FROM node ORDER BY path") {
		c.Topo = append(c.Topo, emptyControls.ReplaceAllString(withoutVariable(node), ""))
	}
	c.Open = p.query(topo, "SELECT keyspace, shard, workflow, state FROM stream")
	for _, row := range p.query(topo, "SELECT name, seq FROM sqlite_sequence WHERE name IN ('stream', 'vdiff')") {
		name, n, _ := strings.Cut(row, "|")
		c.Made[name] = n
	}
	return c
}

// all are the rows of one table, wherever they are, in order.
func (c content) all(table string) []string {
	var rows []string
	for place, some := range c.Rows {
		if strings.HasSuffix(place, "/"+table) {
			rows = append(rows, some...)
		}
	}
	slices.Sort(rows)
	return rows
}

// query returns one text for each row, with bars between the columns.
func (p program) query(file, query string) []string {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro")
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(p.t.Context(), query)
	if err != nil {
		p.t.Fatalf("%s: %s: %v", file, query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		p.t.Fatal(err)
	}
	var texts []string
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			p.t.Fatal(err)
		}
		texts = append(texts, strings.TrimSuffix(fmt.Sprintf(strings.Repeat("%v|", len(values)), values...), "|"))
	}
	if err := rows.Err(); err != nil {
		p.t.Fatalf("%s: %s: %v", file, query, err)
	}
	return texts
}

// variable are the parts of a record that differ between two runs that did the same: times, run and process ids, random
// identities, and the hashes over all of these.
var variable = []*regexp.Regexp{
	regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z`),
	regexp.MustCompile(`\d{8}T\d{6}\.\d+Z-[0-9a-f]{4}`),
	regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
	regexp.MustCompile(`\b[0-9a-f]{64}\b`),
	regexp.MustCompile(`pid"?:?\d+`),
	regexp.MustCompile(`\b1[789]\d{8}(\d{3}|\d{6}|\d{9})?\b`),
	regexp.MustCompile(`"nanoseconds":\d+`),
}

// withoutVariable is a text without its variable parts, and without spaces, which protobuf's JSON varies on purpose.
func withoutVariable(text string) string {
	text = strings.ReplaceAll(text, " ", "")
	for _, part := range variable {
		text = part.ReplaceAllString(text, "*")
	}
	return text
}

// emptyControls are tablet controls that disable nothing, as a switch that was reversed leaves them. They have no effect.
var emptyControls = regexp.MustCompile(`,"tabletControls":\[(\{"tabletType":"[A-Z]+"\},?)*\]|,"shardTabletControls":\[(\{"name":"[^"]*","keyRange":\{[^}]*\}\},?)*\]`)

// splitCleanly is what a sandbox holds after a reshard that nothing interrupted, which has to be the rows of seed, split,
// and the reshard's mutating calls.
func (p program) splitCleanly(seed string) (after content, calls map[string]int) {
	p.t.Helper()
	dir, calls := p.uninterrupted(seed)
	after = p.contentOf(dir)
	p.checkSplit(p.contentOf(seed), after)
	return after, calls
}

// checkSplit checks that a reshard moved every row to one of two shards, so that others can be compared with it.
func (p program) checkSplit(before, after content) {
	p.t.Helper()
	for table := range smallRows {
		if diff := cmp.Diff(before.all(table), after.all(table)); diff != "" {
			p.t.Errorf("rows of %s (-seeded +after the reshard):\n%s", table, diff)
		}
		low, high := after.Rows["-80/"+table], after.Rows["80-/"+table]
		if len(low) == 0 || len(high) == 0 || slices.Equal(low, high) {
			p.t.Errorf("a reshard left rows %q of %s on -80 and %q on 80-", low, table, high)
		}
	}
}

// checkContent compares what the sandbox holds with what it should, but for how many streams and VDiffs there ever were:
// what was half created is deleted and created again.
func (p program) checkContent(dir string, want content) {
	p.t.Helper()
	got := p.contentOf(dir)
	got.Made = want.Made
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("what the sandbox holds (-without a kill +got):\n%s", diff)
	}
}

// slowCopying lets the copying to shard -80 take some time, however few rows there are. Whether a run finds the copy done
// already, or announces it and waits, does not depend on chance then.
func (p program) slowCopying(dir string) {
	p.t.Helper()
	p.change(filepath.Join(dir, "sandbox/customer/-80.sqlite"), `
CREATE VIEW slow AS WITH RECURSIVE step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < 100000) SELECT max(n) FROM step;
CREATE TRIGGER slow_copying BEFORE DELETE ON _sf_copy_state BEGIN SELECT * FROM slow; END`)
}

// change writes to one of the sandbox's files.
func (p program) change(file, statements string) {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=rw")
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(p.t.Context(), statements); err != nil {
		p.t.Fatalf("%s: %v", file, err)
	}
}
