package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/keyrange"
	"shardform/internal/state"
	"shardform/internal/tasks"
)

// Fresh is what a saved plan is checked against.
type Fresh struct {
	Clusters ClusterSource
	Recorded state.Store // nil counts as empty
}

// Check reports whether the saved plan may still be applied: it was not yet applied to its end, and neither the state
// nor what it saw of its keyspaces went on since, but for what a run of this very plan did. The error is a diagnostic
// with diag.ExitRefused.
func (s *Saved) Check(ctx context.Context, now Fresh) error {
	m := &maker{in: Inputs{Recorded: now.Recorded}}
	if err := m.readRecorded(ctx); err != nil {
		return err
	}
	var done int
	var stale []string
	begun := map[addr.Address]bool{}
	for i := range s.Plan.Operations {
		op := &s.Plan.Operations[i]
		last := m.recorded.latest[op.Address]
		switch {
		case last == nil || last.Operation.Instance < op.Instance: // not begun
		case last.Operation.Instance > op.Instance:
			stale = append(stale, fmt.Sprintf("%s: it was run again since (instance %d, the plan is for %d)", op.Address, last.Operation.Instance, op.Instance))
		case last.Digest != op.Digest && !resumesOther(op, last):
			stale = append(stale, fmt.Sprintf("%s: another plan of it was begun since", op.Address))
		case last.Digest == op.Digest:
			begun[op.Address] = !last.open() || last.begun() // one that waits at its first gate changed nothing yet
			if !last.open() {
				done++
			}
		}
	}
	if len(s.Plan.Operations) > 0 && done == len(s.Plan.Operations) {
		return s.refused("was used: everything in it is done", "a plan is applied once; plan again to see what is to be done now")
	}
	if len(stale) == 0 {
		var err error
		if stale, err = s.changedKeyspaces(ctx, now.Clusters, begun); err != nil {
			return err
		}
	}
	if len(stale) > 0 {
		return s.refused("is stale", strings.Join(stale, "\n"))
	}
	return nil
}

// resumesOther reports whether the plan takes over an open instance of another digest, as it does when the
// configuration was edited half way.
func resumesOther(op *Operation, last *instance) bool {
	return last.open() && last.Operation.Instance == op.Instance && op.Action == Resume
}

func (s *Saved) refused(what, detail string) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("plan file %s %s", s.File, what), Detail: detail, Exit: diag.ExitRefused,
		Hint: fmt.Sprintf("plan again: shardform plan --out %s %s", spell.ShellWord(s.File), spell.ShellWord(s.Meta.Config))}
}

// changedKeyspaces compares what the plan saw of its keyspaces with what they show now.
func (s *Saved) changedKeyspaces(ctx context.Context, clusters ClusterSource, begun map[addr.Address]bool) ([]string, error) {
	var changed []string
	for _, then := range s.Plan.Keyspaces {
		cluster, err := clusters(ctx, then.Cluster)
		if err != nil {
			return nil, err
		}
		snapshot, err := cluster.Snapshot(ctx, then.Keyspace)
		if err != nil {
			return nil, fmt.Errorf("reading keyspace %s of cluster %s: %w", then.Keyspace, then.Cluster, err)
		}
		own, known := s.explained(then, begun)
		for _, c := range then.changes(observationOf(then.Cluster, snapshot), own, known) {
			changed = append(changed, fmt.Sprintf("keyspace %s: %s", then.Keyspace, c))
		}
	}
	return changed, nil
}

// explained is what a run of the plan may have changed by now: the ranges of the segments that were begun, and the
// vschemas that they write.
func (s *Saved) explained(o Observation, begun map[addr.Address]bool) (own []keyrange.Range, vschemas []string) {
	for i := range s.Plan.Operations {
		op := &s.Plan.Operations[i]
		if !begun[op.Address] || op.Cluster != o.Cluster || op.Keyspace != o.Keyspace {
			continue
		}
		for _, name := range slices.Concat(op.Sources, op.Targets) {
			if shard, err := keyrange.ParseShard(name); err == nil {
				own = append(own, shard.Range)
			}
		}
		if op.Expansion.VSchemaWanted != "" {
			vschemas = append(vschemas, op.Expansion.VSchemaWanted)
		}
	}
	return own, vschemas
}

// NeedsSecrets reports whether the plan cannot be applied without values that are not in its file: of sensitive
// parameters, or a password of a cluster.
func (s *Saved) NeedsSecrets() bool {
	for i := range s.Plan.Operations {
		for _, c := range s.Plan.Operations[i].Containers {
			if slices.ContainsFunc(c.Tasks, func(t Task) bool { return len(t.Sensitive) > 0 }) {
				return true
			}
		}
	}
	return slices.ContainsFunc(s.Plan.Clusters, func(c config.Cluster) bool { return c.Auth != nil })
}

// FillSecrets takes the values of sensitive parameters and the passwords from the configuration, evaluated anew. A task
// that the configuration does not have any more is refused: its value is nowhere.
func (s *Saved) FillSecrets(ctx context.Context, cfg *config.Config, registry *tasks.Registry) error {
	s.Plan.Hide = cfg.Secrets
	for i := range s.Plan.Clusters {
		c := &s.Plan.Clusters[i]
		j := slices.IndexFunc(cfg.Clusters, func(d config.Cluster) bool { return d.Name == c.Name })
		if c.Auth != nil && (j < 0 || cfg.Clusters[j].Auth == nil) {
			return s.refused("needs a password", fmt.Sprintf("the configuration has no auth for cluster %s any more", c.Name))
		}
		if c.Auth != nil {
			auth := *c.Auth
			auth.Password = cfg.Clusters[j].Auth.Password
			c.Auth = &auth
		}
	}
	m := &maker{in: Inputs{Config: cfg, Registry: registry, Clock: tasks.SystemClock{}}, blocks: blocks(cfg), known: map[string]*taskKind{}, clusters: newReaders(nil), plan: &Plan{Hide: cfg.Secrets}}
	if err := m.draftOperations(ctx); err != nil {
		return err
	}
	if err := m.complaints.Err(); err != nil {
		return err
	}
	secrets := map[addr.Address]map[string]string{}
	for _, d := range m.drafts {
		for i := range d.Containers {
			for _, t := range d.Containers[i].Tasks {
				if t.Secrets != nil {
					secrets[t.Address] = t.Secrets
				}
			}
		}
	}
	for i := range s.Plan.Operations {
		for j := range s.Plan.Operations[i].Containers {
			c := &s.Plan.Operations[i].Containers[j]
			for k := range c.Tasks {
				t := &c.Tasks[k]
				values := secrets[t.Address]
				for _, name := range t.Sensitive {
					if _, ok := values[name]; !ok {
						return s.refused("needs a sensitive value", fmt.Sprintf("the configuration has no sensitive parameter %s of %s any more", name, t.Address))
					}
				}
				if len(t.Sensitive) > 0 {
					t.Secrets = values
				}
			}
		}
	}
	return nil
}
