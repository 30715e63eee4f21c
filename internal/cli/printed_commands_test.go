package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/config"
	"shardform/internal/keyrange"
	"shardform/internal/sample"
	"shardform/internal/sandbox"
	"shardform/internal/tasks/builtin"
	"shardform/internal/ui"
	"shardform/internal/vitess"
)

// standPlan splits customer's one shard; the layout wanted and the settings of the reshard are filled in.
const standPlan = `
cluster "try" {
  sandbox {
    path = "sandbox"
    keyspace "customer" {
      shards  = ["-"]
      schema  = <<-SQL
        CREATE TABLE customer (id bigint NOT NULL, name varchar(64), PRIMARY KEY (id));
      SQL
      vschema = jsonencode({
        sharded = true
        vindexes = { xxhash = { type = "xxhash" } }
        tables = { customer = { column_vindexes = [{ column = "id", name = "xxhash" }] } }
      })
      generate "customer" {
        rows = %d
      }
    }
  }
}

keyspace "customer" {
  shards = ["%s"]
  reshard {
    verify {
      timeout = "30s" # what hangs fails
    }
    %s
  }
}
`

const (
	standRows    = 12
	standAddress = "keyspace.customer/-:-80,80-"
)

// stand is a sandbox with a reshard that was begun, and the program beside it.
type stand struct {
	*testing.T
	path   string // of the plan file
	vtctl  vtctldclient
	client *vitess.Client
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{T: t, path: filepath.Join(t.TempDir(), "it's here", "customer.hcl")}
	if err := os.Mkdir(filepath.Dir(s.path), 0o755); err != nil {
		t.Fatal(err)
	}
	s.wants("-80,80-", "")
	cfg, complaints := config.Load(s.path, config.Options{Tasks: builtin.Registry()})
	if err := complaints.Err(); err != nil {
		t.Fatal(err)
	}
	box, err := sandbox.Open(t.Context(), *cfg.Clusters[0].Sandbox, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	s.vtctl = dialVtctldclient(t, box.Target())
	if s.client, err = vitess.Dial(t.Context(), vitess.Config{Addresses: []string{box.Target()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.Close() })
	return s
}

// wants edits the plan file; settings go into its reshard block.
func (s *stand) wants(layout, settings string) {
	s.Helper()
	text := fmt.Sprintf(standPlan, standRows, strings.ReplaceAll(layout, ",", `", "`), settings)
	if err := os.WriteFile(s.path, []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}

// shardform runs the program and gives its exit code and everything that it said.
func (s *stand) shardform(args ...string) (code int, said string) {
	s.Helper()
	var out strings.Builder
	code = Main(args, nil, ui.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	return code, out.String()
}

// until applies up to and including a container.
func (s *stand) until(container string) {
	s.Helper()
	if code, said := s.shardform("apply", s.path, "--auto-approve", "--until", standAddress+"/"+container); code != 0 {
		s.Fatalf("apply until %s: exit %d\n%s", container, code, said)
	}
}

// by does something by hand, with W for the workflow's name.
func (s *stand) by(hand ...string) {
	s.Helper()
	for _, line := range hand {
		line = strings.ReplaceAll(line, "W", s.workflow())
		if err := s.vtctl.run(s.Context(), "vtctldclient "+line); err != nil {
			s.Fatalf("by hand: %v", err)
		}
	}
}

func (s *stand) workflow() string {
	segment, err := keyrange.ParseSegment("-:-80,80-")
	if err != nil {
		s.Fatal(err)
	}
	return vitess.WorkflowName("customer", segment)
}

func (s *stand) snapshot() *vitess.Snapshot {
	s.Helper()
	snapshot, err := s.client.Snapshot(s.Context(), "customer")
	if err != nil {
		s.Fatal(err)
	}
	return snapshot
}

// forget deletes the rows of a workflow from the tablets' records, as a failed reversal or a hand does.
func (s *stand) forget(workflow string) {
	s.Helper()
	name := strings.ReplaceAll(workflow, "W", s.workflow())
	w := s.snapshot().WorkflowNamed(name)
	if w == nil {
		s.Fatalf("no workflow %s to forget", name)
	}
	for _, st := range w.Streams {
		s.by(fmt.Sprintf(`ExecuteFetchAsDBA %s 'delete from _vt.vreplication where id = %d'`, st.Tablet, st.ID))
	}
}

// loses loses the state.
func (s *stand) loses() {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), "*.db*"))
	if err != nil || len(files) == 0 {
		s.Fatalf("no state to lose: %v", err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			s.Fatal(err)
		}
	}
}

var printed = regexp.MustCompile(`(?m)(?:vtctldclient|shardform) .*$|^[ |│╷╵]*# .*$`)

// follow runs the commands that were printed, each of which has to work, up to an alternative to them. Words after "or" are
// the way that is not taken; back and forward choose where both are given.
func (s *stand) follow(said string, back bool) (ran []string) {
	s.Helper()
	skip := false
	for _, line := range printed.FindAllString(said, -1) {
		line = strings.TrimRight(strings.TrimLeft(line, " |│╷╵"), " ")
		words, err := shellWords(line)
		switch {
		case strings.HasPrefix(line, "# to go back"):
			skip = !back
		case strings.HasPrefix(line, "# or, to stay"):
			skip = back
		case strings.HasPrefix(line, "# or"):
			skip = true
		case strings.HasPrefix(line, "#"), skip, slices.Contains(ran, line):
		case strings.HasPrefix(line, "vtctldclient "):
			ran = append(ran, line)
			if err := s.vtctl.run(s.Context(), line); err != nil {
				s.Errorf("a printed command fails: %v\n%s", err, said)
			}
		case err != nil:
			s.Errorf("%s: %v", line, err)
		case slices.Contains([]string{"apply", "rollback", "approve", "resume"}, words[1]) && len(words) > 2:
			ran = append(ran, line)
			args := words[1:]
			if words[1] == "apply" || words[1] == "rollback" {
				args = append(args, "--auto-approve")
			}
			if code, said := s.shardform(args...); code == 1 {
				s.Errorf("a printed command fails: %s: exit %d\n%s", line, code, said)
			}
		}
	}
	return ran
}

// looks asks for everything that only looks, of the layouts wanted, before and third.
func (s *stand) looks() {
	s.Helper()
	for _, layout := range []string{"-40,40-", "-", "-80,80-"} {
		s.wants(layout, "")
		for _, command := range [][]string{{"plan", s.path, "--commands"}, {"plan", s.path, "--json"}, {"status", "--config", s.path}} {
			code, said := s.shardform(command...)
			if code != 0 && (command[0] != "plan" || code == 2) || strings.Contains(said, "<nil>") || strings.Contains(said, "%!") {
				s.Errorf("%s with %s wanted: exit %d\n%s", command[0], layout, code, said)
			}
		}
	}
}

// settles applies, following what is printed, until the plan has nothing left to do, and wants all rows on the layout.
func (s *stand) settles(layout string, back bool) {
	s.Helper()
	s.follows(layout, back, "apply", s.path, "--auto-approve")
}

func (s *stand) follows(layout string, back bool, command ...string) {
	s.Helper()
	var history []string
	for range 6 {
		code, said := s.shardform(command...)
		history = append(history, fmt.Sprintf("$ shardform %s\nexit %d\n%s", strings.Join(command, " "), code, said))
		if code == 0 {
			if planned, said := s.shardform("plan", s.path, "--detailed-exitcode"); planned == 0 {
				s.serves(layout, history)
				return
			} else {
				history = append(history, said)
			}
			command = []string{"apply", s.path, "--auto-approve"}
			continue
		}
		ran := s.follow(said, back)
		if len(ran) == 0 {
			s.Errorf("nothing that is printed can be followed:\n%s", strings.Join(history, "\n"))
			return
		}
		history = append(history, ran...)
	}
	s.Errorf("following what is printed leads nowhere:\n%s", strings.Join(history, "\n"))
}

// rollsBack rolls the reshard back, following what is printed, and wants everything to be served as before it.
func (s *stand) rollsBack() {
	s.Helper()
	var history []string
	for range 6 {
		code, said := s.shardform("rollback", standAddress, "--config", s.path, "--auto-approve")
		history = append(history, fmt.Sprintf("exit %d\n%s", code, said))
		ended := strings.Contains(said, "nothing is open at") || strings.Contains(said, "nothing was begun")
		if ended && len(history) == 1 { // nothing that a rollback could take back
			s.settles("-80,80-", false)
			return
		}
		if ended || code == 0 && !strings.Contains(said, "it only finishes the switch of writes") {
			s.serves("-", history)
			return
		}
		ran := s.follow(said, true)
		if len(ran) == 0 {
			s.Errorf("nothing that is printed can be followed:\n%s", strings.Join(history, "\n"))
			return
		}
		history = append(history, ran...)
	}
	s.Errorf("following what is printed leads nowhere:\n%s", strings.Join(history, "\n"))
}

// serves wants every type to be served by the layout, nothing to be left, and every row to be there.
func (s *stand) serves(layout string, history []string) {
	s.Helper()
	snapshot := s.snapshot()
	wanted, err := keyrange.ParseShards(strings.Split(layout, ","))
	if err != nil {
		s.Fatal(err)
	}
	var found []string
	for _, cell := range snapshot.Serving {
		for kind, p := range cell.Partitions {
			if !p.Shards.Equal(wanted) || len(p.Disabled) > 0 {
				found = append(found, fmt.Sprintf("%s serves %s from %s, disabled %q", cell.Cell, kind, p.Shards, p.Disabled))
			}
		}
	}
	for _, w := range snapshot.Workflows {
		found = append(found, "workflow "+w.Name+" is left")
	}
	rows := int64(0)
	for _, shard := range wanted {
		tables, err := s.client.TableSizes(s.Context(), "customer", shard.Name)
		if err != nil {
			s.Fatal(err)
		}
		for _, table := range tables {
			rows += table.Rows
		}
	}
	if rows != standRows {
		found = append(found, fmt.Sprintf("%d rows, want %d", rows, standRows))
	}
	if len(found) > 0 {
		s.Errorf("want %s to serve everything:\n%s\n%s", layout, strings.Join(found, "\n"), strings.Join(history, "\n"))
	}
}

// made are the situations that are made on a sandbox.
var made = []struct {
	name  string
	make  func(*stand)
	final bool // there is no rollback any more but a new reshard, for which the old shards have rows
}{
	{"copied", func(s *stand) { s.until("verify") }, false},
	{"stopped by hand", func(s *stand) {
		s.until("copy")
		s.by("Reshard --workflow W --target-keyspace customer stop")
	}, false},
	{"streams on one target only", func(s *stand) {
		s.until("copy")
		w := s.snapshot().WorkflowNamed(s.workflow())
		s.by(fmt.Sprintf(`ExecuteFetchAsDBA %s 'delete from _vt.vreplication where id = %d'`, w.Streams[0].Tablet, w.Streams[0].ID))
	}, false},
	{"some reads", func(s *stand) { s.until("switch_rdonly") }, false},
	{"reads back by hand", func(s *stand) {
		s.until("switch_replica")
		s.by("Reshard --workflow W --target-keyspace customer reversetraffic --tablet-types rdonly,replica")
	}, false},
	{"deleted behind reads", func(s *stand) {
		s.until("switch_replica")
		s.by("Reshard --workflow W --target-keyspace customer cancel")
	}, false},
	{"controls only", func(s *stand) {
		s.until("switch_replica")
		s.by("Reshard --workflow W --target-keyspace customer reversetraffic --tablet-types rdonly,replica", "Reshard --workflow W --target-keyspace customer cancel")
	}, false},
	{"switch of writes half way", func(s *stand) {
		s.until("switch_replica")
		if _, err := s.vtctl.SetShardIsPrimaryServing(s.Context(), &vtctldatapb.SetShardIsPrimaryServingRequest{Keyspace: "customer", Shard: "-"}); err != nil {
			s.Fatal(err)
		}
	}, false},
	{"writes", func(s *stand) { s.until("switch_primary") }, false},
	{"everything back by hand", func(s *stand) {
		s.until("switch_primary")
		s.by("Reshard --workflow W --target-keyspace customer reversetraffic --tablet-types rdonly,replica,primary")
	}, false},
	{"reverse streams stopped", func(s *stand) {
		s.until("switch_primary")
		s.by("Reshard --workflow W_reverse --target-keyspace customer stop")
	}, false},
	{"only the reverse workflow", func(s *stand) {
		s.until("switch_primary")
		s.forget("W")
	}, false},
	{"only the reverse workflow, reads back", func(s *stand) {
		s.until("switch_primary")
		s.by("Reshard --workflow W --target-keyspace customer reversetraffic --tablet-types rdonly,replica")
		s.forget("W")
	}, false},
	{"only the reverse workflow, stopped", func(s *stand) {
		s.until("switch_primary")
		s.by("Reshard --workflow W_reverse --target-keyspace customer stop")
		s.forget("W")
	}, false},
	{"only the reverse workflow beside writes that are back", func(s *stand) {
		s.until("switch_primary")
		s.by("Reshard --workflow W --target-keyspace customer reversetraffic --tablet-types rdonly,replica,primary")
		s.forget("W")
	}, false},
	{"no reverse workflow", func(s *stand) {
		s.until("switch_primary")
		s.forget("W_reverse")
	}, true},
	{"completed", func(s *stand) { s.until("finish") }, true},
	{"completion is stuck", func(s *stand) {
		s.until("switch_primary")
		s.forget("W_reverse")
		s.by("DeleteShards --recursive customer/-")
	}, true},
}

// printedCell is a situation and what is asked of shardform in it.
type printedCell struct {
	name   string
	make   func(*stand)
	lost   bool // the state is
	follow func(*stand)
}

// printedCells are all situations with and without the state, each with all that can be asked in it.
func printedCells() (cells []printedCell) {
	for _, c := range made {
		for _, lost := range []bool{false, true} {
			add := func(way string, follow func(*stand)) {
				cells = append(cells, printedCell{fmt.Sprintf("%s, state lost %t, %s", c.name, lost, way), c.make, lost, follow})
			}
			add("forward", func(s *stand) {
				if !lost {
					s.looks()
				}
				s.settles("-80,80-", false)
			})
			if c.final {
				continue
			}
			add("back", func(s *stand) {
				s.wants("-", "")
				s.settles("-", true)
			})
			add("rollback", (*stand).rollsBack)
		}
	}
	return cells
}

// TestEveryPrintedCommandLeadsWhereItSays makes every situation and gives the layout that was wanted, or the one before, to
// apply; whatever it prints is done, and nothing else, until the plan is empty.
func TestEveryPrintedCommandLeadsWhereItSays(t *testing.T) {
	for _, c := range sample.Of(t, 0.25, printedCells(), func(c printedCell) string { return c.name }) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			c.make(s)
			if c.lost {
				s.loses()
			}
			c.follow(s)
		})
	}
}

// The blocked rollback of somebody else's reshard printed an apply, which goes forward and deletes the source shard.
func TestABlockedRollbackPrintsARollback(t *testing.T) {
	s := newStand(t)
	s.until("switch_rdonly")
	s.loses()
	code, said := s.shardform("rollback", standAddress, "--config", s.path, "--auto-approve")
	if want := "shardform rollback " + standAddress + " --adopt " + standAddress + " --config '"; code != 1 || !strings.Contains(said, want) || strings.Contains(said, "shardform apply") {
		t.Fatalf("exit %d, want %q in\n%s", code, want, said)
	}
	s.follow(said, true)
	s.serves("-", []string{said})
}

// A gate that is edited makes another digest. What is printed to go forward again after a switch back by hand has to be
// taken, and to lead forward.
func TestGoingForwardAgainCanBeApprovedBehindAnEditOfAGate(t *testing.T) {
	type cell struct {
		gate          string
		before, after string // the settings
		until         string
	}
	var cells []cell
	for _, until := range []string{"switch_replica", "switch_primary"} {
		cells = append(cells,
			cell{"added", "", `switch { approval = ["switch_primary"] }`, until},
			cell{"removed", `switch { approval = ["finish"] }`, "", until},
			cell{"kept", "", "", until})
	}
	name := func(c cell) string { return c.gate + " behind " + c.until }
	for _, c := range sample.Of(t, 0.3, cells, name) {
		t.Run(name(c), func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.wants("-80,80-", c.before)
			s.until(c.until)
			types := "rdonly,replica"
			if c.until == "switch_primary" {
				types += ",primary"
			}
			s.by("Reshard --workflow W --target-keyspace customer reversetraffic --tablet-types " + types)
			s.wants("-80,80-", c.after)
			s.settles("-80,80-", false)
		})
	}
}

// state are the state files, to be put back later.
func (s *stand) state() map[string][]byte {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), "*.db*"))
	if err != nil || len(files) == 0 {
		s.Fatalf("no state: %v", err)
	}
	state := map[string][]byte{}
	for _, file := range files {
		if state[file], err = os.ReadFile(file); err != nil {
			s.Fatal(err)
		}
	}
	return state
}

// A state that is older than what the cluster shows is of another host, or from a backup. What it has open and the cluster
// has left behind is no obstacle.
func TestAnOlderStateIsOvertakenByTheCluster(t *testing.T) {
	const gates = `switch { approval = ["create", "switch_rdonly", "switch_primary", "finish"] }`
	type cell struct{ stopped, last string }
	var cells []cell
	for _, stopped := range []string{"preflight", "copy", "switch_rdonly", "switch_primary", "finish"} {
		for _, last := range []string{"-80,80-", "-40,40-80,80-", "-40,40-"} {
			cells = append(cells, cell{stopped, last})
		}
	}
	name := func(c cell) string { return c.stopped + " then " + c.last }
	for _, c := range sample.Of(t, 0.3, cells, name) {
		t.Run(name(c), func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.until(c.stopped)
			s.wants("-80,80-", gates)
			if code, said := s.shardform("apply", s.path, "--auto-approve"); code != 4 && code != 0 {
				t.Fatalf("exit %d\n%s", code, said)
			}
			old := s.state()
			for _, layout := range []string{"-80,80-", c.last} {
				s.wants(layout, "")
				s.settles(layout, false)
			}
			for file, content := range old {
				if err := os.WriteFile(file, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, said := s.shardform("plan", s.path, "--detailed-exitcode")
			want := "No changes"
			switch {
			case c.stopped == "finish":
			case c.last == "-80,80-":
				want = "0 to add, 0 to change, 0 to destroy"
			default:
				want = "the cluster serves " + c.last + " by now"
			}
			if code != 0 && code != 2 || !strings.Contains(said, want) {
				t.Errorf("the older state is put back: plan exits with %d\n%s", code, said)
			}
			if code, said := s.shardform("apply", s.path, "--auto-approve"); code != 0 {
				t.Errorf("apply exits with %d\n%s", code, said)
			}
			if code, said := s.shardform("plan", s.path, "--detailed-exitcode"); code != 0 {
				t.Errorf("something is left to do: plan exits with %d\n%s", code, said)
			}
			s.serves(c.last, nil)
		})
	}
}
