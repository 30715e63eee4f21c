package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shardform/internal/diag"
)

// PlanFiles are the files that path stands for, as the user would type them: path itself if it is a file, else the
// *.hcl and *.hcl.json files of the folder, by name, without its subfolders. The error is a *diag.Diagnostic.
func PlanFiles(path string) ([]string, error) {
	files, _, problem := planFiles(path)
	if problem != nil {
		return nil, problem
	}
	return files, nil
}

func planFiles(path string) (files []string, single bool, problem *diag.Diagnostic) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("cannot read plan files from %s", path), Detail: cause(err), Cause: err,
			Hint: "name a folder with *.hcl files, or one plan file"}
	}
	if !info.IsDir() {
		if !isPlanFile(path) {
			return nil, false, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("%s is no plan file", path),
				Detail: "the names of plan files end in .hcl or .hcl.json"}
		}
		return []string{path}, true, nil
	}
	names, problem := filesIn(path, isPlanFile)
	if problem == nil && len(names) == 0 {
		problem = &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("no plan files in %s", path),
			Detail: "expected files whose names end in .hcl or .hcl.json; subfolders are not searched",
			Hint:   "name another folder or one file; docs/plan-files.md and examples/ show how to write one"}
	}
	return names, false, problem
}

// filesIn are the files of a folder, by name, that accept takes; hidden files and editors' backups are left out.
func filesIn(dir string, accept func(string) bool) ([]string, *diag.Diagnostic) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("cannot read plan files from %s", dir), Detail: cause(err), Cause: err}
	}
	var names []string
	for _, e := range entries {
		if !accept(e.Name()) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		name := filepath.Join(dir, e.Name())
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// IsRead reports whether a file of this name is read as part of a configuration when it lies in its directory.
func IsRead(name string) bool { return isPlanFile(name) || isAutoVarFile(name) }

func isPlanFile(name string) bool { return strings.HasSuffix(name, ".hcl") || isJSON(name) }

func isJSON(name string) bool { return strings.HasSuffix(name, ".hcl.json") }

func isAutoVarFile(name string) bool {
	return strings.HasSuffix(name, ".auto.shardvars") || strings.HasSuffix(name, ".auto.shardvars.json")
}

// defaultState is the state file's name for a configuration that does not name one.
func defaultState(dir string, files []string, single bool) string {
	if !single {
		return filepath.Join(dir, "shardform.db")
	}
	base := strings.TrimSuffix(strings.TrimSuffix(files[0], ".json"), ".hcl")
	return base + ".shardform.db"
}
