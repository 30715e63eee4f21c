package legacyreshard

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// scene is a step at work: its parameters and the cluster that they name.
type scene struct {
	values  tasks.Values
	p       map[string]string // the texts of values
	now     time.Time
	cluster vitess.Cluster
}

func (t *stepTask) scene(p map[string]string) (*scene, error) {
	values, err := t.Read(p)
	if err != nil {
		return nil, err
	}
	cluster, err := t.env.Cluster(p["cluster"])
	return &scene{values, p, t.env.Clock.Now(), cluster}, err
}

// snapshot reads a keyspace that has to be there. An error of reading may be another the next time.
func (s *scene) snapshot(ctx context.Context, keyspace string) (*vitess.Snapshot, error) {
	snapshot, err := s.cluster.Snapshot(ctx, keyspace)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case !snapshot.Exists:
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("keyspace %s does not exist", keyspace), Exit: diag.ExitRefused}
	}
	return snapshot, nil
}

// segment is what the cluster shows of the step's reshard, and the shard that a parameter names.
func (s *scene) segment(ctx context.Context, name string) (v vitess.LegacySegment, shard keyrange.Shard, err error) {
	if v, shard, err = segmentOf(s.p, name); err == nil {
		v.Snapshot, err = s.snapshot(ctx, s.p["keyspace"])
	}
	return v, shard, err
}

// segmentOf is the step's reshard by its parameters alone, and the shard that one of them names.
func segmentOf(p map[string]string, name string) (v vitess.LegacySegment, shard keyrange.Shard, err error) {
	if v.Sources, err = keyrange.ParseShards(strings.Split(p["sources"], ",")); err == nil {
		v.Targets, err = keyrange.ParseShards(strings.Split(p["targets"], ","))
	}
	if err == nil {
		shard, err = keyrange.ParseShard(p[name])
	}
	return v, shard, err
}

// sameTables compares the tables of a shard with those that it is to get. Absent: it lacks some. Conflict: it has another
// under the same name, which copying the schema refuses.
func (s *scene) sameTables(ctx context.Context, fromKeyspace, fromShard, keyspace, shard string) (tasks.Observation, error) {
	wanted, err := s.cluster.Schema(ctx, fromKeyspace, fromShard)
	if err != nil {
		return tasks.Observation{}, err
	}
	there, err := s.cluster.Schema(ctx, keyspace, shard)
	if err != nil {
		return tasks.Observation{}, err
	}
	include, err1 := matcher(s.p["tables"])
	exclude, err2 := matcher(s.p["exclude_tables"])
	if err := errors.Join(err1, err2); err != nil {
		return tasks.Observation{}, err
	}
	missing := 0
	for _, table := range wanted {
		if table.Type == "VIEW" || s.p["tables"] != "" && !include(table.Name) || exclude(table.Name) {
			continue
		}
		i := slices.IndexFunc(there, func(t vitess.TableSchema) bool { return t.Name == table.Name })
		switch {
		case i < 0:
			missing++
		case there[i].Shape() != table.Shape():
			return conflict(fmt.Sprintf("table %s of %s/%s to be as on %s/%s, or not there", table.Name, keyspace, shard, fromKeyspace, fromShard), "it is another",
				"# drop it, if nothing needs it:", vitess.LegacyCommandLine("", "ApplySchema", "-sql", "drop table "+table.Name, keyspace)), nil
		}
	}
	if missing > 0 {
		return absent(fmt.Sprintf("%s/%s lacks %d of the tables", keyspace, shard, missing)), nil
	}
	return done(fmt.Sprintf("%s/%s has the tables", keyspace, shard)), nil
}

// matcher tells which tables a list of names and /regular expressions/ means, as vtctl reads it.
func matcher(list string) (func(table string) bool, error) {
	var names []string
	var expressions []*regexp.Regexp
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if len(name) < 2 || !strings.HasPrefix(name, "/") || !strings.HasSuffix(name, "/") {
			names = append(names, name)
			continue
		}
		re, err := regexp.Compile(name[1 : len(name)-1])
		if err != nil {
			return nil, fmt.Errorf("reading the list of tables %q: %w", list, err)
		}
		expressions = append(expressions, re)
	}
	return func(table string) bool {
		return slices.Contains(names, table) || slices.ContainsFunc(expressions, func(re *regexp.Regexp) bool { return re.MatchString(table) })
	}, nil
}
