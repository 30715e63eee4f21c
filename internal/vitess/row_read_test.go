package vitess

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	querypb "vitess.io/vitess/go/vt/proto/query"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// fakeTable answers the queries of a KeyScan: the columns' types, then one page a query.
func fakeTable(t *testing.T, types []querypb.Type, pages ...[][]string) (*Client, *fakeVtctld) {
	f := &fakeVtctld{}
	f.answer = func(_ context.Context, method string, nth int, request proto.Message) (proto.Message, error) {
		if method != "ExecuteFetchAsDBA" {
			return nil, nil
		}
		result := &querypb.QueryResult{}
		for i, kind := range types {
			name := fmt.Sprint("k", i)
			if i == len(types)-1 {
				name = "v"
			}
			result.Fields = append(result.Fields, &querypb.Field{Name: name, Type: kind})
		}
		if nth > 1 && nth-2 < len(pages) {
			for _, values := range pages[nth-2] {
				row := &querypb.Row{}
				for _, v := range values {
					if v == "NULL" {
						row.Lengths = append(row.Lengths, -1)
						continue
					}
					row.Lengths, row.Values = append(row.Lengths, int64(len(v))), append(row.Values, v...)
				}
				result.Rows = append(result.Rows, row)
			}
		}
		return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result}, nil
	}
	return dialFake(t, f), f
}

func queriesOf(f *fakeVtctld) []string {
	var queries []string
	for _, r := range f.requestsOf("ExecuteFetchAsDBA") {
		queries = append(queries, r.(*vtctldatapb.ExecuteFetchAsDBARequest).Query)
	}
	return queries
}

func TestKeysAreReadPageByPage(t *testing.T) {
	page := make([][]string, ScanPage)
	for i := range page {
		page[i] = []string{"it's", "\x00\xff", "2", fmt.Sprint(i), "-7"}
	}
	c, f := fakeTable(t, []querypb.Type{querypb.Type_VARCHAR, querypb.Type_VARBINARY, querypb.Type_ENUM, querypb.Type_DATETIME, querypb.Type_INT64}, page, [][]string{{"z", "", "1", "2026-11-29 10:00:00", "NULL"}})
	scan, err := c.ScanKeys(t.Context(), "zone1-0000000100", "od`d", []string{"a", "b", "c", "d"}, "id")
	if err != nil {
		t.Fatal(err)
	}
	first, err := scan.Next(t.Context())
	if err != nil || len(first) != ScanPage || first[0].Value != int64(-7) {
		t.Fatalf("%d rows, %v", len(first), err)
	}
	second, err := scan.Next(t.Context())
	if err != nil || len(second) != 1 || second[0].Value != nil || second[0].String() != "a=z, b=0x, c=1, d=2026-11-29 10:00:00" {
		t.Errorf("%v, %v", second, err)
	}
	if want := "`a` = _utf8mb4 x'7a' and `b` = x'' and `c` = 1 and `d` = '2026-11-29 10:00:00'"; second[0].Where() != want {
		t.Errorf("the row is where %s, want %s", second[0].Where(), want)
	}
	if rest, err := scan.Next(t.Context()); len(rest) != 0 || err != nil {
		t.Errorf("%v, %v", rest, err)
	}
	select1 := "select /*+ MAX_EXECUTION_TIME(600000) SET_VAR(time_zone = '+00:00') */ cast(convert(`a` using utf8mb4) as binary) as k0, `b` as k1, `c` + 0 as k2, `d` as k3, `id` as v from `od``d` force index (`PRIMARY`)"
	order := " order by `a`, `b`, `c`, `d` limit 10000"
	want := []string{
		"select `a`, `b`, `c`, `d`, `id` from `od``d` limit 0",
		select1 + order,
		select1 + " where (`a` > _utf8mb4 x'69742773') or (`a` = _utf8mb4 x'69742773' and `b` > x'00ff') or (`a` = _utf8mb4 x'69742773' and `b` = x'00ff' and `c` > 2)" +
			" or (`a` = _utf8mb4 x'69742773' and `b` = x'00ff' and `c` = 2 and `d` > '9999')" + order,
	}
	if diff := cmp.Diff(want, queriesOf(f)); diff != "" {
		t.Error(diff)
	}
}

func TestValuesAsAVindexTakesThem(t *testing.T) {
	for _, test := range []struct {
		kind querypb.Type
		text string
		want any
	}{
		{querypb.Type_INT64, "-5", int64(-5)},
		{querypb.Type_UINT64, "18446744073709551615", uint64(18446744073709551615)},
		{querypb.Type_DECIMAL, "12.00", []byte("12.00")},
		{querypb.Type_VARCHAR, "12", []byte("12")},
		{querypb.Type_YEAR, "2026", uint64(2026)},
		{querypb.Type_VARBINARY, "\x01", []byte{1}},
	} {
		if got := (scanColumn{"c", test.kind}).value(test.text); cmp.Diff(test.want, got) != "" {
			t.Errorf("%s %q is %T %v", test.kind, test.text, got, got)
		}
	}
}

func TestTablesThatCannotBeReadPageByPage(t *testing.T) {
	c, _ := fakeTable(t, []querypb.Type{querypb.Type_FLOAT32, querypb.Type_INT64})
	if _, err := c.ScanKeys(t.Context(), "zone1-0000000100", "t", []string{"f"}, "id"); !errors.Is(err, ErrNotScanned) || !strings.Contains(err.Error(), "FLOAT32") {
		t.Errorf("error %v", err)
	}
	if _, err := c.ScanKeys(t.Context(), "zone1-0000000100", "t", nil, "id"); !errors.Is(err, ErrNotScanned) {
		t.Errorf("error %v", err)
	}
}

func TestACountThatTakesTooLong(t *testing.T) {
	c := dialFake(t, &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method != "ExecuteFetchAsDBA" {
			return nil, nil
		}
		return nil, errors.New("Query execution was interrupted, maximum statement execution time exceeded (errno 3024) (sqlstate HY000)")
	}})
	if _, err := c.CountRows(t.Context(), "zone1-0000000100", "t"); !errors.Is(err, ErrQueryLimit) {
		t.Errorf("error %v", err)
	}
}

// A page of long keys may be more than a gRPC message holds.
func TestPagesThatAreTooLargeAreReadInSmallerOnes(t *testing.T) {
	f := &fakeVtctld{}
	f.answer = func(_ context.Context, method string, nth int, request proto.Message) (proto.Message, error) {
		switch r, is := request.(*vtctldatapb.ExecuteFetchAsDBARequest); {
		case !is:
			return nil, nil
		case nth > 1 && strings.HasSuffix(r.Query, "limit 10000"):
			return nil, errors.New("rpc error: code = ResourceExhausted desc = grpc: received message larger than max (17000000 vs. 16777216)")
		}
		return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: &querypb.QueryResult{Fields: []*querypb.Field{{Type: querypb.Type_INT64}, {Type: querypb.Type_INT64}}}}, nil
	}
	scan, err := dialFake(t, f).ScanKeys(t.Context(), "zone1-0000000100", "t", []string{"id"}, "id")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scan.Next(t.Context()); err != nil || !strings.HasSuffix(queriesOf(f)[2], "limit 1000") {
		t.Errorf("%v: %q", err, queriesOf(f))
	}
}

func TestTheTabletsThatAWorkflowReads(t *testing.T) {
	tablets := []Tablet{
		{Alias: "a-1", Shard: "0", Type: "PRIMARY", Cell: "a"}, {Alias: "a-2", Shard: "0", Type: "REPLICA", Cell: "a"},
		{Alias: "b-3", Shard: "0", Type: "REPLICA", Cell: "b"}, {Alias: "b-4", Shard: "0", Type: "RDONLY", Cell: "b"}, {Alias: "a-5", Shard: "-80", Type: "REPLICA", Cell: "a"},
	}
	for _, test := range []struct {
		options WorkflowOptions
		want    []string
	}{
		{WorkflowOptions{}, []string{"a-2", "b-3", "a-1"}},
		{WorkflowOptions{Cells: []string{"b"}}, []string{"b-3", "a-2", "a-1"}},
		{WorkflowOptions{TabletTypes: []string{"RDONLY"}}, []string{"b-4", "a-1"}},
		{WorkflowOptions{TabletTypes: []string{"PRIMARY", "REPLICA"}}, []string{"a-1", "a-2", "b-3"}},
	} {
		if diff := cmp.Diff(test.want, CopyTablets(tablets, "0", test.options)); diff != "" {
			t.Errorf("%+v: %s", test.options, diff)
		}
	}
}
