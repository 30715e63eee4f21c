package legacyreshard

import (
	"context"
	"fmt"
	"strings"

	"shardform/internal/tasks"
	"shardform/internal/tasks/automation"
	"shardform/internal/vitess"
)

func (s *scene) move(ctx context.Context) (*vitess.LegacyMove, error) {
	fromKeyspace, fromShard, _ := strings.Cut(s.p["source"], "/")
	from, err := s.snapshot(ctx, fromKeyspace)
	if err != nil {
		return nil, err
	}
	to, err := s.snapshot(ctx, s.p["dest_keyspace"])
	if err != nil {
		return nil, err
	}
	m, ok := vitess.NewLegacyMove(from, to, fromShard, s.p["shard"], strings.Split(s.p["tables"], ","))
	if !ok {
		return nil, fmt.Errorf("%s and %s/%s have to be shards of the cluster", s.p["source"], to.Keyspace, s.p["shard"])
	}
	return m, nil
}

// follows observes the copying by what VerticalSplitClone does last, and what makes the keyspace unfit for the split.
func (s *scene) follows(ctx context.Context) (*vitess.LegacyMove, tasks.Observation, error) {
	m, err := s.move(ctx)
	if err != nil {
		return nil, tasks.Observation{}, err
	}
	replicates, other := m.Replicating()
	switch {
	case m.Begun():
		return m, done(fmt.Sprintf("%s serves some of the tables already", m.To.Keyspace)), nil
	case replicates:
		return m, done(fmt.Sprintf("%s/%s follows the tables", m.To.Keyspace, m.Target.Name)), nil
	}
	if o, is := unfit(m, other); is {
		return m, o, nil
	}
	return m, absent(fmt.Sprintf("%s/%s does not follow the tables", m.To.Keyspace, m.Target.Name)), nil
}

// moveCopied observes the copying of the tables' schema.
func (s *scene) moveCopied(ctx context.Context) (tasks.Observation, error) {
	m, o, err := s.follows(ctx)
	if err != nil || o.State != tasks.Absent {
		return o, err
	}
	return s.sameTables(ctx, m.From.Keyspace, m.Source.Name, m.To.Keyspace, m.Target.Name)
}

func unfit(m *vitess.LegacyMove, other *vitess.SourceShard) (o tasks.Observation, is bool) {
	name := m.To.Keyspace + "/" + m.Target.Name
	if other != nil {
		return conflict(fmt.Sprintf("%s to replicate nothing but %s of %s", name, strings.Join(m.Tables, ","), m.From.Keyspace),
			fmt.Sprintf("it replicates %s of %s/%s", strings.Join(other.Tables, ","), other.Keyspace, other.Shard),
			vitess.CommandEndFilteredReplication(m.To.Keyspace, *m.Target, *other)...), true
	}
	for _, t := range vitess.ServingTypes {
		if !m.ServedFrom(t) {
			return conflict(fmt.Sprintf("%s to be served from %s", m.To.Keyspace, m.From.Keyspace), fmt.Sprintf("its record says nothing of %s", strings.ToLower(string(t))),
				"# only a keyspace that was made for it can take tables over:",
				vitess.LegacyCommandLine("", "CreateKeyspace", "-served_from", fmt.Sprintf("master:%[1]s,replica:%[1]s,rdonly:%[1]s", m.From.Keyspace), m.To.Keyspace)), true
		}
	}
	return o, false
}

// moveCloned observes VerticalSplitClone.
func (s *scene) moveCloned(ctx context.Context) (tasks.Observation, error) {
	_, o, err := s.follows(ctx)
	return o, err
}

// movePassed observes what leaves no trace.
func (s *scene) movePassed(ctx context.Context) (tasks.Observation, error) {
	m, err := s.move(ctx)
	if err != nil {
		return tasks.Observation{}, err
	}
	if m.Begun() {
		return done(fmt.Sprintf("passed over: %s serves some of the tables already", m.To.Keyspace)), nil
	}
	return absent(""), nil
}

// moveMigrated observes MigrateServedFrom.
func (s *scene) moveMigrated(ctx context.Context) (tasks.Observation, error) {
	m, err := s.move(ctx)
	if err != nil {
		return tasks.Observation{}, err
	}
	if m.Moved(automation.ServedType(s.p["type"])) {
		return done(fmt.Sprintf("%s serves %s of the tables", m.To.Keyspace, s.p["type"])), nil
	}
	return absent(fmt.Sprintf("%s serves %s of the tables", m.From.Keyspace, s.p["type"])), nil
}
