//go:build crash

package crash

import (
	"regexp"
	"slices"
	"strings"
	"time"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

// settles says in how many commands a walk has to come to the layouts that it wants, wherever it is.
const settles = 25

// printed is a command that the program prints as what helps.
var printed = regexp.MustCompile("(?:shardform ((?:approve|resume|rollback|apply --adopt)(?: [^`\\s]+)*)|vtctldclient DeleteShards --recursive (\\w+/\\S+(?: \\w+/\\S+)*)|vtctldclient ExecuteFetchAsDBA (\\S+) '(DROP TABLE [^']+)'" +
	"|vtctldclient Reshard --workflow (\\S+) --target-keyspace (\\S+) start|vtctldclient RebuildKeyspaceGraph (\\w+))")

// settle applies and runs the commands that are printed until both keyspaces serve from the layout that is wanted and
// plan has nothing left to do.
func (w *walker) settle() {
	w.t.Helper()
	w.note("settle")
	w.fault = ""
	w.configure()
	var r result
	soaking := time.Now().Add(time.Minute) // soaks take a second
	for n := 0; n < settles && time.Now().Before(soaking); n++ {
		r = w.give("", 0, applying...)
		w.check()
		said := r.stdout + r.stderr
		switch {
		case w.t.Failed():
			return
		case r.exit != 0:
			w.follow(said)
		case strings.Contains(r.stdout, "/soak/soak"):
			time.Sleep(100 * time.Millisecond)
			n--
		default:
			if w.give("", 0, "plan", "--detailed-exitcode", "--no-color").exit == 0 {
				w.checkSettled()
				return
			}
		}
	}
	w.t.Errorf("%d commands, or those of a minute, do not lead to the layouts that are wanted; the last apply ended with exit %d\n%s%s", settles, r.exit, r.stdout, r.stderr)
}

// without is what is printed where reverse replication is wanted after a switch that was made without: a setting, or the
// command in front of it.
var without = regexp.MustCompile(`--target-keyspace (\S+) start\s+│ # or, to go on without them: reverse_replication = false`)

// follow runs the first command that is printed, or edits the setting, if any.
func (w *walker) follow(said string) {
	w.t.Helper()
	found, setting := printed.FindStringSubmatch(said), without.FindStringSubmatch(said)
	switch {
	case setting != nil:
		ks := w.keyspaces[slices.IndexFunc(w.keyspaces, func(ks *walkKeyspace) bool { return ks.name == setting[1] })]
		ks.reverse, ks.soak = false, false
		w.note("edit %s: reverse false, soak false", ks.name)
		w.configure()
	case found == nil: // the same apply is the answer to almost everything
	case found[1] != "":
		args := strings.Fields(strings.TrimRight(found[1], ",.;"))
		if args[0] == "apply" || args[0] == "rollback" {
			args = append(args, "--auto-approve", "--no-color")
		}
		w.give("", 0, args...)
	case found[3] != "":
		w.note("vtctldclient ExecuteFetchAsDBA %s '%s'", found[3], found[4])
		w.execute(w.dir, found[3], found[4])
	case found[5] != "":
		w.note("vtctldclient Reshard --workflow %s --target-keyspace %s start", found[5], found[6])
		running := binlogdatapb.VReplicationWorkflowState_Running
		w.ask(w.dir, func(client vtctlservicepb.VtctldClient) error {
			_, err := client.WorkflowUpdate(w.t.Context(), &vtctldatapb.WorkflowUpdateRequest{Keyspace: found[6], TabletRequest: &tabletmanagerdatapb.UpdateVReplicationWorkflowRequest{
				Workflow: found[5], State: &running, Cells: []string{"NULL"}, TabletTypes: []topodatapb.TabletType{-1}}})
			w.note("%v", err) // whoever types it continues as well
			return nil
		})
	case found[7] != "":
		w.note("vtctldclient RebuildKeyspaceGraph %s", found[7])
		w.ask(w.dir, func(client vtctlservicepb.VtctldClient) error {
			_, err := client.RebuildKeyspaceGraph(w.t.Context(), &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: found[7]})
			w.note("%v", err)
			return nil
		})
	default:
		for _, shard := range strings.Fields(strings.TrimRight(found[2], ",.;")) {
			keyspace, name, _ := strings.Cut(shard, "/")
			w.note("vtctldclient DeleteShards --recursive %s", shard)
			w.deleteShards(w.dir, keyspace, name)
		}
	}
	w.check()
}

// checkSettled checks that all types are served from the layout that is wanted, and that no workflow is left.
func (w *walker) checkSettled() {
	w.t.Helper()
	for _, ks := range w.keyspaces {
		for _, tabletType := range []string{"PRIMARY", "REPLICA", "RDONLY"} {
			if got := w.layout(ks.name, tabletType).Names(); !slices.Equal(got, ks.layout) {
				w.t.Errorf("keyspace %s serves %s from %v, want %v", ks.name, tabletType, got, ks.layout)
			}
		}
	}
	if streams := w.query(w.dir+"/sandbox/topo.sqlite", "SELECT keyspace, shard, workflow, state FROM stream"); len(streams) > 0 {
		w.t.Errorf("streams are left: %v", streams)
	}
}
