//go:build crash

package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestARollbackKilledAtEveryCrashPointGoesOn kills the real program at every crash point of a rollback from behind the
// switch of writes, and goes on by apply, which takes up a way back that was begun, or else by the rollback again: no row
// is lost, and no step back is done twice.
func TestARollbackKilledAtEveryCrashPointGoesOn(t *testing.T) {
	t.Parallel()
	p := build(t)
	seed := p.soaking()
	rollback := []string{"rollback", "keyspace.customer", "--auto-approve", "--no-color"}
	dir := p.copyOf(seed)
	if r := p.run(dir, "", rollback...); r.exit != 0 {
		t.Fatalf("without a crash: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	p.checkServedByOne(dir, "without a crash")
	clean := p.calls(dir)
	hit := 0
	for _, name := range strings.Fields(p.run(t.TempDir(), "", "failpoints").stdout) {
		for nth := 1; ; nth++ {
			failpoint := fmt.Sprintf("%s:%d", name, nth)
			dir := p.copyOf(seed)
			if r := p.run(dir, failpoint, rollback...); !r.killed {
				if r.exit != 0 {
					t.Errorf("%s: not hit, but exit %d\n%s%s", failpoint, r.exit, r.stdout, r.stderr)
				}
				break
			}
			hit++
			// Exit 0: it went on, or nothing was begun and the reshard still soaks. Exit 4: it had ended, and is held.
			if r := p.run(dir, "", "apply", "--auto-approve", "--no-color"); r.exit != 0 && r.exit != 4 {
				t.Errorf("%s: the apply behind it ends with exit %d\n%s%s", failpoint, r.exit, r.stdout, r.stderr)
			}
			if !strings.Contains(p.run(dir, "", "state", "list").stdout, "/delete/delete") {
				if r := p.run(dir, "", rollback...); r.exit != 0 {
					t.Errorf("%s: the second rollback ends with exit %d\n%s%s", failpoint, r.exit, r.stdout, r.stderr)
				}
			}
			p.checkServedByOne(dir, failpoint)
			p.checkBackOnce(dir, failpoint)
			p.checkCalls(dir, failpoint, clean)
		}
	}
	t.Logf("crash points were hit %d times in all", hit)
	if hit < 15 {
		t.Errorf("crash points were hit only %d times: a rollback has more checkpoints than that", hit)
	}
}

// soaking is a folder with a reshard behind its switch of writes.
func (p testProgram) soaking() string {
	p.t.Helper()
	dir := p.seeded()
	soaks := strings.Replace(smallPlan, `shards = ["-80", "80-"]`, "shards = [\"-80\", \"80-\"]\n  reshard {\n    soak = \"1h\"\n  }", 1)
	if err := os.WriteFile(filepath.Join(dir, "plan.hcl"), []byte(soaks), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if r := p.run(dir, "", "apply", "--auto-approve", "--no-color"); r.exit != 0 || !strings.Contains(r.stdout, "/soak/soak") {
		p.t.Fatalf("applying up to the soak: exit %d\n%s%s", r.exit, r.stdout, r.stderr)
	}
	if err := os.Remove(filepath.Join(dir, "hits")); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// checkServedByOne checks that the old shard serves every row again, and that no other has any.
func (p testProgram) checkServedByOne(dir, when string) {
	p.t.Helper()
	var rows []struct {
		Shard, Table string
		Rows         int
		Serving      bool
	}
	counts := p.run(dir, "", "sandbox", "rows", "--json")
	if err := json.Unmarshal([]byte(counts.stdout), &rows); err != nil {
		p.t.Fatalf("%s: sandbox rows: %v\n%s%s", when, err, counts.stdout, counts.stderr)
	}
	for _, r := range rows {
		want := 0
		if r.Shard == "-" {
			want = smallRows[r.Table]
		}
		if r.Rows != want || r.Serving != (r.Shard == "-") {
			p.t.Errorf("%s: shard %s has %d rows of table %s, want %d; serving %t", when, r.Shard, r.Rows, r.Table, want, r.Serving)
		}
	}
}

// checkBackOnce checks that the way back is the second instance and has ended, and that each task of it was recorded done
// once.
func (p testProgram) checkBackOnce(dir, when string) {
	p.t.Helper()
	var state struct {
		Operations []struct {
			Instance     int
			State, Error string
		}
		Ledger []struct{ Event, Address string }
	}
	pulled := p.run(dir, "", "state", "pull")
	if err := json.Unmarshal([]byte(pulled.stdout), &state); err != nil {
		p.t.Fatalf("%s: state pull: %v\n%s", when, err, pulled.stderr)
	}
	if len(state.Operations) != 2 || state.Operations[1].State != "DONE" || state.Operations[1].Error != "" {
		p.t.Errorf("%s: recorded: %+v", when, state.Operations)
	}
	done := map[string]int{}
	for _, e := range state.Ledger {
		if e.Event == "task_done" {
			done[e.Address]++
		}
	}
	for address, n := range done {
		if n != 1 && !strings.HasSuffix(address, "/confirm/confirm") {
			p.t.Errorf("%s: %s was recorded done %d times", when, address, n)
		}
	}
}
