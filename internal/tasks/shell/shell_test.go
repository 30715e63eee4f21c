package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/tasks"
)

// fixture is a shell task in a folder of its own, with what it reported.
type fixture struct {
	*task
	dir string

	mu    sync.Mutex
	lines []string
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{dir: t.TempDir()}
	env := &tasks.Env{
		Clock: tasks.SystemClock{}, Dir: f.dir, Stop: make(chan struct{}),
		Progress: func(string, *event.Progress) {},
		Output: func(line string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.lines = append(f.lines, line)
		},
	}
	f.task = &task{Spec: spec, env: env, limits: limits{output: 1 << 10, grace: 200 * time.Millisecond, drain: 200 * time.Millisecond}}
	return f
}

func (f *fixture) run(ctx context.Context, parameters map[string]string) (string, error) {
	_, output, err := f.Run(ctx, parameters)
	return output, err
}

func (f *fixture) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func list(words ...string) string {
	text, _ := json.Marshal(words)
	return string(text)
}

func TestCommandRunsAsItStandsWithoutAShell(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	output, err := f.run(t.Context(), map[string]string{"command": list("printf", "%s|", "$HOME", "a b", "*")})
	if err != nil || output != "$HOME|a b|*|" {
		t.Errorf("output %q, error %v", output, err)
	}
}

func TestScriptRunsByShWithStandardErrorInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	output, err := f.run(t.Context(), map[string]string{"script": "echo one; echo two >&2; echo three; cat"})
	if err != nil || output != "one\ntwo\nthree\n" {
		t.Errorf("output %q, error %v", output, err)
	}
	if got := strings.Join(f.lines, ","); got != "one,two,three" {
		t.Errorf("lines %q", got)
	}
}

func TestRelativePathsStartAtThePlanFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "notify.sh", "#!/bin/sh\npwd\n", 0o755)
	f.write(t, "sub/file", "", 0o644)
	dir, _ := filepath.EvalSymlinks(f.dir)
	for name, c := range map[string]struct{ dir, want string }{
		"in the plan file's folder": {"", dir + "\n"},
		"in dir":                    {"sub", filepath.Join(dir, "sub") + "\n"},
		"in an absolute dir":        {"/", "/\n"},
	} {
		parameters := map[string]string{"command": list("./notify.sh")}
		if c.dir != "" {
			parameters["dir"] = c.dir
		}
		if output, err := f.run(t.Context(), parameters); err != nil || output != c.want {
			t.Errorf("%s: output %q, error %v, want %q", name, output, err, c.want)
		}
	}
}

func TestEnvironmentIsItsOwnAndTheProcesss(t *testing.T) {
	f := newFixture(t)
	t.Setenv("SHELL_TEST_OWN", "own")
	t.Setenv("SHELL_TEST_BOTH", "process")
	output, err := f.run(t.Context(), map[string]string{
		"script": `echo "$SHELL_TEST_OWN $SHELL_TEST_BOTH $GIVEN"`,
		"env":    `{"SHELL_TEST_BOTH":"given","GIVEN":"also given"}`,
	})
	if err != nil || output != "own given also given\n" {
		t.Errorf("output %q, error %v", output, err)
	}
}

func TestFailuresSayHowTheCommandEndedAndNoSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parameters map[string]string
		want       string
	}{
		"exit code":          {map[string]string{"script": "exit 3"}, "sh ended with exit code 3"},
		"signal":             {map[string]string{"script": "kill -9 $$"}, "sh ended with signal 9 (killed)"},
		"no such program":    {map[string]string{"command": list("no-such-program-here")}, "executable file not found"},
		"no such path":       {map[string]string{"command": list("./missing")}, "no such file"},
		"no such dir":        {map[string]string{"script": "true", "dir": "missing"}, "no such file"},
		"a file as dir":      {map[string]string{"script": "true", "dir": "plain"}, "not a directory"},
		"not executable":     {map[string]string{"command": list("./plain")}, "permission denied"},
		"longer than wanted": {map[string]string{"script": "sleep 60", "timeout": "50ms"}, "longer than its timeout of 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.write(t, "plain", "text", 0o644)
			c.parameters["env"] = `{"TOKEN":"hunter2"}`
			_, err := f.run(t.Context(), c.parameters)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if text := err.Error(); strings.Contains(text, "hunter2") {
				t.Errorf("the error has a secret: %s", text)
			}
			if diag.IsTemporary(err) || diag.ExitOf(err) != diag.ExitFailed {
				t.Errorf("temporary %v, exit %d", diag.IsTemporary(err), diag.ExitOf(err))
			}
		})
	}
}

func TestSomethingLeftInTheBackgroundDoesNotHoldTheTask(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	output, err := f.run(t.Context(), map[string]string{"script": "sleep 5 & echo done"})
	if err != nil || output != "done\n" {
		t.Errorf("output %q, error %v", output, err)
	}
}

func TestEndOfContextKillsAndSaysStopped(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.env.Output = func(string) { cancel() }
	_, err := f.run(ctx, map[string]string{"script": "echo up; sleep 60"})
	if !errors.Is(err, tasks.ErrStopped) || !errors.Is(err, context.Canceled) || diag.ExitOf(err) != diag.ExitStopped {
		t.Errorf("error %v, exit %d", err, diag.ExitOf(err))
	}
	started := filepath.Join(f.dir, "again")
	if _, err := f.run(ctx, map[string]string{"script": "touch again"}); !errors.Is(err, tasks.ErrStopped) || !strings.Contains(err.Error(), "was not started") || strings.Contains(err.Error(), "signal") {
		t.Errorf("with an ended context: %v", err)
	}
	if _, err := os.Stat(started); err == nil {
		t.Error("a command was started although the context had ended")
	}
}

func TestOutputKeepsHeadAndTailAndSaysWhatWasCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	output, err := f.run(t.Context(), map[string]string{"script": "seq 1 5000"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(output, "1\n2\n3\n") || !strings.HasSuffix(output, "4999\n5000\n") || !strings.Contains(output, "\n[… 4743 lines, 22871 bytes, of output were cut here …]\n") {
		t.Errorf("output %q", output)
	}
	if len(f.lines) != 5000 || f.lines[4999] != "5000" {
		t.Errorf("%d lines were passed on", len(f.lines))
	}
}

func TestOutputIsValidUTF8(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	output, err := f.run(t.Context(), map[string]string{"script": `printf 'a\377b\r\nno end'`})
	if err != nil || output != "a\uFFFDb\r\nno end" {
		t.Errorf("output %q, error %v", output, err)
	}
	if got := strings.Join(f.lines, "|"); got != "a\uFFFDb|no end" {
		t.Errorf("lines %q", got)
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parameters map[string]string
		record     tasks.Record
		want       tasks.State
	}{
		"never started":                  {map[string]string{"script": "true"}, tasks.Record{}, tasks.Absent},
		"left running":                   {map[string]string{"script": "true"}, tasks.Record{Announced: true}, tasks.Conflict},
		"left running, may be rerun":     {map[string]string{"script": "true", "on_interrupt": "rerun"}, tasks.Record{Announced: true}, tasks.Absent},
		"unless holds":                   {map[string]string{"script": "true", "unless": list("true")}, tasks.Record{Announced: true}, tasks.Done},
		"unless holds, never started":    {map[string]string{"script": "true", "unless": list("test", "-d", ".")}, tasks.Record{}, tasks.Done},
		"unless does not hold":           {map[string]string{"script": "true", "unless": list("false")}, tasks.Record{}, tasks.Absent},
		"left running, unless does not":  {map[string]string{"script": "true", "unless": list("false")}, tasks.Record{Announced: true}, tasks.Conflict},
		"left running, unless no, rerun": {map[string]string{"script": "true", "unless": list("false"), "on_interrupt": "rerun"}, tasks.Record{Announced: true}, tasks.Absent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			got, err := f.Observe(t.Context(), c.parameters, c.record)
			if err != nil || got.State != c.want {
				t.Fatalf("observed %s, error %v, want %s", got.State, err, c.want)
			}
			if c.want == tasks.Conflict && !strings.Contains(strings.Join(got.Cure, "\n"), "--replace") {
				t.Errorf("cure %q", got.Cure)
			}
		})
	}
}

func TestTheEnvironmentIsInNothingThatIsShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parameters := map[string]string{"script": "true", "env": `{"TOKEN":"hunter2"}`, "unless": list("false")}
	shown := f.Describe(parameters) + strings.Join(f.Commands(t.Context(), parameters), "")
	observation, err := f.Observe(t.Context(), parameters, tasks.Record{Announced: true})
	shown += fmt.Sprint(observation, err)
	parameters["unless"] = list("./missing")
	_, err = f.Observe(t.Context(), parameters, tasks.Record{})
	shown += err.Error()
	parameters["env"] = `{"TOKEN":{"a":"hunter2"}}`
	shown += tasks.CheckParameters(f.task, parameters).Error()
	if strings.Contains(shown, "hunter2") {
		t.Errorf("shown: %s", shown)
	}
}

func TestUnlessHasTheCommandsEnvironmentAndFolder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(t, "sub/done", "", 0o644)
	got, err := f.Observe(t.Context(), map[string]string{
		"script": "true", "env": `{"WHAT":"done"}`, "dir": "sub", "unless": list("sh", "-c", `test -e "$WHAT"`),
	}, tasks.Record{})
	if err != nil || got.State != tasks.Done {
		t.Errorf("observed %s, error %v", got.State, err)
	}
	if len(f.lines) > 0 {
		t.Errorf("lines of unless are passed on: %q", f.lines)
	}
}

func TestUnlessThatCannotTellIsAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, parameters := range map[string]map[string]string{
		"missing":  {"script": "true", "unless": list("./missing")},
		"too long": {"script": "true", "unless": list("sleep", "60"), "timeout": "50ms"},
	} {
		if got, err := f.Observe(t.Context(), parameters, tasks.Record{}); err == nil {
			t.Errorf("%s: observed %s", name, got.State)
		}
	}
}

func TestACommandThatSucceededIsObservedDone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parameters := map[string]string{"script": "echo out"}
	if _, err := f.run(t.Context(), parameters); err != nil {
		t.Fatal(err)
	}
	got, err := f.Observe(t.Context(), parameters, tasks.Record{Announced: true})
	if err != nil || got.State != tasks.Done || got.Output != "out\n" {
		t.Errorf("observed %+v, error %v", got, err)
	}
}

func TestParametersThatMakeNoCommandAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parameters map[string]string
		want       string
	}{
		"neither":           {map[string]string{}, "exactly one of command and script"},
		"both":              {map[string]string{"script": "true", "command": list("true")}, "exactly one of command and script"},
		"empty command":     {map[string]string{"command": "[]"}, "program is missing"},
		"empty unless":      {map[string]string{"script": "true", "unless": "[]"}, "program is missing"},
		"no list":           {map[string]string{"command": "true"}, "expected a list"},
		"no map":            {map[string]string{"script": "true", "env": `{"A":1}`}, "expected a map"},
		"variable's name":   {map[string]string{"script": "true", "env": `{"A=B":"1"}`}, "cannot be the name"},
		"no duration":       {map[string]string{"script": "true", "timeout": "5"}, "expected a duration"},
		"unknown choice":    {map[string]string{"script": "true", "on_interrupt": "maybe"}, "expected one of rerun, stop"},
		"unknown parameter": {map[string]string{"script": "true", "cwd": "."}, "parameter cwd is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if err := tasks.CheckParameters(f.task, c.parameters); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestCommandsAndDescriptionQuoteForAShell(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parameters := map[string]string{"command": list("./notify.sh", "it's done", "")}
	want := `./notify.sh 'it'\''s done' ''`
	if got := f.Commands(t.Context(), parameters); len(got) != 1 || got[0] != want {
		t.Errorf("Commands = %q", got)
	}
	if got := f.Describe(parameters); got != "run "+want {
		t.Errorf("Describe = %q", got)
	}
	if got := f.Describe(map[string]string{"script": "a\nb"}); got != "run a script by sh -c" {
		t.Errorf("Describe = %q", got)
	}
}
