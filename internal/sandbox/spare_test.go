package sandbox

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/sandbox/sandboxspec"
)

// shardsWith opens the sandbox with a description, and says what shards there are then, and what files when it is closed.
func shardsWith(t *testing.T, spec sandboxspec.Sandbox, spare ...string) (shards, files []string) {
	t.Helper()
	spec.Spare = map[string][]string{"ks": spare}
	c, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	shards = shardNames(t, dial(t, c))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return shards, shardFiles(t, spec)
}

func shardFiles(t *testing.T, spec sandboxspec.Sandbox) []string {
	t.Helper()
	entries, err := os.ReadDir(spec.Path + "/ks")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		files = append(files, e.Name())
	}
	return files
}

func TestSparesThatNobodyUsedGoWhenTheSandboxIsClosed(t *testing.T) {
	spec := testSpec(t, 10, []string{"0"})
	for range 2 {
		shards, files := shardsWith(t, spec, "-40", "40-")
		if diff := cmp.Diff([]string{"-40", "0", "40-"}, shards); diff != "" {
			t.Errorf("shards while it is open (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"0.sqlite"}, files); diff != "" {
			t.Errorf("files after it (-want +got):\n%s", diff)
		}
	}
}

func TestSparesKeepTheirTablets(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"0"}, "-80", "80-")
	var first string
	for range 2 {
		c, err := Open(t.Context(), spec, Options{})
		if err != nil {
			t.Fatal(err)
		}
		shard, err := dial(t, c).GetShard(t.Context(), &vtctldatapb.GetShardRequest{Keyspace: "ks", ShardName: "80-"})
		if err != nil {
			t.Fatal(err)
		}
		alias := aliasText(shard.Shard.Shard.PrimaryAlias)
		if first != "" && alias != first {
			t.Errorf("the primary of 80- is %s, then %s", first, alias)
		}
		first = alias
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSparesStayWhileAnybodyHasTheSandboxOpen(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"0"}, "-80", "80-")
	first, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	second := open(t, spec, Options{})
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"-80", "0", "80-"}, shardNames(t, dialThrough(t, second))); diff != "" {
		t.Errorf("shards (-want +got):\n%s", diff)
	}
}

func TestSparesOfAKilledProcessGoWithTheNextDescription(t *testing.T) {
	spec := testSpec(t, 10, []string{"0"}, "-80", "80-")
	serveElsewhere(t, spec).kill()
	if shards, _ := shardsWith(t, spec, "-40", "80-", "40-80"); !cmp.Equal(shards, []string{"-40", "0", "40-80", "80-"}) {
		t.Errorf("shards = %v", shards)
	}
}

func TestSparesThatWereUsedStay(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"0"}, "-80", "80-")
	c, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	u := newUser(t, c)
	u.must(u.create("0", "-80,80-"))
	u.waitFor("Running")
	u.must(c.Close())
	if shards, _ := shardsWith(t, spec, "0"); !cmp.Equal(shards, []string{"-80", "0", "80-"}) {
		t.Errorf("shards = %v", shards)
	}
}
