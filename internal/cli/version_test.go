package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersionShowsWhatTheBuildKnows(t *testing.T) {
	const commit = "02b51c79d635ba919851897d3ef05dd78d4c4bf6"
	head := "shardform v" + Version + "\non " + runtime.GOOS + "_" + runtime.GOARCH + ", " + runtime.Version() + "\n"
	committed := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: commit}, {Key: "vcs.time", Value: "2026-11-29T21:08:09Z"}, {Key: "vcs.modified", Value: modified}}
	}
	for name, test := range map[string]struct {
		info *debug.BuildInfo
		text string
		keys map[string]any // beside those that are always there
	}{
		"no build information": {nil, "commit unknown: built without version control information\n", nil},
		"no commit":            {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "commit unknown: built without version control information\n", nil},
		"a commit": {&debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261129210809-02b51c79d635"}, Settings: committed("false")},
			"commit " + commit + " of 2026-11-29T21:08:09Z\n", map[string]any{"commit": commit, "date": "2026-11-29T21:08:09Z", "modified": false}},
		"uncommitted changes": {&debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261129210809-02b51c79d635+dirty"}, Settings: committed("true")},
			"commit " + commit + " of 2026-11-29T21:08:09Z, with uncommitted changes\n", map[string]any{"commit": commit, "date": "2026-11-29T21:08:09Z", "modified": true}},
		"a tag": {&debug.BuildInfo{Main: debug.Module{Version: "v0.3.0"}, Settings: committed("false")},
			"commit " + commit + " of 2026-11-29T21:08:09Z\nmodule version v0.3.0\n", map[string]any{"commit": commit, "date": "2026-11-29T21:08:09Z", "modified": false, "module_version": "v0.3.0"}},
		"fetched by go install": {&debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261129210809-02b51c79d635"}},
			"commit unknown: built without version control information\nmodule version v0.0.0-20261129210809-02b51c79d635\n", map[string]any{"module_version": "v0.0.0-20261129210809-02b51c79d635"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := versionOf(test.info)
			var text bytes.Buffer
			if err := v.write(&text); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(head+test.text, text.String()); diff != "" {
				t.Error(diff)
			}
			encoded, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"shardform": Version, "go": runtime.Version(), "platform": runtime.GOOS + "_" + runtime.GOARCH}
			for key, value := range test.keys {
				want[key] = value
			}
			var got map[string]any
			if err := json.Unmarshal(encoded, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestVersionOfABuiltProgram builds a program around this package in a git repository of its own, as Go takes the commit
// of the main package's repository. A copy of this repository would have to be compiled each time.
func TestVersionOfABuiltProgram(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	do := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_COMMITTER_DATE=2026-11-29T22:08:09+01:00")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	copied := func(name string) []byte {
		t.Helper()
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	put := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mod := strings.Replace(string(copied("go.mod")), "module shardform\n", "module shardform/built\n\nrequire shardform v0.0.0\n\nreplace shardform => "+root+"\n", 1)
	put("go.mod", []byte(mod))
	put("go.sum", copied("go.sum"))
	put("main.go", copied("main.go"))
	put(".gitignore", []byte("/program\n"))
	do("git", "init", "-q")
	do("git", "add", ".")
	do("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "one")
	commit := do("git", "rev-parse", "HEAD")

	built := func() string {
		t.Helper()
		do("go", "build", "-buildvcs=true", "-ldflags=-s -w", "-o", "program", ".")
		_, commitLine, _ := strings.Cut(do("./program", "version"), "commit ")
		return commitLine
	}
	if got, want := built(), commit+" of 2026-11-29T21:08:09Z"; got != want {
		t.Errorf("at a commit: %q, want %q", got, want)
	}
	put("more.go", []byte("package main\n"))
	if got, want := built(), commit+" of 2026-11-29T21:08:09Z, with uncommitted changes"; got != want {
		t.Errorf("with a new file: %q, want %q", got, want)
	}
}
