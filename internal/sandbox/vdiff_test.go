package sandbox

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	querypb "vitess.io/vitess/go/vt/proto/query"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// named turns a result into maps from column to text.
func named(r *querypb.QueryResult) []map[string]string {
	var all []map[string]string
	for _, row := range r.GetRows() {
		m := map[string]string{}
		at := int64(0)
		for i, n := range row.Lengths {
			if n >= 0 {
				m[r.Fields[i].Name] = string(row.Values[at : at+n])
				at += n
			}
		}
		all = append(all, m)
	}
	return all
}

// diffed creates a VDiff and waits until it ended on every target; the reports are by shard and table.
func (u *user) diffed(id string) map[string]map[string]diffReport {
	u.t.Helper()
	_, err := u.VDiffCreate(u.t.Context(), &vtctldatapb.VDiffCreateRequest{TargetKeyspace: u.ks, Workflow: u.wf, Uuid: id, MaxReportSampleRows: 10})
	u.must(err)
	for {
		resp, err := u.VDiffShow(u.t.Context(), &vtctldatapb.VDiffShowRequest{TargetKeyspace: u.ks, Workflow: u.wf, Arg: id})
		u.must(err)
		reports := map[string]map[string]diffReport{}
		ended := true
		for shard, r := range resp.TabletResponses {
			reports[shard] = map[string]diffReport{}
			for _, row := range named(r.Output) {
				if row["vdiff_state"] == vdiffError {
					u.t.Fatalf("VDiff failed: %s", row["last_error"])
				}
				ended = ended && row["vdiff_state"] == vdiffCompleted && row["table_state"] == vdiffCompleted
				var report diffReport
				if row["report"] != "" {
					u.must(json.Unmarshal([]byte(row["report"]), &report))
				}
				if report.differs() != (row["has_mismatch"] == "1") {
					u.t.Errorf("has_mismatch = %s beside %+v", row["has_mismatch"], report)
				}
				reports[shard][row["table_name"]] = report
			}
		}
		if ended {
			return reports
		}
		again(u.t, "waiting for the VDiff")
	}
}

// plant changes rows of a shard behind the streams' back.
func plant(t *testing.T, c *Cluster, shard string, statements ...string) {
	t.Helper()
	f, err := c.serving().file(t.Context(), "ks", shard)
	if err != nil {
		t.Fatal(err)
	}
	err = f.change(t.Context(), func(tx *sql.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVDiffFindsWhatDiffers(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 500, []string{"0"}, "-80", "80-"), Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	var rows int64
	for shard, tables := range u.diffed(uuid.NewString()) {
		for name, r := range tables {
			if r.differs() {
				t.Errorf("%s on %s differs though nothing was changed: %+v", name, shard, r)
			}
			rows += r.MatchingRows
		}
	}
	if rows != 1000 {
		t.Errorf("%d rows were compared and equal, want 1000", rows)
	}
	plant(t, c, "-80",
		`UPDATE customer SET name = 'someone else' WHERE id = (SELECT min(id) FROM customer)`,
		`DELETE FROM customer WHERE id = (SELECT max(id) FROM customer)`,
		`INSERT INTO customer (id, name) VALUES (100000, 'extra')`,
		`UPDATE corder SET sku = x'00ff' WHERE corder_id = (SELECT max(corder_id) FROM corder)`)
	got := u.diffed(uuid.NewString())
	type counts struct{ Mismatched, OnlySource, OnlyTarget int64 }
	count := func(r diffReport) counts { return counts{r.MismatchedRows, r.ExtraRowsSource, r.ExtraRowsTarget} }
	want := map[string]counts{"-80 customer": {1, 1, 1}, "-80 corder": {1, 0, 0}, "80- customer": {}, "80- corder": {}}
	have := map[string]counts{}
	for shard, tables := range got {
		for name, r := range tables {
			have[shard+" "+name] = count(r)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	sample := got["-80"]["customer"].MismatchedRowsDiffs[0]
	if sample.Target.Row["name"] != "someone else" || sample.Source.Row["id"] != sample.Target.Row["id"] {
		t.Errorf("sample = %v and %v", sample.Source.Row, sample.Target.Row)
	}
	if got["-80"]["corder"].MismatchedRowsDiffs[0].Target.Row["sku"] != "0x00ff" {
		t.Errorf("a binary value shows as %q", got["-80"]["corder"].MismatchedRowsDiffs[0].Target.Row["sku"])
	}
}

func TestVDiffLifeCycle(t *testing.T) {
	t.Parallel()
	c := open(t, testSpec(t, 50, []string{"0"}, "-80", "80-"), Options{})
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	show := func(arg string) (*vtctldatapb.VDiffShowResponse, error) {
		return u.VDiffShow(t.Context(), &vtctldatapb.VDiffShowRequest{TargetKeyspace: "ks", Workflow: "rs", Arg: arg})
	}
	last, err := show("last")
	u.must(err)
	if len(last.TabletResponses) != 2 || last.TabletResponses["-80"].Output != nil {
		t.Errorf("last without any = %v", last)
	}
	id := uuid.NewString()
	later := false
	_, err = u.VDiffCreate(t.Context(), &vtctldatapb.VDiffCreateRequest{TargetKeyspace: "ks", Workflow: "rs", Uuid: id, AutoStart: &later})
	u.must(err)
	one, err := show(id)
	u.must(err)
	if got := named(one.TabletResponses["80-"].Output)[0]; got["vdiff_state"] != vdiffStopped {
		t.Errorf("a VDiff that is not to start = %v", got)
	}
	_, err = u.VDiffCreate(t.Context(), &vtctldatapb.VDiffCreateRequest{TargetKeyspace: "ks", Workflow: "rs", Uuid: id})
	wantError(t, err, "vdiff with UUID "+id+" already exists on tablet zone1-")
	resume := &vtctldatapb.VDiffResumeRequest{TargetKeyspace: "ks", Workflow: "rs", Uuid: id}
	_, err = u.VDiffResume(t.Context(), resume)
	u.must(err)
	for done := false; !done; again(t, "waiting for the VDiff") {
		one, err = show(id)
		u.must(err)
		done = true
		for _, r := range one.TabletResponses {
			done = done && named(r.Output)[0]["vdiff_state"] == vdiffCompleted
		}
	}
	_, err = u.VDiffResume(t.Context(), resume)
	u.must(err)
	_, err = u.VDiffStop(t.Context(), &vtctldatapb.VDiffStopRequest{TargetKeyspace: "ks", Workflow: "rs", Uuid: uuid.NewString()})
	u.must(err)
	_, err = u.VDiffDelete(t.Context(), &vtctldatapb.VDiffDeleteRequest{TargetKeyspace: "ks", Workflow: "rs", Arg: id})
	u.must(err)
	_, err = u.VDiffDelete(t.Context(), &vtctldatapb.VDiffDeleteRequest{TargetKeyspace: "ks", Workflow: "rs", Arg: id})
	wantError(t, err, "no vdiff found for UUID "+id+" on tablet")
	_, err = u.VDiffDelete(t.Context(), &vtctldatapb.VDiffDeleteRequest{TargetKeyspace: "ks", Workflow: "rs", Arg: "all"})
	u.must(err)
	_, err = show(id)
	wantError(t, err, "no vdiff found for UUID "+id)
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error = %v, want one with %q", err, text)
	}
}
