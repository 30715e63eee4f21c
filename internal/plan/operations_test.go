package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/config"
)

// actions are "address action" of every task, in order.
func actions(p *Plan) []string {
	var lines []string
	for _, op := range p.Operations {
		for _, c := range op.Containers {
			for _, task := range c.Tasks {
				lines = append(lines, fmt.Sprintf("%s %s", task.Address, task.Action))
			}
		}
	}
	return lines
}

func TestOperationBlocksAgainstTheirRecords(t *testing.T) {
	original := echoOperation("o", []string{"a", "b"}, []string{"c"})
	edited := echoOperation("o", []string{"a", "B"}, []string{"c"})
	shorter := echoOperation("o", []string{"a", "b"})
	longer := echoOperation("o", []string{"a", "b"}, []string{"c"}, []string{"d"})
	tests := map[string]struct {
		recorded *progress
		wanted   config.Operation
		replace  bool
		actions  []string
		action   Action
		instance int
		reason   string
	}{
		"without a record all of it is added": {
			wanted: original, action: Add, instance: 1, reason: "configuration changed: it is not recorded",
			actions: []string{"operation.o/c1/t1 add", "operation.o/c1/t2 add", "operation.o/c2/t1 add"},
		},
		"done with the same list is no change": {recorded: &progress{ended: true}, wanted: original},
		"done and replaced is run again": {
			recorded: &progress{ended: true}, wanted: original, replace: true, action: Add, instance: 2, reason: "it is run again: --replace",
			actions: []string{"operation.o/c1/t1 add", "operation.o/c1/t2 add", "operation.o/c2/t1 add"},
		},
		"done with another list is planned from the first difference": {
			recorded: &progress{ended: true}, wanted: edited, action: Resume, instance: 2, reason: "configuration changed: it differs from operation.o/c1/t2 on",
			actions: []string{"operation.o/c1/t1 completed", "operation.o/c1/t2 add", "operation.o/c2/t1 add"},
		},
		"done and longer by now adds the rest": {
			recorded: &progress{ended: true}, wanted: longer, action: Add, instance: 2, reason: "configuration changed: it differs from operation.o/c3 on",
			actions: []string{"operation.o/c1/t1 completed", "operation.o/c1/t2 completed", "operation.o/c2/t1 completed", "operation.o/c3/t1 add"},
		},
		"done and shorter by now has nothing to do": {recorded: &progress{ended: true}, wanted: shorter},
		"open with the same list is resumed": {
			recorded: &progress{done: 1, running: true}, wanted: original, action: Resume, instance: 1, reason: "its last run has not ended",
			actions: []string{"operation.o/c1/t1 completed", "operation.o/c1/t2 resume", "operation.o/c2/t1 add"},
		},
		"failed is resumed at the failed task": {
			recorded: &progress{done: 1, failure: "no"}, wanted: original, action: Resume, instance: 1, reason: "its last run failed: no",
			actions: []string{"operation.o/c1/t1 completed", "operation.o/c1/t2 resume", "operation.o/c2/t1 add"},
		},
		"ended with an error is resumed too": {
			recorded: &progress{done: 1, failure: "no", ended: true}, wanted: original, action: Resume, instance: 1, reason: "its last run failed: no",
			actions: []string{"operation.o/c1/t1 completed", "operation.o/c1/t2 resume", "operation.o/c2/t1 add"},
		},
		"open and edited behind what was done is a new instance that keeps that": {
			recorded: &progress{done: 1, running: true}, wanted: edited, action: Resume, instance: 2, reason: "configuration changed: it differs from operation.o/c1/t2 on",
			actions: []string{"operation.o/c1/t1 completed", "operation.o/c1/t2 add", "operation.o/c2/t1 add"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			recorded := &memoryState{}
			if test.recorded != nil {
				recorded.record(t, mustMake(t, Inputs{Config: configuration(original)}).Operations[0], *test.recorded)
			}
			in := Inputs{Config: configuration(test.wanted), Recorded: recorded}
			if test.replace {
				in.Replace = []addr.Address{addr.Operation("o")}
			}
			p := mustMake(t, in)
			if diff := cmp.Diff(test.actions, actions(p)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			if test.actions == nil {
				if !p.Empty() {
					t.Errorf("the plan is not empty: %+v", p.Operations)
				}
				return
			}
			op := p.Operations[0]
			if op.Action != test.action || op.Instance != test.instance || op.Reason != test.reason {
				t.Errorf("got %s, instance %d, %q; want %s, instance %d, %q", op.Action, op.Instance, op.Reason, test.action, test.instance, test.reason)
			}
			warned := len(op.Diagnostics) == 1 && strings.Contains(op.Diagnostics[0].Summary, "may have run before")
			if warned != (test.recorded == nil) {
				t.Errorf("warning that it may have run before: %v", op.Diagnostics)
			}
		})
	}
}

func TestARunInProgressKeepsItsDigest(t *testing.T) {
	o := echoOperation("o", []string{"a", "b"}, []string{"c"})
	first := mustMake(t, Inputs{Config: configuration(o)})
	for done := range 3 {
		recorded := &memoryState{}
		recorded.record(t, first.Operations[0], progress{done: done, running: true})
		p := mustMake(t, Inputs{Config: configuration(o), Recorded: recorded})
		if p.Operations[0].Digest != first.Operations[0].Digest || p.Digest != first.Digest {
			t.Errorf("with %d tasks done the digest is another", done)
		}
	}
}

func TestTargetsSelectTheirDependencies(t *testing.T) {
	a, b, c := echoOperation("a", []string{"x"}), echoOperation("b", []string{"x"}), echoOperation("c", []string{"x"})
	b.DependsOn = []addr.Address{a.Address}
	in := Inputs{Config: configuration(a, b, c), Targets: []addr.Address{b.Address.WithContainer("c1")}}
	p := mustMake(t, in)
	if diff := cmp.Diff([]string{"operation.a/c1/t1 add", "operation.b/c1/t1 add"}, actions(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]addr.Address{a.Address}, p.Operations[1].DependsOn, cmp.Comparer(func(x, y addr.Address) bool { return x == y })); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
}

func TestUnknownAddressesAreAllReported(t *testing.T) {
	list := complaints(t, Inputs{
		Config:  configuration(echoOperation("nightly", []string{"x"})),
		Targets: []addr.Address{addr.Operation("nightl")}, Replace: []addr.Address{addr.Operation("weekly"), addr.Operation("nightly").WithContainer("c1")},
	})
	var got []string
	for _, d := range list {
		got = append(got, d.Summary+" | "+d.Hint)
	}
	want := []string{
		`--target operation.nightl: the configuration has no operation.nightl | did you mean "operation.nightly"?`,
		`--replace operation.weekly: the configuration has no operation.weekly | did you mean "operation.nightly"?`,
		"--replace operation.nightly/c1: only a whole operation block can be run again | what a keyspace needs is decided by what its cluster shows; name operation.NAME",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretsAreInMemoryOnly(t *testing.T) {
	o := echoOperation("o", []string{"hunter2"})
	o.Containers[0].Tasks[0].Sensitive = []string{"text"}
	p := mustMake(t, Inputs{Config: configuration(o)})
	task := p.Operations[0].Containers[0].Tasks[0]
	if task.Parameters["text"] != "" || task.Secrets["text"] != "hunter2" || task.AllParameters()["text"] != "hunter2" {
		t.Errorf("got %+v", task)
	}
	if o.Containers[0].Tasks[0].Parameters["text"] != "hunter2" {
		t.Error("the configuration was changed")
	}
}

func BenchmarkMakeEchoTasks(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		texts := make([]string, n)
		for i := range texts {
			texts[i] = "text"
		}
		for _, shape := range []string{"tasks", "containers"} {
			o := echoOperation("o", texts)
			if shape == "containers" {
				containers := make([][]string, n)
				for i := range containers {
					containers[i] = []string{"text"}
				}
				o = echoOperation("o", containers...)
			}
			cfg := configuration(o)
			b.Run(fmt.Sprintf("%s/%d", shape, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					mustMake(b, Inputs{Config: cfg})
				}
			})
			recorded := &memoryState{}
			recorded.record(b, mustMake(b, Inputs{Config: cfg}).Operations[0], progress{done: n / 2, running: true})
			b.Run(fmt.Sprintf("resumed %s/%d", shape, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					mustMake(b, Inputs{Config: cfg, Recorded: recorded})
				}
			})
		}
	}
}
