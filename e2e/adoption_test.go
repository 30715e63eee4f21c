//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// byHand types a subcommand of vtctldclient Reshard for a workflow that no plan file names.
func byHand(t *testing.T, k *keyspace, args ...string) {
	t.Helper()
	k.vtctl(t, append([]string{"Reshard", "--workflow", "by_hand", "--target-keyspace", k.name}, args...)...)
}

// What an operator types to reshard 0 to -80,80-, step by step.

func createByHand(t *testing.T, k *keyspace) {
	byHand(t, k, "create", "--source-shards", "0", "--target-shards", "-80,80-")
}

func copyByHand(t *testing.T, k *keyspace) {
	waitFor(t, "by_hand to have copied", func(context.Context) (bool, error) {
		workflows := k.workflows(t)
		return len(workflows) == 1 && !slices.ContainsFunc(workflows[0].Streams, func(s stream) bool { return s.State != "Running" || !s.Copied }), nil
	})
}

func verifyByHand(t *testing.T, k *keyspace) {
	k.vtctl(t, "VDiff", "--workflow", "by_hand", "--target-keyspace", k.name, "create", "--wait", "--wait-update-interval", "1s")
}

func switchReadsByHand(t *testing.T, k *keyspace) {
	byHand(t, k, "switchtraffic", "--tablet-types", "rdonly,replica")
}
func switchWritesByHand(t *testing.T, k *keyspace) {
	byHand(t, k, "switchtraffic", "--tablet-types", "primary")
}
func completeByHand(t *testing.T, k *keyspace) { byHand(t, k, "complete") }
func completeKeepingShardsByHand(t *testing.T, k *keyspace) {
	k.vtctl(t, "MoveTables", "--workflow", "by_hand", "--target-keyspace", k.name, "complete", "--keep-data")
}

// containers are a split's in their order.
func containers() []string {
	return []string{"preflight", "create", "copy", "verify", "switch_rdonly", "switch_replica", "switch_primary", "finish", "confirm"}
}

// marks are the symbols that a plan's text gives the containers of its one segment, by their names.
func marks(plan string) map[string]string {
	found := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^  (\S+) keyspace\.[^/ ]+/[^/ ]+/(\w+)(?:  .*)?$`).FindAllStringSubmatch(plan, -1) {
		found[line[2]] = line[1]
	}
	return found
}

// splitMarks are the marks of a split of which the containers up to and with this one were found on the cluster; "" if
// none was.
func splitMarks(found string) map[string]string {
	want := make(map[string]string)
	mark := "="
	if found == "" {
		mark = "+"
	}
	for _, container := range containers() {
		want[container] = mark
		if container == found {
			mark = "+"
		}
	}
	return want
}

// After each step that an operator took, the plan shows what it found, and apply does the rest.
func TestAdoptionAfterEachManualStep(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	type step func(*testing.T, *keyspace)
	reads := []step{createByHand, copyByHand, verifyByHand, switchReadsByHand}
	writes := append(slices.Clone(reads), switchWritesByHand)
	const options, verified = "on_ddl = IGNORE instead of STOP", "rows of 2 tables, no difference"
	for i, test := range []struct {
		name   string
		steps  []step
		found  string   // the last container that the plan shows as found; none: there are no changes
		says   string   // the plan
		shards []string // records at the end
	}{
		{"create", []step{createByHand}, "copy", options, []string{"-80", "80-"}},
		{"copy", []step{createByHand, copyByHand}, "copy", options, []string{"-80", "80-"}},
		{"VDiff", []step{createByHand, copyByHand, verifyByHand}, "copy", options, []string{"-80", "80-"}}, // the rows are still to be counted
		{"switch of reads", reads, "switch_replica", verified, []string{"-80", "80-"}},
		{"switch of reads without a VDiff", []step{createByHand, copyByHand, switchReadsByHand}, "switch_replica", "not verified", []string{"-80", "80-"}},
		{"switch of writes", writes, "switch_primary", verified, []string{"-80", "80-"}},
		{"complete", append(slices.Clone(writes), completeByHand), "", "", []string{"-80", "80-"}},
		{"complete that keeps the shards", append(slices.Clone(writes), completeKeepingShardsByHand), "",
			"vtctldclient DeleteShards --recursive adopt_7/0", []string{"-80", "0", "80-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := newKeyspace(t, c, fixture{name: fmt.Sprintf("adopt_%d", i), shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
			load := k.load(t)
			k.addShards(t, "-80", "80-")
			for _, step := range test.steps {
				step(t, k)
			}
			plan := k.plan(t, k.to("-80", "80-"))
			got := plan.run(t, "plan", "--detailed-exitcode")
			exit, want := 2, splitMarks(test.found)
			if test.found == "" {
				exit, want = 0, map[string]string{}
			}
			if got.exit != exit || !strings.Contains(got.stdout+got.stderr, test.says) {
				t.Errorf("plan: want exit code %d and %q\n%s", exit, test.says, got)
			}
			if diff := cmp.Diff(want, marks(got.stdout)); diff != "" {
				t.Errorf("marks of the containers (-want +got):\n%s\n%s", diff, got)
			}

			plan.apply(t)
			load.finish(t)
			k.compare(t, "-80", "80-")
			if got := k.shards(t); !slices.Equal(got, test.shards) {
				t.Errorf("shard records: %v, expected %v", got, test.shards)
			}
			if got := k.workflows(t); len(got) > 0 {
				t.Errorf("workflows are left: %+v", got)
			}
			plan.noChanges(t)
		})
	}
}

// interrupt starts an apply, stops its process (SIGSTOP) when it says text, lets an operator act, and continues it (SIGCONT).
func interrupt(t *testing.T, plan *planDir, text string, do func()) answer {
	t.Helper()
	process := plan.start(t, nil, "apply", "--auto-approve")
	process.waitForText(t, text)
	process.signal(syscall.SIGSTOP)
	do()
	process.signal(syscall.SIGCONT)
	return process.wait(t)
}

func TestManualStepsAreNoticedWhileApplyRuns(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	// ours types a subcommand for the workflow that the program made.
	ours := func(t *testing.T, k *keyspace, args ...string) {
		t.Helper()
		workflows := k.workflows(t)
		if len(workflows) == 0 || !strings.HasPrefix(workflows[0].Name, "sf_") {
			t.Fatalf("no workflow of the program: %+v", workflows)
		}
		k.vtctl(t, append([]string{"Reshard", "--workflow", workflows[0].Name, "--target-keyspace", k.name}, args...)...)
	}
	for i, test := range []struct {
		name  string
		after string // the operator acts when the apply has written this
		do    func(*testing.T, *keyspace)
		exit  int
		says  []string                    // of the apply: what it expected, what it found
		fix   func(*testing.T, *keyspace) // what lets the next apply finish, when this one does not
	}{
		{"switched all traffic", "has copied all tables", func(t *testing.T, k *keyspace) {
			ours(t, k, "switchtraffic", "--tablet-types", "rdonly,replica,primary")
		}, 0, nil, nil},
		{"switched reads back", "/switch_replica/switch_replica: done", func(t *testing.T, k *keyspace) {
			ours(t, k, "reversetraffic", "--tablet-types", "rdonly,replica")
		}, 6, []string{"are not switched before RDONLY reads", "RDONLY reads are served: zone1 from 0"}, func(t *testing.T, k *keyspace) {
			ours(t, k, "switchtraffic", "--tablet-types", "rdonly,replica")
		}},
		{"cancelled the workflow", "has copied all tables", func(t *testing.T, k *keyspace) {
			ours(t, k, "cancel")
		}, 6, []string{"no workflow", "expected"}, func(*testing.T, *keyspace) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := newKeyspace(t, c, fixture{name: fmt.Sprintf("interfere_%d", i), shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 1000, alone: true})
			load := k.load(t)
			k.addShards(t, "-80", "80-")
			plan := k.plan(t, k.to("-80", "80-"))
			got := interrupt(t, plan, test.after, func() { test.do(t, k) })
			if got.exit != test.exit {
				t.Errorf("apply: want exit code %d\n%s", test.exit, got)
			}
			for _, text := range test.says {
				if !strings.Contains(got.stderr, text) {
					t.Errorf("apply does not say %q\n%s", text, got)
				}
			}
			if test.fix != nil {
				test.fix(t, k)
				plan.apply(t)
			}
			load.finish(t)
			k.compare(t, "-80", "80-")
			plan.noChanges(t)
		})
	}
}
