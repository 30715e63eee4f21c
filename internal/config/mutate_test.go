package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shardform/internal/sample"
	"shardform/internal/tasks/builtin"
)

// mutant is text, a valid plan file, after the changes that steps names, three bytes each: which change, and to what.
// Blocks and arguments are swapped, copied, moved and dropped; labels, names and values are replaced by others of the
// file and by ones that are seldom thought of.
func mutant(text string, steps []byte) string {
	for ; len(steps) >= 3; steps = steps[3:] {
		file, diags := hclsyntax.ParseConfig([]byte(text), "", hcl.InitialPos)
		if diags.HasErrors() {
			return text
		}
		var p parts
		p.add(file.Body.(*hclsyntax.Body))
		text = p.change(text, int(steps[0]), int(steps[1]), int(steps[2]))
	}
	return text
}

// parts are the pieces of a plan file that a mutant has elsewhere, more than once or not at all.
type parts struct{ items, names, values []hcl.Range }

func (p *parts) add(body *hclsyntax.Body) {
	for _, a := range hclsyntax.Attributes(body.Attributes) {
		p.items = append(p.items, a.Range())
		p.names = append(p.names, a.NameRange)
		p.values = append(p.values, a.Expr.Range())
	}
	for _, b := range body.Blocks {
		p.items = append(p.items, b.Range())
		p.names = append(append(p.names, b.TypeRange), b.LabelRanges...)
		p.add(b.Body)
	}
}

var (
	oddNames  = []string{`"bad name"`, `""`, `"ä"`, `"../x"`, `"a/b"`, `"-"`, `"run" "run"`, `x`, `"` + strings.Repeat("x", 300) + `"`}
	oddValues = []string{"null", `""`, "-1", "1.5", "[]", "{}", "[null]", "{ a = null }", "true", `"-80"`, `["-80", "80-", "0"]`, `sensitive("x")`,
		"keyspace.customer.shards", "keyspace.customer.observed", "var.x", "[for x in [1, 2] : x]", "even_shards(3)", `"${null}"`, `file("x")`}
)

func (p *parts) change(text string, change, i, j int) string {
	slot := func(list []hcl.Range, i int) hcl.Range { return list[i%len(list)] }
	of := func(r hcl.Range) string { return text[r.Start.Byte:r.End.Byte] }
	replace := func(r hcl.Range, with string) string { return text[:r.Start.Byte] + with + text[r.End.Byte:] }
	if len(p.items) == 0 {
		return text
	}
	a, b := slot(p.items, i), slot(p.items, j)
	switch change % 8 {
	case 0: // swap
		if b.Start.Byte < a.Start.Byte {
			a, b = b, a
		}
		if a.End.Byte > b.Start.Byte {
			return text
		}
		return text[:a.Start.Byte] + of(b) + text[a.End.Byte:b.Start.Byte] + of(a) + text[b.End.Byte:]
	case 1: // copy to its own place or another
		return text[:b.End.Byte] + "\n" + of(a) + text[b.End.Byte:]
	case 2: // drop
		return replace(a, "")
	case 3:
		return replace(a, of(b))
	case 4:
		return replace(slot(p.names, i), of(slot(p.names, j)))
	case 5:
		return replace(slot(p.names, i), oddNames[j%len(oddNames)])
	}
	if len(p.values) == 0 {
		return text
	}
	if change%8 == 6 {
		return replace(slot(p.values, i), of(slot(p.values, j)))
	}
	return replace(slot(p.values, i), oddValues[j%len(oddValues)])
}

// FuzzMutants: what a valid plan file becomes when its blocks, labels and values are mixed up is loaded or refused with
// places, and nothing else. The steps say how often a file of the tests or an example is changed, and how.
func FuzzMutants(f *testing.F) {
	valid := validPlanFiles(f)
	dir := f.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "quickstart"), os.DirFS("../../examples/quickstart")); err != nil {
		f.Fatal(err)
	}
	type seed struct {
		file  int
		steps []byte
	}
	random := rand.New(rand.NewPCG(11, 24))
	seeds := make([]seed, 300)
	for i := range seeds {
		steps := make([]byte, 3*(1+random.IntN(8)))
		for i := range steps {
			steps[i] = byte(random.Uint32())
		}
		seeds[i] = seed{random.IntN(len(valid)), steps}
	}
	for _, s := range sample.Of(f, 0.4, seeds, func(s seed) string { return fmt.Sprint(s) }) {
		f.Add(s.file, s.steps)
	}
	f.Fuzz(func(t *testing.T, file int, steps []byte) {
		if file < 0 || file >= len(valid) || len(steps) > 60 {
			return
		}
		text := mutant(valid[file], steps)
		if len(text) > 1<<20 {
			return
		}
		path := writeFile(t, dir, "x.hcl", text)
		for _, known := range []Tasks{testTasks(), builtin.Registry()} {
			loadAnything(t, path, Options{Tasks: known, Version: "0.1.0"})
		}
		if t.Failed() {
			t.Logf("the plan file:\n%s", text)
		}
	})
}

// validPlanFiles are the texts of the tests' and examples' plan files in native syntax that load on their own.
func validPlanFiles(tb testing.TB) []string {
	var valid []string
	for _, pattern := range []string{"../../examples/*.hcl", "testdata/*/*.hcl"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			tb.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				tb.Fatal(err)
			}
			if config, _ := Load(name, Options{Tasks: testTasks()}); config != nil {
				valid = append(valid, string(text))
			}
		}
	}
	if len(valid) < 10 {
		tb.Fatalf("only %d plan files load", len(valid))
	}
	return valid
}
