package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

func shardNames(t *testing.T, client vtctlservicepb.VtctldClient) []string {
	t.Helper()
	resp, err := client.FindAllShardsInKeyspace(t.Context(), &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: "ks"})
	if err != nil {
		t.Fatal(err)
	}
	return sortedKeys(resp.Shards)
}

func TestOpenSeedsAndServes(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 100, []string{"0"}, "-80", "80-")
	c := open(t, spec, Options{})
	client := dial(t, c)
	resp, err := client.GetKeyspaces(t.Context(), &vtctldatapb.GetKeyspacesRequest{})
	if err != nil || len(resp.Keyspaces) != 1 || resp.Keyspaces[0].Name != "ks" {
		t.Fatalf("GetKeyspaces = %v, %v", resp, err)
	}
	if diff := cmp.Diff([]string{"-80", "0", "80-"}, shardNames(t, client)); diff != "" {
		t.Errorf("shards (-want +got):\n%s", diff)
	}
	rows, err := c.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []TableRows{{"ks", "0", "corder", 100, true}, {"ks", "0", "customer", 100, true}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestSeedingPlacesRowsByVindex(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 1000, []string{"-40", "40-80", "80-"})
	c := open(t, spec, Options{})
	got := rowsByShard(t, c, "customer")
	sum := got["-40"] + got["40-80"] + got["80-"]
	if sum != 1000 || got["-40"] < 200 || got["40-80"] < 200 || got["80-"] < 400 {
		t.Errorf("rows by shard = %v", got)
	}
}

func TestLongAndOddPathsAreServed(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{
		"long": strings.Repeat("long-folder-name/", 9) + "sb",
		"odd":  "100% äöü ?#&' sb",
	} {
		t.Run(name, func(t *testing.T) {
			spec := testSpec(t, 10, []string{"-"})
			spec.Path = filepath.Join(t.TempDir(), folder)
			c := open(t, spec, Options{})
			if got := shardNames(t, dial(t, c)); !cmp.Equal(got, []string{"-"}) {
				t.Errorf("by target: shards = %v", got)
			}
			if got := shardNames(t, dialThrough(t, c)); !cmp.Equal(got, []string{"-"}) {
				t.Errorf("by dialer: shards = %v", got)
			}
		})
	}
}

func TestSecondOpenRefersToTheHolderAndTakesOver(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"-"})
	first, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	second := open(t, spec, Options{})
	if second.serving() != nil {
		t.Fatal("two clusters serve the same sandbox")
	}
	client := dial(t, second)
	shardNames(t, client)
	if err := Reset(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "process ") {
		t.Errorf("Reset while held = %v, want an error that names the process", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for second.serving() == nil {
		again(t, "waiting for the second cluster to take over")
	}
	shardNames(t, dial(t, second))
}

func TestInterruptedSeedingStartsAfresh(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"-"})
	folder := filepath.Join(spec.Path, "ks")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(folder, "-.sqlite"):           "half a file",
		filepath.Join(spec.Path, "seeding"):         "ks",
		filepath.Join(spec.Path, "topo.sqlite.new"): "half a file",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, spec, Options{})
	if got := rowsByShard(t, c, "customer")["-"]; got != 10 {
		t.Errorf("rows = %d, want 10", got)
	}
}

func TestSeedingLeavesForeignFoldersAlone(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"-"})
	if err := os.MkdirAll(filepath.Join(spec.Path, "ks"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), spec, Options{}); err == nil || !strings.Contains(err.Error(), "no sandbox's folder") {
		t.Errorf("Open = %v, want a refusal", err)
	}
}

func TestResetSeedsAnew(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"-"})
	c, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	spec.Keyspaces[0].Shards = []string{"-80", "80-"}
	if err := Reset(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if got := sortedKeys(rowsByShard(t, open(t, spec, Options{}), "customer")); !cmp.Equal(got, []string{"-80", "80-"}) {
		t.Errorf("shards = %v", got)
	}
}

func TestAnotherProcessMayAskForSpareShards(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"0"})
	open(t, spec, Options{})
	spec.Spare = map[string][]string{"ks": {"-", "-80", "80-"}, "other": {"-80"}}
	second := open(t, spec, Options{})
	u := newUser(t, second)
	if diff := cmp.Diff([]string{"-80", "0", "80-"}, shardNames(t, u)); diff != "" {
		t.Errorf("shards; - is 0 and not missing (-want +got):\n%s", diff)
	}
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	u.forward(allTypes)
	u.must(u.complete(false))
	checkPlaced(t, second, map[string]int64{"customer": 10, "corder": 10})
}

func TestARemovedShardComesBackEmptyAndOnlyAsASpare(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 50, []string{"0"}, "-80", "80-")
	c, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	u.forward(allTypes)
	u.must(u.complete(false))
	if _, err := os.Stat(shardPath(c.root, "ks", "0")); !os.IsNotExist(err) {
		t.Errorf("the removed shard's file: %v", err)
	}
	u.must(c.Close())
	c, err = Open(t.Context(), spec, Options{})
	u.must(err)
	if got := shardNames(t, dial(t, c)); !cmp.Equal(got, []string{"-80", "80-"}) {
		t.Errorf("shards = %v", got)
	}
	u.must(c.Close())
	spec.Spare["ks"] = []string{"0"}
	c = open(t, spec, Options{})
	u = newUser(t, c)
	if got := rowsByShard(t, c, "customer"); len(got) != 2 {
		t.Errorf("rows = %v, want none on the shard that came back", got)
	}
	u.must(u.create("-80,80-", "0"))
	u.waitFor("Running")
	u.forward(allTypes)
	u.must(u.complete(false))
	checkPlaced(t, c, map[string]int64{"customer": 50, "corder": 50})
}
