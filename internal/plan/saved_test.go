package plan

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/redact"
	"shardform/internal/sandbox/sandboxspec"
	"shardform/internal/vitess"
)

var comparePlans = cmp.Options{
	cmp.Comparer(func(a, b addr.Address) bool { return a == b }),
}

func savedIn(t testing.TB, dir string, p *Plan, meta SavedMeta) string {
	t.Helper()
	file := filepath.Join(dir, "p.plan")
	if err := Save(file, p, meta); err != nil {
		t.Fatal(err)
	}
	return file
}

func loaded(t testing.TB, file string) *Saved {
	t.Helper()
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASavedPlanReadsBackAsItWas(t *testing.T) {
	p := mustMake(t, situations(t)["unsharded_to_two"].inputs())
	file := savedIn(t, t.TempDir(), p, SavedMeta{Config: ".", Dir: ".", State: "shardform.db"})
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	got := loaded(t, file).Plan
	p.Operations[0].Rows, p.Operations[0].Bytes = 0, 0 // estimates are not saved
	if diff := cmp.Diff(p, got, comparePlans); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !IsSaved(file) || IsSaved("saved_test.go") || IsSaved(t.TempDir()) {
		t.Error("IsSaved does not tell saved plans from other files")
	}
}

func TestSavedPlansAreEqualByteForByte(t *testing.T) {
	read := func(rows int64) []byte {
		s := situations(t)["fresh_split"]
		s.scene.tables["customer/-"][0].Rows = rows
		content, err := os.ReadFile(savedIn(t, t.TempDir(), mustMake(t, s.inputs()), SavedMeta{}))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	if first := read(1000); !bytes.Equal(first, read(1000)) || !bytes.Equal(first, read(77)) {
		t.Error("the files differ")
	}
}

func TestEveryFlippedByteAndEveryTruncationIsNoticed(t *testing.T) {
	content, err := os.ReadFile(savedIn(t, t.TempDir(), mustMake(t, Inputs{Config: configuration(echoOperation("o", []string{"a"}))}), SavedMeta{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeSaved(content); err != nil {
		t.Fatal(err)
	}
	for i := range content {
		for bit := range 8 {
			flipped := bytes.Clone(content)
			flipped[i] ^= 1 << bit
			if _, err := decodeSaved(flipped); err == nil {
				t.Fatalf("byte %d, bit %d flipped: no error", i, bit)
			}
		}
		if _, err := decodeSaved(content[:i]); err == nil {
			t.Fatalf("cut to %d bytes: no error", i)
		}
	}
	if _, err := decodeSaved(append(bytes.Clone(content), ' ')); err == nil {
		t.Error("one byte more: no error")
	}
}

func TestAPlanFileOfALaterFormatIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.plan")
	if err := os.WriteFile(file, []byte(savedMagic+"2 00\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(file)
	if err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreNotInTheFile(t *testing.T) {
	o := echoOperation("o", []string{"prefix-hunter2"})
	o.Containers[0].Tasks[0].Sensitive = []string{"text"}
	o.Cluster = "main"
	cfg := configuration(o)
	cfg.Clusters = []config.Cluster{{Name: "main", Vtctld: []string{"h:1"}, Auth: &config.Auth{Username: "me", Password: "swordfish"}}}
	cfg.Secrets = redact.Of("hunter2", "swordfish")
	meta := SavedMeta{Vars: []string{"a=1", "token=hunter2", "pw=swordfish", "unused=trout"}, Sensitive: []string{"unused"}}
	file := savedIn(t, t.TempDir(), mustMake(t, Inputs{Config: cfg}), meta)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", "swordfish", "trout"} {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%s is in the file", secret)
		}
	}
	s := loaded(t, file)
	if diff := cmp.Diff([]string{"pw", "token", "unused"}, s.Meta.Omitted); diff != "" || len(s.Meta.Vars) != 1 {
		t.Errorf("omitted (-want +got):\n%s\nvars %v", diff, s.Meta.Vars)
	}
	if !s.NeedsSecrets() {
		t.Error("it does not say that it needs secrets")
	}
	if err := s.FillSecrets(t.Context(), cfg, testRegistry()); err != nil {
		t.Fatal(err)
	}
	if got := s.Plan.Operations[0].Containers[0].Tasks[0].Secrets["text"]; got != "prefix-hunter2" || s.Plan.Clusters[0].Auth.Password != "swordfish" {
		t.Errorf("filled with %q and %q", got, s.Plan.Clusters[0].Auth.Password)
	}
	if err := s.FillSecrets(t.Context(), configuration(), testRegistry()); diag.ExitOf(err) != diag.ExitRefused {
		t.Errorf("a configuration without the values: %v", err)
	}
}

func TestPathsMoveWithTheCheckout(t *testing.T) {
	before, after := t.TempDir(), t.TempDir()
	o := echoOperation("o", []string{"a"})
	o.Cluster = "try"
	at := func(dir string, names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	cfg := func(dir string) *config.Config {
		c := configuration(o)
		c.Dir = at(dir, "conf")
		c.Clusters = []config.Cluster{{Name: "try",
			Sandbox: &sandboxspec.Sandbox{Path: at(dir, "conf", "sandbox"), Keyspaces: []sandboxspec.Keyspace{{Name: "k", Loads: []sandboxspec.Load{{Table: "t", CSV: at(dir, "conf", "t.csv")}}}}},
			TLS:     &config.TLS{CA: "/etc/ca.pem"}}}
		return c
	}
	meta := SavedMeta{Config: at(before, "conf"), Dir: at(before, "conf"), State: at(before, "conf", "shardform.db"), VarFiles: []string{at(before, "conf", "x.shardvars")}}
	content, err := os.ReadFile(savedIn(t, before, mustMake(t, Inputs{Config: cfg(before)}), meta))
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(after, "p.plan")
	if err := os.WriteFile(moved, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := loaded(t, moved)
	want := SavedMeta{Config: at(after, "conf"), Dir: at(after, "conf"), State: at(after, "conf", "shardform.db"), VarFiles: []string{at(after, "conf", "x.shardvars")}}
	if diff := cmp.Diff(want, s.Meta); diff != "" {
		t.Errorf("meta (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(cfg(after).Clusters, s.Plan.Clusters); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	if a, b := mustMake(t, Inputs{Config: cfg(before)}).Digest, mustMake(t, Inputs{Config: cfg(after)}).Digest; a != b {
		t.Error("the digest is another in another folder")
	}
}

func TestABlockedPlanIsNotSaved(t *testing.T) {
	p := mustMake(t, situations(t)["conflict"].inputs())
	file := filepath.Join(t.TempDir(), "p.plan")
	if err := Save(file, p, SavedMeta{}); err == nil {
		t.Error("it was saved")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("there is a file: %v", err)
	}
}

func TestStaleAndUsedPlans(t *testing.T) {
	name := vitess.WorkflowName("customer", segmentOf(t, whole, halves))
	fresh := func() *scene { return newScene(t, shardedVSchema, whole, halves) }
	saved := loaded(t, savedIn(t, t.TempDir(), mustMake(t, Inputs{Config: wanted(t, halves...), Clusters: fresh().clusters}), SavedMeta{}))
	op := saved.Plan.Operations[0]
	ran := func(p progress) *memoryState {
		s := &memoryState{}
		s.record(t, op, p)
		return s
	}
	other := op
	other.Digest = "another"
	otherRun := &memoryState{}
	otherRun.record(t, other, progress{done: 1, running: true})
	again := op
	again.Instance = 2
	laterRun := ran(progress{ended: true})
	laterRun.record(t, again, progress{running: true})
	moreRows := fresh()
	moreRows.tables["customer/-"][0].Rows = 5
	tests := map[string]struct {
		scene    *scene
		recorded *memoryState
		says     string // "" if it may be applied
	}{
		"nothing happened":                   {scene: fresh()},
		"rows do not count":                  {scene: moreRows},
		"its own run is under way":           {scene: fresh().workflow(name, whole, halves, copyingStream), recorded: ran(progress{done: 2, running: true})},
		"its own run failed":                 {scene: fresh().workflow(name, whole, halves, copyingStream), recorded: ran(progress{done: 2, failure: "x", ended: true})},
		"its own run switched":               {scene: fresh().writes(halves...), recorded: ran(progress{done: 6, running: true})},
		"its own run ended":                  {scene: newScene(t, shardedVSchema, halves, nil), recorded: ran(progress{ended: true}), says: "was used"},
		"another run is under way":           {scene: fresh(), recorded: otherRun, says: "another plan of it was begun since"},
		"it was run again":                   {scene: fresh(), recorded: laterRun, says: "it was run again since (instance 2"},
		"a workflow was made by hand":        {scene: fresh().workflow("by_hand", whole, halves, runningStream), says: "workflow by_hand: then none, now Reshard from customer/- to -80,80-"},
		"it waits at its first gate":         {scene: fresh(), recorded: ran(progress{})},
		"a workflow while it waits there":    {scene: fresh().workflow("by_hand", whole, halves, runningStream), recorded: ran(progress{}), says: "workflow by_hand: then none"},
		"the layout changed":                 {scene: newScene(t, shardedVSchema, halves, nil), says: "shards that serve writes: then -, now -80,80-"},
		"reads were moved":                   {scene: fresh().serve(vitess.Replica, halves...), says: "REPLICA in cell zone1: then -, now -80,80-"},
		"a control was disabled":             {scene: fresh().disable(vitess.Rdonly, "-"), says: "RDONLY in cell zone1: then -, now - (disabled: -)"},
		"the vschema changed":                {scene: newScene(t, `{"sharded": true}`, whole, halves), says: "the vschema is another"},
		"the vschema changed during its run": {scene: newScene(t, `{"sharded": true}`, whole, halves), recorded: ran(progress{done: 1, running: true}), says: "the vschema is another"},
		"spare shards appeared":              {scene: newScene(t, shardedVSchema, whole, []string{"-80", "80-", "c0-"})},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			now := Fresh{Clusters: test.scene.clusters}
			if test.recorded != nil {
				now.Recorded = test.recorded
			}
			err := saved.Check(context.Background(), now)
			if test.says == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) || diag.ExitOf(err) != diag.ExitRefused {
				t.Errorf("got %v (exit %d), want %q", err, diag.ExitOf(err), test.says)
			}
		})
	}
}

func TestARunOfOneSegmentDoesNotMakeTheNextStale(t *testing.T) {
	s := situations(t)["two_segments"]
	saved := loaded(t, savedIn(t, t.TempDir(), mustMake(t, s.inputs()), SavedMeta{}))
	recorded := &memoryState{}
	recorded.record(t, saved.Plan.Operations[0], progress{ended: true})
	firstDone := newScene(t, shardedVSchema, []string{"-20", "20-40", "40-80", "80-"}, []string{"80-c0", "c0-"})
	if err := saved.Check(t.Context(), Fresh{Clusters: firstDone.clusters, Recorded: recorded}); err != nil {
		t.Errorf("refused: %v", err)
	}
	otherToo := newScene(t, shardedVSchema, []string{"-20", "20-40", "40-60", "60-80", "80-"}, nil)
	if err := saved.Check(t.Context(), Fresh{Clusters: otherToo.clusters, Recorded: recorded}); diag.ExitOf(err) != diag.ExitRefused {
		t.Errorf("a change beside the segment: %v", err)
	}
}

func FuzzLoadSavedPlan(f *testing.F) {
	content, err := encodeSaved(".", mustMake(f, Inputs{Config: configuration(echoOperation("o", []string{"a"}))}), SavedMeta{})
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := bytes.Cut(content, []byte("\n"))
	f.Add(content)
	f.Add(body)
	f.Add([]byte(savedMagic))
	f.Add([]byte(`{"plan":{"operations":[{"address":"operation.x"}]},"diagnostics":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if doc, err := decodeSaved(data); err == nil && !bytes.HasPrefix(data, []byte(savedMagic)) {
			t.Errorf("took %v for a plan", doc)
		}
		doc, err := decodeBody(data) // as if the digest were right
		if err != nil {
			return
		}
		doc.Plan.Summary()
		doc.Plan.HasBlocked()
		Graph(doc.Plan)
		(&Saved{Plan: doc.Plan}).NeedsSecrets()
		if _, err := encodeSaved(".", doc.Plan, doc.Meta); err != nil {
			t.Errorf("cannot be written again: %v", err)
		}
	})
}

func BenchmarkSaveAndLoadEchoTasks(b *testing.B) {
	texts := make([]string, 100_000)
	p := mustMake(b, Inputs{Config: configuration(echoOperation("o", texts))})
	dir := b.TempDir()
	for b.Loop() {
		loaded(b, savedIn(b, dir, p, SavedMeta{}))
	}
}
