package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/parallel"
	"shardform/internal/state"
)

// configOptions are the flags of the environment and the command line that a configuration is read with.
func (a *App) configOptions() (config.Options, error) {
	options := config.Options{Tasks: a.registry, Version: Version, VarFiles: a.varFiles, Env: a.env, Vars: map[string]string{}, Stop: a.signals.stop}
	for _, v := range a.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return options, &diag.Diagnostic{Severity: diag.Error, Summary: "--var " + v + " is not NAME=VALUE", Hint: "for example --var cells=zone1"}
		}
		options.Vars[name] = value
	}
	return options, nil
}

// read reads the configuration at path. A signal ends it at once.
func (a *App) read(path string, options config.Options) (*config.Config, diag.List, error) {
	var cfg *config.Config
	var list diag.List
	if err := a.evaluate(a.signals.stop, func() { cfg, list = config.Load(path, options) }); err != nil {
		return nil, nil, err
	}
	return cfg, list, nil
}

// evaluate calls f, which evaluates expressions: that may take long and cannot be called off. When stop is closed it is
// left to itself, and with it whatever it writes to: the process is about to end.
func (a *App) evaluate(stop <-chan struct{}, f func()) error {
	evaluating := parallel.Start(func() error { f(); return nil })
	select {
	case <-evaluating.Done():
		return evaluating.Wait()
	case <-stop:
		return &diag.Diagnostic{Severity: diag.Error, Summary: "stopped on request", Detail: "it was while expressions of the plan files were evaluated", Exit: diag.ExitStopped}
	}
}

// load reads the configuration at path and shows its warnings.
func (a *App) load(path string) (*config.Config, error) {
	options, err := a.configOptions()
	if err != nil {
		return nil, err
	}
	cfg, complaints, err := a.read(path, options)
	if err != nil {
		return nil, err
	}
	if err := complaints.Err(); err != nil {
		return nil, err
	}
	a.hide = cfg.Secrets
	a.warn(complaints)
	return cfg, nil
}

// configFlag adds --config to a command whose arguments are not a PATH.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("config", ".", "PATH: the plan file or folder whose state and clusters to use")
}

// defaultState is where state is when there are no plan files.
const defaultState = "shardform.db"

// loadIfAny reads the configuration at path; a folder without plan files is no error, and gives nil.
func (a *App) loadIfAny(path string) (*config.Config, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if files, _ := config.PlanFiles(path); len(files) == 0 && path == "." {
			return nil, nil
		}
	}
	return a.load(path)
}

// openState opens the state of the configuration at path, which need not exist. A configuration with errors is no reason
// not to show what is recorded: then it is nil, and a warning says so.
func (a *App) openState(path string) (state.Store, *config.Config, error) {
	cfg, err := a.loadIfAny(path)
	file := defaultState
	switch {
	case cfg != nil:
		file = cfg.State.Path
	case err != nil:
		options, optionsErr := a.configOptions()
		if optionsErr != nil {
			return nil, nil, optionsErr
		}
		var where config.State
		var problems diag.List
		if err := a.evaluate(a.signals.stop, func() { where, problems = config.LoadState(path, options) }); err != nil {
			return nil, nil, err
		}
		if problems != nil {
			return nil, nil, err
		}
		file = where.Path
		a.warn(diag.List{{Severity: diag.Warning, Summary: "the plan files have errors", Cause: err,
			Detail: "what is recorded in " + file + " is shown all the same; clusters are not asked", Hint: "see `shardform validate`"}})
	}
	return state.OpenBolt(file, state.BoltOptions{}), cfg, nil
}
