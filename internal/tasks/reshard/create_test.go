package reshard

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestCreateSpellsEveryOptionOut(t *testing.T) {
	r := newRig(t, "-:-80,80-", func(r *Request) { r.Settings.Cells = []string{"zone1"} })
	r.upTo("copy")
	w := r.workflow(r.request.Workflow)
	want := vitess.WorkflowOptions{Cells: []string{"zone1"}, TabletTypes: []string{"REPLICA", "PRIMARY"}, OnDDL: "STOP", DeferSecondaryKeys: true}
	if diff := cmp.Diff(want, w.options); diff != "" {
		t.Error(diff)
	}
	if w.stopped {
		t.Error("the streams were not started")
	}
}

func TestAWorkflowBetweenTheseShardsIsTakenWhateverItsName(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	own := r.request.Workflow
	r.request.Workflow = "by_hand"
	r.upTo("copy")
	r.workflow("by_hand").options.OnDDL = "IGNORE"
	r.request.Workflow = own
	o := r.expect("create", tasks.Done)
	if !strings.Contains(o.Detail, "by_hand") || len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "on_ddl = IGNORE instead of STOP") {
		t.Errorf("observed %+v", o)
	}
	r.finishes()
	if r.count("ReshardCreate") > 0 || r.count("CompleteWorkflow by_hand") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAPartialCreateIsRepairedAlsoWithoutARecord(t *testing.T) {
	for at, want := range map[string][]string{
		"unstarted": {"StartWorkflow"},
		"streams":   {"DeleteWorkflow", "ReshardCreate"},
	} {
		t.Run(at, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("create")
			r.faults = []fault{{method: "ReshardCreate", at: at}}
			r.fails("create", diag.ExitFailed, true, "creating the workflow customer - to -80,80- failed", "nothing that serves was touched")
			r.faults, r.calls = nil, nil
			r.expect("create", tasks.Running)
			if _, err := r.run("create"); err != nil {
				t.Fatal(err)
			}
			var methods []string
			for _, call := range r.calls {
				methods = append(methods, strings.Fields(call)[0])
			}
			if diff := cmp.Diff(want, methods); diff != "" {
				t.Error(diff)
			}
			r.expect("create", tasks.Done)
		})
	}
}

// A copy of the schema that died in the middle leaves some tables and no streams: every later ReshardCreate would fail.
func TestAHalfMadeSchemaIsCompletedAlsoWithoutARecord(t *testing.T) {
	for name, cs := range map[string]struct {
		fault fault
		want  int // calls of CopySchema
	}{"": {fault{method: "none"}, 1}, "the answer is lost": {fault{method: "CopySchema", at: "after"}, 1}, "it fails once": {fault{method: "CopySchema", at: "before"}, 2}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("create")
			r.faults = []fault{{method: "ReshardCreate", at: "schema"}}
			r.fails("create", diag.ExitFailed, true, "creating the workflow customer - to -80,80- failed")
			r.faults, r.calls = []fault{cs.fault}, nil
			r.expect("create", tasks.Absent)
			r.does("preflight")
			r.finishes()
			if r.count("CopySchema -80 customer") != cs.want || r.count("CopySchema") != cs.want || r.count("ReshardCreate") != 1 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestTablesOnATargetThatAreNotTheSourcesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*vitess.TableSchema)
		want string
	}{
		"another definition": {func(t *vitess.TableSchema) { t.Create = strings.Replace(t.Create, "varchar(10)", "varchar(5)", 1) }, "table corder differs from the source's"},
		"another table":      {func(t *vitess.TableSchema) { t.Name = "other" }, "table other does not exist on the source"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo("create")
			r.tables["80-"] = testTables(0)[:1]
			c.edit(&r.tables["80-"][0])
			r.fails("preflight", diag.ExitFailed, false, "target shard 80-", c.want, "DROP TABLE")
			r.fails("create", diag.ExitRefused, false, "target shard customer/80-", c.want, "DROP TABLE")
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestANumberThatATableWouldGiveNextIsNoDifference(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	for i := range r.tables["-"] {
		r.tables["-"][i].Create += " AUTO_INCREMENT=77"
	}
	r.upTo("create")
	r.tables["80-"] = testTables(0)
	r.does("preflight")
	r.does("create")
}

func TestThePartialWorkflowIsDeletedOnceAlsoWhenTheAnswerIsLost(t *testing.T) {
	for at, deletes := range map[string]int{"before": 2, "after": 1} {
		r := newRig(t, "-:-80,80-")
		r.upTo("create")
		r.faults = []fault{{method: "ReshardCreate", at: "streams"}, {method: "DeleteWorkflow", at: at}}
		r.finishes()
		if r.count("DeleteWorkflow") != deletes || r.count("ReshardCreate") != 2 {
			t.Errorf("%s: calls %q", at, r.calls)
		}
	}
}

func TestAForeignWorkflowInTheWayIsAConflict(t *testing.T) {
	stream := func(target, source string) vitess.Stream {
		return vitess.Stream{ID: 77, Target: target, Source: source, State: vitess.StateRunning, RowsCopied: 5, Position: "1-5"}
	}
	for name, w := range map[string]vitess.Workflow{
		"overlapping reshard": {Name: "other", Type: "Reshard", SourceKeyspace: "customer", Sources: mustLayout([]string{"-"}), Targets: mustLayout([]string{"-40", "40-80", "80-"}),
			Streams: []vitess.Stream{stream("80-", "-")}},
		"another type": {Name: "move", Type: "MoveTables", SourceKeyspace: "commerce", Sources: mustLayout([]string{"0"}), Targets: mustLayout([]string{"-"}),
			Streams: []vitess.Stream{stream("-", "0")}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.foreign = []vitess.Workflow{w}
			for _, label := range []string{"preflight", "create"} {
				o := r.expect(label, tasks.Conflict)
				if !strings.Contains(o.Detail, w.Name) || !strings.Contains(strings.Join(o.Cure, "\n"), "--workflow "+w.Name) {
					t.Errorf("%s: %+v", label, o)
				}
			}
			r.fails("create", diag.ExitRefused, false, w.Name)
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}
