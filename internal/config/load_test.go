package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuickstartExampleLoads(t *testing.T) {
	got, diags := Load("../../examples/quickstart.hcl", Options{Tasks: testTasks()})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if diff := cmp.Diff("../../examples/quickstart.shardform.db", got.State.Path); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"-80", "80-"}, got.Keyspaces[0].Shards.Names()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"customer": {"-80", "80-"}}, got.Clusters[0].Sandbox.Spare); diff != "" {
		t.Error(diff)
	}
}
