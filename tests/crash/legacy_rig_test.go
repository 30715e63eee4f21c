//go:build crash

package crash

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"shardform/internal/vitess/legacytest"
)

// legacyRig is the program beside a legacy cluster with the keyspace customer, whose shard - is to become -80 and 80-.
type legacyRig struct {
	program
	*legacytest.World
	dir              string
	vtctld, vtworker *legacytest.Server

	mu            sync.Mutex // guards what follows: the servers run in goroutines of their own
	done          []string   // the commands that changed something, in order
	before, after hook       // of the test
}

// hook is called for each command, and its error is the command's.
type hook func(args []string) error

// fail sets the hooks; nil: none.
func (r *legacyRig) fail(before, after hook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before, r.after = before, after
}

func (r *legacyRig) asked(which *hook, args []string) error {
	r.mu.Lock()
	ask := *which
	r.mu.Unlock()
	if ask == nil {
		return nil
	}
	return ask(args)
}

const customerTable = "create table customer (id bigint primary key)"

func newLegacyRig(t *testing.T) *legacyRig {
	r := &legacyRig{program: build(t), World: legacytest.NewWorld()}
	r.dir = r.newDir()
	r.World.Before = func(args []string) error { return r.asked(&r.before, args) }
	r.World.After = func(args []string) error {
		if !strings.HasPrefix(args[0], "Get") && !strings.HasPrefix(args[0], "FindAll") {
			r.mu.Lock()
			r.done = append(r.done, strings.Join(args, " "))
			r.mu.Unlock()
		}
		return r.asked(&r.after, args)
	}
	r.vtctld = legacytest.Vtctld(t, r.Vtctl)
	r.vtworker = legacytest.Vtworker(t, (&legacytest.Worker{Run: r.Vtworker}).Handle)
	r.Keyspace("customer", []string{"-"}, customerTable)
	r.Spare("customer", "-80", "80-")
	r.plan(`["-80", "80-"]`, "")
	return r
}

// plan writes the plan file, settings being the inside of the reshard block.
func (r *legacyRig) plan(shards, settings string) {
	r.writeBlocks(fmt.Sprintf("keyspace \"customer\" {\n shards = %s\n reshard {\n retry {\n backoff = \"1ms\"\n max_backoff = \"1ms\"\n }\n %s\n }\n}\n", shards, settings))
}

// writeBlocks replaces the plan file: the cluster block and these.
func (r *legacyRig) writeBlocks(blocks string) {
	r.writePlan(r.dir, fmt.Sprintf("cluster \"old\" {\n legacy {\n vtctld = %q\n vtworker = %q\n }\n}\n", r.vtctld.Address, r.vtworker.Address)+blocks)
}

// applies runs apply and wants its exit code.
func (r *legacyRig) applies(exit int, args ...string) string {
	r.t.Helper()
	got := r.run(r.dir, append(slices.Clone(applying), args...)...)
	if got.exit != exit {
		r.t.Errorf("apply %v ends with exit %d, want %d\n%s%s", args, got.exit, exit, got.stdout, got.stderr)
	}
	return got.stdout + got.stderr
}

// plans runs plan and wants its exit code and texts.
func (r *legacyRig) plans(exit int, texts ...string) {
	r.t.Helper()
	got := r.run(r.dir, "plan", "--detailed-exitcode", "--no-color")
	if got.exit != exit {
		r.t.Errorf("plan ends with exit %d, want %d\n%s%s", got.exit, exit, got.stdout, got.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(got.stdout+got.stderr, text) {
			r.t.Errorf("plan does not say %q:\n%s%s", text, got.stdout, got.stderr)
		}
	}
}

func (r *legacyRig) checkServing(serving string) {
	r.t.Helper()
	for _, tabletType := range []string{"rdonly", "replica", "master"} {
		if got := r.Serving("customer", tabletType); got != serving {
			r.t.Errorf("%s is served from %s, want %s", tabletType, got, serving)
		}
	}
}

// commands are the changing commands so far.
func (r *legacyRig) commands() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.done)
}

// count is how many changing commands begin with name.
func (r *legacyRig) count(name string) int {
	n := 0
	for _, c := range r.commands() {
		if strings.HasPrefix(c, name) {
			n++
		}
	}
	return n
}

// checkOnce checks that of the commands that begin with each of these names one was done.
func (r *legacyRig) checkOnce(names ...string) {
	r.t.Helper()
	for _, name := range names {
		if n := r.count(name); n != 1 {
			r.t.Errorf("%s was done %d times", name, n)
		}
	}
}

// splitCommands are the commands of the whole split.
var splitCommands = []string{
	"CopySchemaShard customer/- customer/-80", "CopySchemaShard customer/- customer/80-", "SplitClone customer/-",
	"WaitForFilteredReplication -max_delay 30s customer/-80", "WaitForFilteredReplication -max_delay 30s customer/80-",
	"SplitDiff customer/-80", "SplitDiff customer/80-",
	"MigrateServedTypes customer/- rdonly", "MigrateServedTypes customer/- replica", "MigrateServedTypes customer/- master",
}

// failing fails the first n commands of a name with the error.
func failing(name string, n int, err error) hook {
	var mu sync.Mutex
	return func(args []string) error {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(strings.Join(args, " "), name) && n > 0 {
			n--
			return err
		}
		return nil
	}
}
