package vitess

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLagIsUnknownUntilRowsAreCopied(t *testing.T) {
	w := workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")
	w.MaxTransactionLag = 2 * time.Second
	if lag, known := w.Lag(at.Add(time.Second)); !known || lag != 2*time.Second {
		t.Errorf("lag = %v, %v", lag, known)
	}
	if lag, known := w.Lag(at.Add(time.Minute)); !known || lag != time.Minute {
		t.Errorf("lag of a stream that has been silent for a minute = %v, %v", lag, known)
	}
	if lag, known := w.Lag(at.Add(-time.Minute)); !known || lag < 0 {
		t.Errorf("lag by a clock that is behind = %v, %v", lag, known)
	}
	for name, change := range map[string]func(*Workflow){
		"copying":           func(w *Workflow) { w.Streams[0].State = StateCopying },
		"negative":          func(w *Workflow) { w.MaxTransactionLag = lagOf(-9223372036854775808) },
		"largest":           func(w *Workflow) { w.MaxTransactionLag = lagOf(9223372036854775807) },
		"stopped":           func(w *Workflow) { w.Streams[1].State = StateStopped },
		"not begun":         func(w *Workflow) { w.Streams[1].Position = "" },
		"never seen":        func(w *Workflow) { w.Streams[1].Updated = time.Time{} },
		"nothing to follow": func(w *Workflow) { w.Streams = nil },
	} {
		w := workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")
		change(&w)
		if lag, known := w.Lag(at); known {
			t.Errorf("%s: lag = %v", name, lag)
		}
	}
}

func TestProgressStaysBelowOneUntilCopied(t *testing.T) {
	copying := workflow(t, "rs", "-80<-0 Copying", "80-<-0 Copying")
	copying.Streams[0].RowsCopied, copying.Streams[0].CopyTables = 9_000, []string{"corder", "customer"}
	copying.Streams[1].RowsCopied, copying.Streams[1].CopyTables = 21_000, []string{"customer"}
	seg := segment(t, "0", "-80,80-")
	sizes := []TableSchema{{Name: "customer", Rows: 10_000, Bytes: 4096}, {Name: "corder", Rows: 10_000, Bytes: 8192}}
	got := state(t, stateFresh, copying).View(seg).Progress(sizes)
	want := Progress{RowsCopied: 30_000, RowsTotal: 20_000, TablesLeft: []string{"corder", "customer"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if p := state(t, stateFresh, workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")).View(seg).Progress(sizes); !p.Done {
		t.Errorf("progress after copying = %+v", p)
	}
	if p := state(t, stateFresh).View(seg).Progress(); p.Done {
		t.Errorf("progress without a workflow = %+v", p)
	}
}

func TestErrorsNameTheStream(t *testing.T) {
	v := state(t, stateFresh, workflow(t, "rs", "-80<-0 Error table t not found", "80-<-0 Running")).View(segment(t, "0", "-80,80-"))
	if diff := cmp.Diff([]string{"-80/1: table t not found"}, v.Errors()); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
