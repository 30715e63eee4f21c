package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// isSavedPlan says whether apply and show take a path for a saved plan: a file that is no plan file by its name.
func isSavedPlan(path string) bool {
	if plan.IsSaved(path) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && !strings.HasSuffix(path, ".hcl") && !strings.HasSuffix(path, ".hcl.json")
}

// openSaved reads a saved plan and opens the state and the clusters that it was made with. The configuration is read
// again for what is not in its file: the values of sensitive parameters, and outputs.
func (a *App) openSaved(path string) (*plan.Saved, *session, error) {
	saved, err := plan.Load(path)
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(saved.Meta.Config); err != nil {
		return nil, nil, &diag.Diagnostic{Severity: diag.Error, Summary: "plan file " + path + " is not where it was made", Exit: diag.ExitRefused, Cause: err,
			Detail: "it was made from " + saved.Meta.Config + ", which is not there: its state and the files that it names lie beside the plan files",
			Hint:   "put the plan file where it was made, in a checkout of the same plan files"}
	}
	s := &session{app: a, store: state.OpenBolt(saved.Meta.State, state.BoltOptions{}), dir: saved.Meta.Dir, path: saved.Meta.Config}
	if !saved.NeedsSecrets() && !a.sameVariables(saved.Meta) {
		return nil, nil, &diag.Diagnostic{Severity: diag.Error, Summary: "a saved plan is applied as it is", Detail: "--var and --var-file would change nothing: " + path + " needs no value that is not in it",
			Hint: "give them to plan --out, or apply the plan files"}
	}
	a.vars = append(append([]string{}, saved.Meta.Vars...), a.vars...)
	a.varFiles = append(append([]string{}, saved.Meta.VarFiles...), a.varFiles...)
	cfg, err := a.load(saved.Meta.Config)
	if err != nil && saved.NeedsSecrets() {
		return nil, nil, err
	}
	s.cfg = cfg // without secrets it is only asked for its outputs, and plan files that were broken since have none
	return saved, s, nil
}

// sameVariables reports whether all of --var and --var-file was given to plan too. Of sensitive variables a saved plan has
// only the names.
func (a *App) sameVariables(meta plan.SavedMeta) bool {
	for _, v := range a.vars {
		if name, _, _ := strings.Cut(v, "="); !slices.Contains(meta.Vars, v) && !slices.Contains(meta.Omitted, name) {
			return false
		}
	}
	for _, name := range a.varFiles {
		if !slices.ContainsFunc(meta.VarFiles, func(given string) bool { return filepath.Clean(given) == filepath.Clean(name) }) {
			return false
		}
	}
	return true
}

// checkSaved returns the saved plan if it may be applied now.
func (run *applyRun) checkSaved(ctx context.Context) (*plan.Plan, error) {
	if run.saved.NeedsSecrets() {
		if err := run.saved.FillSecrets(ctx, run.cfg, run.app.registry); err != nil {
			return nil, err
		}
	}
	run.clusters = run.app.openClusters(run.saved.Plan.Clusters)
	if err := run.saved.Check(ctx, plan.Fresh{Clusters: run.clusters.Reader, Recorded: run.store}); err != nil {
		return nil, err
	}
	return run.saved.Plan, nil
}
