package vitess

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhichVDiffCounts(t *testing.T) {
	w := workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")
	uuid := func(generation int) string { return VDiffUUID("ks", "rs", w.StreamIDs(), generation) }
	good := VDiff{UUID: uuid(0), State: VDiffCompleted, CompletedAt: at, Tables: []string{"corder", "customer"}, Shards: []string{"-80", "80-"}}
	with := func(change func(*VDiff)) VDiff {
		d := good
		change(&d)
		return d
	}
	type result struct {
		Counting, Running, Mismatch, Rejected string
		Generation                            int
	}
	id := func(d *VDiff) string {
		if d == nil {
			return ""
		}
		return d.UUID
	}
	for _, c := range []struct {
		name   string
		vdiffs []VDiff
		want   result
	}{
		{"none", nil, result{}},
		{"one that counts", []VDiff{good}, result{Counting: uuid(0), Generation: 1}},
		{"one of other streams", []VDiff{with(func(d *VDiff) { d.UUID = VDiffUUID("ks", "rs", []int64{8, 9}, 0) })}, result{}},
		{"too old", []VDiff{with(func(d *VDiff) { d.CompletedAt = at.Add(-25 * time.Hour) })},
			result{Rejected: "VDiff " + uuid(0) + " completed 25h1m0s ago, more than 24h", Generation: 1}},
		{"running", []VDiff{with(func(d *VDiff) { d.State, d.CompletedAt = VDiffStarted, time.Time{} })},
			result{Running: uuid(0), Rejected: "VDiff " + uuid(0) + " is started", Generation: 1}},
		{"stopped", []VDiff{with(func(d *VDiff) { d.State = VDiffStopped })},
			result{Running: uuid(0), Rejected: "VDiff " + uuid(0) + " is stopped", Generation: 1}},
		{"on some targets only", []VDiff{with(func(d *VDiff) { d.State, d.Shards, d.Missing = VDiffStopped, []string{"-80"}, []string{"80-"} })},
			result{Running: uuid(0), Rejected: "VDiff " + uuid(0) + " is known on -80 and not on 80-", Generation: 1}},
		{"failed", []VDiff{with(func(d *VDiff) { d.State, d.Errors = VDiffError, []string{"-80: no tablet"} })},
			result{Rejected: "VDiff " + uuid(0) + " failed (error): -80: no tablet", Generation: 1}},
		{"differences", []VDiff{with(func(d *VDiff) { d.Mismatch = true })},
			result{Mismatch: uuid(0), Rejected: "VDiff " + uuid(0) + " found differences", Generation: 1}},
		{"limited", []VDiff{with(func(d *VDiff) { d.Limited = true })},
			result{Rejected: "VDiff " + uuid(0) + " compared only a part of the rows", Generation: 1}},
		{"a table is missing", []VDiff{with(func(d *VDiff) { d.Tables = []string{"customer"} })},
			result{Rejected: "VDiff " + uuid(0) + " did not compare table corder", Generation: 1}},
		{"a shard is missing", []VDiff{with(func(d *VDiff) { d.Shards = []string{"-80"} })},
			result{Rejected: "VDiff " + uuid(0) + " does not know shard 80-", Generation: 1}},
		{"the latest generation decides", []VDiff{with(func(d *VDiff) { d.UUID, d.Mismatch = uuid(3), true }), good},
			result{Mismatch: uuid(3), Rejected: "VDiff " + uuid(3) + " found differences", Generation: 4}},
		{"after failing", []VDiff{with(func(d *VDiff) { d.State = VDiffError }), with(func(d *VDiff) { d.UUID = uuid(1) })},
			result{Counting: uuid(1), Generation: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := CountingVDiff(c.vdiffs, &w, []string{"corder", "customer"}, at.Add(time.Minute), 24*time.Hour)
			got := result{id(r.Counting), id(r.Running), id(r.Mismatch), r.Rejected, r.Generation}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhichVDiffOfOthersMightCount(t *testing.T) {
	w := workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")
	own := func(state VDiffState, started time.Time) VDiff {
		return VDiff{UUID: VDiffUUID("ks", "rs", w.StreamIDs(), 0), State: state, StartedAt: started, CompletedAt: started, Tables: []string{"corder"}, Shards: []string{"-80", "80-"}}
	}
	other := func(uuid string, started time.Time, change func(*VDiff)) VDiff {
		d := own(VDiffCompleted, started)
		d.UUID = uuid
		change(&d)
		return d
	}
	good := func(*VDiff) {}
	for name, c := range map[string]struct {
		vdiffs []VDiff
		want   string
	}{
		"none":               {nil, ""},
		"only ours":          {[]VDiff{own(VDiffCompleted, at)}, ""},
		"the newest":         {[]VDiff{other("a", at.Add(-time.Minute), good), other("b", at, good), other("c", at.Add(-time.Hour), good)}, "b"},
		"behind ours":        {[]VDiff{own(VDiffError, at.Add(-time.Minute)), other("a", at, good)}, "a"},
		"ours is younger":    {[]VDiff{other("a", at.Add(-time.Minute), good), own(VDiffError, at)}, ""},
		"with differences":   {[]VDiff{other("a", at, func(d *VDiff) { d.Mismatch = true })}, ""},
		"of a part":          {[]VDiff{other("a", at, func(d *VDiff) { d.Limited = true })}, ""},
		"on one shard":       {[]VDiff{other("a", at, func(d *VDiff) { d.Shards = d.Shards[:1] })}, ""},
		"too old":            {[]VDiff{other("a", at.Add(-25*time.Hour), good)}, ""},
		"of one table short": {[]VDiff{other("a", at, func(d *VDiff) { d.Tables = nil })}, ""},
		"still at work":      {[]VDiff{other("a", at, func(d *VDiff) { d.State = VDiffStarted })}, ""},
	} {
		got := ""
		if d := OthersVDiff(c.vdiffs, &w, []string{"corder"}, at.Add(time.Minute), 24*time.Hour); d != nil {
			got = d.UUID
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
