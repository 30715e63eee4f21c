package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// session is a configuration with its state and clusters open: what plan, apply, graph and status work on.
type session struct {
	app      *App
	cfg      *config.Config
	store    state.Store
	clusters *clusters
	dir      string // folder that relative paths of the plan file start at
	path     string // of the configuration, as the user gave it
}

// openSession reads the configuration at path. Clusters are opened when first asked for; nothing is created.
func (a *App) openSession(path string) (*session, error) {
	cfg, err := a.load(path)
	if err != nil {
		return nil, err
	}
	return &session{app: a, cfg: cfg, store: state.OpenBolt(cfg.State.Path, state.BoltOptions{}), clusters: a.openClusters(cfg.Clusters), dir: cfg.Dir, path: path}, nil
}

// Close lets go of clusters and state.
func (s *session) Close() error {
	err := s.store.Close()
	if s.clusters != nil {
		err = errors.Join(s.clusters.Close(), err)
	}
	return err
}

// selection are the flags that narrow a plan down, or say what it may take back.
type selection struct {
	targets, replace, adopt []string
	rollback                addr.Address // of the rollback command
}

func (o *selection) addTo(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.targets, "target", nil, "ADDR: only this block or operation and what it depends on (repeatable)")
	cmd.Flags().StringArrayVar(&o.replace, "replace", nil, "ADDR: run this operation again though it is done (repeatable)")
	o.addAdopt(cmd)
}

func (o *selection) addAdopt(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.adopt, "adopt", nil, "ADDR: this operation's workflow is ours to undo, though this state did not start it (repeatable)")
}

// plan compares configuration, clusters and state.
func (s *session) plan(ctx context.Context, o selection) (*plan.Plan, error) {
	targets, err := addresses("--target", o.targets)
	if err != nil {
		return nil, err
	}
	replace, err := addresses("--replace", o.replace)
	if err != nil {
		return nil, err
	}
	adopt, err := addresses("--adopt", o.adopt)
	if err != nil {
		return nil, err
	}
	return plan.Make(ctx, plan.Inputs{
		Config: s.cfg, Registry: s.app.registry, Clusters: s.clusters.Reader, Recorded: s.store,
		Targets: targets, Replace: replace, Adopt: adopt, Rollback: o.rollback, ConfigPath: s.path, Clock: s.app.clock, Dir: s.dir,
	})
}

// addresses parses the values of a flag.
func addresses(flag string, values []string) ([]addr.Address, error) {
	var parsed []addr.Address
	var complaints diag.List
	for _, v := range values {
		a, err := addr.Parse(strings.TrimSpace(v))
		if err != nil {
			complaints = append(complaints, &diag.Diagnostic{Severity: diag.Error, Summary: flag + ": " + err.Error(), Hint: "`shardform plan` shows the addresses", Cause: err})
			continue
		}
		parsed = append(parsed, a)
	}
	return parsed, complaints.Err()
}
