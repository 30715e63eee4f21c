package legacyreshard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"shardform/internal/keyrange"
	"shardform/internal/tasks"
	"shardform/internal/tasks/automation"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// copied observes the copying of the schema to a target. What makes the target unfit for the reshard is found here,
// before anything is done to it.
func (s *scene) copied(ctx context.Context) (tasks.Observation, error) {
	v, target, err := s.segment(ctx, "shard")
	if err != nil {
		return tasks.Observation{}, err
	}
	if v.Begun(target) {
		return done(fmt.Sprintf("%s/%s serves already", v.Keyspace, target)), nil
	}
	if o, unfit := fit(v, target); unfit {
		return o, nil
	}
	if !slices.ContainsFunc(v.SourcesOf(target), func(source keyrange.Shard) bool { return v.Replicating(source) == vitess.NotSwitched }) {
		return done(fmt.Sprintf("%s/%s has filtered replication already", v.Keyspace, target)), nil
	}
	return s.sameTables(ctx, v.Keyspace, v.Sources[0].Name, v.Keyspace, target.Name)
}

// fit says what makes a target unfit.
func fit(v vitess.LegacySegment, target keyrange.Shard) (o tasks.Observation, unfit bool) {
	name := v.Keyspace + "/" + target.Name
	record := v.Shard(target)
	wanted := fmt.Sprintf("shard %s with a master tablet, serving nothing and replicating from nothing but %s", name, v.SourcesOf(target))
	switch {
	case record == nil:
		return conflict(wanted, "there is no such shard", "# start its tablets, then", vitess.CommandInitMaster(v.Keyspace, target.Name)), true
	case record.PrimaryAlias == "":
		return conflict(wanted, "the shard has no master tablet", vitess.CommandInitMaster(v.Keyspace, target.Name)), true
	case record.PrimaryServing:
		return conflict(wanted, "its record says that it serves writes", vitess.LegacyCommandLine("", "GetShard", name)), true
	}
	foreign := v.Foreign(target)
	if len(foreign) == 0 {
		return overlapped(v, target)
	}
	found := fmt.Sprintf("it replicates from %s/%s", foreign[0].Keyspace, foreign[0].Shard)
	if record.Frozen {
		return conflict(wanted, found+", which a reshard the other way left behind", "# its rows are old: make the shard anew, with empty tablets",
			vitess.LegacyCommandLine("", "DeleteShard", "-recursive", name)), true
	}
	return conflict(wanted, found, vitess.CommandEndFilteredReplication(v.Keyspace, *record, foreign[0])...), true
}

// overlapped says which shard is in the way beside the sources and the targets: vtworker and vtctl refuse a keyspace where
// one shard overlaps with two that overlap with each other, whatever these serve. A split leaves such a shard behind.
func overlapped(v vitess.LegacySegment, target keyrange.Shard) (o tasks.Observation, is bool) {
	for _, other := range v.Shards {
		among := func(s keyrange.Shard) bool { // 0 and - may both be there
			record := v.Shard(s)
			return record != nil && record.Name == other.Name
		}
		if !other.Range.Intersects(target.Range) || slices.ContainsFunc(v.Sources, among) || slices.ContainsFunc(v.Targets, among) {
			continue
		}
		name := v.Keyspace + "/" + other.Name
		return conflict(fmt.Sprintf("no shard that overlaps with %s/%s but %s", v.Keyspace, target, v.SourcesOf(target)), "there is "+name,
			"# if nothing needs it any more, stop its tablets and delete it:", vitess.LegacyCommandLine("", "DeleteShard", "-recursive", name)), true
	}
	return o, false
}

// cloned observes SplitClone by what it does last. A target that has filtered replication is not cloned again: its rows
// are followed, and vtworker refuses it.
func (s *scene) cloned(ctx context.Context) (tasks.Observation, error) {
	v, source, err := s.segment(ctx, "source_shard")
	if err != nil {
		return tasks.Observation{}, err
	}
	targets := v.TargetsOf(source)
	if slices.ContainsFunc(targets, v.Begun) {
		return done(fmt.Sprintf("%s serves already", targets)), nil
	}
	if v.Replicating(source) == vitess.AllSwitched {
		return done(fmt.Sprintf("%s has filtered replication from %s", targets, source)), nil
	}
	for _, target := range targets {
		if o, unfit := fit(v, target); unfit {
			return o, nil
		}
	}
	if o, partly := halfCloned(v, source); partly {
		return o, nil
	}
	return absent(fmt.Sprintf("%s has no filtered replication from %s", targets, source)), nil
}

// halfCloned says what a clone left that died while it set up the replication: vtworker clones to no target that has some.
func halfCloned(v vitess.LegacySegment, source keyrange.Shard) (o tasks.Observation, is bool) {
	var with []string
	cure := []string{"# a clone died while it set up the replication; end what is there of it, then apply clones again:"}
	for _, target := range v.TargetsOf(source) {
		record := v.Shard(target)
		if record == nil {
			continue
		}
		for _, from := range record.Sources {
			with = append(with, fmt.Sprintf("%s from %s", target, from.Shard))
			cure = append(cure, vitess.CommandEndFilteredReplication(v.Keyspace, *record, from)...)
		}
	}
	return conflict(fmt.Sprintf("filtered replication from %s to all of %s, or none to any of them", source, v.TargetsOf(source)), "only "+strings.Join(with, ", "), cure...), len(with) > 0
}

// passed observes what leaves no trace: it is behind us where its shard serves.
func (s *scene) passed(ctx context.Context) (tasks.Observation, error) {
	name := "shard"
	if _, diff := s.p["dest_shard"]; diff {
		name = "dest_shard"
	}
	v, target, err := s.segment(ctx, name)
	if err != nil {
		return tasks.Observation{}, err
	}
	if v.Begun(target) {
		return done(fmt.Sprintf("passed over: %s/%s serves already", v.Keyspace, target)), nil
	}
	return absent(""), nil
}

// sourceByUID is one diff for each source of a target that has several: vtworker wants to be told which.
func (s *scene) sourceByUID(ctx context.Context, given map[string]string) ([]map[string]string, error) {
	v, target, err := s.segment(ctx, "dest_shard")
	if err != nil {
		return nil, err
	}
	record := v.Shard(target)
	if record == nil || len(record.Sources) < 2 {
		return []map[string]string{given}, nil
	}
	var diffs []map[string]string
	for _, from := range record.Sources {
		diff := maps.Clone(given)
		diff[automation.SourceUID] = strconv.FormatUint(uint64(from.UID), 10)
		diffs = append(diffs, diff)
	}
	return diffs, nil
}

// diffBySource tells how a target is compared with each of several sources, whose uids come into being with the clone.
func diffBySource(p, given map[string]string) (comment string, run map[string]string) {
	v, target, err := segmentOf(p, "dest_shard")
	sources := v.SourcesOf(target)
	if err != nil || len(sources) < 2 {
		return "", given
	}
	run = maps.Clone(given)
	run[automation.SourceUID] = "UID"
	record := vitess.LegacyCommandLine("", "GetShard", p["keyspace"]+"/"+target.Name)
	return fmt.Sprintf("# for each of %s, UID being its uid in: %s", strings.Join(sources.Names(), ", "), record), run
}

// migrated observes MigrateServedTypes.
func (s *scene) migrated(ctx context.Context) (tasks.Observation, error) {
	v, source, err := s.segment(ctx, "source_shard")
	if err != nil {
		return tasks.Observation{}, err
	}
	t := automation.ServedType(s.p["type"])
	if v.Migrated(t, source) {
		return done(fmt.Sprintf("%s serves %s in every cell", v.TargetsOf(source), s.p["type"])), nil
	}
	if stopped := v.WritesDisabled(); t == vitess.Primary && len(stopped) > 0 {
		return absent(fmt.Sprintf("WRITES ARE STOPPED on %s/%s: an earlier migration of master did not end", v.Keyspace, strings.Join(stopped, ","))), nil
	}
	return absent(fmt.Sprintf("%s serves %s", source, s.p["type"])), nil
}

// inWindow is the window's last word before a migration is sent: a day may lie between the gate and a rerun. Writes that an
// interrupted migration has stopped wait for no window.
func (s *scene) inWindow(ctx context.Context) error {
	if !s.values.Given("window_opens") {
		return nil
	}
	v, _, err := s.segment(ctx, "source_shard")
	if err != nil || len(v.WritesDisabled()) > 0 {
		return err
	}
	_, err = reshard.WindowOpen(s.values, s.now)
	return err
}
