package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documentedTypes reads the table of stream types of docs/json-format.md: the words in backquotes of each type's row.
func documentedTypes(t *testing.T) map[string]map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/json-format.md")
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile("`([^`]+)`")
	types := map[string]map[string]bool{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if strings.HasPrefix(line, "## Single values") {
			break
		}
		cells := strings.SplitN(line, "|", 3)
		if len(cells) < 3 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		name := word.FindStringSubmatch(cells[1])[1]
		types[name] = map[string]bool{}
		for _, m := range word.FindAllStringSubmatch(cells[2], -1) {
			types[name][m[1]] = true
		}
	}
	return types
}

// quickstart copies the README's example into a folder of its own.
func quickstart(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "quickstart"), os.DirFS("../../examples/quickstart")); err != nil {
		tb.Fatal(err)
	}
	content, err := os.ReadFile("../../examples/quickstart.hcl")
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(dir, "quickstart.hcl")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		tb.Fatal(err)
	}
	return file
}

// edit replaces what stands once in a file.
func edit(t *testing.T, file, old, fresh string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(content), old); n != 1 {
		t.Fatalf("%q stands %d times in %s", old, n, file)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(content), old, fresh, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheStreamIsAsDocumented(t *testing.T) {
	types := documentedTypes(t)
	file := quickstart(t)
	broken := filepath.Join(t.TempDir(), "broken.hcl")
	if err := os.WriteFile(broken, []byte("keyspace \"x\" {\n  shards = [\"-80\"]\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	edit(t, file, "rows = 20000", "rows = 200")
	gated := quickstart(t)
	edit(t, gated, "rows = 20000", "rows = 200")
	edit(t, gated, "keyspace \"customer\" {\n  shards ", "keyspace \"customer\" {\n  reshard {\n    switch {\n      approval = [\"create\"]\n    }\n  }\n  shards ")
	seen := map[string]bool{}
	for _, args := range [][]string{
		{"plan", "--json", broken}, {"plan", "--json", file}, {"apply", "--json", "--auto-approve", file}, {"apply", "--json", "--auto-approve", file},
		{"plan", "--json", gated}, {"apply", "--json", "--auto-approve", gated},
	} {
		_, stdout, stderr := run(t, nil, args...)
		if stderr != "" {
			t.Errorf("%v: standard error has %s", args, stderr)
		}
		for i, line := range strings.Split(strings.TrimSpace(stdout), "\n") {
			var object map[string]any
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				t.Fatalf("%v: line %d is no JSON object: %v\n%s", args, i+1, err, line)
			}
			kind, _ := object["type"].(string)
			seen[kind] = true
			if i == 0 && kind != "version" {
				t.Errorf("%v starts with %s", args, kind)
			}
			checkObject(t, types, kind, object)
		}
	}
	for _, kind := range []string{"version", "diagnostic", "planned_container", "planned_task", "change_summary", "apply_start", "apply_progress", "apply_complete", "gate", "outputs"} {
		if !seen[kind] {
			t.Errorf("no object of type %s came", kind)
		}
	}
}

func checkObject(t *testing.T, types map[string]map[string]bool, kind string, object map[string]any) {
	t.Helper()
	documented, ok := types[kind]
	if !ok {
		t.Errorf("type %q is not documented", kind)
		return
	}
	for _, field := range []string{"@level", "@message", "@timestamp"} {
		if text, _ := object[field].(string); text == "" {
			t.Errorf("%s without %s: %v", kind, field, object)
		}
	}
	for field, value := range object {
		switch field {
		case "@level", "@message", "@timestamp", "type", "address":
			continue
		}
		if !documented[field] {
			t.Errorf("%s has the field %s, which is not documented", kind, field)
		}
		nested, _ := value.(map[string]any)
		if field == "outputs" { // by the names of the outputs
			continue
		}
		for name := range nested {
			if !documented[name] {
				t.Errorf("%s has %s.%s, which is not documented", kind, field, name)
			}
		}
	}
}
