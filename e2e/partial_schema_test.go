//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// definition is the CREATE TABLE of a table, of a shard's primary.
func (k *keyspace) definition(t *testing.T, shard, table string) string {
	t.Helper()
	var name, text string
	if err := k.mysql(t, shard).QueryRowContext(t.Context(), "show create table "+table).Scan(&name, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// tableNames are the tables of a shard's primary.
func (k *keyspace) tableNames(t *testing.T, shard string) []string {
	t.Helper()
	rows, err := k.mysql(t, shard).QueryContext(t.Context(), "select table_name from information_schema.tables where table_schema = database() order by 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// A target has some tables of the schema and no streams, as a vtctld leaves it that died while it copied the schema. The
// missing ones are created; a table that is not the source's is refused, and nothing is dropped.
func TestPartialSchemaOnATarget(t *testing.T) {
	t.Parallel()
	k := newKeyspace(t, runningCluster(t), fixture{name: "half_schema", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
	load := k.load(t)
	k.addShards(t, "-80", "80-")
	execute := func(shard, statement string) {
		t.Helper()
		k.vtctl(t, "ExecuteFetchAsDBA", tabletAlias(k.uids[shard][0]), statement)
	}
	execute("-80", k.definition(t, "0", "corder"))
	execute("80-", strings.Replace(k.definition(t, "0", "customer"), "(\n", "(\n  `more` int,\n", 1))
	other := k.definition(t, "80-", "customer")

	plan := k.plan(t, k.to("-80", "80-"))
	got := plan.run(t, "apply", "--auto-approve")
	for _, text := range []string{"target shard 80-", "table customer differs from the source's", "DROP TABLE"} {
		if got.exit == 0 || !strings.Contains(got.stderr, text) {
			t.Errorf("a target with another table: want an error with %q\n%s", text, got)
		}
	}
	if now := k.definition(t, "80-", "customer"); now != other || !slices.Equal(k.tableNames(t, "-80"), []string{"corder"}) {
		t.Errorf("tables were touched: %s, %v", now, k.tableNames(t, "-80"))
	}
	execute("80-", "drop table customer")
	plan.apply(t)
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
}

// holdName keeps everybody from creating a table, and its database, by a statement that creates the table and does not come to
// an end. It returns when the statement is in that state.
func (k *keyspace) holdName(t *testing.T, shard, table, state string) (release func()) {
	t.Helper()
	db := k.server(t, k.uids[shard][0], "")
	connection, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var id int64
	if err := connection.QueryRowContext(t.Context(), "select connection_id()").Scan(&id); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		connection.ExecContext(context.Background(), fmt.Sprintf("create table vt_%s.%s (id int primary key) select sleep(600) as id", k.name, table)) // is killed
	}()
	release = sync.OnceFunc(func() {
		if _, err := db.Exec(fmt.Sprintf("kill %d", id)); err != nil {
			t.Errorf("releasing the name of table %s: %v", table, err)
		}
		<-ended
		connection.Close()
	})
	t.Cleanup(release)
	waitFor(t, "the name of table "+table+" to be held", func(ctx context.Context) (bool, error) {
		var now sql.NullString
		err := db.QueryRowContext(ctx, "select state from information_schema.processlist where id = ?", id).Scan(&now)
		return now.String == state, err
	})
	return release
}

// vtctld dies between two CREATE TABLEs of its copy of the schema.
func TestVtctldKilledWhileItCopiesTheSchema(t *testing.T) {
	t.Parallel()
	c := clusterWithOwnVtctld(t)
	k := newKeyspace(t, c, fixture{name: "half_copied", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
	load := k.load(t)
	load.mayFail = true
	k.addShards(t, "-80", "80-")
	proxy := newProxy(t, c)
	plan := proxy.behind(c).plan(t, k.to("-80", "80-"))
	arrived, proceed := proxy.hold("ReshardCreate")
	run := plan.start(t, nil, "apply", "--auto-approve")
	run.reaches(t, "ReshardCreate", arrived)
	// The copy begins with CREATE DATABASE IF NOT EXISTS: it waits for the first of two statements, and the second one, which holds
	// the name of the last table, waits for it.
	const inLine = "Waiting for schema metadata lock"
	uid := k.uids["-80"][0]
	first := k.holdName(t, "-80", "before_all", "User sleep")
	proceed()
	waitFor(t, "the copy of the schema to begin", func(context.Context) (bool, error) {
		return count(t, k.server(t, uid, ""), "select count(*) from information_schema.processlist where state = ?", inLine) > 0, nil
	})
	release := k.holdName(t, "-80", "customer", inLine)
	first()
	k.waitForWaiter(t, uid, "customer")
	k.killVtctld(t)
	run.kill(t)
	k.killWaiter(t, uid, "customer")
	release()
	k.script(t, "start", k.vtctldName)
	if diff := cmp.Diff([]string{"corder"}, k.tableNames(t, "-80")); diff != "" || len(k.workflows(t)) > 0 {
		t.Fatalf("the copy of the schema did not die half way: workflows %+v, tables (-want +got):\n%s", k.workflows(t), diff)
	}
	plan.apply(t)
	if n := proxy.succeeded()["CopySchemaShard"]; n != 1 {
		t.Errorf("the missing table was created %d times", n)
	}
	load.waitForCommits(t, 20)
	load.finish(t)
	k.compare(t, "-80", "80-")
	plan.noChanges(t)
}
