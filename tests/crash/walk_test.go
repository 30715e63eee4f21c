//go:build crash

package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"shardform/internal/keyrange"
)

var (
	walkSeed  = flag.Uint64("walk.seed", 0, "take the one walk with this seed; 0: several")
	walkFor   = flag.Duration("walk.for", 0, "begin walks with fresh seeds for so long; one in any case")
	walkSteps = flag.Int("walk.steps", 15, "steps of a walk")
)

// TestWalk edits layouts and settings, applies, kills, rolls back, approves, pauses, resumes, loses the state, puts an older
// one back and lets calls fail, all at random. After every step each row is where it is served from, once; after every few
// the layouts that are wanted are reached by applying and by the commands that are printed.
func TestWalk(t *testing.T) {
	t.Parallel()
	p := build(t)
	if *walkSeed != 0 {
		p.walk(*walkSeed, *walkSteps)
		return
	}
	steps, exits := 0, map[string]int{}
	began := time.Now()
	for walks, seed := 0, uint64(1); walks < 2 || time.Since(began) < *walkFor; walks, seed = walks+1, rand.Uint64() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := p.with(t).walk(seed, *walkSteps)
			steps += len(w.steps)
			for end, n := range w.exits {
				exits[end] += n
			}
		})
	}
	t.Logf("%d steps, commands ended so: %v", steps, exits)
}

func (p program) walk(seed uint64, steps int) *walker {
	p.t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWalker(p)
	defer w.show(seed)
	for range steps {
		w.step(random)
		w.check()
		if random.IntN(20) == 0 {
			w.settle()
		}
		if p.t.Failed() {
			return w
		}
	}
	w.settle()
	return w
}

var (
	walkLayouts = []string{"-", "-80,80-", "-40,40-", "-40,40-80,80-", "-80,80-c0,c0-", "-20,20-a0,a0-", "-40,40-80,80-c0,c0-", "-10,10-"}

	walkContainers = []string{"preflight", "create", "copy", "verify", "switch_rdonly", "switch_replica", "switch_primary", "finish"}

	// walkCalls are the changing calls of a reshard and of its rollback.
	walkCalls = []string{"CreateShard", "DeleteShards", "MoveTablesComplete", "RebuildKeyspaceGraph", "RefreshStateByShard", "ReshardCreate", "SetShardTabletControl", "VDiffCreate",
		"WorkflowDelete", "WorkflowSwitchTraffic", "WorkflowUpdate"}

	walkGates = []string{"create", "switch_rdonly", "switch_replica", "switch_primary", "finish"}
)

// step takes one step. How many numbers it draws may depend on what the program did before, so a seed leads to the same
// walk only as far as the program does the same.
func (w *walker) step(random *rand.Rand) {
	w.t.Helper()
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	ks := w.keyspaces[random.IntN(len(w.keyspaces))]
	edit := func() {
		ks.layout = strings.Split(pick(walkLayouts), ",")
		w.note("edit %s: layout %s", ks.name, ks.layout)
		w.configure()
	}
	if random.IntN(6) == 0 {
		w.note("the state is put aside")
		w.copyState("older.db", "shardform.db")
	}
	if w.settled() { // or most steps would have nothing to do
		edit()
	}
	switch n := random.IntN(100); {
	case n < 20:
		edit()
	case n < 26:
		ks.verify, ks.reverse = random.IntN(4) > 0, random.IntN(4) > 0
		ks.soak = ks.reverse && random.IntN(3) == 0
		ks.approval = slices.DeleteFunc(slices.Clone(walkGates), func(string) bool { return random.IntN(6) > 0 })
		w.note("edit %s: verify %t, reverse %t, soak %t, approval %v", ks.name, ks.verify, ks.reverse, ks.soak, ks.approval)
		w.configure()
	case n < 30:
		w.give("", 0, applying...)
	case n < 47:
		w.give(w.point(random), 0, applying...)
	case n < 52:
		w.give("", time.Duration(1+random.IntN(300))*time.Millisecond, applying...)
	case n < 60:
		w.begin(ks, pick(walkContainers))
	case n < 66:
		w.begin(ks, pick(walkContainers[1:]))
		w.controls(random, "", "rollback", "--auto-approve", "--no-color")
	case n < 70:
		w.controls(random, w.point(random), "rollback", "--auto-approve", "--no-color")
	case n < 73:
		w.begin(ks, pick(walkContainers[1:4]))
		w.controls(random, "", "pause")
	case n < 75:
		w.controls(random, w.point(random), "pause")
	case n < 77:
		w.controls(random, w.point(random), "resume")
	case n < 79:
		w.together()
	case n < 84:
		r := w.give("", 0, applying...)
		w.follow(r.stdout + r.stderr)
	case n < 90:
		w.fault = fault{moment{pick(walkCalls), pick([]string{"before", "during", "after"}), random.IntN(4)}, pick([]string{"UNAVAILABLE", "UNKNOWN", "DEADLINE_EXCEEDED"})}.block()
		w.note("fault %s", strings.Join(strings.Fields(w.fault), " "))
		w.configure()
		w.give("", 0, applying...)
		w.fault = ""
		w.configure()
	case n < 92:
		w.note("the state is lost")
		w.copyState("shardform.db", "nothing")
	case n < 96:
		w.note("an older state is put back")
		w.copyState("shardform.db", "older.db")
	case n < 97:
		w.give("", 0, pick([]string{"status", "history", "plan"}), "--no-color")
	default:
		w.write(random)
	}
}

// settled reports whether both keyspaces serve from the layouts that are wanted.
func (w *walker) settled() bool {
	w.t.Helper()
	return !slices.ContainsFunc(w.keyspaces, func(ks *walkKeyspace) bool {
		return !slices.Equal(w.layout(ks.name, "PRIMARY").Names(), ks.layout)
	})
}

// point is a failpoint that a run may pass.
func (w *walker) point(random *rand.Rand) string {
	side := []string{"before", "after"}[random.IntN(2)]
	switch n := random.IntN(10); {
	case n < 6:
		return fmt.Sprintf("checkpoint_task_%s_%s:%d", []string{"running", "done"}[random.IntN(2)], side, 1+random.IntN(8))
	case n < 8:
		return fmt.Sprintf("rpc_WorkflowSwitchTraffic_%s:%d", side, 1+random.IntN(4))
	default:
		return fmt.Sprintf("rpc_%s_%s", walkCalls[random.IntN(len(walkCalls))], side)
	}
}

// begin applies as far as a container of the keyspace's first reshard, if it wants any.
func (w *walker) begin(ks *walkKeyspace, container string) {
	w.t.Helper()
	wanted, err := keyrange.ParseShards(ks.layout)
	if err != nil {
		w.t.Fatal(err)
	}
	args := applying
	if segments := keyrange.Segments(w.layout(ks.name, "PRIMARY"), wanted); len(segments) > 0 {
		args = append(args, "--until", fmt.Sprintf("keyspace.%s/%s/%s", ks.name, segments[0], container))
	}
	w.give("", 0, args...)
}

// together applies, plans and looks at the state at the same time.
func (w *walker) together() {
	w.t.Helper()
	var wg sync.WaitGroup
	for _, args := range [][]string{{"plan", "--no-color"}, applying, {"status", "--no-color"}} {
		wg.Go(func() { w.give("", 0, args...) })
	}
	wg.Wait()
}

// controls runs a command for one of the recorded operations, the latest ones more often.
func (w *walker) controls(random *rand.Rand, failpoint, command string, args ...string) {
	w.t.Helper()
	addresses := w.recorded()
	if len(addresses) == 0 {
		return
	}
	address := addresses[max(0, len(addresses)-1-random.IntN(3))]
	w.give(failpoint, 0, append([]string{command, address}, args...)...)
}
