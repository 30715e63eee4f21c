package reshard

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestEveryWayBackEndsWhereTheReshardBegan(t *testing.T) {
	for _, segment := range []string{"-:-80,80-", "-80,80-:-"} {
		for _, c := range situations() {
			t.Run(segment+" "+c.name, func(t *testing.T) {
				r := c.found(t, segment)
				outputs := r.comesBack(c)
				if c.calls != nil && segment == "-:-80,80-" {
					if diff := cmp.Diff(c.calls, r.plainCalls()); diff != "" {
						t.Error(diff)
					}
				}
				if output := outputs["confirm"]; !strings.Contains(output, "customer serves from "+r.request.Segment.Sources.String()) ||
					!strings.Contains(output, r.request.Segment.Targets.String()+" is still in the topology, not serving") {
					t.Errorf("confirm says %q", output)
				}
				r.calls = nil
				r.comesBack(c)
				if len(r.calls) > 0 {
					t.Errorf("a second time: %q", r.calls)
				}
			})
		}
	}
}

// Every changing call of every way back fails at every place: the engine tries again, in the same process.
func TestEveryFaultOfAWayBackIsOvercome(t *testing.T) {
	for _, c := range situations() {
		eachFault(t, c, func(t *testing.T, f fault) {
			r := c.found(t, "-:-80,80-")
			r.faults = []fault{f}
			r.comesBack(c)
			r.neverTurnedRound(c)
		})
	}
}

// The process dies in every changing call at every place: the next one has fresh tasks and plans anew.
func TestAWayBackThatDiesInEveryCallIsResumed(t *testing.T) {
	for _, c := range situations() {
		eachFault(t, c, func(t *testing.T, f fault) {
			r := c.found(t, "-:-80,80-")
			r.goBack()
			r.faults = []fault{f}
			if !r.dies() {
				t.Error("did not die")
			}
			r.faults = nil
			r.clock.Time = r.clock.Time.Add(48 * time.Hour)
			r.comesBack(c)
			r.neverTurnedRound(c)
		})
	}
}

// eachFault goes back once to learn the calls, then calls test with a fault at every place of each.
func eachFault(t *testing.T, c situation, test func(*testing.T, fault)) {
	t.Helper()
	r := c.found(t, "-:-80,80-")
	r.comesBack(c)
	seen := map[string]int{}
	for _, call := range r.plainCalls() {
		method, _, _ := strings.Cut(call, " ")
		seen[method]++
		for _, at := range halves(call) {
			f := fault{method: method, at: at, nth: seen[method]}
			t.Run(strings.Join([]string{c.name, call, at}, "/"), func(t *testing.T) { test(t, f) })
		}
	}
}

// neverTurnedRound wants no switch of writes forward but the one that was under way.
func (r *rig) neverTurnedRound(c situation) {
	r.t.Helper()
	forward := slices.Contains(r.calls, "SwitchTraffic PRIMARY forward")
	if forward && !strings.Contains(c.name, "mid-flight forward") {
		r.t.Errorf("writes went forward: %q", r.calls)
	}
	if back := slices.Index(r.calls, "SwitchTraffic PRIMARY backward"); back >= 0 && slices.Contains(r.calls[back:], "SwitchTraffic PRIMARY forward") {
		r.t.Errorf("a switch back was turned round: %q", r.calls)
	}
}

func TestReadsThatFailWhileGoingBackAreRepeated(t *testing.T) {
	c := situation{name: "writes", before: "complete"}
	for nth := range 20 {
		r := c.found(t, "-:-80,80-")
		r.goBack()
		r.faults = []fault{{method: "Snapshot", at: "before", nth: nth + 1}}
		if _, err := r.apply(""); err != nil {
			t.Fatalf("read %d: %v", nth+1, err)
		}
		r.atTheStart(c)
	}
}

func TestEveryTaskBackTakesItsParametersAndExplainsItself(t *testing.T) {
	registry := tasks.NewRegistry(Definitions()...)
	r := request(t, "-:-80,80-")
	steps := append(Backward(r, Back{Reads: reads, Writes: true, Controls: true, Gone: []string{"-80"}}), ClearControls("main", "customer", []string{"-80"}))
	for _, step := range steps {
		if step.Summary == "" || step.WayBack == "" {
			t.Errorf("%s: summary %q, way back %q", step.Name, step.Summary, step.WayBack)
		}
		for _, planned := range step.Tasks {
			task, err := registry.NewTask(planned.Name, &tasks.Env{})
			if err != nil {
				t.Fatal(err)
			}
			spec, _ := registry.Spec(planned.Name)
			if _, err := spec.Read(planned.Parameters); err != nil {
				t.Errorf("%s: %v", planned.Label, err)
			}
			if len(spec.Doc) < 100 || !spec.Internal {
				t.Errorf("%s is not documented", planned.Name)
			}
			if commands := task.(tasks.Commander).Commands(t.Context(), planned.Parameters); len(commands) == 0 {
				t.Errorf("%s has no commands", planned.Label)
			}
			if text := task.(tasks.Describer).Describe(planned.Parameters); text == "" || strings.Contains(text, "\n") {
				t.Errorf("%s describes itself as %q", planned.Label, text)
			}
		}
	}
}

func TestBackwardLaysOutTheStepsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		back Back
		want []string
	}{
		"nothing switched": {Back{}, []string{"delete/delete", "confirm/confirm"}},
		"reads":            {Back{Reads: reads[:1], Controls: true}, []string{"reverse_reads/reverse_reads", "delete/delete", "clear_controls/clear_controls", "confirm/confirm"}},
		"writes": {Back{Reads: reads, Writes: true, Controls: true},
			[]string{"reverse_reads/reverse_reads", "reverse_primary/reverse_primary", "delete/delete", "clear_controls/clear_controls", "confirm/confirm"}},
		"writes before reads": {Back{Writes: true, Controls: true}, []string{"reverse_primary/reverse_primary", "delete/delete", "clear_controls/clear_controls", "confirm/confirm"}},
	} {
		t.Run(name, func(t *testing.T) {
			steps := Backward(request(t, "-:-80,80-"), c.back)
			if diff := cmp.Diff(c.want, labels(steps)); diff != "" {
				t.Error(diff)
			}
			for _, step := range steps {
				if point := step.Name == "delete"; step.PointOfNoReturn != point || (step.Tasks[0].Destroys == 1) != point {
					t.Errorf("%s: point of no return %t, destroys %d", step.Name, step.PointOfNoReturn, step.Tasks[0].Destroys)
				}
			}
		})
	}
}

// The commands printed for a way back are the calls that it makes.
func TestTheCommandsOfAWayBackAreItsCalls(t *testing.T) {
	const w = "vtctldclient Reshard --workflow W --target-keyspace customer "
	bounds := " --max-replication-lag-allowed 30s --timeout 30s"
	control := func(shard, kind string) string {
		return "vtctldclient SetShardTabletControl --disable-query-service=false customer/" + shard + " " + kind
	}
	rebuild := "vtctldclient RebuildKeyspaceGraph customer"
	srv := "vtctldclient GetSrvKeyspaces customer"
	end := []string{srv, "vtctldclient GetWorkflows customer", "vtctldclient ValidateKeyspace customer"}
	const reverse = "vtctldclient Reshard --workflow W_reverse --target-keyspace customer "
	for name, c := range map[string]struct {
		before string
		edit   func(*rig)
		want   []string
	}{
		"copied":     {"switch_rdonly", nil, []string{w + "cancel"}},
		"some reads": {"switch_replica", nil, []string{w + "reversetraffic --tablet-types rdonly" + bounds, srv, w + "cancel", control("-80", "rdonly"), control("80-", "rdonly"), rebuild}},
		"all reads": {"switch_primary", nil, []string{w + "reversetraffic --tablet-types rdonly,replica" + bounds, srv, w + "cancel",
			control("-80", "rdonly"), control("-80", "replica"), control("80-", "rdonly"), control("80-", "replica"), rebuild}},
		"writes": {"complete", nil, []string{w + "reversetraffic --tablet-types rdonly,replica" + bounds, srv, w + "reversetraffic --tablet-types primary" + bounds + " --dry-run",
			w + "reversetraffic --tablet-types primary" + bounds, w + "cancel"}},
		"lost": {"complete", traffic("undone", true, vitess.Primary), []string{reverse + "switchtraffic --tablet-types rdonly,replica" + bounds, srv,
			reverse + "switchtraffic --tablet-types primary" + bounds + " --dry-run", reverse + "switchtraffic --tablet-types primary" + bounds, w + "cancel"}},
		"only reverse streams": {"complete", both((*rig).switchBackByHand, func(r *rig) { r.removeWorkflow(r.request.Workflow) }), []string{reverse + "cancel --keep-data"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo(c.before)
			if c.edit != nil {
				c.edit(r)
			}
			r.goBack()
			var got []string
			for _, step := range r.steps() {
				task, parameters := r.make(step.Tasks[0].Label)
				for _, command := range task.(tasks.Commander).Commands(t.Context(), parameters) {
					got = append(got, strings.ReplaceAll(command, r.request.Workflow, "W"))
				}
			}
			if diff := cmp.Diff(append(c.want, end...), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFinishingAnInterruptedSwitchComesBeforeTheWayBack(t *testing.T) {
	for _, c := range situations() {
		if !strings.Contains(c.name, "mid-flight") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			r := c.found(t, "-:-80,80-")
			r.goBack()
			direction, _, _, midFlight := r.view().MidFlight()
			if !midFlight {
				t.Fatal("not mid-flight")
			}
			step := FinishSwitch(r.request, direction).Tasks[0]
			task, err := tasks.NewRegistry(Definitions()...).NewTask(step.Name, r.env)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := task.Run(t.Context(), step.Parameters); err != nil {
				t.Fatal(err)
			}
			if len(r.calls) != 1 || !strings.HasPrefix(r.calls[0], "SwitchTraffic PRIMARY ") {
				t.Errorf("finishing made %q", r.calls)
			}
			v := r.view()
			if _, _, _, still := v.MidFlight(); still || v.Writes() != map[vitess.Direction]vitess.Switched{vitess.Forward: vitess.AllSwitched, vitess.Backward: vitess.NotSwitched}[direction] {
				t.Errorf("writes are %s", v.Writes())
			}
			r.comesBack(c) // what was laid out before is enough behind it
			if diff := cmp.Diff(c.calls, r.plainCalls()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type runOf struct{}

// ends is a cluster that wants to be read within a run that can be interrupted.
type ends struct {
	*fakeCluster
	t    *testing.T
	read int
}

func (c *ends) Snapshot(ctx context.Context, keyspace string) (*vitess.Snapshot, error) {
	c.read++
	if ctx.Value(runOf{}) == nil {
		c.t.Error("the cluster is read by a call that the end of the run does not end")
	}
	return c.fakeCluster.Snapshot(ctx, keyspace)
}

// Whoever asks for commands waits for the cluster that they are read from: that has to end with the run.
func TestReadingForCommandsEndsWithTheRun(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("complete")
	r.goBack()
	c := &ends{fakeCluster: r.fakeCluster, t: t}
	r.env.Cluster = func(string) (vitess.Cluster, error) { return c, nil }
	for _, step := range r.steps() {
		task, parameters := r.make(step.Tasks[0].Label)
		task.(tasks.Commander).Commands(context.WithValue(t.Context(), runOf{}, true), parameters)
	}
	if c.read == 0 {
		t.Error("nothing is read for the commands of a rollback")
	}
}
