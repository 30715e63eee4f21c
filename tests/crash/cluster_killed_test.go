//go:build crash

package crash

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"shardform/internal/sample"
)

// TestClusterKilledInEveryCall runs reshards on a sandbox that another process serves, and kills that process before, in the
// middle of and after the work of every changing call. What was half done there is finished or done again.
func TestClusterKilledInEveryCall(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	want, calls := p.splitCleanly(seed)
	moments := momentsOf(calls)
	if len(moments) < 20 {
		t.Errorf("expected more than %d calls: %v", len(moments), moments)
	}
	for _, m := range sample.Of(t, 0.25, moments, moment.String) {
		p.subtest(m.String(), func(p program) {
			p.t.Parallel()
			p.checkTakenOver(p.copyOf(seed), m, want)
			p.checkUnanswered(p.copyOf(seed), m, true, want)
		})
	}
}

// TestClusterKilledAndNotRestarted kills the process that serves the sandbox in every changing call, and none takes its
// place: apply asks for a minute what became of its call, then says so and ends. The next one ends the reshard.
func TestClusterKilledAndNotRestarted(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(tinyPlan)
	want, calls := p.splitCleanly(seed)
	moments := sample.Of(t, 0.25, momentsOf(calls), moment.String)
	var failed atomic.Int64
	var wg sync.WaitGroup
	room := make(chan struct{}, 20)
	for _, m := range moments { // many at once: they do little but wait
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			p.subtest(m.String(), func(p program) {
				if p.checkUnanswered(p.copyOf(seed), m, false, want) {
					failed.Add(1)
				}
			})
		})
	}
	wg.Wait()
	t.Logf("killed in %d calls, after %d of which apply failed", len(moments), failed.Load())
	// Nothing happens in the middle of a dry run: apply ends before the kill.
	if int(failed.Load()) < len(moments)-1 && everySubtest() {
		t.Errorf("apply failed after %d of %d calls that were never answered", failed.Load(), len(moments))
	}
}

// moment is a point of a call at which the sandbox waits, so that it can be killed there.
type moment struct {
	rpc string
	at  string // before, during or after its work
	nth int    // call of the RPC
}

func (m moment) String() string { return fmt.Sprintf("%s call %d of %s", m.at, m.nth, m.rpc) }

// momentsOf are the moments of every call.
func momentsOf(calls map[string]int) []moment {
	var moments []moment
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		for nth := range calls[name] {
			for _, at := range []string{"before", "during", "after"} {
				moments = append(moments, moment{strings.TrimSuffix(strings.TrimPrefix(name, "rpc_"), "_after"), at, nth + 1})
			}
		}
	}
	return moments
}

// waitingAt is a fault block that makes a call wait at a moment.
const waitingAt = `
    fault "wait" {
      rpc     = %q
      at      = %q
      nth     = %d
      latency = "10m"
    }
`

// serveWaiting serves the sandbox in dir, which waits at the moment.
func (p program) serveWaiting(dir string, at moment) *server {
	p.t.Helper()
	p.writePlan(dir, withFault(tinyPlan, fmt.Sprintf(waitingAt, at.rpc, at.at, at.nth)))
	return p.serveSandbox(dir, "127.0.0.1:0")
}

// checkTakenOver runs apply as one of the sandbox's processes: it takes the place of the one that is killed, and ends the
// reshard.
func (p program) checkTakenOver(dir string, at moment, want content) {
	p.t.Helper()
	s := p.serveWaiting(dir, at)
	wait := p.start(dir, applying...)
	p.killAt(s, dir, at)
	if r, err := wait(); err != nil || r.exit != 0 {
		p.t.Errorf("apply ends with exit %d, %v\n%s%s", r.exit, err, r.stdout, r.stderr)
	}
	p.finishes(dir)
	p.checkContent(dir, want)
}

// remotePlan reshards a cluster of which the program has nothing but the address.
const remotePlan = `
cluster "remote" {
  vtctld = [%q]
}

keyspace "customer" {
  shards = ["-80", "80-"]
  reshard {
    retry {
      attempts = 2
      backoff  = "10ms"
    }
  }
}
`

// checkUnanswered runs apply against an address at which nobody answers once the process is killed: until another one comes
// at once, or not before apply has given up. It reports whether apply failed; the next one ends the reshard.
func (p program) checkUnanswered(dir string, at moment, restarted bool, want content) (failed bool) {
	p.t.Helper()
	s := p.serveWaiting(dir, at)
	client := filepath.Join(dir, "client")
	if err := os.Mkdir(client, 0o755); err != nil {
		p.t.Fatal(err)
	}
	p.writePlan(client, fmt.Sprintf(remotePlan, s.address))
	wait := p.start(client, applying...)
	p.killAt(s, dir, at)
	if restarted {
		s = p.serveSandbox(dir, s.address)
	}
	r, err := wait()
	if err != nil || r.exit != 0 && (r.exit != 1 || !strings.Contains(r.stderr, s.address)) {
		p.t.Errorf("apply ends with exit %d, %v, and says\n%s", r.exit, err, r.stderr)
	}
	if !restarted {
		s = p.serveSandbox(dir, s.address)
	}
	p.finishes(client)
	s.kill()
	p.checkContent(dir, want)
	return r.exit == 1
}
