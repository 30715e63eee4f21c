package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"shardform/internal/ui"
)

const stdoutPlan = `
cluster "try" {
  sandbox {
    path = "sandbox"
    keyspace "customer" {
      shards  = ["-"]
      schema  = "create table customer (id bigint primary key)"
      vschema = "{\"sharded\":true,\"vindexes\":{\"hash\":{\"type\":\"hash\"}},\"tables\":{\"customer\":{\"column_vindexes\":[{\"column\":\"id\",\"name\":\"hash\"}]}}}"
      generate "customer" {
        rows = 5
      }
    }
  }
}
keyspace "customer" {
  shards = ["-80", "80-"]
  reshard {
    switch {
      approval = ["switch_primary"]
    }
  }
}
operation "o" {
  task "echo" "x" {
    text = "a"
  }
}
output "shards" {
  value = keyspace.customer.shards
}
`

// onStdout has the commands that print a result, as they are typed; DIGEST stands for the open operation's.
var onStdout = [][]string{
	{"validate"}, {"validate", "--json"}, {"fmt", "--diff"}, {"fmt", "-"},
	{"plan"}, {"plan", "--json"}, {"plan", "--commands"}, {"plan", "--detailed-exitcode"}, {"plan", "--out", "new.plan"},
	{"apply", "--auto-approve"}, {"apply", "--auto-approve", "--json"}, {"apply", "saved.plan"},
	{"rollback", "keyspace.customer", "--auto-approve"},
	{"approve", "keyspace.customer/-:-80,80-/switch_primary", "--plan", "DIGEST", "--ahead"},
	{"pause", "keyspace.customer"}, {"resume", "keyspace.customer"},
	{"show"}, {"show", "--json"}, {"show", "saved.plan"}, {"graph"}, {"graph", "--format", "mermaid"},
	{"status"}, {"status", "--json"}, {"status", "--watch"}, {"status", "--watch", "--json"},
	{"state", "list"}, {"state", "show", "keyspace.customer/-:-80,80-/copy/copy"}, {"history"}, {"history", "--json"}, {"output", "--config", "done.hcl"}, {"output", "--json", "--config", "done.hcl"},
	{"tasks"}, {"tasks", "echo"}, {"sandbox", "rows"}, {"sandbox", "rows", "--json"},
	{"operation", "enqueue", "o", "--config", "o.hcl"}, {"operation", "list"}, {"operation", "show", "1"},
	{"version"}, {"version", "--json"}, {"--version"}, {"completion", "bash"}, {"completion", "zsh"}, {"completion", "fish"}, {"completion", "powershell"},
	{"help", "plan"}, {"--help"}, {"sandbox"}, {"state"}, {"operation"}, {"completion"},
}

// notOnStdout has the commands that print none, and why.
var notOnStdout = map[string]string{
	"shardform serve": "it runs until it is stopped; its log goes to standard error", "shardform sandbox serve": "likewise",
	"shardform sandbox reset": "what it did goes to standard error",
	"shardform state pull":    "not built yet", "shardform state mv": "not built yet", "shardform state push": "not built yet", "shardform state rm": "not built yet", "shardform init": "not built yet", "shardform force-unlock": "not built yet",
}

// fullDisk is where nothing can be written.
func fullDisk(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// fails runs a command whose result cannot be written and checks that it says so.
func fails(t *testing.T, args ...string) {
	t.Helper()
	var errs bytes.Buffer
	code := Main(args, nil, ui.Streams{In: strings.NewReader("locals {\n a=1\n}\n"), Out: fullDisk(t), Err: &errs})
	if code != 1 || strings.Count(errs.String(), "standard output") != 1 || !strings.Contains(errs.String(), "no space left on device") {
		t.Errorf("%v > /dev/full: exit %d\n%s", args, code, errs.String())
	}
}

// TestAResultThatCannotBeWrittenIsAnError goes through all commands.
func TestAResultThatCannotBeWrittenIsAnError(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	o := "operation \"o\" {\n  task \"echo\" \"x\" {\n    text = \"a\"\n  }\n}\n"
	for name, text := range map[string]string{"main.hcl": stdoutPlan, "o.hcl": o, "done.hcl": o + "output \"x\" {\n  value = 1\n}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(want int, args ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, nil, args...)
		if code != want {
			t.Fatalf("%v: exit %d\n%s%s", args, code, stdout, stderr)
		}
		return stdout
	}
	must(0, "apply", "--auto-approve", "done.hcl")
	must(0, "apply", "--auto-approve", "--until", "keyspace.customer/-:-80,80-/copy", "main.hcl")
	must(0, "plan", "main.hcl", "--out", "saved.plan")
	digest := regexp.MustCompile(`[0-9a-f]{64}`).FindString(must(0, "plan", "main.hcl"))

	tried := map[string]bool{}
	for _, args := range onStdout {
		t.Run(strings.Join(args, "_"), func(t *testing.T) {
			root := (&App{env: lookup(nil)}).rootCommand()
			cmd, _, err := root.Find(args)
			if err != nil && args[0] != "completion" && args[0] != "help" {
				t.Fatal(err)
			}
			tried[cmd.CommandPath()] = true
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			t.Chdir(copied)
			args := append([]string{}, args...)
			for i := range args {
				args[i] = strings.Replace(args[i], "DIGEST", digest, 1)
			}
			switch {
			case cmd.Flags().Lookup("config") != nil && !contains(args, "--config"):
				args = append(args, "--config", "main.hcl")
			case strings.Contains(cmd.Use, "[PATH") && !contains(args, "saved.plan") && !contains(args, "-"):
				args = append(args, "main.hcl")
			}
			if args[0] == "fmt" && args[1] == "--diff" {
				if err := os.WriteFile("main.hcl", []byte("locals {\n a=1\n}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			fails(t, args...)
			if _, err := os.Stat("new.plan"); err == nil {
				t.Error("a plan that could not be shown was saved")
			}
		})
	}
	root := (&App{env: lookup(nil)}).rootCommand()
	walk(root, func(cmd *cobra.Command) {
		if path := cmd.CommandPath(); !tried[path] && notOnStdout[path] == "" && cmd.Name() != "failpoints" {
			t.Errorf("%s is not tried: add it to onStdout, or to notOnStdout with the reason", path)
		}
		fails(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
	})
}

func walk(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, child := range cmd.Commands() {
		walk(child, f)
	}
}

func contains(args []string, arg string) bool {
	for _, a := range args {
		if a == arg {
			return true
		}
	}
	return false
}

// TestAnApplyWhoseResultCannotBeWrittenRunsToItsEnd checks that, and that nobody is asked about a plan that was not shown.
func TestAnApplyWhoseResultCannotBeWrittenRunsToItsEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	text := "operation \"o\" {\n  task \"shell\" \"x\" {\n    command = [\"touch\", \"ran\"]\n  }\n}\n"
	if err := os.WriteFile("o.hcl", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	code := Main([]string{"apply", "o.hcl"}, nil, ui.Streams{In: strings.NewReader("yes\n"), Out: fullDisk(t), Err: &errs, InTerminal: true})
	if _, err := os.Stat("ran"); err == nil || code != 1 || strings.Count(errs.String(), "standard output") != 1 {
		t.Errorf("asked about a plan that nobody saw: exit %d, %v\n%s", code, err, errs.String())
	}
	fails(t, "apply", "--auto-approve", "o.hcl")
	if _, err := os.Stat("ran"); err != nil {
		t.Error(err)
	}
	if code, stdout, stderr := run(t, nil, "apply", "--auto-approve", "o.hcl"); code != 0 || !strings.Contains(stdout, "No changes") {
		t.Errorf("the run was not recorded: exit %d\n%s%s", code, stdout, stderr)
	}
	if left, _ := filepath.Glob("*.lock"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
