//go:build crash

package crash

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// gatedPlan is tinyPlan with every kind of gate: approvals, a window that is open, and a soak.
var gatedPlan = withReshard(tinyPlan, `    soak = "1s"
    switch {
      approval = ["create", "switch_primary", "finish"]
      window {
        opens = "0 0 * * *"
        lasts = "24h"
      }
    }`)

// TestCommandsAtGatesKilled goes through a reshard with gates as an operator does, apply and approve in turn, kills every one
// of these commands at every failpoint, and goes on: whatever was approved once is not asked for again.
func TestCommandsAtGatesKilled(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.seeded(gatedPlan)
	p.slowCopying(seed)
	before := p.contentOf(seed)
	clean := p.copyOf(seed)
	commands := p.proceed(clean)
	after := p.contentOf(clean)
	p.checkSplit(before, after)
	calls := p.calls(clean)
	if len(commands) < 7 {
		t.Fatalf("three approvals and a soak need more commands than %q", commands)
	}
	at := p.copyOf(seed)
	for i, command := range commands {
		from := at
		at = p.copyOf(from)
		thenApprove := i+1 < len(commands) && commands[i+1][0] == "approve"
		if strings.Contains(p.run(at, command...).stdout, "waiting at "+split+"/soak/soak") {
			p.waitForSoak(at)
			if thenApprove { // the soak was over there when apply came to it
				p.run(at, command...)
			}
		}
		p.subtest(fmt.Sprintf("command %d", i+1), func(p program) {
			p.t.Parallel()
			p.each(kills{from: from, args: command, exits: []int{0, 4}, share: 0.15}, func(p program, failpoint, dir string) {
				if thenApprove {
					p.run(dir, slices.Concat(commands[i+1], []string{"--ahead"})...) // already, where that is possible
				}
				p.proceed(dir)
				p.checkLedger(dir, 1)
				p.checkCalls(dir, calls, 2)
				p.checkContent(dir, after)
				p.checkApprovedOnce(dir)
			})
		})
	}
}

// asked is what apply prints at a gate that an approval opens.
var asked = regexp.MustCompile(`to open it: shardform (approve \S+ --plan [0-9a-f]{64})`)

// proceed applies, approves what is asked for and waits for what soaks, until nothing is left to do; it returns the commands.
func (p program) proceed(dir string) (commands [][]string) {
	p.t.Helper()
	give := func(args ...string) result {
		commands = append(commands, args)
		return p.run(dir, args...)
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		r := give(applying...)
		switch command := asked.FindStringSubmatch(r.stdout); {
		case r.exit == 4 && command != nil:
			if r := give(strings.Fields(command[1])...); r.exit != 0 {
				p.t.Errorf("%s ends with exit %d\n%s%s", command[1], r.exit, r.stdout, r.stderr)
				return commands
			}
		case r.exit == 0 && !strings.Contains(r.stdout, "waiting at "):
			p.expect(0, dir, "plan", "--detailed-exitcode", "--no-color")
			return commands
		case r.exit == 0:
			p.waitForSoak(dir)
		default:
			p.t.Errorf("apply ends with exit %d\n%s%s", r.exit, r.stdout, r.stderr)
			return commands
		}
	}
	p.t.Errorf("something is left to do after %q", commands)
	return commands
}

// waitForSoak waits until plan shows no closed soak any more.
func (p program) waitForSoak(dir string) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if !strings.Contains(p.run(dir, "plan", "--no-color").stdout, "|| "+split+"/soak\n") {
			return
		}
	}
	p.t.Fatal("waited a minute for a soak of a second")
}

// checkApprovedOnce checks that every step was approved once.
func (p program) checkApprovedOnce(dir string) {
	p.t.Helper()
	approvals, seen := p.state(dir).Approvals, map[string]bool{}
	for _, a := range approvals {
		if seen[a.Address+a.Digest] {
			p.t.Errorf("approvals: %v", approvals)
		}
		seen[a.Address+a.Digest] = true
	}
	if len(seen) != 3 {
		p.t.Errorf("%d steps were approved, want 3: %v", len(seen), approvals)
	}
}
