package reshard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/diag/spell"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// The checks of this file warn, with figures, of what the MySQL servers themselves make hard. They see what the servers
// say of themselves; free disk space is not among it.

// asked are the tablets whose servers are asked: every primary of the segment, and those that may be copied from.
func (f *facts) asked() []string {
	var aliases []string
	for _, s := range slices.Concat(f.Sources, f.Targets) {
		if record := shardRecord(f.Snapshot, s.Name); record != nil && record.PrimaryAlias != "" {
			aliases = append(aliases, record.PrimaryAlias)
		}
	}
	for _, t := range f.Tablets {
		if f.copiedFrom(t) && !slices.Contains(aliases, t.Alias) {
			aliases = append(aliases, t.Alias)
		}
	}
	return aliases
}

// copiedFrom reports whether the streams may take the tablet.
func (f *facts) copiedFrom(t vitess.Tablet) bool {
	return slices.Contains(f.Sources.Names(), t.Shard) && slices.Contains(f.types, t.Type) && (len(f.cells) == 0 || slices.Contains(f.cells, t.Cell))
}

// server is that of a shard's primary; false if nothing is known of it.
func (f *facts) server(shard string) (vitess.Server, bool) {
	record := shardRecord(f.Snapshot, shard)
	i := slices.IndexFunc(f.servers, func(s vitess.Server) bool { return record != nil && s.Alias == record.PrimaryAlias && s.Unread == "" })
	if i < 0 {
		return vitess.Server{}, false
	}
	return f.servers[i], true
}

func warning(format string, args ...any) []complaint {
	return []complaint{{text: fmt.Sprintf(format, args...), warning: true}}
}

// checkServersAnswer names the servers of which the checks below say nothing.
func checkServersAnswer(f *facts) []complaint {
	var silent []string
	why := ""
	for _, s := range f.servers {
		if s.Unread != "" {
			silent, why = append(silent, s.Alias), s.Unread
		}
	}
	if len(silent) == 0 {
		return nil
	}
	return warning("how MySQL is set up on %s is not known: %s", strings.Join(silent, ", "), why)
}

// checkVitess warns of a version of Vitess that this program was not tested with.
func checkVitess(f *facts) []complaint {
	asked := f.asked()
	tablets := slices.DeleteFunc(slices.Clone(f.Tablets), func(t vitess.Tablet) bool { return !slices.Contains(asked, t.Alias) })
	if version, untested := vitess.VitessVersion(tablets, f.servers); untested {
		return warning("the tablets run Vitess %s; shardform is tested with Vitess %s", version, vitess.TestedVitess)
	}
	return nil
}

// checkSettings warns of settings that the targets have otherwise than the sources: what one takes the other may refuse or
// sort otherwise.
func checkSettings(f *facts) []complaint {
	var list []complaint
	for _, setting := range []struct {
		name string
		of   func(vitess.Server) string
	}{
		{"the version of MySQL", func(s vitess.Server) string { return release(s.MySQL) }},
		{"sql_mode", func(s vitess.Server) string { return s.SQLMode }},
		{"the character set of the database", func(s vitess.Server) string { return s.CharacterSet }},
		{"the collation of the database", func(s vitess.Server) string { return s.Collation }},
	} {
		shards := map[string][]string{}
		var values []string
		for _, shard := range slices.Concat(f.Sources, f.Targets).Names() {
			if s, known := f.server(shard); known {
				value := setting.of(s)
				if !slices.Contains(values, value) {
					values = append(values, value)
				}
				shards[value] = append(shards[value], shard)
			}
		}
		if len(values) < 2 {
			continue
		}
		parts := make([]string, len(values))
		for i, value := range values {
			parts[i] = fmt.Sprintf("%q on %s", value, strings.Join(shards[value], ", "))
		}
		list = append(list, warning("%s is not the same on all shards: %s", setting.name, strings.Join(parts, "; "))...)
	}
	return list
}

// release is the version without what changes nothing in how rows are kept: "8.4" of "8.4.6-log".
func release(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// assumedCopyRate is how many bytes a second are reckoned with: on the safe side, where nothing else throttles.
const assumedCopyRate = 10 << 20

// copyTakes estimates how long the copy takes: the sources are read side by side.
func (f *facts) copyTakes() time.Duration {
	longest := int64(0)
	for _, s := range f.Sources {
		longest = max(longest, f.bytesOf(s.Name))
	}
	return time.Duration(longest/assumedCopyRate) * time.Second
}

// bytesOf is the size of a source: that of its files, else what statistics say.
func (f *facts) bytesOf(source string) int64 {
	if s, known := f.server(source); known && s.Bytes > 0 {
		return s.Bytes
	}
	total := int64(0)
	for _, t := range f.tables[source] {
		total += t.Bytes
	}
	return total
}

// checkBinlogs warns where binary logs are removed before the copy may be done: a stream that waits for longer has lost
// its place and begins again.
func checkBinlogs(f *facts) []complaint {
	const least = time.Hour // a pause, a restart or a table that is copied keep a stream waiting for so long at any size
	needed := max(least, 2*f.copyTakes())
	shortest, aliases := time.Duration(0), []string(nil)
	for _, s := range f.servers {
		if s.BinlogExpires == 0 || s.BinlogExpires >= needed {
			continue
		}
		if aliases = append(aliases, s.Alias); shortest == 0 || s.BinlogExpires < shortest {
			shortest = s.BinlogExpires
		}
	}
	if len(aliases) == 0 {
		return nil
	}
	var total int64
	for _, s := range f.Sources {
		total += f.bytesOf(s.Name)
	}
	return warning("binary logs are removed after %s on %s (binlog_expire_logs_seconds), and copying %s is reckoned to take %s at %s a second and source: keep them for %s at least, "+
		"a stream that waits for longer than they are kept cannot follow",
		spell.Duration(shortest), strings.Join(aliases, ", "), spell.Bytes(total), spell.Duration(f.copyTakes()), spell.Bytes(assumedCopyRate), spell.Duration(needed))
}

// checkDisk says how much the targets have to hold, from a size on where that matters.
func checkDisk(f *facts) []complaint {
	const matters = 1 << 30
	var parts, aliases []string
	for _, target := range f.Targets {
		if share := f.share(target); share >= matters {
			parts = append(parts, fmt.Sprintf("%s on %s", spell.Bytes(share), target))
			if record := shardRecord(f.Snapshot, target.Name); record != nil {
				aliases = append(aliases, record.PrimaryAlias)
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return warning("the targets need disk for about %s, and for as much of binary logs until those are removed; MySQL does not tell how much is free: look on the hosts of %s and of their replicas",
		strings.Join(parts, ", "), strings.Join(aliases, ", "))
}

// share estimates what goes to a target: an equal part of each source that it takes rows of.
func (f *facts) share(target keyrange.Shard) int64 {
	total := int64(0)
	for _, source := range f.Sources {
		if !source.Range.Intersects(target.Range) {
			continue
		}
		takers := int64(0)
		for _, t := range f.Targets {
			if source.Range.Intersects(t.Range) {
				takers++
			}
		}
		total += f.bytesOf(source.Name) / takers
	}
	return total
}
