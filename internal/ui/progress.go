package ui

import (
	"cmp"
	"fmt"
	"io"
	"sync"
	"time"

	"shardform/internal/addr"
	"shardform/internal/event"
	"shardform/internal/parallel"
	"shardform/internal/plan"
)

// Progress shows a running apply: a line for whatever happened and, on a terminal, one live line for what is under way.
// Without a terminal it repeats itself about what lasts, quietly.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	style Style
	live  bool
	width int
	now   func() time.Time

	running []*runningTask // in order of their start
	painted bool           // the live line stands on the terminal
	stop    chan struct{}
	ticking *parallel.Routine
}

// runningTask is a task that has started and not ended.
type runningTask struct {
	address   addr.Address
	message   string
	progress  *event.Progress
	started   time.Time
	announced bool      // its start has been printed
	repeated  time.Time // when it was last mentioned
}

const (
	tickEvery   = 250 * time.Millisecond
	announceAt  = 2 * time.Second  // a task that lasts longer is mentioned while it runs
	repeatEvery = 15 * time.Second // and again this often without a terminal
)

// NewProgress shows events on w until Close. live repaints one line for what is under way: for terminals only.
func NewProgress(w io.Writer, style Style, live bool, width int, now func() time.Time) *Progress {
	p := &Progress{w: w, style: style, live: live, width: width, now: now, stop: make(chan struct{})}
	p.ticking = parallel.Start(p.tick)
	return p
}

// Close stops repainting and clears the live line. The error is a panic while it was painted.
func (p *Progress) Close() error {
	close(p.stop)
	err := p.ticking.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return err
}

func (p *Progress) tick() error {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return nil
		case <-ticker.C:
			p.ticked()
		}
	}
}

func (p *Progress) ticked() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.repeat()
	p.paint()
}

// Event is an event.Sink.
func (p *Progress) Event(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Message = printable(e.Message)
	switch e.Kind {
	case event.OperationStart:
		p.print("%s: %s", p.style.Bold(e.Address.String()), cmp.Or(e.Message, "starting"))
	case event.TaskStart:
		if t := p.find(e.Address); t != nil { // another attempt
			t.message, t.progress = e.Message, nil
			return
		}
		p.running = append(p.running, &runningTask{address: e.Address, message: e.Message, started: p.now(), repeated: p.now()})
	case event.TaskProgress:
		if t := p.find(e.Address); t != nil {
			t.message, t.progress = cmp.Or(e.Message, t.message), e.Progress
		}
	case event.TaskOutput:
		p.print("%s: %s", e.Address, e.Message)
	case event.TaskRetry:
		p.print("%s: %s", e.Address, p.style.Yellow(fmt.Sprintf("attempt %d failed, trying again in %s: %s", e.Attempt, Duration(e.Wait), e.Message)))
	case event.TaskDone:
		p.forget(e.Address)
		p.print("%s: %s", e.Address, p.done(e))
	case event.TaskFailed:
		p.forget(e.Address)
		p.print("%s: %s", e.Address, p.style.Red(fmt.Sprintf("failed after %s: %s", Duration(e.Elapsed), e.Message)))
	case event.Gate:
		p.print("%s: %s %s", e.Address, p.style.symbol(plan.Gate), p.style.Yellow(gateText(e)))
	case event.OperationDone:
		p.print("%s: %s", p.style.Bold(e.Address.String()), p.style.Green(cmp.Or(e.Message, "done")+" after "+Duration(e.Elapsed)))
	case event.OperationFailed:
		p.print("%s: %s", p.style.Bold(e.Address.String()), p.style.Red("failed after "+Duration(e.Elapsed)+": "+e.Message))
	case event.Stopping:
		p.print("%s", p.style.Yellow(cmp.Or(e.Message, "stopping after the current safe point; a second signal also ends waiting")))
	}
}

func (p *Progress) done(e event.Event) string {
	if e.Observed {
		return p.style.Cyan(cmp.Or(e.Message, "found done on the cluster"))
	}
	text := "done after " + Duration(e.Elapsed)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return p.style.Green(text)
}

// repeat mentions tasks that last, on streams that have no live line.
func (p *Progress) repeat() {
	if p.live {
		return
	}
	now := p.now()
	for _, t := range p.running {
		due := !t.announced && now.Sub(t.started) >= announceAt || t.announced && now.Sub(t.repeated) >= repeatEvery
		if due {
			t.announced, t.repeated = true, now
			p.print("%s: %s", t.address, p.status(t))
		}
	}
}

func (p *Progress) status(t *runningTask) string {
	text := cmp.Or(t.message, "working")
	if g := t.progress; g != nil {
		text = fmt.Sprintf("%s  %s", text, ProgressText(g))
	}
	return fmt.Sprintf("%s  [%s]", text, Duration(p.now().Sub(t.started)))
}

// ProgressText is a progress in words: "12,000 / ~20,000 rows (60%), 8,000 rows/s, ETA 1.0s".
func ProgressText(g *event.Progress) string {
	text := Count(g.Done) + " rows"
	if g.Total > 0 && g.Done <= g.Total { // an estimate that is passed says nothing
		text = fmt.Sprintf("%s / ~%s rows (%d%%)", Count(g.Done), Count(g.Total), 100*g.Done/g.Total)
	}
	if g.Rate > 0 {
		text += fmt.Sprintf(", %s rows/s", Count(int64(g.Rate)))
	}
	if g.Lag > 0 {
		text += ", lag " + Duration(g.Lag)
	}
	if g.ETA > 0 {
		text += ", ETA " + Duration(g.ETA)
	}
	return text
}

// paint redraws the live line: the first running task, and how many more there are.
func (p *Progress) paint() {
	if !p.live || len(p.running) == 0 {
		return
	}
	t := p.running[0]
	text := fmt.Sprintf("%s: %s", t.address, p.status(t))
	if more := len(p.running) - 1; more > 0 {
		text += fmt.Sprintf("  (and %d more)", more)
	}
	if runes := []rune(text); p.width > 1 && len(runes) >= p.width {
		text = string(runes[:p.width-2]) + "…"
	}
	_, _ = fmt.Fprint(p.w, "\r\x1b[K"+p.style.Faint(text))
	p.painted = true
}

func (p *Progress) clear() {
	if p.painted {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
		p.painted = false
	}
}

// print writes one line above the live line.
func (p *Progress) print(format string, args ...any) {
	p.clear()
	_, _ = fmt.Fprintf(p.w, format+"\n", args...)
	p.paint()
}

func (p *Progress) find(a addr.Address) *runningTask {
	for _, t := range p.running {
		if t.address == a {
			return t
		}
	}
	return nil
}

func (p *Progress) forget(a addr.Address) {
	for i, t := range p.running {
		if t.address == a {
			p.running = append(p.running[:i], p.running[i+1:]...)
			return
		}
	}
}
