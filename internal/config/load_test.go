package config

import (
	"os"
	"path/filepath"
	"testing"

	"shardform/internal/tasks/builtin"

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

func TestExamplesLoadAndAreFormatted(t *testing.T) {
	files, err := PlanFiles("../../examples")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			config, diags := Load(name, Options{Tasks: builtin.Registry()})
			if config == nil || len(diags) > 0 {
				t.Fatal(diags)
			}
			for _, o := range config.Outputs {
				if _, diags := o.Evaluate(map[string]Observed{"customer": {Shards: []string{"-"}, RowCount: 3000}}); len(diags) > 0 {
					t.Error(diags)
				}
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			formatted, _ := Format(text, name)
			if diff := cmp.Diff(string(text), string(formatted)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
