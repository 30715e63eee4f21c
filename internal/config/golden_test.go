package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"shardform/internal/diag"
)

var update = flag.Bool("update", false, "write what was found into the golden files")

// secret stands in cases where only sensitive values are: no complaint may show it.
const secret = "hunter2"

// caseOptions is a case's options.json: what the command line and the environment would give.
type caseOptions struct {
	Path     string              `json:"path"` // a file of the case; "": its folder
	Vars     map[string]string   `json:"vars"`
	VarFiles []string            `json:"var_files"`
	Env      map[string]string   `json:"env"`
	Version  string              `json:"version"`
	Observed map[string]Observed `json:"observed"`
}

// TestCases loads every folder of testdata and compares the configuration with expect.json, the complaints with
// expect.txt.
func TestCases(t *testing.T) {
	cases, err := os.ReadDir("testdata")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, dir := range cases {
		if dir.Name() != "fuzz" {
			t.Run(dir.Name(), func(t *testing.T) { testCase(t, dir.Name()) })
		}
	}
}

func testCase(t *testing.T, name string) {
	t.Chdir(filepath.Join("testdata", name))
	var o caseOptions
	if text, err := os.ReadFile("options.json"); err == nil {
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(err)
		}
	}
	if o.Path == "" {
		o.Path = "."
	}
	config, diags := Load(o.Path, Options{Tasks: testTasks(), Vars: o.Vars, VarFiles: o.VarFiles, Version: o.Version,
		Env: func(name string) (string, bool) { text, ok := o.Env[name]; return text, ok }})
	if (config == nil) != diags.HasErrors() {
		t.Errorf("a configuration comes exactly if there is no error; found %v and %v", config, diags)
	}
	complaints := show(diags)
	if strings.Contains(complaints, secret) {
		t.Errorf("a complaint shows a sensitive value:\n%s", complaints)
	}
	dump := ""
	if config != nil {
		var outputs string
		dump, outputs = dumpConfig(t, config, o.Observed)
		complaints += outputs
	}
	golden(t, "expect.txt", complaints)
	golden(t, "expect.json", dump)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		os.Remove(name)
		if got != "" {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func show(diags diag.List) string {
	var b strings.Builder
	for _, d := range diags {
		where := "(no place)"
		if d.Place != nil {
			where = d.Place.String()
		}
		fmt.Fprintf(&b, "%s: %s: %s\n", where, d.Severity, d.Summary)
		if d.Place != nil && d.Place.Snippet != "" {
			fmt.Fprintf(&b, "  | %s\n", d.Place.Snippet)
		}
		for _, part := range []struct{ mark, text string }{{"  ", d.Detail}, {"  > ", d.Hint}} {
			if part.text != "" {
				b.WriteString(part.mark + strings.ReplaceAll(part.text, "\n", "\n"+part.mark) + "\n")
			}
		}
	}
	return b.String()
}

// dumpConfig is the configuration as JSON, with places as file:line:column, and its outputs' values.
func dumpConfig(t *testing.T, c *Config, observed map[string]Observed) (dump, complaints string) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	for _, o := range c.Outputs {
		v, diags := o.Evaluate(observed)
		complaints += show(diags)
		if diags.HasErrors() {
			continue
		}
		text, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			t.Fatal(err)
		}
		values[o.Name] = json.RawMessage(text)
	}
	tree["values of outputs"] = values
	shorten(tree)
	text, err = json.MarshalIndent(tree, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n", complaints
}

// shorten writes places in one line and drops empty values.
func shorten(tree map[string]any) {
	for key, value := range tree {
		switch v := value.(type) {
		case map[string]any:
			if file, isPlace := v["file"].(string); isPlace {
				if file == "" {
					delete(tree, key)
				} else {
					tree[key] = fmt.Sprintf("%v:%v:%v-%v:%v %v", file, v["line"], v["column"], v["end_line"], v["end_column"], v["snippet"])
				}
				continue
			}
			shorten(v)
		case []any:
			for _, e := range v {
				if m, ok := e.(map[string]any); ok {
					shorten(m)
				}
			}
		case nil:
			delete(tree, key)
		}
	}
}
