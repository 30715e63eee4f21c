package reshard

import (
	"strings"
	"testing"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestConfirmingAWayBackNamesEverythingThatDoesNotHold(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*rig)
		want []string
	}{
		"reads in one cell":  {func(r *rig) { r.partitions["zone2"][vitess.Replica].refs = []string{"-80", "80-"} }, []string{"REPLICA reads are not served by - in every cell", "zone2 from -80,80-"}},
		"reads that closed":  {func(r *rig) { r.partitions["zone2"][vitess.Rdonly].disabled = []string{"-"} }, []string{"RDONLY reads are not served by - in every cell", "RDONLY on - in zone2"}},
		"writes in one cell": {func(r *rig) { r.partitions["zone1"][vitess.Primary].refs = []string{"-80", "80-"} }, []string{"writes are not served by - in every cell and shard record"}},
		"a shard record":     {func(r *rig) { r.shard("80-").PrimaryServing = true }, []string{"writes are not served by -"}},
		"a control":          {func(r *rig) { r.partitions["zone1"][vitess.Rdonly].disabled = []string{"80-"} }, []string{"RDONLY on 80- in zone1", "SetShardTabletControl --disable-query-service=false customer/80- rdonly", "RebuildKeyspaceGraph customer"}},
		"the workflow":       {creation("streams"), []string{"workflow sf_", "is still there"}},
		"another workflow":   {func(r *rig) { r.foreign = []vitess.Workflow{overlapping} }, []string{"MoveTables workflow move"}},
		"validation":         {func(r *rig) { r.validation = []string{"no primary in shard -80"} }, []string{"ValidateKeyspace: no primary in shard -80", "vtctldclient ValidateKeyspace customer"}},
		"two things": {func(r *rig) {
			r.partitions["zone1"][vitess.Rdonly].disabled = []string{"80-"}
			r.partitions["zone2"][vitess.Replica].refs = []string{"-80", "80-"}
		}, []string{"RDONLY on 80- in zone1", "zone2 from -80,80-"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := goingBack(t, "complete", all())
			if _, err := r.apply("confirm"); err != nil {
				t.Fatal(err)
			}
			r.expect("confirm", tasks.Done)
			c.edit(r)
			r.expect("confirm", tasks.Absent)
			r.calls = nil
			r.fails("confirm", diag.ExitFailed, false, append(c.want, "the way back of customer - to -80,80- is not as it should be at its end")...)
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestConfirmingAWayBackSaysWhatStays(t *testing.T) {
	r := goingBack(t, "complete", all())
	outputs, err := r.apply("")
	if err != nil {
		t.Fatal(err)
	}
	want := "customer serves from -; -80,80- is still in the topology, not serving: it can be used again, or deleted: vtctldclient DeleteShards --recursive customer/-80 customer/80-"
	if outputs["confirm"] != want {
		t.Errorf("output %q", outputs["confirm"])
	}
	r.removeShard("-80")
	r.removeShard("80-")
	if o := r.expect("confirm", tasks.Done); strings.Contains(o.Output, ";") {
		t.Errorf("output %q", o.Output)
	}
}
