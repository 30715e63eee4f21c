//go:build crash

package crash

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// gatedPlan is tinyPlan with every kind of gate: approvals, a window that is open, and a soak.
var gatedPlan = strings.Replace(tinyPlan, `  shards = ["-80", "80-"]`, `  shards = ["-80", "80-"]
  reshard {
    soak = "1s"
    switch {
      approval = ["create", "switch_primary", "finish"]
      window {
        opens = "0 0 * * *"
        lasts = "24h"
      }
    }
  }`, 1)

// TestMatrixOfGates goes through a reshard with gates as an operator does, apply and approve in turn, kills every one of
// these commands at every crash point, and goes on: whatever was approved once is not asked again.
func TestMatrixOfGates(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seededWith(gatedPlan)
	p.slowCopying(seed)
	before := p.contentOf(seed)
	dir := p.copyOf(seed)
	commands := p.goOn(dir, "without a kill")
	split := p.contentOf(dir)
	p.checkSplit(before, split)
	calls := p.calls(dir)
	if len(commands) < 7 {
		t.Fatalf("three approvals and a soak need more commands than %q", commands)
	}
	at := p.copyOf(seed)
	for i, command := range commands {
		from := at
		at = p.copyOf(from)
		if strings.Contains(p.run(at, "", command...).stdout, "waiting at "+theSplit+"/soak/soak") {
			p.waitForSoak(at)
			if i+1 < len(commands) && commands[i+1][0] == "approve" { // the soak was over there when apply came to it
				p.run(at, "", command...)
			}
		}
		t.Run(fmt.Sprintf("command %d", i+1), func(t *testing.T) {
			t.Parallel()
			p := p.with(t)
			for point, dir := range p.killedApart(from, []int{0, 4}, command...) {
				when := strings.Join(command, " ") + ", killed at " + point
				if i+1 < len(commands) && commands[i+1][0] == "approve" {
					p.run(dir, "", slices.Concat(commands[i+1], []string{"--ahead"})...) // already, where that is possible
				}
				p.goOn(dir, when)
				p.checkLedger(dir, when, 1)
				p.checkCalls(dir, when, calls)
				p.checkContent(dir, when, split)
				p.checkApprovedOnce(dir, when)
			}
		})
	}
}

// asked is what apply prints at a gate that an approval opens.
var asked = regexp.MustCompile(`to open it: shardform (approve \S+ --plan [0-9a-f]{64})`)

// goOn applies, approves what is asked for and waits for what soaks, until nothing is left to do; it gives the commands.
func (p testProgram) goOn(dir, when string) (commands [][]string) {
	p.t.Helper()
	give := func(args ...string) result {
		commands = append(commands, args)
		return p.run(dir, "", args...)
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		r := give(applying...)
		switch command := asked.FindStringSubmatch(r.stdout); {
		case r.exit == 4 && command != nil:
			if r := give(strings.Fields(command[1])...); r.exit != 0 {
				p.t.Errorf("%s: %s ends with exit %d\n%s%s", when, command[1], r.exit, r.stdout, r.stderr)
				return commands
			}
		case r.exit == 0 && !strings.Contains(r.stdout, "waiting at "):
			if r := p.run(dir, "", "plan", "--detailed-exitcode", "--no-color"); r.exit != 0 {
				p.t.Errorf("%s: something is left to do\n%s%s", when, r.stdout, r.stderr)
			}
			return commands
		case r.exit == 0:
			p.waitForSoak(dir)
		default:
			p.t.Errorf("%s: apply ends with exit %d\n%s%s", when, r.exit, r.stdout, r.stderr)
			return commands
		}
	}
	p.t.Errorf("%s: it comes to no end: %q", when, commands)
	return commands
}

// waitForSoak waits until plan shows no closed soak any more.
func (p testProgram) waitForSoak(dir string) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if !strings.Contains(p.run(dir, "", "plan", "--no-color").stdout, "|| "+theSplit+"/soak\n") {
			return
		}
	}
	p.t.Fatal("waited a minute for a soak of a second")
}

// checkApprovedOnce checks that every step was approved once.
func (p testProgram) checkApprovedOnce(dir, when string) {
	p.t.Helper()
	var state struct {
		Approvals []struct{ Address, Digest string }
	}
	pulled := p.run(dir, "", "state", "pull")
	if err := json.Unmarshal([]byte(pulled.stdout), &state); err != nil {
		p.t.Fatalf("%s: state pull: %v\n%s", when, err, pulled.stderr)
	}
	seen := map[string]bool{}
	for _, a := range state.Approvals {
		if seen[a.Address+a.Digest] {
			p.t.Errorf("%s: approvals: %v", when, state.Approvals)
		}
		seen[a.Address+a.Digest] = true
	}
	if len(seen) != 3 {
		p.t.Errorf("%s: %d steps were approved, want 3: %v", when, len(seen), state.Approvals)
	}
}
