package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/config"
	"shardform/internal/vitess"
)

var update = flag.Bool("update", false, "write the golden files")

// situation is what is wanted, seen and recorded. recorded gets the situation without it and records what a run did.
type situation struct {
	wanted   *config.Config
	scene    *scene
	recorded *memoryState
}

func (s situation) inputs() Inputs {
	in := Inputs{Config: s.wanted, Clusters: s.scene.clusters, Registry: testRegistry()}
	if s.recorded != nil {
		in.Recorded = s.recorded
	}
	return in
}

var (
	whole  = []string{"-"}
	halves = []string{"-80", "80-"}
)

// begun is a record of the split of whole into halves, as planned on a fresh cluster, that far.
func begun(t testing.TB, cfg *config.Config, p progress) *memoryState {
	t.Helper()
	fresh := mustMake(t, Inputs{Config: cfg, Clusters: newScene(t, shardedVSchema, whole, halves).clusters})
	recorded := &memoryState{}
	recorded.record(t, fresh.Operations[0], p)
	return recorded
}

func situations(t testing.TB) map[string]situation {
	name := vitess.WorkflowName("customer", segmentOf(t, whole, halves))
	split := func() *config.Config { return wanted(t, halves...) }
	fresh := func() *scene { return newScene(t, shardedVSchema, whole, halves) }
	withVSchema := func(cfg *config.Config, vschema string) *config.Config {
		cfg.Keyspaces[0].VSchema = vschema
		return cfg
	}
	switched := func() *scene {
		return fresh().writes(halves...).serve(vitess.Replica, halves...).serve(vitess.Rdonly, halves...).
			workflow(name, whole, halves, frozenStream).workflow(name+"_reverse", halves, whole, runningStream)
	}
	halfWay := func() *scene {
		return fresh().disable(vitess.Primary, whole...).serve(vitess.Replica, halves...).serve(vitess.Rdonly, halves...).workflow(name, whole, halves, cutoverStream)
	}
	quarters := []string{"-40", "40-80", "80-c0", "c0-"}
	lower := func() *scene { return newScene(t, shardedVSchema, halves, quarters) }
	lowerName := vitess.WorkflowName("customer", segmentOf(t, halves[:1], quarters[:2]))
	edited := echoOperation("nightly", []string{"one", "three"})
	recordedOperation := &memoryState{}
	recordedOperation.record(t, mustMake(t, Inputs{Config: configuration(echoOperation("nightly", []string{"one", "two"}))}).Operations[0], progress{ended: true})
	return map[string]situation{
		"fresh_split":           {wanted: split(), scene: fresh()},
		"nothing_to_do":         {wanted: split(), scene: newScene(t, shardedVSchema, halves, nil)},
		"equal_ranges":          {wanted: wanted(t, "0"), scene: newScene(t, shardedVSchema, whole, nil)},
		"copying_resumed":       {wanted: split(), scene: fresh().workflow(name, whole, halves, copyingStream), recorded: begun(t, split(), progress{done: 2, running: true})},
		"copying_by_hand":       {wanted: split(), scene: fresh().workflow("by_hand", whole, halves, copyingStream)},
		"reads_switched":        {wanted: split(), scene: fresh().serve(vitess.Replica, halves...).serve(vitess.Rdonly, halves...).disable(vitess.Replica, whole...).disable(vitess.Rdonly, whole...).workflow(name, whole, halves, runningStream), recorded: begun(t, split(), progress{done: 5, running: true})},
		"writes_switched":       {wanted: split(), scene: switched(), recorded: begun(t, split(), progress{done: 6, running: true})},
		"record_lost":           {wanted: split(), scene: switched()},
		"shard_left":            {wanted: split(), scene: fresh().writes(halves...).serve(vitess.Replica, halves...).serve(vitess.Rdonly, halves...), recorded: begun(t, split(), progress{done: 7, running: true})},
		"mid_flight":            {wanted: split(), scene: halfWay(), recorded: begun(t, split(), progress{done: 6, running: true})},
		"mid_flight_reverted":   {wanted: wanted(t, whole...), scene: halfWay(), recorded: begun(t, split(), progress{done: 6, running: true})},
		"mid_flight_third":      {wanted: wanted(t, quarters...), scene: halfWay()},
		"conflict":              {wanted: wanted(t, quarters...), scene: newScene(t, shardedVSchema, halves, quarters).workflow("by_hand", []string{"-80"}, []string{"-20", "20-80"}, runningStream)},
		"merge":                 {wanted: wanted(t, whole...), scene: newScene(t, shardedVSchema, halves, whole)},
		"two_segments":          {wanted: wanted(t, "-20", "20-40", "40-80", "80-c0", "c0-"), scene: newScene(t, shardedVSchema, []string{"-40", "40-80", "80-"}, []string{"-20", "20-40", "80-c0", "c0-"})},
		"vschema_change":        {wanted: withVSchema(wanted(t, whole...), shardedVSchema), scene: newScene(t, `{"tables": {"customer": {}}}`, whole, nil)},
		"unsharded_to_two":      {wanted: withVSchema(split(), shardedVSchema), scene: newScene(t, `{"tables": {"customer": {}}}`, whole, halves)},
		"two_to_unsharded":      {wanted: withVSchema(wanted(t, whole...), `{"tables": {"customer": {}}}`), scene: newScene(t, shardedVSchema, halves, whole)},
		"way_back":              {wanted: wanted(t, whole...), scene: fresh().workflow(name, whole, halves, runningStream), recorded: begun(t, split(), progress{done: 3, running: true})},
		"way_back_switched":     {wanted: wanted(t, whole...), scene: switched(), recorded: begun(t, split(), progress{done: 6, running: true})},
		"third_layout":          {wanted: wanted(t, quarters...), scene: fresh().workflow(name, whole, halves, runningStream), recorded: begun(t, split(), progress{done: 3, running: true})},
		"third_layout_switched": {wanted: wanted(t, quarters...), scene: switched(), recorded: begun(t, split(), progress{done: 6, running: true})},
		"extended_layout": {wanted: wanted(t, quarters...), scene: lower().workflow(lowerName, halves[:1], quarters[:2], copyingStream), recorded: func() *memoryState {
			recorded := &memoryState{}
			recorded.record(t, mustMake(t, Inputs{Config: wanted(t, "-40", "40-80", "80-"), Clusters: lower().clusters}).Operations[0], progress{done: 2, running: true})
			return recorded
		}()},
		"extended_layout_record_lost": {wanted: wanted(t, quarters...), scene: lower().workflow(lowerName, halves[:1], quarters[:2], copyingStream)},
		"extended_layout_by_hand":     {wanted: wanted(t, quarters...), scene: lower().workflow("by_hand", halves[:1], quarters[:2], copyingStream)},
		"reverted_early":              {wanted: wanted(t, whole...), scene: fresh(), recorded: begun(t, split(), progress{done: 0, running: true})},
		"stuck_complete":              {wanted: split(), scene: switched().remove("-")},
		"partly_created":              {wanted: split(), scene: fresh().workflow(name, whole, halves[:1], func(s *vitess.Stream) { s.State, s.RowsCopied, s.Position = vitess.StateStopped, 0, "" })},
		"partly_created_reverted":     {wanted: wanted(t, whole...), scene: fresh().workflow(name, whole, halves[:1], func(s *vitess.Stream) { s.State, s.RowsCopied, s.Position = vitess.StateStopped, 0, "" })},
		"stray_workflow":              {wanted: wanted(t, whole...), scene: newScene(t, shardedVSchema, whole, quarters).workflow("by_hand", halves, quarters, runningStream)},
		"way_back_unowned":            {wanted: wanted(t, whole...), scene: fresh().workflow("by_hand", whole, halves, runningStream)},
		"no_target_tablets":           {wanted: split(), scene: newScene(t, shardedVSchema, whole, nil)},
		"no_target_tablets_waits":     {wanted: func() *config.Config { cfg := split(); cfg.Keyspaces[0].Reshard.PreflightWait = time.Hour; return cfg }(), scene: newScene(t, shardedVSchema, whole, nil)},
		"vschema_without_vindex":      {wanted: withVSchema(split(), `{"sharded": true, "tables": {"customer": {}}}`), scene: fresh()},
		"vschema_other_vindex":        {wanted: withVSchema(split(), strings.ReplaceAll(shardedVSchema, "xxhash", "hash")), scene: newScene(t, shardedVSchema, halves, nil)},
		"settings_edited":             {wanted: func() *config.Config { cfg := split(); cfg.Keyspaces[0].Reshard.Verify.Enabled = false; return cfg }(), scene: fresh().workflow(name, whole, halves, runningStream), recorded: begun(t, split(), progress{done: 3, running: true})},
		"workflow_gone":               {wanted: split(), scene: fresh(), recorded: begun(t, split(), progress{done: 3, running: true})},
		"leftover_shard":              {wanted: split(), scene: newScene(t, shardedVSchema, halves, whole)},
		"leftover_controls":           {wanted: wanted(t, whole...), scene: fresh().disable(vitess.Replica, halves...).disable(vitess.Rdonly, halves...)},
		"operation_edited":            {wanted: configuration(edited), scene: fresh(), recorded: recordedOperation},
		"block_removed":               {wanted: configuration(), scene: fresh(), recorded: recordedOperation},
	}
}

// goldenPlan is a plan with what its JSON form leaves out.
type goldenPlan struct {
	*Plan
	Summary  Summary  `json:"summary"`
	Warnings []string `json:"warnings"`
	Details  []any    `json:"details"`
}

func golden(t *testing.T, p *Plan) string {
	g := goldenPlan{Plan: p, Summary: p.Summary()}
	for _, w := range p.Warnings {
		g.Warnings = append(g.Warnings, w.Error()+" | "+w.Hint)
	}
	for _, op := range p.Operations {
		var said []string
		for _, d := range op.Diagnostics {
			said = append(said, d.Severity.String()+": "+d.Error()+" | "+d.Hint)
		}
		g.Details = append(g.Details, map[string]any{"rows": op.Rows, "bytes": op.Bytes, "diagnostics": said})
	}
	text, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func TestWholePlans(t *testing.T) {
	for name, s := range situations(t) {
		t.Run(name, func(t *testing.T) {
			got := golden(t, mustMake(t, s.inputs()))
			checkGolden(t, filepath.Join("testdata", name+".json"), got)
		})
	}
}

// checkGolden compares with a golden file, or writes it with -update.
func checkGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
