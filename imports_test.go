package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layers has the packages below internal/, from the leaves up. A package may import those of lower layers, and those
// below its own folder; nothing else of this module. Folders stand for everything below them.
var layers = [][]string{
	{"diag/spell"},
	{"addr", "atomicfile", "ddl", "diag", "keyrange", "failpoint", "pb", "sample", "sandbox/sandboxspec"},
	{"event", "parallel", "redact", "schedule"},
	{"transcript"},
	{"vitess", "vitess/legacytest", "sandbox", "conformance"},
	{"tasks"},
	{"config", "state"},
	{"plan"},
	{"apply"},
	{"ui", "serve"},
	{"cli"},
}

// closed has the packages that only some others may import, whatever their layer.
var closed = map[string][]string{
	"sandbox":     {"cli"},          // everything else speaks to it over gRPC, as to any other cluster
	"failpoint":   {"cli", "apply"}, // crash points sit in the engine; the cluster driver gets hooks
	"conformance": {},               // it is for tests, which this rule does not look at

	"vitess/legacytest": {}, // likewise
	"sample":            {}, // likewise
}

func TestImportsGoOneWay(t *testing.T) {
	err := filepath.WalkDir("internal", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := strings.TrimPrefix(path.Dir(filepath.ToSlash(name)), "internal/")
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if to, ours := strings.CutPrefix(imported, "shardform/internal/"); ours {
				checkImport(t, name, from, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The parser of Vitess is small and is in the program; its vindexes and its servers are for tests.
func TestProgramHasNoServerOfVitess(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(out)) {
		name, ours := strings.CutPrefix(strings.TrimSpace(name), "vitess.io/vitess/go/vt/")
		for _, server := range []string{"vtgate", "vttablet", "vtctl", "topo", "mysqlctl", "servenv"} {
			if ours && (name == server || strings.HasPrefix(name, server+"/")) {
				t.Errorf("the program has %s of Vitess", name)
			}
		}
	}
}

func checkImport(t *testing.T, file, from, to string) {
	t.Helper()
	fromLayer, fromRoom := layerOf(from)
	toLayer, toRoom := layerOf(to)
	switch {
	case fromLayer < 0:
		t.Errorf("%s: package %s is in no layer: name it in imports_test.go", file, from)
	case toLayer < 0:
		t.Errorf("%s: imports %s, which is in no layer", file, to)
	case fromRoom == toRoom:
	case toLayer >= fromLayer:
		t.Errorf("%s: imports %s, which is not below %s", file, to, from)
	}
	allowed, restricted := closed[toRoom]
	if !restricted || fromRoom == toRoom {
		return
	}
	for _, room := range allowed {
		if room == fromRoom {
			return
		}
	}
	t.Errorf("%s: imports %s, which only %v may", file, to, allowed)
}

// layerOf finds the layer and the folder that a package belongs to; the longest folder counts.
func layerOf(pkg string) (layer int, room string) {
	layer = -1
	for i, rooms := range layers {
		for _, r := range rooms {
			if (pkg == r || strings.HasPrefix(pkg, r+"/")) && len(r) > len(room) {
				layer, room = i, r
			}
		}
	}
	return layer, room
}
