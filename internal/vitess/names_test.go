package vitess

import (
	"strings"
	"testing"
)

func TestWorkflowNameIsOneASegment(t *testing.T) {
	// The first 4 bytes of sha256("customer\n-\n-80,80-").
	want := "sf_94bc502c"
	for _, sources := range []string{"0", "-"} {
		if got := WorkflowName("customer", segment(t, sources, "-80,80-")); got != want {
			t.Errorf("name from %s = %s, want %s", sources, got, want)
		}
	}
	seen := map[string]string{}
	for _, x := range []string{"customer 0 -80,80-", "customer -80,80- 0", "other 0 -80,80-", "customer 0 -40,40-"} {
		f := strings.Fields(x)
		name := WorkflowName(f[0], segment(t, f[1], f[2]))
		if seen[name] != "" {
			t.Errorf("%q and %q have the name %s", x, seen[name], name)
		}
		seen[name] = x
	}
}

func TestVDiffUUIDChangesWithStreamsAndGeneration(t *testing.T) {
	first := VDiffUUID("customer", "sf_94bc502c", []int64{1, 1}, 0)
	if want := "64a0423b-4c5b-5816-ad7d-b8ee4f80d24b"; first != want {
		t.Errorf("uuid = %s, want %s: VDiffs of running reshards would be lost", first, want)
	}
	for _, other := range []string{
		VDiffUUID("customer", "sf_94bc502c", []int64{3, 3}, 0), VDiffUUID("customer", "sf_94bc502c", []int64{1, 1}, 1),
		VDiffUUID("customer", "sf_94bc502c", []int64{11}, 0), VDiffUUID("orders", "sf_94bc502c", []int64{1, 1}, 0),
	} {
		if other == first {
			t.Errorf("another VDiff has the uuid %s", other)
		}
	}
}

func TestReverseName(t *testing.T) {
	if ReverseName("rs") != "rs_reverse" || ReverseName("rs_reverse") != "rs" {
		t.Errorf("%s, %s", ReverseName("rs"), ReverseName("rs_reverse"))
	}
}
