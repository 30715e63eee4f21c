package sandbox

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	querypb "vitess.io/vitess/go/vt/proto/query"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/vitess"
)

// rowReader is shardform's own client of a sandbox.
func rowReader(t *testing.T, c *Cluster) *vitess.Client {
	t.Helper()
	client, err := vitess.Dial(t.Context(), vitess.Config{Addresses: []string{"sandbox"}, Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return c.Dial(ctx) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// Every row comes once, in the order of a key of several types, over more than one page.
func TestKeysOfATableAreReadWhole(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 1, []string{"0"})
	spec.Keyspaces[0].Schema += "create table k (s varchar(20), n bigint unsigned, b varbinary(8), d datetime, v bigint, primary key (s, n, b, d));"
	c := open(t, spec, Options{})
	const rows = vitess.ScanPage + 50
	writeOutside(t, c, "0", fmt.Sprintf(`INSERT INTO k SELECT 'it''s ' || (x.value %% 3), x.value / 100, CAST(x.value AS BLOB), datetime(x.value, 'unixepoch'), CASE WHEN x.value %% 7 THEN -x.value END
		FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < %d) SELECT value FROM n) x`, rows))
	client := rowReader(t, c)
	if n, err := client.CountRows(t.Context(), "zone1-0000000100", "k"); n != rows || err != nil {
		t.Fatalf("counted %d, %v", n, err)
	}
	scan, err := client.ScanKeys(t.Context(), "zone1-0000000100", "k", []string{"s", "n", "b", "d"}, "v")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	nulls := 0
	for pages := 0; ; pages++ {
		page, err := scan.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			if pages != 2 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		for _, row := range page {
			seen[row.String()] = true
			if row.Value == nil {
				nulls++
			} else if n, is := row.Value.(int64); !is || n >= 0 {
				t.Fatalf("value %T %v", row.Value, row.Value)
			}
		}
	}
	if len(seen) != rows || nulls != rows/7 {
		t.Errorf("%d rows, %d without a value", len(seen), nulls)
	}
}

func TestQueriesOnTablesOfAShard(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 250_000_000, time.UTC)
	u := newUser(t, open(t, testSpec(t, 20, []string{"0"}), Options{Now: func() time.Time { return now }}))
	run := func(query string) (*querypb.QueryResult, error) {
		resp, err := u.ExecuteFetchAsDBA(t.Context(), &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: &topodatapb.TabletAlias{Cell: "zone1", Uid: 100}, Query: query, MaxRows: 100})
		return resp.GetResult(), err
	}
	for query, want := range map[string]string{
		"select unix_timestamp(now(6)) as t":                             "[map[t:1795953600.250000]]",
		"select database() as name":                                      "[map[name:vt_ks]]",
		"select @@global.gtid_executed as position":                      "[map[position:]]",
		"select wait_for_executed_gtid_set('', 10.000) as late":          "[map[late:0]]",
		"select 1 from `customer` limit 1":                               "[map[1:1]]",
		"select * from customer where (id = 1) or (id > 19)":             "2 rows",
		"select count(*) from corder force index (`PRIMARY`)":            "[map[count(*):20]]",
		"select id as x from customer where name = _utf8mb4 x'6e6f6e65'": "[]",
		"select sku from corder order by customer_id desc limit 3":       "3 rows",
	} {
		result, err := run(query)
		u.must(err)
		got := fmt.Sprint(named(result))
		if n := len(result.Rows); strings.HasSuffix(want, "rows") {
			got = fmt.Sprint(n, " rows")
		}
		if got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	_, err := run("select id, name, price from customer limit 0")
	wantError(t, err, "Unknown column 'price'")
	result, err := run("select corder_id, sku, price from corder limit 0")
	u.must(err)
	var types []querypb.Type
	for _, f := range result.Fields {
		types = append(types, f.Type)
	}
	if !slices.Equal(types, []querypb.Type{querypb.Type_INT64, querypb.Type_VARBINARY, querypb.Type_DECIMAL}) {
		t.Errorf("types %v", types)
	}
	_, err = run("select 1 from nowhere")
	wantError(t, err, "doesn't exist (errno 1146)")
}
