package vitess

import (
	"context"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func TestWhetherTablesHaveRowsIsAskedOfEach(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, request proto.Message) (proto.Message, error) {
		switch method {
		case "GetSchema":
			return &vtctldatapb.GetSchemaResponse{Schema: &tabletmanagerdatapb.SchemaDefinition{TableDefinitions: []*tabletmanagerdatapb.TableDefinition{
				{Name: "customer"}, {Name: "corder", RowCount: 7}, {Name: "odd`name"}, {Name: "_vt_hld_6ace8bcef73211ea87e9f875a4d24e90_20200915120410_", RowCount: 7},
			}}}, nil
		case "ExecuteFetchAsDBA":
			switch request.(*vtctldatapb.ExecuteFetchAsDBARequest).Query {
			case "select 1 from `customer` limit 1", "select 1 from `odd``name` limit 1":
				return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result("1", []string{"1"})}, nil
			}
			return &vtctldatapb.ExecuteFetchAsDBAResponse{}, nil
		}
		return clusterAnswer(method), nil
	}}
	c := dialFake(t, f)
	for _, tc := range []struct{ among, want []string }{
		{nil, []string{"customer", "odd`name"}},
		{[]string{"customer", "gone"}, []string{"customer"}},
		{[]string{"corder"}, nil},
	} {
		if got, err := c.TablesWithRows(t.Context(), "ks", "0", tc.among); err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("of %q: %q, %v", tc.among, got, err)
		}
	}
	if n := len(f.requestsOf("ExecuteFetchAsDBA")); n != 5 {
		t.Errorf("%d queries", n)
	}
}

func TestTableSizesPreferInnoDBsStatistics(t *testing.T) {
	stale := &vtctldatapb.GetSchemaResponse{Schema: &tabletmanagerdatapb.SchemaDefinition{TableDefinitions: []*tabletmanagerdatapb.TableDefinition{
		{Name: "customer", RowCount: 0, DataLength: 16384}, {Name: "corder", RowCount: 7},
	}}}
	statistics := result("name n", []string{"customer", "20000"})
	for _, tc := range []struct {
		name string
		err  error
		want map[string]int64
	}{
		{"they are fresher", nil, map[string]int64{"customer": 20000, "corder": 7}},
		{"they cannot be had", errors.New("access denied"), map[string]int64{"customer": 0, "corder": 7}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
				switch method {
				case "GetSchema":
					return stale, nil
				case "ExecuteFetchAsDBA":
					return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: statistics}, tc.err
				}
				return clusterAnswer(method), nil
			}}
			tables, err := dialFake(t, f).TableSizes(t.Context(), "ks", "0")
			if err != nil || len(tables) != 2 {
				t.Fatalf("%v, %v", tables, err)
			}
			for _, table := range tables {
				if table.Rows != tc.want[table.Name] {
					t.Errorf("%s has %d rows, want %d", table.Name, table.Rows, tc.want[table.Name])
				}
			}
		})
	}
}
