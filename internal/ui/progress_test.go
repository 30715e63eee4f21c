package ui

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"shardform/internal/addr"
	"shardform/internal/event"
)

func TestProgressWithoutATerminalIsQuietAndLineBased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, Style{}, false, 0, time.Now)
		copying := addr.Keyspace("customer").WithOperation("-:-80,80-").WithContainer("copy").WithTask("copy")
		quick := addr.Operation("nightly").WithContainer("a").WithTask("b")
		p.Event(event.Event{Kind: event.TaskStart, Address: quick})
		p.Event(event.Event{Kind: event.TaskDone, Address: quick, Elapsed: 100 * time.Millisecond})
		p.Event(event.Event{Kind: event.TaskStart, Address: copying, Message: "copy - to -80,80-"})
		p.Event(event.Event{Kind: event.TaskProgress, Address: copying, Progress: &event.Progress{Done: 12000, Total: 20000, Rate: 8000, ETA: time.Second}})
		time.Sleep(20 * time.Second)
		p.Event(event.Event{Kind: event.TaskRetry, Address: copying, Attempt: 1, Wait: time.Second, Message: "unavailable"})
		p.Event(event.Event{Kind: event.TaskDone, Address: copying, Observed: true})
		p.Close()
		want := `operation.nightly/a/b: done after 0.1s
keyspace.customer/-:-80,80-/copy/copy: copy - to -80,80-  12,000 / ~20,000 rows (60%), 8,000 rows/s, ETA 1.0s  [2.0s]
keyspace.customer/-:-80,80-/copy/copy: copy - to -80,80-  12,000 / ~20,000 rows (60%), 8,000 rows/s, ETA 1.0s  [17s]
keyspace.customer/-:-80,80-/copy/copy: attempt 1 failed, trying again in 1.0s: unavailable
keyspace.customer/-:-80,80-/copy/copy: found done on the cluster
`
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}

func TestATaskThatWasTriedAgainIsNotShownAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, Style{}, false, 0, time.Now)
		create := addr.Keyspace("customer").WithOperation("-:-80,80-").WithContainer("create").WithTask("create")
		p.Event(event.Event{Kind: event.TaskStart, Address: create, Attempt: 1, Message: "create"})
		time.Sleep(time.Second)
		p.Event(event.Event{Kind: event.TaskRetry, Address: create, Attempt: 1, Wait: time.Second, Message: "unavailable"})
		p.Event(event.Event{Kind: event.TaskStart, Address: create, Attempt: 2, Message: "create"})
		time.Sleep(2 * time.Second)
		p.Event(event.Event{Kind: event.TaskDone, Address: create, Elapsed: 3 * time.Second})
		time.Sleep(time.Minute)
		p.Close()
		want := `keyspace.customer/-:-80,80-/create/create: attempt 1 failed, trying again in 1.0s: unavailable
keyspace.customer/-:-80,80-/create/create: create  [2.0s]
keyspace.customer/-:-80,80-/create/create: done after 3.0s
`
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}

func TestProgressOnATerminalRepaintsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, Style{}, true, 30, time.Now)
		a := addr.Operation("nightly").WithContainer("a").WithTask("long-name-of-a-task")
		p.Event(event.Event{Kind: event.TaskStart, Address: a})
		time.Sleep(300 * time.Millisecond)
		p.Event(event.Event{Kind: event.TaskDone, Address: a, Elapsed: 300 * time.Millisecond})
		p.Close()
		want := "\r\x1b[Koperation.nightly/a/long-nam…\r\x1b[Koperation.nightly/a/long-name-of-a-task: done after 0.3s\n"
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}

func TestWhatOthersSayDoesNotMoveTheCursor(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, Style{}, false, 0, time.Now)
	p.Event(event.Event{Kind: event.TaskOutput, Address: addr.Operation("a").WithContainer("b").WithTask("c"), Message: "clear\x1b[2J\rme\u009b"})
	p.Close()
	if want := "operation.a/b/c: clear\uFFFD[2J\uFFFDme\uFFFD\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
