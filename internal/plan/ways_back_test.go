package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/state"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

var splitAddress = addr.Keyspace("customer").WithOperation("-:-80,80-")

// outline is a plan in few words: "ACTION OPERATION [kind]: ACTION step, …".
func outline(p *Plan) []string {
	var lines []string
	for _, op := range p.Operations {
		var steps []string
		for _, c := range op.Containers {
			steps = append(steps, string(c.Action)+" "+c.Address.Last())
		}
		lines = append(lines, string(op.Action)+" "+op.Address.String()+" ["+string(op.Kind)+"]: "+strings.Join(steps, ", "))
	}
	return lines
}

func expectOutline(t *testing.T, p *Plan, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, outline(p)); diff != "" {
		var said []string
		for _, op := range p.Operations {
			for _, d := range op.Diagnostics {
				said = append(said, d.Error()+" | "+d.Hint)
			}
		}
		t.Errorf("(-want +got):\n%s\nsaid: %s", diff, strings.Join(said, "\n"))
	}
}

func switchedScene(t *testing.T) *scene {
	name := vitess.WorkflowName("customer", segmentOf(t, whole, halves))
	return newScene(t, shardedVSchema, whole, halves).writes(halves...).serve(vitess.Replica, halves...).serve(vitess.Rdonly, halves...).
		workflow(name, whole, halves, frozenStream).workflow(name+"_reverse", halves, whole, runningStream)
}

func copiedScene(t *testing.T) *scene {
	return newScene(t, shardedVSchema, whole, halves).workflow(vitess.WorkflowName("customer", segmentOf(t, whole, halves)), whole, halves, runningStream)
}

func TestTheWayBackHasTheStepsThatTheClusterAsksFor(t *testing.T) {
	name := vitess.WorkflowName("customer", segmentOf(t, whole, halves))
	reads := func(s *scene, types ...vitess.TabletType) *scene {
		for _, kind := range types {
			s.serve(kind, halves...).disable(kind, whole...)
		}
		return s
	}
	for what, c := range map[string]struct {
		scene *scene
		want  []string
	}{
		"copying":     {newScene(t, shardedVSchema, whole, halves).workflow(name, whole, halves, copyingStream), []string{"add keyspace.customer/-:-80,80- [way_back]: add delete, add confirm"}},
		"copied":      {copiedScene(t), []string{"add keyspace.customer/-:-80,80- [way_back]: add delete, add confirm"}},
		"some reads":  {reads(copiedScene(t), vitess.Rdonly), []string{"add keyspace.customer/-:-80,80- [way_back]: add reverse_reads, add delete, add clear_controls, add confirm"}},
		"all reads":   {reads(copiedScene(t), vitess.Rdonly, vitess.Replica), []string{"add keyspace.customer/-:-80,80- [way_back]: add reverse_reads, add delete, add clear_controls, add confirm"}},
		"writes":      {switchedScene(t), []string{"add keyspace.customer/-:-80,80- [way_back]: add reverse_reads, add reverse_primary, add delete, add clear_controls, add confirm"}},
		"mid-flight":  {situations(t)["mid_flight"].scene, []string{"resume keyspace.customer/finish_switch [finish_switch]: resume switch_primary", "add keyspace.customer/-:-80,80- [way_back]: add reverse_reads, add reverse_primary, add delete, add clear_controls, add confirm"}},
		"never begun": {newScene(t, shardedVSchema, whole, halves), nil},
	} {
		t.Run(what, func(t *testing.T) {
			in := Inputs{Config: wanted(t, whole...), Clusters: c.scene.clusters, Recorded: begun(t, wanted(t, halves...), progress{done: 3, running: true})}
			p := mustMake(t, in)
			for i := range c.want { // nobody recorded it, but it is under way
				c.want[i] = strings.ReplaceAll(c.want[i], "resume", "adopt")
			}
			expectOutline(t, p, c.want...)
			if len(c.want) == 0 {
				return
			}
			op := p.Operations[len(p.Operations)-1]
			if op.Instance != 2 || op.Case == "" || p.Summary().Destroy != 1 {
				t.Errorf("instance %d, case %q, %+v", op.Instance, op.Case, p.Summary())
			}
		})
	}
}

func TestAWayBackThatWasBegunKeepsItsDigestAndItsSteps(t *testing.T) {
	recorded := begun(t, wanted(t, halves...), progress{done: 7, running: true})
	in := Inputs{Config: wanted(t, whole...), Clusters: switchedScene(t).clusters, Recorded: recorded}
	first := mustMake(t, in).Operations[0]
	recorded.record(t, first, progress{done: 2, running: true})
	name := vitess.WorkflowName("customer", segmentOf(t, whole, halves))
	in.Clusters = newScene(t, shardedVSchema, whole, halves).workflow(name, whole, halves, runningStream).workflow(name+"_reverse", halves, whole, frozenStream).clusters
	p := mustMake(t, in)
	expectOutline(t, p, "resume keyspace.customer/-:-80,80- [way_back]: completed reverse_reads, completed reverse_primary, resume delete, add clear_controls, add confirm")
	if op := p.Operations[0]; op.Digest != first.Digest || op.Instance != 2 {
		t.Errorf("digest %s, instance %d; want %s, 2", op.Digest, op.Instance, first.Digest)
	}
	in.Clusters = newScene(t, shardedVSchema, whole, halves).clusters // deleted, not confirmed
	expectOutline(t, mustMake(t, in), "resume keyspace.customer/-:-80,80- [way_back]: completed reverse_reads, completed reverse_primary, completed delete, completed clear_controls, completed confirm")
	in.Clusters = newScene(t, shardedVSchema, whole, halves).disable(vitess.Replica, halves...).clusters // and the controls not cleared
	expectOutline(t, mustMake(t, in), "resume keyspace.customer/-:-80,80- [way_back]: completed reverse_reads, completed reverse_primary, completed delete, add clear_controls, add confirm")
	in.Config = wanted(t, halves...) // there and back again
	in.Clusters = copiedScene(t).clusters
	expectOutline(t, mustMake(t, in), "adopt keyspace.customer/-:-80,80- [reshard]: adopt preflight, adopt create, adopt copy, add verify, add switch_rdonly, add switch_replica, add switch_primary, add finish, add confirm")
}

func TestOnlyItsOwnReshardIsTakenBack(t *testing.T) {
	byHand := newScene(t, shardedVSchema, whole, halves).workflow("by_hand", whole, halves, runningStream)
	other := begun(t, wanted(t, halves...), progress{done: 3, running: true}) // of a workflow that somebody replaced
	preflightOnly := begun(t, wanted(t, halves...), progress{done: 1})
	for what, c := range map[string]struct {
		scene    *scene
		recorded *memoryState
		adopt    []addr.Address
		blocked  bool
	}{
		"lost record":          {copiedScene(t), nil, nil, true},
		"lost record, adopted": {copiedScene(t), nil, []addr.Address{splitAddress}, false},
		"another's":            {byHand, nil, nil, true},
		"another's, adopted":   {byHand, nil, []addr.Address{addr.Keyspace("customer")}, false},
		"replaced":             {byHand, other, nil, true},
		"never created by us":  {copiedScene(t), preflightOnly, nil, true},
		"ours":                 {copiedScene(t), begun(t, wanted(t, halves...), progress{done: 2}), nil, false},
	} {
		t.Run(what, func(t *testing.T) {
			in := Inputs{Config: wanted(t, whole...), Clusters: c.scene.clusters, Adopt: c.adopt}
			if c.recorded != nil {
				in.Recorded = c.recorded
			}
			p := mustMake(t, in)
			op := p.Operations[0]
			if p.HasBlocked() != c.blocked || op.Kind != KindWayBack {
				t.Fatalf("blocked %t: %q", p.HasBlocked(), outline(p))
			}
			if c.blocked && (p.BlockedExit() != diag.ExitFailed || !strings.Contains(op.Diagnostics[0].Hint, "shardform apply --adopt keyspace.customer/-:-80,80-")) {
				t.Errorf("exit %d, %q", p.BlockedExit(), op.Diagnostics[0].Hint)
			}
			if !c.blocked && op.Expansion.Back.Adopted != (c.adopt != nil) {
				t.Errorf("adopted: %+v", op.Expansion.Back)
			}
		})
	}
	recorded := &memoryState{}
	in := Inputs{Config: wanted(t, whole...), Clusters: copiedScene(t).clusters, Adopt: []addr.Address{splitAddress}, Recorded: recorded}
	recorded.record(t, mustMake(t, in).Operations[0], progress{running: true})
	in.Adopt = nil
	if p := mustMake(t, in); p.HasBlocked() {
		t.Errorf("an adopted way back asks to be adopted again: %q", outline(p))
	}
}

func TestAdoptedShardsOfAFinishedReshardAreDeleted(t *testing.T) {
	left := newScene(t, shardedVSchema, halves, whole)
	in := Inputs{Config: wanted(t, halves...), Clusters: left.clusters}
	if p := mustMake(t, in); !p.Empty() || len(p.Warnings) == 0 {
		t.Errorf("without a record: %q, %v", outline(p), p.Warnings)
	}
	in.Adopt = []addr.Address{splitAddress}
	p := mustMake(t, in)
	if len(p.Operations) != 1 || p.Operations[0].Kind != KindReshard || p.Summary().Destroy != 1 || p.HasBlocked() {
		t.Errorf("adopted: %q, %+v", outline(p), p.Summary())
	}
	in.Adopt = []addr.Address{addr.Keyspace("customer").WithOperation("-40:-20,20-40")}
	if p := mustMake(t, in); !p.Empty() || !slices.ContainsFunc(p.Warnings, func(d *diag.Diagnostic) bool { return strings.Contains(d.Summary, "nothing to adopt") }) {
		t.Errorf("nothing to adopt: %q, %v", outline(p), p.Warnings)
	}
}

func TestAThirdLayoutDeletesTheOldReshardAndThenMakesTheNewOne(t *testing.T) {
	quarters := []string{"-40", "40-80", "80-c0", "c0-"}
	scene := newScene(t, shardedVSchema, whole, slices.Concat(halves, quarters))
	scene.workflow(vitess.WorkflowName("customer", segmentOf(t, whole, halves)), whole, halves, runningStream)
	recorded := begun(t, wanted(t, halves...), progress{done: 3, running: true})
	p := mustMake(t, Inputs{Config: wanted(t, quarters...), Clusters: scene.clusters, Recorded: recorded})
	expectOutline(t, p,
		"add keyspace.customer/-:-80,80- [way_back]: add delete, add confirm",
		"add keyspace.customer/-:-40,40-80,80-c0,c0- [reshard]: add preflight, add create, add copy, add verify, add switch_rdonly, add switch_replica, add switch_primary, add finish, add confirm")
	if on := p.Operations[1].DependsOn; !slices.Equal(on, []addr.Address{splitAddress}) {
		t.Errorf("the new reshard comes after %v", on)
	}
	if p := mustMake(t, Inputs{Config: wanted(t, quarters...), Clusters: scene.clusters}); len(p.Operations) != 1 || !p.HasBlocked() {
		t.Errorf("without a record: %q", outline(p))
	}
}

func TestARollbackIsPlannedAgainstTheLayoutAndHolds(t *testing.T) {
	recorded := begun(t, wanted(t, halves...), progress{done: 3, running: true})
	in := Inputs{Config: wanted(t, halves...), Clusters: copiedScene(t).clusters, Recorded: recorded, Rollback: splitAddress}
	p := mustMake(t, in)
	expectOutline(t, p, "add keyspace.customer/-:-80,80- [way_back]: add delete, add confirm")
	if held := p.Operations[0].Expansion.Back.Held; held != "-80,80-" {
		t.Errorf("held against %q", held)
	}
	in.Rollback = addr.Keyspace("customer")
	if whole := mustMake(t, in); whole.Digest != p.Digest {
		t.Error("the block does not stand for its only open operation")
	}
	recorded.record(t, p.Operations[0], progress{running: true})

	in.Rollback = addr.Address{}
	expectOutline(t, mustMake(t, in), "resume keyspace.customer/-:-80,80- [way_back]: resume delete, add confirm")
	in.Config = wanted(t, whole...) // reverted meanwhile
	expectOutline(t, mustMake(t, in), "resume keyspace.customer/-:-80,80- [way_back]: resume delete, add confirm")

	recorded.operations = recorded.operations[:1]
	recorded.record(t, p.Operations[0], progress{ended: true})
	in.Config, in.Clusters = wanted(t, halves...), newScene(t, shardedVSchema, whole, halves).clusters
	again := mustMake(t, in)
	expectOutline(t, again, "add keyspace.customer/-:-80,80- [reshard]: gate hold, add preflight, add create, add copy, add verify, add switch_rdonly, add switch_replica, add switch_primary, add finish, add confirm")
	if len(again.Released) > 0 {
		t.Errorf("released: %v", again.Released)
	}
	recorded.approvals = []state.Approval{{Address: splitAddress.WithContainer("hold"), Digest: again.Operations[0].Digest, Instance: again.Operations[0].Instance, By: "me", At: noon}}
	if c := mustMake(t, in).Operations[0].Containers[0]; c.Action == Gate {
		t.Error("the approval does not open the hold")
	}
	in.Config, recorded.approvals = wanted(t, whole...), nil
	reverted := mustMake(t, in)
	if !reverted.Empty() || !slices.Equal(reverted.Released, []addr.Address{splitAddress}) {
		t.Errorf("after an edit of the layout: %q, released %v", outline(reverted), reverted.Released)
	}
	raw, err := Release(recorded.operations[1].Plan)
	if err != nil {
		t.Fatal(err)
	}
	if before, after := Held(recorded.operations[1].Plan), Held(raw); before != "-80,80-" || after != "" {
		t.Errorf("held against %q, once released against %q", before, after)
	}
	recorded.operations[1].Plan = raw
	in.Config = wanted(t, halves...)
	if c := mustMake(t, in).Operations[0].Containers[0]; c.Address.Last() != "preflight" {
		t.Errorf("a released operation begins with %s", c.Address)
	}
}

func TestWhatIsNotOpenCannotBeRolledBack(t *testing.T) {
	in := Inputs{Config: wanted(t, halves...), Clusters: newScene(t, shardedVSchema, whole, halves).clusters, Rollback: splitAddress}
	if list := complaints(t, in); !strings.Contains(list[0].Summary, "nothing is open at keyspace.customer/-:-80,80-") {
		t.Errorf("got %v", list)
	}
	in.Clusters, in.Rollback = copiedScene(t).clusters, addr.Keyspace("customer").WithOperation("-40:-20,20-40")
	if list := complaints(t, in); !strings.Contains(list[0].Hint, "keyspace.customer/-:-80,80-") {
		t.Errorf("got %v", list)
	}
}

func TestAnEditNeverSkipsASoak(t *testing.T) {
	soaking := func(d time.Duration, shards ...string) *config.Config {
		cfg := wanted(t, shards...)
		cfg.Keyspaces[0].Reshard.Soak = d
		return cfg
	}
	fresh := mustMake(t, Inputs{Config: soaking(24*time.Hour, halves...), Clusters: newScene(t, shardedVSchema, whole, halves).clusters})
	recorded := &memoryState{}
	recorded.record(t, fresh.Operations[0], progress{done: 7, running: true})
	lasts := func(cfg *config.Config, s *scene) string {
		for _, c := range mustMake(t, Inputs{Config: cfg, Clusters: s.clusters, Recorded: recorded}).Operations[0].Containers {
			if c.Address.Last() == "soak" {
				return c.Tasks[0].Parameters["lasts"]
			}
		}
		return "none"
	}
	quarters := []string{"-40", "40-80", "80-c0", "c0-"}
	for what, c := range map[string]struct {
		cfg   *config.Config
		scene *scene
		want  string
	}{
		"before writes have moved": {soaking(0, halves...), copiedScene(t), "none"},
		"taken out":                {soaking(0, halves...), switchedScene(t), "24h"},
		"shorter":                  {soaking(time.Hour, halves...), switchedScene(t), "24h"},
		"longer":                   {soaking(48*time.Hour, halves...), switchedScene(t), "48h"},
		"another layout":           {soaking(0, quarters...), switchedScene(t), "24h"},
	} {
		if got := lasts(c.cfg, c.scene); got != c.want {
			t.Errorf("%s: soak %s, want %s", what, got, c.want)
		}
	}
}

func TestLeftoverControlsAreClearedBeforeAnythingIsBegun(t *testing.T) {
	scene := newScene(t, shardedVSchema, whole, halves).disable(vitess.Replica, halves...).disable(vitess.Rdonly, append(slices.Clone(halves), "-40")...)
	p := mustMake(t, Inputs{Config: wanted(t, halves...), Clusters: scene.clusters})
	expectOutline(t, p,
		"add keyspace.customer/clear_controls [clear_controls]: add clear_controls",
		"add keyspace.customer/-:-80,80- [reshard]: add preflight, add create, add copy, add verify, add switch_rdonly, add switch_replica, add switch_primary, add finish, add confirm")
	if gone := p.Operations[0].Expansion.Back.Back; !cmp.Equal(gone, reshard.Back{Controls: true, Gone: []string{"-40"}}) {
		t.Errorf("laid out from %+v", gone)
	}
}

// Behind the removal of the workflow nothing is open on the cluster any more, and the old shard is still to be deleted.
func TestAReshardAtItsEndIsFinishedWhateverIsWantedNext(t *testing.T) {
	recorded := begun(t, wanted(t, halves...), progress{done: 8, running: true}) // complete is done
	completed := newScene(t, shardedVSchema, halves, []string{"-", "-40", "40-"})
	for name, shards := range map[string][]string{"a third layout": {"-40", "40-"}, "the old layout": whole} {
		p := mustMake(t, Inputs{Config: wanted(t, shards...), Clusters: completed.clusters, Recorded: recorded})
		expectOutline(t, p, "resume keyspace.customer/-:-80,80- [reshard]: completed preflight, completed create, completed copy, completed verify, completed switch_rdonly, completed switch_replica, completed switch_primary, resume finish, add confirm")
		if len(p.Forgotten) > 0 || p.Summary().Destroy != 1 {
			t.Errorf("%s: forgotten %v, %+v", name, p.Forgotten, p.Summary())
		}
	}
}
