package vitess

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// result packs rows as MySQL answers travel. A value of "NULL" is NULL.
func result(columns string, rows ...[]string) *querypb.QueryResult {
	r := &querypb.QueryResult{}
	for _, c := range strings.Fields(columns) {
		r.Fields = append(r.Fields, &querypb.Field{Name: c})
	}
	for _, row := range rows {
		packed := &querypb.Row{}
		for _, v := range row {
			if v == "NULL" {
				packed.Lengths = append(packed.Lengths, -1)
				continue
			}
			packed.Lengths = append(packed.Lengths, int64(len(v)))
			packed.Values = append(packed.Values, v...)
		}
		r.Rows = append(r.Rows, packed)
	}
	return r
}

const (
	listColumns    = "id vdiff_uuid state options last_error"
	summaryColumns = "vdiff_state last_error table_name table_state table_rows started_at rows_compared completed_at has_mismatch report"
	allRows        = `{"core_options":{"max_rows":9223372036854775807}}`
)

// vdiffServer knows the VDiffs that list and summary have, by shard.
type vdiffServer struct {
	list    map[string]*querypb.QueryResult // VDiffShow all
	summary map[string]*querypb.QueryResult // VDiffShow UUID
}

func (s *vdiffServer) answer(_ context.Context, method string, _ int, request proto.Message) (proto.Message, error) {
	if r, ok := request.(*vtctldatapb.VDiffShowRequest); ok {
		shown := s.list
		if r.Arg != "all" {
			shown = s.summary
		}
		answer := &vtctldatapb.VDiffShowResponse{TabletResponses: map[string]*tabletmanagerdatapb.VDiffResponse{}}
		for shard, rows := range shown {
			answer.TabletResponses[shard] = &tabletmanagerdatapb.VDiffResponse{Output: rows}
		}
		return answer, nil
	}
	return shardAnswer(method), nil
}

func listed(uuids ...string) *querypb.QueryResult {
	var rows [][]string
	for i, uuid := range uuids {
		rows = append(rows, []string{fmt.Sprint(i + 1), uuid, "started", allRows, ""})
	}
	return result(listColumns, rows...)
}

func TestVDiffIsSummedUpOverShardsAndTables(t *testing.T) {
	// vdiff_state last_error table_name table_state table_rows started_at rows_compared completed_at has_mismatch report
	table := func(vdiff, name, state, mismatch, report string) []string {
		return []string{vdiff, "", name, state, "100", "2026-11-23 19:04:59", "60", "2026-11-23 19:05:00", mismatch, report}
	}
	later := func(row []string) []string {
		row = slices.Clone(row)
		row[5], row[7] = "2026-11-23 19:05:01", "2026-11-23 19:05:09"
		return row
	}
	for _, c := range []struct {
		name        string
		left, right [][]string
		want        VDiff
	}{
		{"completed everywhere",
			[][]string{table("completed", "corder", "completed", "0", ""), table("completed", "customer", "completed", "0", "")},
			[][]string{later(table("completed", "corder", "completed", "0", "")), table("completed", "customer", "completed", "0", "")},
			VDiff{State: VDiffCompleted, StartedAt: time.Date(2026, 11, 23, 19, 5, 1, 0, time.UTC), CompletedAt: time.Date(2026, 11, 23, 19, 5, 0, 0, time.UTC),
				RowsCompared: 240, RowsTotal: 400, Tables: []string{"corder", "customer"}}},
		{"tables done, a shard not (merging)",
			[][]string{table("started", "customer", "completed", "0", "")}, [][]string{table("completed", "customer", "completed", "0", "")},
			VDiff{State: VDiffStarted, RowsCompared: 120, RowsTotal: 200, Tables: []string{"customer"}}},
		{"a table is missing on a shard",
			[][]string{table("completed", "customer", "completed", "0", "")},
			[][]string{table("completed", "customer", "completed", "0", ""), table("completed", "corder", "completed", "0", "")},
			VDiff{State: VDiffStarted, RowsCompared: 180, RowsTotal: 300, Tables: []string{"corder", "customer"}}},
		{"stopped wins over an error",
			[][]string{table("stopped", "customer", "stopped", "0", "")}, [][]string{table("error", "customer", "error", "0", "")},
			VDiff{State: VDiffStopped, RowsCompared: 120, RowsTotal: 200, Tables: []string{"customer"}}},
		{"a table in error",
			[][]string{table("started", "customer", "error", "0", "")}, [][]string{table("completed", "customer", "completed", "0", "")},
			VDiff{State: VDiffError, RowsCompared: 120, RowsTotal: 200, Tables: []string{"customer"}}},
		{"not begun",
			[][]string{{"pending", "", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "0", "NULL"}}, [][]string{{"pending", "", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "0", "NULL"}},
			VDiff{State: VDiffPending}},
		{"the last error is told",
			[][]string{{"error", "no tablet", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "0", "NULL"}}, [][]string{table("completed", "customer", "completed", "0", "")},
			VDiff{State: VDiffError, RowsCompared: 60, RowsTotal: 100, Tables: []string{"customer"}, Errors: []string{"-80: no tablet"}}},
		{"completed with differences",
			[][]string{table("completed", "customer", "completed", "1",
				`{"MatchingRows":58,"MismatchedRows":1,"ExtraRowsSource":1,"ExtraRowsTarget":0,"ExtraRowsSourceSample":[{"Row":{"id":"7","name":"x"}}],`+
					`"MismatchedRowsSample":[{"Source":{"Row":{"id":"1"}},"Target":{"Row":{"id":"2"}}}]}`)},
			[][]string{table("completed", "customer", "completed", "0", `{"MatchingRows":60}`)},
			VDiff{State: VDiffCompleted, CompletedAt: time.Date(2026, 11, 23, 19, 5, 0, 0, time.UTC), RowsCompared: 120, RowsTotal: 200, Tables: []string{"customer"}, Mismatch: true,
				Report: []VDiffMismatch{{Shard: "-80", Table: "customer", Matching: 58, Different: 1, ExtraRowsSource: 1,
					Samples: []string{"only on the source: (id=7, name=x)", "different: source (id=1), target (id=2)"}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &vdiffServer{
				list:    map[string]*querypb.QueryResult{"-80": listed("u"), "80-": listed("u")},
				summary: map[string]*querypb.QueryResult{"-80": result(summaryColumns, c.left...), "80-": result(summaryColumns, c.right...)},
			}
			got, err := dialFake(t, &fakeVtctld{answer: s.answer}).VDiff(t.Context(), "ks", "rs", "u")
			if err != nil {
				t.Fatal(err)
			}
			c.want.UUID, c.want.Shards = "u", []string{"-80", "80-"}
			if c.want.StartedAt.IsZero() && c.left[0][5] != "NULL" || c.name == "the last error is told" {
				c.want.StartedAt = time.Date(2026, 11, 23, 19, 4, 59, 0, time.UTC)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("sum (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVDiffsAreListedOldestFirstWithoutReports(t *testing.T) {
	row := []string{"completed", "", "customer", "completed", "100", "NULL", "60", "2026-11-23 20:05:00", "1", `{"MismatchedRows":1}`}
	s := &vdiffServer{
		list:    map[string]*querypb.QueryResult{"-80": listed("b", "a"), "80-": listed("b", "a")},
		summary: map[string]*querypb.QueryResult{"-80": result(summaryColumns, row), "80-": result(summaryColumns, row)},
	}
	got, err := dialFake(t, &fakeVtctld{answer: s.answer}).VDiffs(t.Context(), "ks", "rs")
	if err != nil || len(got) != 2 || got[0].UUID != "b" || !got[0].Mismatch || got[0].Report != nil {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestVDiffThatATargetDoesNotKnowIsNeverCompleted(t *testing.T) {
	s := &vdiffServer{list: map[string]*querypb.QueryResult{
		"-80": result(listColumns, []string{"1", "u", "completed", allRows, ""}), "80-": listed(),
	}}
	got, err := dialFake(t, &fakeVtctld{answer: s.answer}).VDiff(t.Context(), "ks", "rs", "u")
	want := &VDiff{UUID: "u", State: VDiffStopped, Shards: []string{"-80"}, Missing: []string{"80-"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestVDiffOfAPartIsLimited(t *testing.T) {
	for options, want := range map[string]bool{
		allRows: false, `{}`: false, ``: false, `{"core_options":{"max_rows":10}}`: true, `{"core_options":{"max_rows":"10"}}`: true,
		`{"core_options":{"tables":"customer","max_rows":9223372036854775807}}`: true,
	} {
		if got := limited(vdiffShow{"-80": {{"options": options}}}); got != want {
			t.Errorf("limited by %s = %v", options, got)
		}
	}
}

func TestNoWorkflowNoVDiffs(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "VDiffShow" {
			return nil, status.Error(codes.Unknown, "no streams found in keyspace ks for rs")
		}
		return nil, nil
	}}
	c := dialFake(t, f)
	if got, err := c.VDiffs(t.Context(), "ks", "rs"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := c.VDiff(t.Context(), "ks", "rs", "u"); err != nil || got.State != VDiffAbsent {
		t.Errorf("%v, %v", got, err)
	}
}

func TestVDiffCreateTwiceIsNoError(t *testing.T) {
	for _, c := range []struct {
		name    string
		right   *querypb.QueryResult
		failing bool
	}{{"known to all", listed("u"), false}, {"known to some", listed(), true}} {
		s := &vdiffServer{list: map[string]*querypb.QueryResult{"-80": listed("u"), "80-": c.right}}
		f := &fakeVtctld{answer: func(ctx context.Context, method string, nth int, r proto.Message) (proto.Message, error) {
			if method == "VDiffCreate" {
				return nil, status.Error(codes.Unknown, "vdiff with UUID u already exists on tablet zone1-0000000200")
			}
			return s.answer(ctx, method, nth, r)
		}}
		err := dialFake(t, f).VDiffCreate(t.Context(), VDiffCreate{Keyspace: "ks", Workflow: "rs", UUID: "u"})
		if (err != nil) != c.failing {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
