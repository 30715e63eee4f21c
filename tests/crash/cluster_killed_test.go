//go:build crash

package crash

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// restBlock is a fault block for a rest.
const restBlock = `
    fault "rest" {
      rpc     = %q
      at      = %q
      nth     = %d
      latency = "10m"
    }
`

// farPlan reshards a cluster of which the program has nothing but the address.
const farPlan = `
cluster "far" {
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

// TestClusterKilledInEveryCall runs reshards on a sandbox that another process serves, and kills that process before, in
// the middle of and behind the work of every changing call. What was half done there is finished or done anew.
func TestClusterKilledInEveryCall(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(tinyPlan)
	want, calls := p.cleanSplit(seed)
	cases := restsIn(calls)
	var failed atomic.Int64
	t.Run("killed", func(t *testing.T) {
		for _, r := range cases {
			t.Run(r.String(), func(t *testing.T) {
				t.Parallel()
				p := p.with(t)
				p.checkTakenOver(p.copyOf(seed), r, want)
				if p.checkKilledFar(p.copyOf(seed), r, true, want) {
					failed.Add(1)
				}
			})
		}
	})
	t.Logf("killed in %d calls; where another process came at once, apply ended %d times with an error", len(cases), failed.Load())
	if len(cases) < 20 {
		t.Errorf("expected more than %d calls: %v", len(cases), cases)
	}
}

// rest is a call in which the sandbox rests, so that it can be killed there.
type rest struct {
	rpc string
	at  string
	nth int
}

func (r rest) String() string { return fmt.Sprintf("%s call %d of %s", r.at, r.nth, r.rpc) }

// restsIn are rests at every point of every call.
func restsIn(calls map[string]int) []rest {
	var rests []rest
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		for nth := range calls[name] {
			for _, at := range []string{"before", "during", "after"} {
				rests = append(rests, rest{strings.TrimSuffix(strings.TrimPrefix(name, "rpc_"), "_after"), at, nth + 1})
			}
		}
	}
	return rests
}

// checkTakenOver runs apply as one of the sandbox's processes: it takes the place of the one that is killed, and ends
// the reshard.
func (p testProgram) checkTakenOver(dir string, in rest, want content) {
	p.t.Helper()
	s := p.serveResting(dir, in)
	wait := p.start(dir, "", applying...)
	s.killIn(in.rpc, in.nth)
	if r, err := wait(); err != nil || r.exit != 0 {
		p.t.Errorf("apply ends with exit %d, %v\n%s%s", r.exit, err, r.stdout, r.stderr)
	}
	p.finishes(dir, "on the sandbox")
	p.checkContent(dir, "on the sandbox", want)
}

// checkKilledFar runs apply against an address at which nobody answers once the process is killed: until another one
// comes at once, or not before apply has given up. It reports whether apply failed; the next one ends the reshard.
func (p testProgram) checkKilledFar(dir string, in rest, atOnce bool, want content) (failed bool) {
	p.t.Helper()
	s := p.serveResting(dir, in)
	client := filepath.Join(dir, "client")
	if err := os.Mkdir(client, 0o755); err != nil {
		p.t.Fatal(err)
	}
	p.writePlan(client, fmt.Sprintf(farPlan, s.address))
	wait := p.start(client, "", applying...)
	s.killIn(in.rpc, in.nth)
	if atOnce {
		s.start()
	}
	r, err := wait()
	if err != nil || r.exit != 0 && (r.exit != 1 || !strings.Contains(r.stderr, s.address)) {
		p.t.Errorf("apply ends with exit %d, %v, and says\n%s", r.exit, err, r.stderr)
	}
	if !atOnce {
		s.start()
	}
	p.finishes(client, "at an address")
	s.kill()
	p.checkContent(dir, "at an address", want)
	return r.exit == 1
}

func (p testProgram) serveResting(dir string, in rest) *sandboxServer {
	p.t.Helper()
	p.writePlan(dir, withFault(tinyPlan, fmt.Sprintf(restBlock, in.rpc, in.at, in.nth)))
	return p.serve(dir)
}
