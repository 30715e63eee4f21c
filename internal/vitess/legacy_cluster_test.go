package vitess_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
	"shardform/internal/vitess/legacytest"
)

// printing is a vtctld whose commands print what the test says, among lines of its log.
func printing(t *testing.T, answers map[string]string) *vitess.LegacyCluster {
	t.Helper()
	server := legacytest.Vtctld(t, func(_ context.Context, args []string, send func(*logutilpb.Event)) error {
		printed, ok := answers[strings.Join(args, " ")]
		if !ok {
			return errors.New("node doesn't exist: " + strings.Join(args, " "))
		}
		send(legacytest.Info("{ a line of the log"))
		for line := range strings.Lines(printed) {
			send(legacytest.Console(line))
		}
		send(legacytest.Console("\n"))
		return nil
	})
	legacy, err := vitess.NewLegacy(vitess.LegacyConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return vitess.NewLegacyCluster(legacy, server.Address)
}

// The texts are those of v0.10 unless they say otherwise: numbers for enums, base64 for ids, names from before v0.11.
var customerRecords = map[string]string{
	"GetKeyspaces":         "commerce\ncustomer",
	"GetCellInfoNames":     "zone2\nzone1",
	"GetKeyspace customer": `{"sharding_column_name": "", "served_froms": [{"tablet_type": 3, "cells": ["zone1"], "keyspace": "commerce"}, {"tablet_type": "MASTER", "cells": [], "keyspace": "commerce"}]}`,
	"FindAllShardsInKeyspace customer": `{
  "0": {"master_alias": {"cell": "zone1", "uid": 100}, "is_master_serving": true,
    "tablet_controls": [{"tablet_type": 1, "frozen": true, "blacklisted_tables": ["a"]}, {"tablet_type": 3, "denylisted_tables": ["b"]}, {"tablet_type": "REPLICA", "denied_tables": ["c"]}]},
  "80-": {"key_range": {"start": "gA=="}, "source_shards": [{"uid": 7, "keyspace": "customer", "shard": "0", "key_range": null}]},
  "-80": {"primary_alias": {"cell": "zone2", "uid": 4294967295}, "key_range": {"end": "gA=="}, "is_primary_serving": true, "source_shards": [{"uid": 8, "keyspace": "commerce", "shard": "0", "tables": ["t"]}]}
}`,
	"GetSrvKeyspace zone1 customer": `{"partitions": [
  {"served_type": 1, "shard_references": [{"name": "0", "key_range": null}], "shard_tablet_controls": [{"name": "0", "query_service_disabled": true}]},
  {"served_type": 3, "shard_references": [{"name": "80-", "key_range": {"start": "gA==", "end": ""}}, {"name": "-80", "key_range": {"start": "", "end": "gA=="}}], "shard_tablet_controls": [{"name": "-80", "key_range": {"end": "gA=="}}]}
]}`,
	"GetShard customer/0": `{"master_alias": {"cell": "zone1", "uid": 100}}`,
	"GetSchema zone1-0000000100": `{"table_definitions": [
  {"name": "b", "schema": "CREATE TABLE b (id int) AUTO_INCREMENT=7", "columns": ["id"], "primary_key_columns": ["id"], "type": "BASE TABLE", "data_length": "16384", "row_count": "3"},
  {"name": "a", "schema": "CREATE TABLE a (id int)", "type": "BASE TABLE", "data_length": 5, "row_count": 0},
  {"name": "_vt_HOLD_6ace8bcef73211ea87e9f875a4d24e90_20200915120410", "schema": "", "type": "BASE TABLE"}]}`,
}

func shard(t *testing.T, name string) keyrange.Shard {
	t.Helper()
	s, err := keyrange.ParseShard(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestALegacyKeyspaceIsRead(t *testing.T) {
	cluster := printing(t, customerRecords)
	got, err := cluster.Snapshot(t.Context(), "customer")
	if err != nil {
		t.Fatal(err)
	}
	low, high, whole := shard(t, "-80"), shard(t, "80-"), shard(t, "0")
	want := &vitess.Snapshot{
		Keyspace: "customer", Exists: true, Cells: []string{"zone1", "zone2"},
		ServedFrom: []vitess.ServedFrom{{Type: vitess.Primary, Cells: []string{}, Keyspace: "commerce"}, {Type: vitess.Rdonly, Cells: []string{"zone1"}, Keyspace: "commerce"}},
		Shards: []vitess.Shard{
			{Shard: low, PrimaryServing: true, PrimaryAlias: "zone2-4294967295", Sources: []vitess.SourceShard{{UID: 8, Keyspace: "commerce", Shard: "0", Tables: []string{"t"}}}},
			{Shard: whole, PrimaryServing: true, PrimaryAlias: "zone1-0000000100", Frozen: true,
				Denied: map[vitess.TabletType][]string{vitess.Primary: {"a"}, vitess.Rdonly: {"b"}, vitess.Replica: {"c"}}},
			{Shard: high, Sources: []vitess.SourceShard{{UID: 7, Keyspace: "customer", Shard: "0"}}},
		},
		Serving: []vitess.CellServing{{Cell: "zone1", Partitions: map[vitess.TabletType]vitess.Partition{
			vitess.Primary: {Shards: keyrange.Layout{whole}, Disabled: []string{"0"}},
			vitess.Rdonly:  {Shards: keyrange.Layout{low, high}},
		}}},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b keyrange.Range) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if absent, err := cluster.Snapshot(t.Context(), "nothing"); err != nil || absent.Exists {
		t.Errorf("%+v, error %v", absent, err)
	}
}

func TestLegacyTablesAreRead(t *testing.T) {
	got, err := printing(t, customerRecords).Schema(t.Context(), "customer", "0")
	want := []vitess.TableSchema{
		{Name: "a", Create: "CREATE TABLE a (id int)", Type: "BASE TABLE", Bytes: 5},
		{Name: "b", Create: "CREATE TABLE b (id int) AUTO_INCREMENT=7", Type: "BASE TABLE", Columns: []string{"id"}, PrimaryKey: []string{"id"}, Rows: 3, Bytes: 16384},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	_, err = printing(t, map[string]string{"GetShard customer/0": `{"master_alias": null}`}).Schema(t.Context(), "customer", "0")
	if !diag.IsTemporary(err) || !strings.Contains(err.Error(), "no master tablet") {
		t.Errorf("a shard without a master: %v", err)
	}
}

func TestWhatALegacyVtctldCannotTellIsAnError(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"no JSON":          {"FindAllShardsInKeyspace customer": "oops"},
		"an unknown type":  {"GetKeyspace customer": `{"served_froms": [{"tablet_type": "DRAINED?"}]}`},
		"a missing record": {"FindAllShardsInKeyspace customer": ""},
	} {
		all := map[string]string{}
		for command, printed := range customerRecords {
			all[command] = printed
		}
		for command, printed := range answers {
			all[command] = printed
		}
		if s, err := printing(t, all).Snapshot(t.Context(), "customer"); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestAskingALegacyVtctldAgainMayHelpWhereItDidNotAnswer(t *testing.T) {
	for _, c := range []struct {
		code      codes.Code
		temporary bool
	}{{codes.Unavailable, true}, {codes.DeadlineExceeded, true}, {codes.Unknown, false}, {codes.Unauthenticated, false}} {
		server := legacytest.Vtctld(t, func(context.Context, []string, func(*logutilpb.Event)) error { return status.Error(c.code, "no") })
		called := false
		legacy, err := vitess.NewLegacy(vitess.LegacyConfig{Before: func(string) { called = true }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = legacy.ReadVtctl(t.Context(), vitess.LegacyCommand{Server: server.Address, Args: []string{"GetKeyspaces"}})
		if err == nil || diag.IsTemporary(err) != c.temporary || called {
			t.Errorf("%v: %v; announced as a change: %t", c.code, err, called)
		}
	}
}

func TestNothingIsChangedThroughALegacyCluster(t *testing.T) {
	cluster := printing(t, nil)
	if err := cluster.ReshardCreate(t.Context(), vitess.ReshardCreate{}); err == nil || !strings.Contains(err.Error(), "not for clusters with a legacy block") {
		t.Errorf("%v", err)
	}
	if workflows, err := cluster.Workflows(t.Context(), "customer"); err != nil || len(workflows) > 0 {
		t.Errorf("%v, error %v", workflows, err)
	}
}

func TestHowFarALegacyReshardIs(t *testing.T) {
	low, high, whole := shard(t, "-80"), shard(t, "80-"), shard(t, "-")
	follows := []vitess.SourceShard{{UID: 1, Keyspace: "ks", Shard: "0"}} // as the record spells it
	serving := func(cells ...keyrange.Layout) []vitess.CellServing {
		var all []vitess.CellServing
		for _, l := range cells {
			all = append(all, vitess.CellServing{Partitions: map[vitess.TabletType]vitess.Partition{vitess.Primary: {Shards: l}, vitess.Rdonly: {Shards: l}}})
		}
		return all
	}
	split := keyrange.Layout{low, high}
	for name, c := range map[string]struct {
		low, high, whole vitess.Shard
		serving          []vitess.CellServing
		replicating      vitess.Switched
		reads, writes    bool
	}{
		"not begun":        {serving: serving(keyrange.Layout{whole}), whole: vitess.Shard{PrimaryServing: true}, replicating: vitess.NotSwitched},
		"half set up":      {low: vitess.Shard{Sources: follows}, serving: serving(keyrange.Layout{whole}), replicating: vitess.PartlySwitched},
		"left behind":      {low: vitess.Shard{Sources: follows, Frozen: true}, serving: serving(keyrange.Layout{whole}), replicating: vitess.NotSwitched},
		"cloned":           {low: vitess.Shard{Sources: follows}, high: vitess.Shard{Sources: follows}, serving: serving(keyrange.Layout{whole}), replicating: vitess.AllSwitched},
		"one cell of two":  {low: vitess.Shard{Sources: follows}, high: vitess.Shard{Sources: follows}, serving: serving(split, keyrange.Layout{whole}), replicating: vitess.AllSwitched},
		"records lag":      {low: vitess.Shard{PrimaryServing: true}, high: vitess.Shard{PrimaryServing: true}, whole: vitess.Shard{PrimaryServing: true}, serving: serving(split), reads: true},
		"still replicates": {low: vitess.Shard{PrimaryServing: true, Sources: follows}, high: vitess.Shard{PrimaryServing: true}, serving: serving(split), reads: true, replicating: vitess.PartlySwitched},
		"done":             {low: vitess.Shard{PrimaryServing: true}, high: vitess.Shard{PrimaryServing: true}, serving: serving(split), reads: true, writes: true},
		"nothing serves":   {},
	} {
		c.low.Shard, c.high.Shard, c.whole.Shard = low, high, whole
		v := vitess.LegacySegment{
			Snapshot: &vitess.Snapshot{Keyspace: "ks", Shards: []vitess.Shard{c.low, c.whole, c.high}, Serving: c.serving},
			Segment:  keyrange.Segment{Sources: keyrange.Layout{whole}, Targets: split},
		}
		if got := v.Replicating(whole); got != c.replicating {
			t.Errorf("%s: replicating %v, want %v", name, got, c.replicating)
		}
		if got := v.Migrated(vitess.Rdonly, whole); got != c.reads {
			t.Errorf("%s: reads migrated %t", name, got)
		}
		if got := v.Migrated(vitess.Primary, whole); got != c.writes {
			t.Errorf("%s: writes migrated %t", name, got)
		}
	}
}
