package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/ui"
)

// run is one invocation without terminals, with this environment.
func run(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(args, environ, ui.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

func TestTerraformsSingleDashFlagsAreTheSame(t *testing.T) {
	app := &App{env: lookup(nil)}
	got, err := app.arguments(nil, []string{"plan", "-out=x", "-detailed-exitcode", "--json", "-h", "-", "-80", "--", "-json"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"plan", "--out=x", "--detailed-exitcode", "--json", "-h", "-", "-80", "--", "-json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestArgumentsOfTheEnvironmentStandBehindTheCommand(t *testing.T) {
	code, stdout, stderr := run(t, []string{"SHARDFORM_CLI_ARGS=-json"}, "version")
	if code != 0 || !strings.HasPrefix(stdout, `{"`) {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	if code, _, stderr := run(t, []string{"SHARDFORM_CLI_ARGS='unclosed"}, "version"); code != 1 || !strings.Contains(stderr, "SHARDFORM_CLI_ARGS") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	app := &App{env: lookup(nil)}
	root := app.rootCommand()
	for _, cmd := range root.Commands() {
		code, stdout, stderr := run(t, nil, strings.Fields(cmd.Use)[0], "--help")
		if code != 0 || !strings.Contains(stdout, "Usage:") || cmd.Short == "" {
			t.Errorf("%s --help: exit %d\n%s%s", cmd.Name(), code, stdout, stderr)
		}
	}
}

func TestAPanicIsADiagnosticAndExit1(t *testing.T) {
	var out, errs bytes.Buffer
	app := &App{Streams: ui.Streams{Out: &out, Err: &errs}, env: lookup(nil), registry: nil, signals: watchSignals()} // no registry: `tasks` panics
	if code := app.main([]string{"tasks"}); code != 1 || !strings.Contains(errs.String(), "panic: ") || !strings.Contains(errs.String(), "tasks.go:") {
		t.Errorf("exit %d, %s", code, errs.String())
	}
}
