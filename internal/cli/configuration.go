package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/state"
)

// configOptions are the flags of the environment and the command line that a configuration is read with.
func (a *App) configOptions() (config.Options, error) {
	options := config.Options{Tasks: a.registry, Version: Version, VarFiles: a.varFiles, Env: a.env, Vars: map[string]string{}}
	for _, v := range a.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return options, &diag.Diagnostic{Severity: diag.Error, Summary: "--var " + v + " is not NAME=VALUE", Hint: "for example --var cells=zone1"}
		}
		options.Vars[name] = value
	}
	return options, nil
}

// load reads the configuration at path and shows its warnings.
func (a *App) load(path string) (*config.Config, error) {
	options, err := a.configOptions()
	if err != nil {
		return nil, err
	}
	cfg, complaints := config.Load(path, options)
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
		where, problems := config.LoadState(path, options)
		if problems != nil {
			return nil, nil, err
		}
		file = where.Path
		a.warn(diag.List{{Severity: diag.Warning, Summary: "the plan files have errors", Cause: err,
			Detail: "what is recorded in " + file + " is shown all the same; clusters are not asked", Hint: "see `shardform validate`"}})
	}
	return state.OpenBolt(file, state.BoltOptions{}), cfg, nil
}
