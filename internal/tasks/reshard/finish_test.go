package reshard

import (
	"strings"
	"testing"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestCompletingRefusesWhatHasNotMoved(t *testing.T) {
	for before, want := range map[string]string{
		"copy":           "writes are served by customer/-",
		"switch_replica": "writes are served by customer/-",
		"switch_primary": "writes are served by customer/-",
	} {
		r := newRig(t, "-:-80,80-")
		r.upTo(before)
		r.fails("complete", diag.ExitRefused, false, "cannot be completed", want)
		if len(r.calls) > 0 {
			t.Errorf("before %s: calls %q", before, r.calls)
		}
	}
	r := newRig(t, "-:-80,80-")
	r.upTo("complete")
	r.partitions["zone2"][vitess.Rdonly].refs = []string{"-"}
	r.fails("complete", diag.ExitRefused, false, "RDONLY reads have not moved", "zone2 from -")
}

func TestACompletionThatSomeoneLeftStuckIsCured(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("complete")
	r.removeShard("-")
	r.removeWorkflow(r.request.Workflow + "_reverse")
	o := r.expect("complete", tasks.Running)
	if !strings.Contains(o.Detail, "stuck") {
		t.Errorf("observed %+v", o)
	}
	r.finishes()
	if r.count("RemoveStreams") != 1 || r.count("CompleteWorkflow") > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAShardThatIsUsedIsNotDeleted(t *testing.T) {
	for name, c := range map[string]struct{ before, want string }{
		"serves everything":     {"preflight", "cell zone1 serves PRIMARY from it"},
		"serves writes":         {"switch_primary", "its record says that it serves writes"},
		"takes reverse changes": {"complete", "_reverse reads or writes it"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-")
			r.upTo(c.before)
			r.expect("delete_shard:-", tasks.Absent)
			r.fails("delete_shard:-", diag.ExitRefused, false, "shard customer/- is in use and is not deleted", c.want)
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestAShardThatIsGoneIsDone(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.upTo("delete_shard:-")
	r.removeShard("-")
	r.expect("delete_shard:-", tasks.Done)
	if output, err := r.run("delete_shard:-"); err != nil || len(r.calls) > 0 {
		t.Errorf("output %q, error %v, calls %q", output, err, r.calls)
	}
}

func TestCompleteNamesTheTabletsBeforeTheirRecordsGo(t *testing.T) {
	r := newRig(t, "-80,80-:-")
	r.upTo("complete")
	output, err := r.task(t.Context(), "complete")
	for _, want := range []string{"zone1-0000000100 (customer/-80 PRIMARY, MySQL db100:3306)", "zone2-0000000112 (customer/80- RDONLY"} {
		if err != nil || !strings.Contains(output, want) {
			t.Errorf("output %q lacks %q, error %v", output, want, err)
		}
	}
}

func TestSourceShardsStayWhereThatIsAskedFor(t *testing.T) {
	r := newRig(t, "-:-80,80-", func(r *Request) { r.Settings.RemoveShards = false })
	outputs := r.finishes()
	if r.shard("-") == nil || r.shard("-").PrimaryServing {
		t.Error("shard - is gone or serves")
	}
	if output := outputs["confirm"]; !strings.Contains(output, "- is still in the topology, not serving") || !strings.Contains(output, "vtctldclient DeleteShards --recursive customer/-") {
		t.Errorf("output %q", output)
	}
}

func TestConfirmNamesEverythingThatDoesNotHold(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*rig)
		want []string
	}{
		"reads in one cell":  {func(r *rig) { r.partitions["zone2"][vitess.Replica].refs = []string{"-"} }, []string{"REPLICA reads are not served by -80,80- in every cell", "zone2 from -"}},
		"writes in one cell": {func(r *rig) { r.partitions["zone1"][vitess.Primary].refs = []string{"-"} }, []string{"writes are not served by -80,80-"}},
		"a control on a shard that is gone": {func(r *rig) { r.partitions["zone1"][vitess.Rdonly].disabled = []string{"-"} },
			[]string{"RDONLY on - in zone1", "CreateShard customer/-", "SetShardTabletControl --disable-query-service=false customer/- rdonly", "DeleteShards", "RebuildKeyspaceGraph customer"}},
		"a source shard": {func(r *rig) { r.addShard("-", false, 100) }, []string{"of keyspace customer, shard - is still there", "DeleteShards --recursive customer/-"}},
		"validation":     {func(r *rig) { r.validation = []string{"no primary in shard -80"} }, []string{"ValidateKeyspace: no primary in shard -80"}},
		"two things": {func(r *rig) {
			r.addShard("-", false, 100)
			r.partitions["zone1"][vitess.Rdonly].disabled = []string{"80-"}
		}, []string{"of keyspace customer, shard - is still there", "RDONLY on 80- in zone1"}},
		"vschema": {func(r *rig) { r.vschema = canonical(`{"sharded":true}`) }, []string{"the vschema is not the wanted one"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-:-80,80-", func(r *Request) { r.VSchema, r.VSchemaBefore = canonical(testVSchema), canonical(testVSchema) })
			r.upTo("confirm")
			c.edit(r)
			r.expect("confirm", tasks.Absent)
			r.fails("confirm", diag.ExitFailed, false, append(c.want, "customer - to -80,80- is not as it should be at its end")...)
		})
	}
}
