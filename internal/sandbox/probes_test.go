package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/sandbox/sandboxspec"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// testdata/reshard-server-answers.txt has what Vitess v0.24's own workflow server answered in these situations. It was
// recorded with errors in a form that gives their code and wraps from the inside out; what a client reads on the wire is
// the form in onTheWire. The queries that the server sent to its tablets (F2) have no counterpart here.
var onTheWire = map[string]string{
	"G2": "buildResharder: validateTargets: some streams already exist in the target shards, please clean them up and retry the command / some streams already exist in the target shards, please clean them up and retry the command",
	"D4": "invalid VDiff run: writes have been already been switched for workflow ks.rs",
	"E8": "failed to get workflow state for ks.rs workflow: no streams found in keyspace ks for rs",
	"H3": "failed to get workflow state for ks.rs workflow: shard ks/SHARD doesn't have a primary set",
	// Where the recording injected errors of its own, the sandbox has those of its faults.
	"C1":  `ERR fault "half": WorkflowSwitchTraffic fails on purpose (during)`,
	"C6":  `ERR fault "half": WorkflowSwitchTraffic fails on purpose (during)`,
	"D10": `ERR fault "half": MoveTablesComplete fails on purpose (during)`,
	// The recording's streams had followed changes; here nothing was written.
	"F1": `status during copy: copy_state=map[] len=0 streams=-80:0:Copying:"VStream has not started" 80-:0:Copying:"VStream has not started" err=<nil>`,
	"C3": `traffic="All Reads Switched. Writes Not Switched" <nil> streams=-80:0:Stopped:"VStream Lag: 0s" 80-:0:Stopped:"VStream Lag: 0s"`,
}

type prober struct {
	*user
	c     *Cluster
	clock *atomic.Int64
	got   map[string]string
}

var sharedClock = time.Date(2026, 11, 23, 14, 57, 58, 0, time.UTC)

// probe gives a fresh sandbox with one table on shard 0, and empty shards -80 and 80-.
func probe(t *testing.T, got map[string]string, faults ...sandboxspec.Fault) *prober {
	spec := sandboxspec.Sandbox{
		Path: t.TempDir(),
		Keyspaces: []sandboxspec.Keyspace{{
			Name: "ks", Shards: []string{"0"},
			VSchema:   `{"sharded": true, "vindexes": {"h": {"type": "hash"}}, "tables": {"t1": {"column_vindexes": [{"column": "id", "name": "h"}]}}}`,
			Schema:    "create table t1 (id bigint primary key, v varchar(20))",
			Generates: []sandboxspec.Generate{{Table: "t1", Rows: 20}},
		}},
		Spare:  map[string][]string{"ks": {"-80", "80-"}},
		Faults: faults,
	}
	p := &prober{clock: &atomic.Int64{}, got: got}
	p.clock.Store(sharedClock.Unix())
	p.c = open(t, spec, Options{Now: func() time.Time { return time.Unix(p.clock.Load(), 0) }})
	p.user = newUser(t, p.c)
	return p
}

func (p *prober) say(label, format string, args ...any) { p.got[label] = fmt.Sprintf(format, args...) }

func (p *prober) topology() string {
	srv, err := p.GetSrvKeyspaces(p.t.Context(), &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: "ks"})
	p.must(err)
	var b strings.Builder
	for _, part := range srv.SrvKeyspaces[cell].Partitions {
		var names []string
		for _, r := range part.ShardReferences {
			names = append(names, r.Name)
		}
		fmt.Fprintf(&b, " %v:%s ", part.ServedType, strings.Join(names, " "))
		for _, c := range part.ShardTabletControls {
			fmt.Fprintf(&b, "{ctl %s disabled=%v}", c.Name, c.QueryServiceDisabled)
		}
	}
	shards, err := p.FindAllShardsInKeyspace(p.t.Context(), &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: "ks"})
	p.must(err)
	for _, name := range sortedKeys(shards.Shards) {
		fmt.Fprintf(&b, " | %s primary_serving=%v", name, shards.Shards[name].Shard.IsPrimaryServing)
	}
	return b.String()
}

func (p *prober) sayTraffic(label, what string, direction int32, types []topodatapb.TabletType, lag int64) {
	resp, err := p.trafficWithLag(direction, types, lag)
	p.say(label, "%s: %s", what, trafficText(resp, err))
}

func trafficText(resp *vtctldatapb.WorkflowSwitchTrafficResponse, err error) string {
	if err != nil {
		return "ERR " + wire(err)
	}
	return fmt.Sprintf("OK summary=%q start=%q current=%q", resp.Summary, resp.StartState, resp.CurrentState)
}

// wire is an error's text as the recording shows it.
func wire(err error) string {
	if err == nil {
		return "<nil>"
	}
	_, text, _ := strings.Cut(err.Error(), " desc = ")
	text = strings.ReplaceAll(text, "\n", " / ")
	if panicked, ok := strings.CutPrefix(text, "uncaught panic: "); ok {
		return "PANIC " + panicked
	}
	return text
}

func errText(err error) string {
	if err == nil {
		return "OK"
	}
	if text := wire(err); strings.HasPrefix(text, "PANIC") {
		return text
	}
	return "ERR " + wire(err)
}

func (p *prober) created() *prober {
	p.must(p.create("0", "-80,80-"))
	p.waitFor("Running")
	return p
}

func (p *prober) delete() (*vtctldatapb.WorkflowDeleteResponse, error) {
	return p.WorkflowDelete(p.t.Context(), &vtctldatapb.WorkflowDeleteRequest{Keyspace: "ks", Workflow: "rs"})
}

func (p *prober) completed(ignoreSource bool) string {
	resp, err := p.MoveTablesComplete(p.t.Context(), &vtctldatapb.MoveTablesCompleteRequest{TargetKeyspace: "ks", Workflow: "rs", IgnoreSourceKeyspace: ignoreSource})
	if err != nil {
		return errText(err)
	}
	return "OK " + resp.Summary
}

func (p *prober) status() (*vtctldatapb.WorkflowStatusResponse, string, error) {
	resp, err := p.WorkflowStatus(p.t.Context(), &vtctldatapb.WorkflowStatusRequest{Keyspace: "ks", Workflow: "rs"})
	var all []string
	for _, key := range sortedKeys(resp.GetShardStreams()) {
		for _, s := range resp.ShardStreams[key].Streams {
			_, from, _ := strings.Cut(s.SourceShard, "/")
			_, on, _ := strings.Cut(key, "/")
			all = append(all, fmt.Sprintf("%s:%s:%s:%q", on, from, s.Status, s.Info))
		}
	}
	return resp, strings.Join(all, " "), err
}

// streams are every workflow's streams, one line each, as the D probes show them.
func (p *prober) streams() []string {
	resp, err := p.GetWorkflows(p.t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
	p.must(err)
	var lines []string
	for _, w := range resp.Workflows {
		for key, on := range w.ShardStreams {
			from := fmt.Sprintf("keyspace:%q", w.Source.Keyspace)
			for _, s := range w.Source.Shards {
				from += fmt.Sprintf(" shards:%q", s)
			}
			lines = append(lines, fmt.Sprintf("wf=%s key=%s serving=%v st=%s msg=%q src=%s", w.Name, key, on.IsPrimaryServing, on.Streams[0].State, on.Streams[0].Message, from))
		}
	}
	slices.Sort(lines)
	return lines
}

func (p *prober) rebuild() string {
	_, err := p.RebuildKeyspaceGraph(p.t.Context(), &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: "ks"})
	return wire(err)
}

func TestAnswersAreTheRealServers(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	probeCreate(t, got)
	probeReads(t, got)
	probeInterrupted(t, got)
	probeSwitched(t, got)
	probeWritesFirst(t, got)
	probeBroken(t, got)
	text, err := os.ReadFile("testdata/reshard-server-answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(text)) {
		label, answer, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "PROBE ")), " ")
		if label == "F2" {
			continue
		}
		if other, ok := onTheWire[label]; ok {
			answer = other
		}
		want[label] = strings.TrimPrefix(want[label]+"\n"+answer, "\n")
	}
	for label, answer := range want {
		if diff := cmp.Diff(normal(answer), normal(strip(label, got[label]))); diff != "" {
			t.Errorf("%s (-real server +sandbox):\n%s", label, diff)
		}
	}
	for label := range got {
		if _, ok := want[label]; !ok {
			t.Errorf("%s is no recorded situation", label)
		}
	}
}

// strip leaves of an answer what onTheWire has where that stands for the whole line.
func strip(label, answer string) string {
	if _, ok := onTheWire[label]; ok && label != "F1" && label != "C3" {
		if i := strings.Index(answer, ": "); i >= 0 {
			answer = answer[i+2:]
		}
	}
	return answer
}

var (
	aliases  = regexp.MustCompile(`zone1-\d{10}`)
	anyShard = regexp.MustCompile(`ks/[^ ]* doesn't have a primary`)
	injected = regexp.MustCompile(`(failed to refresh tablet ALIAS: ).*`)
	spaces   = regexp.MustCompile(` +`)
)

// normal hides what depends on the run: tablet numbers, the order of maps, injected texts.
func normal(answer string) string {
	answer = aliases.ReplaceAllString(answer, "ALIAS")
	answer = anyShard.ReplaceAllString(answer, "ks/SHARD doesn't have a primary")
	answer = injected.ReplaceAllString(answer, "${1}INJECTED")
	answer = spaces.ReplaceAllString(answer, " ")
	lines := strings.Split(answer, "\n")
	for i, line := range lines {
		parts := strings.Split(line, " | ")
		if len(parts) > 1 {
			tail := ""
			last := &parts[len(parts)-1]
			for _, extra := range []string{" streams=", " tables="} {
				if before, after, ok := strings.Cut(*last, extra); ok {
					*last, tail = before, extra+sortedWords(after)
				}
			}
			slices.Sort(parts[1:])
			lines[i] = strings.Join(parts, " | ") + tail
		}
	}
	slices.Sort(lines)
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func sortedWords(text string) string {
	words := strings.Fields(strings.Trim(strings.TrimPrefix(text, "map"), "[]"))
	slices.Sort(words)
	return strings.Join(words, " ")
}

func probeCreate(t *testing.T, got map[string]string) {
	p := probe(t, got)
	p.say("G0", "before: %s", p.topology())
	p.must(createStopped(p))
	// A stream that copies is seen while another connection keeps its target from being written.
	unlock := lockFiles(t, p.c, "-80", "80-")
	p.startWorkflow()
	resp, streams, err := p.status()
	p.say("F1", "status during copy: copy_state=%v len=%d streams=%s err=%v", resp.GetTableCopyState(), len(resp.GetTableCopyState()), streams, wire(err))
	w, err := p.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
	p.must(err)
	p.say("F3", "GetWorkflows during copy: lag=%d trxlag=%d err=%v", w.Workflows[0].MaxVReplicationLag, w.Workflows[0].MaxVReplicationTransactionLag, wire(err))
	_, err = p.traffic(0, allTypes)
	p.say("F4", "switch during copy: %s", errText(err))
	unlock()
	p.waitFor("Running")
	p.say("G1", "create: %v", wire(nil))
	p.say("G2", "create again: %s", wire(p.create("0", "-80,80-")))
	resp, _, err = p.status()
	p.say("G3", "status traffic=%q copy=%v err=%v", resp.TrafficState, resp.TableCopyState, wire(err))
}

func createStopped(p *prober) error {
	_, err := p.ReshardCreate(p.t.Context(), &vtctldatapb.ReshardCreateRequest{Keyspace: "ks", Workflow: "rs", SourceShards: []string{"0"}, TargetShards: []string{"-80", "80-"}})
	return err
}

// lockFiles holds the write locks of shard files, as a slow outside writer would.
func lockFiles(t *testing.T, c *Cluster, shards ...string) (unlock func()) {
	t.Helper()
	var all []func()
	for _, shard := range shards {
		db, err := openDatabase(shardPath(c.root, "ks", shard))
		if err != nil {
			t.Fatal(err)
		}
		tx, err := db.write.BeginTx(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, func() { tx.Rollback(); db.close() })
	}
	return func() {
		for _, f := range all {
			f()
		}
	}
}

func probeReads(t *testing.T, got map[string]string) {
	p := probe(t, got).created()
	p.sayTraffic("A1", "switch reads", 0, readTypes, 30)
	p.say("A2", "%s", p.topology())
	p.sayTraffic("A3", "switch reads again", 0, readTypes, 30)
	p.say("A4", "%s", p.topology())
	p.say("A5", "complete early: %s", p.completed(false))
	p.say("A6", "rebuild graph: %s", p.rebuild())
	resp, err := p.delete()
	p.must(err)
	p.say("B1", "delete after reads switched: OK %s", resp.Summary)
	var tables []string
	for _, shard := range []string{"-80", "0", "80-"} {
		f, err := p.c.serving().file(t.Context(), "ks", shard)
		p.must(err)
		all, err := f.tables(t.Context())
		p.must(err)
		names := []string{}
		for _, t := range all {
			names = append(names, t.Name)
		}
		tables = append(tables, fmt.Sprintf("%s:%v", shard, names))
	}
	p.say("B2", "%s tables=map[%s]", p.topology(), strings.Join(tables, " "))
	_, err = p.delete()
	p.say("B3", "delete again: %s", errText(err))

	p = probe(t, got).created()
	p.forward(readTypes)
	p.sayTraffic("B4", "reverse reads only", 1, readTypes, 30)
	p.say("B5", "%s", p.topology())
	p.sayTraffic("B6", "reverse reads again", 1, []topodatapb.TabletType{topodatapb.TabletType_REPLICA, topodatapb.TabletType_RDONLY}, 30)
}

func probeInterrupted(t *testing.T, got map[string]string) {
	p := probe(t, got, sandboxspec.Fault{Name: "half", RPC: "WorkflowSwitchTraffic", At: "during", Nth: 2, Error: "UNAVAILABLE"}).created()
	unlock := lockFiles(t, p.c, "-80", "80-")
	writeOutside(t, p.c, "0", "INSERT INTO t1 VALUES (1001, 'x')")
	_, err := p.WorkflowSwitchTraffic(t.Context(), &vtctldatapb.WorkflowSwitchTrafficRequest{
		Keyspace: "ks", Workflow: "rs", TabletTypes: allTypes, EnableReverseReplication: true, Timeout: &vttimepb.Duration{Seconds: 1}})
	p.say("C0", "switch all w/ catchup timeout: %s", errText(err))
	unlock()
	p.say("C0b", "%s streams=[%s]", p.topology(), p.shortStreams())
	_, err = p.traffic(0, allTypes)
	p.say("C1", "switch all, target refresh fails after journal: %s", errText(err))
	p.say("C2", "%s", p.topology())

	// The rest of the series looks at a workflow to which nothing was written.
	for _, cancel := range []bool{true, false} {
		p = probe(t, got, sandboxspec.Fault{Name: "half", RPC: "WorkflowSwitchTraffic", At: "during", Nth: 1, Error: "UNAVAILABLE"}).created()
		_, err = p.traffic(0, allTypes)
		p.say("C6", "switch: %s", errText(err))
		if cancel {
			resp, streams, err := p.status()
			p.say("C3", "traffic=%q %v streams=%s", resp.TrafficState, wire(err), streams)
			p.clock.Add(300)
			p.sayTraffic("C4", "rerun 300s later default lag", 0, allTypes, 30)
			deleted, err := p.delete()
			p.must(err)
			p.say("C5", "delete in this state: OK %s", deleted.Summary)
			p.say("C5b", "%s", p.topology())
			continue
		}
		p.clock.Add(300)
		p.sayTraffic("C7", "rerun with lag 3600", 0, allTypes, 3600)
		p.say("C8", "%s", p.topology())
	}
}

func (p *prober) shortStreams() string {
	resp, err := p.GetWorkflows(p.t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
	p.must(err)
	var all []string
	for _, w := range resp.Workflows {
		for _, on := range w.ShardStreams {
			for _, s := range on.Streams {
				all = append(all, fmt.Sprintf("%s/%s/%s/%s", s.Shard, w.Name, s.State, s.Message))
			}
		}
	}
	return strings.Join(all, " ")
}

// writeOutside changes rows of a shard as any SQLite client would.
func writeOutside(t *testing.T, c *Cluster, shard, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", fileURI(shardPath(c.root, "ks", shard))+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func probeSwitched(t *testing.T, got map[string]string) {
	p := probe(t, got, sandboxspec.Fault{Name: "half", RPC: "MoveTablesComplete", At: "during", Nth: 2, Error: "UNAVAILABLE"}).created()
	p.sayTraffic("D1", "switch all", 0, allTypes, 30)
	p.say("D2", "%s", p.topology())
	p.say("D2b", "%s", strings.Join(p.streams(), "\n"))
	p.sayTraffic("D3", "switch all again", 0, allTypes, 30)
	_, err := p.VDiffCreate(t.Context(), &vtctldatapb.VDiffCreateRequest{TargetKeyspace: "ks", Workflow: "rs"})
	p.say("D4", "vdiff after switch: %s", wire(err))
	_, err = p.delete()
	p.say("D5", "delete after switch: %s", errText(err))
	p.say("D5b", "complete ignore_source: %s", p.completed(true))
	p.sayTraffic("D6", "reverse all", 1, allTypes, 30)
	p.say("D7", "%s", p.topology())
	p.sayTraffic("D8", "reverse again", 1, allTypes, 30)
	p.sayTraffic("D8b", "reverse primary only again", 1, writeType, 30)
	p.say("D8c", "%s", strings.Join(p.streams(), "\n"))
	p.sayTraffic("D9", "switch forward again", 0, allTypes, 30)
	p.say("D10", "complete w/ failure after shard drop: %s", p.completed(false))
	p.say("D11", "%s", p.topology())
	p.say("D12", "complete again: %s", p.completed(false))
	p.say("D13", "complete ignore_source: %s", p.completed(true))
	_, err = p.delete()
	p.say("D14", "delete: %s", errText(err))
	w, err := p.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
	p.say("D15", "GetWorkflows: %d err=%v", len(w.GetWorkflows()), wire(err))
}

func probeWritesFirst(t *testing.T, got map[string]string) {
	p := probe(t, got).created()
	p.sayTraffic("E1", "primary only first", 0, writeType, 30)
	p.say("E2", "%s", p.topology())
	p.say("E3", "complete: %s", p.completed(false))
	p.sayTraffic("E4", "then reads", 0, readTypes, 30)
	p.say("E5", "complete: %s", p.completed(false))
	p.say("E6", "%s", p.topology())
	p.say("E6b", "rebuild graph: %s", p.rebuild())
	p.say("E7", "complete twice: %s", p.completed(false))
	_, _, err := p.status()
	p.say("E8", "status after complete: %s", wire(err))
}

func probeBroken(t *testing.T, got map[string]string) {
	p := probe(t, got).created()
	db, err := openDatabase(shardPath(p.c.root, "ks", "80-"))
	p.must(err)
	for _, rename := range []string{"ALTER TABLE _sf_shard RENAME TO lost", "ALTER TABLE lost RENAME TO _sf_shard"} {
		_, err = db.write.Exec(rename)
		p.must(err)
		if strings.HasSuffix(rename, "lost") {
			_, err = p.traffic(0, allTypes)
			p.say("H1", "switch with one unreachable target tablet: %s", errText(err))
		}
	}
	p.must(db.close())
	// A shard record that was just created has no tablets.
	_, err = p.DeleteShards(t.Context(), &vtctldatapb.DeleteShardsRequest{Shards: []*vtctldatapb.Shard{{Keyspace: "ks", Name: "80-"}}, Recursive: true})
	p.must(err)
	_, err = p.CreateShard(t.Context(), &vtctldatapb.CreateShardRequest{Keyspace: "ks", ShardName: "80-"})
	p.must(err)
	_, err = p.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks"})
	p.say("H2", "GetWorkflows with a shard without primary: %s", wire(err))
	_, _, err = p.status()
	p.say("H3", "WorkflowStatus same: %s", wire(err))
	_, err = p.GetWorkflows(t.Context(), &vtctldatapb.GetWorkflowsRequest{Keyspace: "ks", Shards: []string{"-80"}})
	p.say("H4", "GetWorkflows shards=-80: %s", wire(err))
}
