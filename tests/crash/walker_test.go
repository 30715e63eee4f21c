//go:build crash

package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// walkKeyspace is one keyspace of a walk: what the plan file wants for it, and what rows it has to have.
type walkKeyspace struct {
	name, vindex string
	layout       []string
	approval     []string
	soak         bool
	verify       bool
	reverse      bool

	rows map[string][]string // by table, in order
}

// walker takes the steps of a walk in a directory with plan files, a sandbox with two keyspaces, and a state.
type walker struct {
	program
	dir       string
	keyspaces []*walkKeyspace
	fault     string // a block of the sandbox, or ""

	mu    sync.Mutex     // guards what follows
	steps []string       // what was done so far, with how it ended
	exits map[string]int // how often a command ended how
}

func newWalker(p program) *walker {
	w := &walker{program: p, dir: p.newDir(), exits: map[string]int{}}
	vschema := p.copySchema(w.dir)
	p.write(w.dir, "shop.vschema.json", strings.ReplaceAll(vschema, "xxhash", "hash"))
	for name, vindex := range map[string]string{"customer": "xxhash", "shop": "hash"} {
		w.keyspaces = append(w.keyspaces, &walkKeyspace{name: name, vindex: vindex, layout: []string{"-"}, verify: true, reverse: true})
	}
	slices.SortFunc(w.keyspaces, func(a, b *walkKeyspace) int { return strings.Compare(a.name, b.name) })
	w.configure()
	p.must(w.dir, "sandbox", "reset")
	for _, ks := range w.keyspaces {
		ks.rows = w.served(ks)
		if len(ks.rows["customer"]) != 16 || len(ks.rows["corder"]) != 24 {
			p.t.Fatalf("keyspace %s is seeded with %v", ks.name, ks.rows)
		}
	}
	return w
}

// configure writes the plan file.
func (w *walker) configure() {
	w.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "cluster \"try\" {\n  sandbox {\n    path = \"sandbox\"\n%s", w.fault)
	for _, ks := range w.keyspaces {
		fmt.Fprintf(&b, `    keyspace %[1]q {
      shards  = ["-"]
      schema  = file("customer.sql")
      vschema = file("%[1]s.vschema.json")
      generate "customer" {
        rows = 16
      }
      generate "corder" {
        rows = 24
      }
    }
`, ks.name)
	}
	b.WriteString("  }\n}\n")
	for _, ks := range w.keyspaces {
		soak := ""
		if ks.soak {
			soak = "    soak = \"1s\"\n"
		}
		fmt.Fprintf(&b, `
keyspace %q {
  shards = [%s]
  reshard {
%s    verify {
      enabled = %t
    }
    switch {
      approval            = [%s]
      reverse_replication = %t
    }
    retry {
      attempts = 3
      backoff  = "10ms"
    }
  }
}
`, ks.name, quoted(ks.layout), soak, ks.verify, quoted(ks.approval), ks.reverse)
	}
	w.writePlan(w.dir, b.String())
}

func quoted(names []string) string {
	var texts []string
	for _, name := range names {
		texts = append(texts, fmt.Sprintf("%q", name))
	}
	return strings.Join(texts, ", ")
}

// note adds to the list of steps that a failed walk prints.
func (w *walker) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

// documented are the exit codes of the commands that a walk runs; "" stands for all others. 7 is not among them: no two
// runs are started at the same time.
var documented = map[string][]int{
	"apply":    {0, 1, 4, 5, 6},
	"rollback": {0, 1, 5, 6},
	"plan":     {0, 1, 2, 6},
	"":         {0, 1, 6},
}

// give runs a command and checks how it ends, whatever that is. It is killed at failpoint, or after a time, unless these
// are "" and 0.
func (w *walker) give(failpoint string, after time.Duration, args ...string) result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	if after > 0 {
		ctx, cancel = context.WithTimeout(w.t.Context(), after)
	}
	defer cancel()
	r, err := w.armed(failpoint).startFor(ctx, w.dir, args...)()
	said := r.stdout + r.stderr
	allowed, ok := documented[args[0]]
	if !ok {
		allowed = documented[""]
	}
	end := fmt.Sprintf("exit %d", r.exit)
	if r.killed {
		end = "killed"
	}
	for _, line := range strings.Split(r.stderr, "\n") {
		if _, text, ok := strings.Cut(line, "Error: "); ok {
			end += ", " + text
		}
	}
	w.note("%s%s: %s", strings.Join(args, " "), orNothing(" killed at ", failpoint), end)
	end, _, _ = strings.Cut(end, ",")
	w.mu.Lock()
	w.exits[args[0]+" "+end]++
	w.mu.Unlock()
	switch {
	case strings.Contains(said, "panic: ") || strings.Contains(said, "goroutine ") || strings.Contains(said, "DATA RACE"):
		w.t.Errorf("shardform %s panics\n%s", strings.Join(args, " "), said)
	case after > 0 && errors.Is(err, context.DeadlineExceeded) || r.killed && failpoint != "":
	case err != nil || r.killed || !slices.Contains(allowed, r.exit):
		w.t.Errorf("shardform %s ends with exit %d, %v, want one of %v\n%s", strings.Join(args, " "), r.exit, err, allowed, said)
	case (r.exit == 1 || r.exit == 6) && !strings.Contains(r.stderr, "Error: "):
		w.t.Errorf("shardform %s ends with exit %d and says no error\n%s", strings.Join(args, " "), r.exit, said)
	}
	return r
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// recorded are the addresses of the operations in the state.
func (w *walker) recorded() []string {
	w.t.Helper()
	if _, err := os.Stat(filepath.Join(w.dir, "shardform.db")); err != nil {
		return nil
	}
	var addresses []string
	for _, o := range w.state(w.dir).Operations {
		addresses = append(addresses, o.Address)
	}
	return addresses
}

// copyState copies the state file to another name, or back; an absent one is copied too.
func (w *walker) copyState(to, from string) {
	w.t.Helper()
	for _, name := range []string{to, "shardform.db.lock"} {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil && !os.IsNotExist(err) {
			w.t.Fatal(err)
		}
	}
	content, err := os.ReadFile(filepath.Join(w.dir, from))
	if os.IsNotExist(err) {
		return
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(w.dir, to), content, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// show prints the steps of a walk that failed, and of every walk with -v.
func (w *walker) show(seed uint64) {
	if w.t.Failed() || testing.Verbose() {
		plan, _ := os.ReadFile(filepath.Join(w.dir, "plan.hcl"))
		w.t.Logf("the steps of this walk, the same again: go test -tags crash -run 'TestWalk$' ./tests/crash -walk.seed=%d -walk.steps=%d\n%s\nits last plan file:\n%s", seed, *walkSteps, strings.Join(w.steps, "\n"), plan)
	}
}
