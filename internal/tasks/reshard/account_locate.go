package reshard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// locate reads a table of about total rows on every shard that is to be deleted, and keeps the rows that no stream
// carries. The error wraps vitess.ErrNotScanned where their keyspace ids are not computed.
func (a *accounting) locate(ctx context.Context, t vitess.TableSchema, total int64) error {
	vindex, column, err := a.placing(t.Name)
	if err != nil {
		return err
	}
	m := meter{clock: a.env.Clock}
	var seen int64
	for _, shard := range a.from {
		carried := carriedFrom(shard, a.to)
		if carriesAll(shard, carried) {
			continue
		}
		scans := map[string]*shardScan{}
		var whole *shardScan
		err := a.poll(ctx, quick(), func() (bool, error) {
			err := a.ask(ctx, shard.Name, fmt.Sprintf("looking for rows of table %s on the wrong shard of", t.Name), func(tablet string) error {
				if whole = scans[tablet]; whole == nil {
					whole = &shardScan{lost: lostRows{table: t.Name, shard: shard.Name, tablet: tablet}}
					scans[tablet] = whole
				}
				return a.scan(ctx, whole, t, column, func(row vitess.KeyRow) bool { return lies(vindex, row.Value, carried) }, func() {
					if rows := seen + whole.seen; m.due() {
						a.env.Progress(fmt.Sprintf("looking for rows of %s that lie on the wrong shard: %s", t.Name, rowsOf(rows, max(total, 0))), m.measure(rows, max(total, 0)))
					}
				})
			})
			return err == nil, err
		})
		if err != nil {
			return err
		}
		if seen += whole.seen; whole.lost.count > 0 {
			a.lost = append(a.lost, whole.lost)
		}
	}
	return nil
}

// shardScan is how far a shard's table was read on one tablet: it is continued where that one answers again.
type shardScan struct {
	keys vitess.KeyScan // nil: not begun
	seen int64
	lost lostRows
}

// scan reads the rest of a table and keeps the rows that are not carried. read is called after each page.
func (a *accounting) scan(ctx context.Context, s *shardScan, t vitess.TableSchema, column string, carried func(vitess.KeyRow) bool, read func()) error {
	if s.keys == nil {
		keys, err := a.cluster.ScanKeys(ctx, s.lost.tablet, t.Name, t.PrimaryKey, column)
		if err != nil {
			return err
		}
		s.keys = keys
	}
	for {
		rows, err := s.keys.Next(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if s.seen++; carried(row) {
				continue
			}
			if s.lost.count++; s.lost.count <= a.Int("samples") {
				s.lost.samples = append(s.lost.samples, row)
			}
		}
		read()
	}
}

// placing is what places the rows of a table, and by which column.
func (a *accounting) placing(table string) (keyrange.Vindex, string, error) {
	primary, has := a.vschema.Tables[table].Primary()
	if !has || len(primary.Columns) != 1 {
		return nil, "", fmt.Errorf("%w: the vschema has no primary vindex of one column for it", vitess.ErrNotScanned)
	}
	definition := a.vschema.Vindexes[primary.Vindex]
	vindex, err := keyrange.NewVindex(definition.Type)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", vitess.ErrNotScanned, err)
	}
	return vindex, primary.Columns[0], nil
}

// carriedFrom are the ranges of the rows that streams take away from a shard: there is one to each shard that overlaps
// with it, for all rows of that one's range.
func carriedFrom(shard keyrange.Shard, to keyrange.Layout) []keyrange.Range {
	var ranges []keyrange.Range
	for _, t := range to {
		if t.Range.Intersects(shard.Range) {
			ranges = append(ranges, t.Range)
		}
	}
	return ranges
}

// carriesAll reports whether no keyspace id lies outside of what streams carry from the shard.
func carriesAll(shard keyrange.Shard, carried []keyrange.Range) bool {
	return shard.Range.IsWhole() || slices.ContainsFunc(carried, func(r keyrange.Range) bool { return r.IsWhole() })
}

// lies reports whether a row with that value lies in one of the ranges. A value without a keyspace id lies in none.
func lies(vindex keyrange.Vindex, value any, ranges []keyrange.Range) bool {
	id, err := vindex.Map(value)
	return err == nil && slices.ContainsFunc(ranges, func(r keyrange.Range) bool { return r.Contains(id) })
}

// judge refuses what is lost and was not accepted, and what is not accounted for. A table's rows are accepted in exactly
// the number that was given.
func (a *accounting) judge() error {
	lost, accept := map[string]int64{}, map[string]int64{}
	var open []string // tables of which it is not known how many rows would be lost
	for _, l := range a.lost {
		if l.count < 0 {
			open = append(open, l.table)
			continue
		}
		lost[l.table] += l.count
	}
	maps.Copy(accept, lost)
	maps.DeleteFunc(lost, func(table string, n int64) bool {
		if a.accepted[table] != n {
			return false
		}
		a.notes = append(a.notes, fmt.Sprintf("accepted as missing: %s of %s", plural(n, "row"), table))
		return true
	})
	if len(lost) == 0 && len(open) == 0 {
		return nil
	}
	var summary, detail, hint []string
	for _, l := range a.lost {
		if _, refused := lost[l.table]; refused || l.count < 0 {
			detail = append(detail, a.describe(l)...)
		}
	}
	if len(lost) > 0 {
		text := fmt.Sprintf("rows of %s/%s would be lost", a.keyspace, a.from)
		for _, table := range slices.Sorted(maps.Keys(lost)) {
			text += fmt.Sprintf(", %d of %s", lost[table], table)
			if given, has := a.accepted[table]; has {
				detail = append(detail, fmt.Sprintf("accept_missing gives %d for %s, found %d", given, table, lost[table]))
			}
		}
		summary, hint = append(summary, text), append(hint, a.repair(accept))
	}
	if len(open) > 0 {
		summary = append(summary, fmt.Sprintf("rows of %s/%s are not accounted for: those of %s", a.keyspace, a.from, strings.Join(open, ", ")))
		hint = append(hint, fmt.Sprintf("count_rows = false in the verify block leaves this check out: look first whether every row of %s is on %s", strings.Join(open, ", "), a.to))
	}
	return &diag.Diagnostic{Severity: diag.Error, Exit: diag.ExitRefused, Summary: strings.Join(summary, "; "), Detail: strings.Join(detail, "\n"),
		Hint: "nothing was deleted. " + strings.Join(hint, "\n")}
}

// repair says what to do about rows that would be lost; accept are those of all tables. Those of a rollback's shards cannot
// be accepted.
func (a *accounting) repair(accept map[string]int64) string {
	text := "Move the rows to where they belong (insert them through vtgate, then delete them on their shard's primary) and apply again"
	if !slices.Equal(a.from.Names(), a.segment.Sources.Names()) {
		return text
	}
	var entries []string
	for _, table := range slices.Sorted(maps.Keys(accept)) {
		entries = append(entries, fmt.Sprintf("%s = %d", spell.MapKey(table), accept[table]))
	}
	return text + fmt.Sprintf("; or, where they are not needed, say so in the reshard block:\nverify { accept_missing = { %s } }", strings.Join(entries, ", "))
}

// describe says where rows are that would be lost, and how to look at them.
func (a *accounting) describe(l lostRows) []string {
	switch {
	case l.shard == "" && l.count == unknown:
		return []string{fmt.Sprintf("table %s has too many rows to be counted within %s, and its rows cannot be placed here", l.table, vitess.QueryLimit)}
	case l.shard == "":
		n, less := l.count, "fewer"
		if n < 0 {
			n, less = -n, "more"
		}
		return []string{fmt.Sprintf("table %s has %s %s on %s than on %s, %d times the same in %s; its rows cannot be placed here",
			l.table, plural(n, "row"), less, a.to, a.from, constantRounds, (constantRounds-1)*constantEvery)}
	}
	lines := []string{fmt.Sprintf("%s of table %s on %s/%s lie outside of %s, where neither the copy nor VDiff sees them", plural(l.count, "row"), l.table, a.keyspace, l.shard, a.to)}
	var where []string
	for _, row := range l.samples {
		lines = append(lines, "  "+row.String())
		where = append(where, "("+row.Where()+")")
	}
	if more := l.count - int64(len(l.samples)); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	if len(where) > 0 {
		hint := ""
		if strings.Contains(where[0], " '") { // a date or time, which was read in UTC
			hint = "/*+ SET_VAR(time_zone = '+00:00') */ "
		}
		query := fmt.Sprintf("select %s* from %s where %s", hint, vitess.Identifier(l.table), strings.Join(where, " or "))
		lines = append(lines, vitess.CommandExecuteFetchAsDBA(l.tablet, query))
	}
	return lines
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
