//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// What the tablets say of their MySQL and of Vitess is in the plan, with figures; rows that the statistics of a table do
// not know are seen all the same.
func TestPreflightAsksTheTablets(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "asked", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
	k.addShards(t, "-80", "80-")
	plan := k.plan(t, k.to("-80", "80-"))
	got := plan.run(t, "plan")
	if got.exit != 0 || !strings.Contains(got.stdout, "Vitess 24 or newer (tested with 24)") || strings.Contains(got.stdout+got.stderr, "is not known") ||
		strings.Contains(got.stdout+got.stderr, "not the same on all shards") {
		t.Errorf("expected the version of Vitess and no difference of servers\n%s", got)
	}

	left, right := k.uids["-80"][0], k.uids["80-"][0]
	mysql := c.database(t, k.name, left)
	for _, statement := range []string{"SET GLOBAL sql_mode = 'NO_ZERO_DATE'", "SET GLOBAL binlog_expire_logs_seconds = 600", "ALTER DATABASE vt_asked CHARACTER SET latin1"} {
		if _, err := mysql.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	got = plan.run(t, "plan")
	text := got.stdout + got.stderr
	for _, want := range []string{
		"sql_mode is not the same on all shards", `"NO_ZERO_DATE" on -80`,
		"the character set of the database is not the same on all shards", `"latin1" on -80`, "the collation of the database is not the same on all shards",
		fmt.Sprintf("binary logs are removed after 10m on %s (binlog_expire_logs_seconds)", tabletAlias(left)),
	} {
		if got.exit != 0 || !strings.Contains(text, want) {
			t.Errorf("expected %q\n%s", want, got)
		}
	}

	// A table that was looked at while it was empty: the statistics that GetSchema reads say 0 for a day.
	other := c.database(t, k.name, right)
	for _, statement := range []string{"CREATE TABLE customer (customer_id bigint PRIMARY KEY)", "ANALYZE TABLE customer"} {
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	k.vtctl(t, "GetSchema", tabletAlias(right))
	if _, err := other.ExecContext(t.Context(), "INSERT INTO customer VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	got = plan.run(t, "plan")
	if got.exit != 1 || !strings.Contains(got.stderr, "target shard 80- is not empty: customer") {
		t.Errorf("expected the refusal of a target with rows\n%s", got)
	}
}

// A pinned table: preflight refuses it, and the streams of a reshard that is created all the same have no vindex for it.
func TestPinnedTableIsRefusedAsItsStreamsWouldFail(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "pinned", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
	k.addShards(t, "-80", "80-")
	wanted := k.to("-80", "80-")
	wanted.vschema = strings.Replace(wanted.vschema, `"corder": {"column_vindexes": [{"column": "customer_id", "name": "by_customer"}]`, `"corder": {"pinned": "00"`, 1)
	k.vtctl(t, "ApplyVSchema", "--vschema", wanted.vschema, k.name)
	got := k.plan(t, wanted).run(t, "plan")
	if got.exit != 1 || !strings.Contains(got.stderr, "table corder is pinned to one shard") {
		t.Errorf("expected the refusal of the pinned table\n%s", got)
	}
	k.vtctl(t, "Reshard", "--workflow", "w", "--target-keyspace", k.name, "create", "--source-shards", "0", "--target-shards", "-80,80-")
	waitFor(t, "streams that have no vindex", func(context.Context) (bool, error) {
		var messages []string
		for _, w := range k.workflows(t) {
			for _, s := range w.Streams {
				messages = append(messages, s.Message)
			}
		}
		if strings.Contains(strings.Join(messages, "\n"), "table corder has no vindex") {
			return true, nil
		}
		return false, fmt.Errorf("the streams say %q", messages)
	})
	k.vtctl(t, "Reshard", "--workflow", "w", "--target-keyspace", k.name, "cancel")
}
