package vitess

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

func TestServersSayHowTheyAreSetUp(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, request proto.Message) (proto.Message, error) {
		if method != "ExecuteFetchAsDBA" {
			return clusterAnswer(method), nil
		}
		asked := request.(*vtctldatapb.ExecuteFetchAsDBARequest)
		position, bytes := "longblob", "123456"
		switch asked.TabletAlias.Uid {
		case 101:
			position, bytes = "varbinary", "0"
		case 102:
			return nil, errors.New("no such tablet")
		}
		switch asked.Query {
		case variablesQuery:
			return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result("Variable_name Value",
				[]string{"binlog_expire_logs_seconds", "2592000"}, []string{"sql_mode", "STRICT_TRANS_TABLES,NO_ZERO_DATE"}, []string{"version", "8.4.6-log"})}, nil
		case databaseQuery:
			return &vtctldatapb.ExecuteFetchAsDBAResponse{Result: result("charset collation position bytes", []string{"utf8mb4", "utf8mb4_bin", position, bytes})}, nil
		}
		return nil, errors.New("unexpected " + asked.Query)
	}}
	got, err := dialFake(t, f).Servers(t.Context(), []string{"zone1-0000000100", "zone1-0000000101", "zone1-0000000102"})
	if err != nil {
		t.Fatal(err)
	}
	one := Server{Alias: "zone1-0000000100", MySQL: "8.4.6-log", Vitess: "24 or newer", SQLMode: "NO_ZERO_DATE,STRICT_TRANS_TABLES", CharacterSet: "utf8mb4", Collation: "utf8mb4_bin",
		BinlogExpires: 720 * time.Hour, Bytes: 123456}
	two := one
	two.Alias, two.Vitess, two.Bytes = "zone1-0000000101", "older than 24", 0
	if diff := cmp.Diff([]Server{one, two, {Alias: "zone1-0000000102", Unread: "no such tablet"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAClusterWithoutMySQLHasNoServers(t *testing.T) {
	f := &fakeVtctld{answer: func(_ context.Context, method string, _ int, _ proto.Message) (proto.Message, error) {
		if method == "ExecuteFetchAsDBA" {
			return nil, status.Error(codes.Unimplemented, "the sandbox does not implement it")
		}
		return clusterAnswer(method), nil
	}}
	if got, err := dialFake(t, f).Servers(t.Context(), []string{"zone1-0000000100"}); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTheVersionOfVitessIsThatOfTagsOrOfTables(t *testing.T) {
	for name, c := range map[string]struct {
		tablets  []Tablet
		servers  []Server
		want     string
		untested bool
	}{
		"nothing known": {tablets: []Tablet{{}}, servers: []Server{{}}},
		"by tables":     {servers: []Server{{Vitess: "24 or newer"}, {Vitess: "24 or newer"}}, want: "24 or newer"},
		"older":         {servers: []Server{{Vitess: "older than 24"}}, want: "older than 24", untested: true},
		"by tags":       {tablets: []Tablet{{Vitess: "24.0.1"}, {}}, servers: []Server{{Vitess: "24 or newer"}}, want: "24.0.1"},
		"two":           {tablets: []Tablet{{Vitess: "v24.0.1"}, {Vitess: "23.0.0"}}, want: "23.0.0, 24.0.1", untested: true},
		"newer":         {tablets: []Tablet{{Vitess: "25.0.0-SNAPSHOT"}}, want: "25.0.0-SNAPSHOT", untested: true},
	} {
		if version, untested := VitessVersion(c.tablets, c.servers); version != c.want || untested != c.untested {
			t.Errorf("%s: %q, %t", name, version, untested)
		}
	}
}
