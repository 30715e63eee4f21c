package reshard

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/sample"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// everySituation is every situation that a reshard can be found in: those of situations, which a rollback leads out of, and
// all others that the server, an operator or a crash can leave.
func everySituation() []situation {
	reverse := func(r *rig) *fakeWorkflow { return r.workflow(r.request.Workflow + "_reverse") }
	forwardGone := func(r *rig) { r.removeWorkflow(r.request.Workflow) }
	reverseGone := func(r *rig) { r.removeWorkflow(r.request.Workflow + "_reverse") }
	reverseStopped := func(r *rig) { reverse(r).stopped, reverse(r).stoppedMessage = true, "by hand" }
	reverseFails := func(r *rig) { reverse(r).errorMessage = "duplicate key" }
	reverseLacks := func(r *rig) { reverse(r).streams = reverse(r).streams[:1] }
	sourceGone := func(r *rig) { r.removeShard("-") }
	more := []situation{
		{name: "nothing", before: "preflight"},
		{name: "no target shards", before: "preflight", edit: both(func(r *rig) { r.removeShard("-80") }, func(r *rig) { r.removeShard("80-") })},
		{name: "half created by hand", before: "create", edit: both(creation("streams"), func(r *rig) { r.workflows[0].name = "by_hand" })},
		{name: "half created, for another reshard", before: "create", edit: both(creation("streams"), func(r *rig) { r.workflows[0].name = "sf_00000000" })},
		{name: "adopted", before: "switch_rdonly", edit: func(r *rig) { r.workflows[0].name = "by_hand" }},
		{name: "stopped by someone", before: "switch_rdonly", edit: func(r *rig) { r.StopWorkflow(r.t.Context(), "", r.request.Workflow, "by hand") }},
		{name: "held by a VDiff", before: "switch_rdonly", edit: func(r *rig) { r.StopWorkflow(r.t.Context(), "", r.request.Workflow, "for vdiff") }},
		{name: "stands still", before: "switch_rdonly", edit: func(r *rig) { r.workflows[0].stuck = true }},
		{name: "compared", before: "switch_rdonly", edit: compared(false)},
		{name: "compared and different", before: "switch_rdonly", edit: compared(true)},
		{name: "writes, compared before", before: "switch_rdonly", edit: both(compared(false), traffic("", false, reads...), traffic("", false, vitess.Primary))},
		{name: "writes, no reverse streams", before: "complete", edit: reverseGone},
		{name: "writes, reverse streams stopped", before: "complete", edit: reverseStopped},
		{name: "writes, reverse streams in error", before: "complete", edit: reverseFails},
		{name: "writes, reverse streams missing", before: "complete", edit: reverseLacks},
		{name: "writes, adopted", before: "complete", edit: func(r *rig) { r.workflow(r.request.Workflow).name = "by_hand"; reverse(r).name = "by_hand_reverse" }},
		{name: "lost, adopted", before: "complete", edit: both(func(r *rig) { reverse(r).name = "by_hand_reverse" }, forwardGone)},
		{name: "lost, by hand", before: "complete", edit: forwardGone},
		{name: "lost, one read type back", before: "complete", edit: both(traffic("", true, vitess.Rdonly), forwardGone)},
		{name: "lost, reads back in one cell", before: "complete", edit: both(traffic("cell", true, vitess.Rdonly), forwardGone)},
		{name: "lost, reverse streams stopped", before: "complete", edit: both(reverseStopped, forwardGone)},
		{name: "lost, reverse streams in error", before: "complete", edit: both(reverseFails, forwardGone)},
		{name: "lost, reverse streams missing", before: "complete", edit: both(reverseLacks, forwardGone)},
		{name: "lost, removal interrupted", before: "complete", edit: both(func(r *rig) { reverse(r).stopped, reverse(r).stoppedMessage = true, vitess.RemovalMessage }, forwardGone)},
		{name: "lost, source shard gone", before: "complete", edit: both(forwardGone, sourceGone)},
		{name: "lost, reverse streams frozen", before: "complete", edit: both(forwardGone, func(r *rig) { reverse(r).streams[0].Message, reverse(r).streams[1].Message = "FROZEN", "FROZEN" })},
		{name: "back, both workflows gone", before: "complete", edit: both((*rig).switchBackByHand, forwardGone, reverseGone)},
		{name: "back, reverse streams gone", before: "complete", edit: both((*rig).switchBackByHand, reverseGone)},
		{name: "frozen without its switch", before: "switch_primary", edit: func(r *rig) {
			for i := range r.workflows[0].streams {
				r.workflows[0].streams[i].Message = "FROZEN"
			}
		}},
		{name: "half frozen", before: "complete", edit: func(r *rig) { r.workflow(r.request.Workflow).streams[0].Message = "" }},
		{name: "completed in part", before: "complete", edit: func(r *rig) {
			r.faults = []fault{{method: "CompleteWorkflow", at: "reverse"}}
			_ = r.CompleteWorkflow(r.t.Context(), "customer", r.request.Workflow)
			r.faults = nil
		}},
		{name: "completed", before: "delete_shard:-"},
		{name: "completed before reads by hand", before: "switch_rdonly", edit: both(traffic("", false, vitess.Primary), forwardGone, reverseGone)},
		{name: "finished", before: "confirm"},
		{name: "stuck", before: "complete", edit: both(reverseGone, sourceGone)},
		{name: "stuck before its streams back were gone", before: "complete", edit: sourceGone},
		{name: "deleted behind some reads", before: "switch_replica", edit: deletion("")},
		{name: "deleted behind all reads", before: "switch_primary", edit: deletion("")},
		{name: "deleted in the middle of writes", before: "switch_primary", edit: both(traffic("created", false, vitess.Primary), deletion(""))},
		{name: "controls only", before: "switch_primary", edit: both(readsBack, deletion(""))},
		{name: "controls only, a target gone", before: "switch_primary", edit: both(readsBack, deletion(""), func(r *rig) { r.removeShard("80-") })},
		{name: "a control stops writes", before: "preflight", edit: func(r *rig) { r.partitions["zone2"][vitess.Primary].disabled = []string{"-"} }},
		{name: "somebody else's workflow", before: "create", edit: func(r *rig) { r.foreign = []vitess.Workflow{overlapping} }},
		{name: "somebody else's workflow beside it", before: "switch_primary", edit: func(r *rig) { r.foreign = []vitess.Workflow{overlapping} }},
		{name: "somebody else's workflow behind writes", before: "complete", edit: func(r *rig) { r.foreign = []vitess.Workflow{overlapping} }},
		{name: "a third layout", before: "preflight", edit: third(vitess.StateRunning, "")},
		{name: "a third layout, frozen", before: "preflight", edit: third(vitess.StateStopped, "FROZEN")},
		{name: "a second workflow", before: "switch_rdonly", edit: func(r *rig) {
			second := r.show(r.workflows[0])
			second.Name = "second"
			r.foreign = []vitess.Workflow{second}
		}},
	}
	for _, at := range []string{"stopped", "created", "flags", "partitions", "unfrozen"} {
		more = append(more,
			situation{name: "deleted in the middle of writes, " + at, before: "switch_primary", edit: both(traffic(at, false, vitess.Primary), forwardGone, reverseGone)},
			situation{name: "mid-flight forward, the workflow gone, " + at, before: "switch_primary", edit: both(traffic(at, false, vitess.Primary), forwardGone)},
			situation{name: "mid-flight backward, the workflow gone, " + at, before: "complete", edit: both(readsBack, traffic(at, true, vitess.Primary), forwardGone)},
			situation{name: "mid-flight backward, reverse streams gone, " + at, before: "complete", edit: both(readsBack, traffic(at, true, vitess.Primary), reverseGone)})
	}
	return append(situations(), more...)
}

// compared is a VDiff that ended, of the workflow's streams as they are.
func compared(mismatch bool) func(*rig) {
	return func(r *rig) {
		w := r.show(r.workflow(r.request.Workflow))
		r.mismatch = mismatch
		if err := r.VDiffCreate(r.t.Context(), vitess.VDiffCreate{Workflow: w.Name, UUID: vitess.VDiffUUID("customer", w.Name, w.StreamIDs(), 0)}); err != nil {
			r.t.Fatal(err)
		}
		r.clock.Time = r.clock.Time.Add(r.diffTakes)
	}
}

// third is a reshard to another layout that somebody began.
func third(state, message string) func(*rig) {
	return func(r *rig) {
		r.foreign = []vitess.Workflow{{Name: "third", Type: "Reshard", SourceKeyspace: "customer", Sources: mustLayout([]string{"-"}), Targets: mustLayout([]string{"-40", "40-"}),
			Streams: []vitess.Stream{{ID: 77, Target: "-40", Source: "-", State: state, Message: message, Position: "1-5"}, {ID: 78, Target: "40-", Source: "-", State: state, Message: message, Position: "1-5"}}}}
	}
}

// everySetting is a reshard with every setting that decides which tasks there are, or what one does, on and off.
func everySetting(t *testing.T) map[string]Request {
	list := map[string]Request{}
	for name, edit := range map[string]func(*Request){
		"defaults": func(*Request) {},
		"every gate": func(r *Request) {
			everyGate(r)
			r.Hold = true
		},
		"nothing demanded": func(r *Request) {
			r.Settings.VerifyEnabled, r.Settings.ReverseReplication, r.Settings.RemoveShards = false, false, false
		},
		"no reverse replication, compared": func(r *Request) { r.Settings.ReverseReplication = false },
		"shards stay, soak": func(r *Request) {
			r.Settings.RemoveShards, r.Settings.Soak = false, time.Hour
		},
		"a vschema to write": func(r *Request) {
			r.VSchema, r.VSchemaBefore = canonical(`{"sharded":true}`), canonical(testVSchema)
		},
	} {
		r := request(t, "-:-80,80-")
		r.Workflow = vitess.WorkflowName("customer", r.Segment)
		edit(&r)
		list[name] = r
	}
	return list
}

// everyTask is every registered task of a reshard with the parameters that the steps give it.
func everyTask(t *testing.T, r Request) map[string]StepTask {
	t.Helper()
	steps := slices.Concat(Forward(r), Backward(r, all()), []Step{FinishSwitch(r, vitess.Forward), FinishSwitch(r, vitess.Backward), ClearControls("main", "customer", []string{"-80"})})
	list := map[string]StepTask{}
	for _, step := range steps {
		for _, task := range step.Tasks {
			list[fmt.Sprintf("%s/%s (%s)", step.Name, task.Label, task.Name)] = task
		}
	}
	return list
}

// A name is all that tells one situation from another.
func TestTheTableOfSituationsHasEveryNameOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range everySituation() {
		if seen[c.name] {
			t.Errorf("two situations are called %s", c.name)
		}
		seen[c.name] = true
	}
}

func TestTheTableOfSituationsHasEveryTask(t *testing.T) {
	reached := map[string]bool{}
	for _, r := range everySetting(t) {
		for _, task := range everyTask(t, r) {
			reached[task.Name] = true
		}
	}
	for _, d := range Definitions() {
		if !reached[d.Spec.Name] {
			t.Errorf("task %s is in no list of steps", d.Spec.Name)
		}
	}
}

// TestEveryTaskAcceptsEverySituation hands every situation to every task, with every setting, and whatever is recorded: no
// panic, an answer that says what was found, and commands that name what is there.
func TestEveryTaskAcceptsEverySituation(t *testing.T) {
	for _, c := range sample.Of(t, 1, everySituation(), func(c situation) string { return c.name }) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := c.found(t, "-:-80,80-")
			records := []tasks.Record{{}, {Announced: true, Attempts: 1}, {Done: true, Ended: r.clock.Time.Add(-24 * time.Hour)}}
			asked := map[string]bool{} // most settings leave most tasks as they are
			for name, request := range everySetting(t) {
				for place, planned := range everyTask(t, request) {
					key := fmt.Sprint(planned)
					if asked[key] {
						continue
					}
					asked[key] = true
					for _, record := range records {
						r.answers(name+", "+place, r.taskOf(planned), planned.Parameters, record)
					}
					other := c.found(t, "-:-80,80-") // what Run changes is seen by nobody else
					other.runs(name+", "+place, other.taskOf(planned), planned.Parameters)
				}
			}
		})
	}
}

func TestEveryRollbackAndAlertAcceptsEverySituation(t *testing.T) {
	for _, c := range everySituation() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := c.found(t, "-:-80,80-")
			v := r.view()
			for _, v := range []*vitess.SegmentView{v, v.View(v.Segment.Reverse()), v.View(segmentOf(t, "-:-40,40-"))} {
				way := WayBack(v)
				if way.Case == "" {
					t.Error("the rollback has no case")
				}
				r.sensible("rollback", way.Case, way.Blocked)
				r.existing("rollback", way.Cure)
				r.existing("finish", FinishCommands(v))
				for _, conflict := range v.Conflicts {
					r.sensible("conflict", conflict.Expected, conflict.Found)
					r.existing("conflict", conflict.Cure)
				}
			}
		})
	}
}

func (r *rig) taskOf(planned StepTask) tasks.Task {
	r.t.Helper()
	task, err := tasks.NewRegistry(Definitions()...).NewTask(planned.Name, r.env)
	if err != nil {
		r.t.Fatal(err)
	}
	return task
}

// answers wants a sensible observation, description and commands.
func (r *rig) answers(place string, task tasks.Task, parameters map[string]string, record tasks.Record) {
	r.t.Helper()
	o, err := task.(tasks.Observer).Observe(r.t.Context(), parameters, record)
	switch {
	case err != nil:
		r.explained(place, err)
	case o.State < tasks.Absent || o.State > tasks.Conflict || o.Detail == "":
		r.t.Errorf("%s is observed %s: %q", place, o.State, o.Detail)
	case o.State == tasks.Conflict && (o.Expected == "" || len(o.Cure) == 0):
		r.t.Errorf("%s: the conflict %q has no expectation or fix", place, o.Detail)
	}
	r.sensible(place, slices.Concat([]string{o.Detail, o.Output, o.Expected}, o.Warnings)...)
	r.existing(place, o.Cure)
	if describer, ok := task.(tasks.Describer); ok {
		r.sensible(place, describer.Describe(parameters))
	}
	if commander, ok := task.(tasks.Commander); ok {
		r.sensible(place, commander.Commands(r.t.Context(), parameters)...)
	}
}

// runs wants a task that is run to end in an answer and to leave every row that serves.
func (r *rig) runs(place string, task tasks.Task, parameters map[string]string) {
	r.t.Helper()
	held := r.servesRows()
	_, output, err := task.Run(r.t.Context(), parameters)
	if err != nil {
		r.explained(place, err)
	}
	r.sensible(place, output)
	if held && !r.servesRows() {
		r.t.Errorf("%s left a shard that serves without rows: %q", place, r.calls)
	}
}

// servesRows reports whether every shard that serves anything has its tables.
func (r *rig) servesRows() bool {
	for _, s := range r.shards {
		if (s.PrimaryServing || r.serves(s.Name)) && len(r.tables[s.Name]) == 0 {
			return false
		}
	}
	return true
}

// explained wants an error that a user can work with.
func (r *rig) explained(place string, err error) {
	r.t.Helper()
	if closed, is := asClosed(err); is {
		r.sensible(place, closed.Reason)
		return
	}
	if errors.Is(err, tasks.ErrStopped) || errors.Is(err, context.Canceled) {
		r.t.Errorf("%s was not stopped: %v", place, err)
	}
	for _, d := range diag.All(err) {
		if d.Summary == "" || d.Detail == "" && d.Hint == "" {
			r.t.Errorf("%s: the error says too little: %+v", place, d)
		}
		r.sensible(place, d.Summary, d.Detail, d.Hint)
	}
}

// nonsense is what text looks like that was made of what is not there.
var nonsense = regexp.MustCompile(`<nil>|%!|\bnil pointer\b|workflow  |workflow $|runtime error`)

// sensible wants text that is made of what is there, and true.
func (r *rig) sensible(place string, texts ...string) {
	r.t.Helper()
	running := r.view().ReverseRunning()
	for _, text := range texts {
		if nonsense.MatchString(text) {
			r.t.Errorf("%s says %q", place, text)
		}
		if running && (strings.Contains(text, "reverse streams do not run") || strings.Contains(text, "there are no reverse streams")) {
			r.t.Errorf("%s says %q while they run", place, text)
		}
	}
}

var namedWorkflow = regexp.MustCompile(`--workflow (\S+)`)

// existing wants commands that are to be pasted now to name workflows that are there.
func (r *rig) existing(place string, commands []string) {
	r.t.Helper()
	r.sensible(place, commands...)
	made := map[string]bool{}
	for _, command := range commands {
		for _, found := range namedWorkflow.FindAllStringSubmatch(command, -1) {
			name := found[1]
			there := r.workflow(name) != nil || slices.ContainsFunc(r.foreign, func(w vitess.Workflow) bool { return w.Name == name })
			if !there && !made[name] {
				r.t.Errorf("%s says %q, and there is no workflow %s", place, command, name)
			}
			if strings.Contains(command, "traffic ") && strings.Contains(command, "primary") { // a switch of writes makes the other one
				made[vitess.ReverseName(name)] = true
			}
		}
	}
}
