package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unrecovered has what files start goroutines by themselves, and why a panic cannot end the process there.
var unrecovered = map[string]string{
	"internal/parallel/parallel.go: go statement":    "it is where they are started",
	"internal/parallel/parallel.go: errgroup":        "likewise",
	"internal/parallel/parallel.go: time.AfterFunc":  "likewise",
	"internal/sandbox/cluster.go: context.AfterFunc": "it calls gRPC's Stop",
	"internal/sandbox/engine.go: time.AfterFunc":     "likewise",
	"internal/sandbox/splice.go: context.AfterFunc":  "it closes sockets",
}

// TestGoroutinesAreStartedInOnePlace finds whatever runs a function in a goroutine where a panic ends the process with
// exit code 2, "changes present". internal/parallel makes an error of it.
func TestGoroutinesAreStartedInOnePlace(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if what := starts(n); what != "" {
				where := filepath.ToSlash(name) + ": " + what
				found[where] = true
				if unrecovered[where] == "" {
					t.Errorf("%s: %s: use internal/parallel", files.Position(n.Pos()), what)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range unrecovered {
		if !found[name] {
			t.Errorf("%s: there is none any more: take it out of the list", name)
		}
	}
}

// starts says what in n runs a function in a goroutine of its own; "" if nothing does.
func starts(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "go statement"
	case *ast.ImportSpec:
		if n.Path.Value == `"golang.org/x/sync/errgroup"` {
			return "errgroup"
		}
	case *ast.SelectorExpr:
		if pkg, ok := n.X.(*ast.Ident); ok && slices.Contains([]string{"sync.WaitGroup", "time.AfterFunc", "context.AfterFunc"}, pkg.Name+"."+n.Sel.Name) {
			return pkg.Name + "." + n.Sel.Name
		}
	}
	return ""
}
