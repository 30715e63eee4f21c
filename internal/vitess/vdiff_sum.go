package vitess

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"shardform/internal/diag"
)

// sumVDiff sums up a VDiff that every target knows, as vtctldclient's summary does: stopped on any shard wins over an
// error on any shard or table, then started, then pending; it is completed only when every shard says so and every
// table on every shard, as merging shards completes tables once per source. listed has the rows of VDiffShow all,
// summary those of VDiffShow UUID, one a table (or one without a table before it began). ahead is how far this machine's clock
// is ahead of a shard's.
func sumVDiff(uuid string, listed, summary vdiffShow, ahead func(shard string) time.Duration) (*VDiff, error) {
	d := &VDiff{UUID: uuid, Limited: limited(listed)}
	shardStates, tableStates := map[VDiffState]int{}, map[VDiffState]int{}
	tables := map[string]bool{}
	for _, shard := range slices.Sorted(maps.Keys(summary)) {
		rows := summary[shard]
		if len(rows) == 0 {
			continue
		}
		d.Shards = append(d.Shards, shard)
		first := rows[0]
		shardStates[stateOf(first["vdiff_state"])]++
		if at := shifted(instant(first["started_at"]), ahead(shard)); at.After(d.StartedAt) {
			d.StartedAt = at
		}
		if at := shifted(instant(first["completed_at"]), ahead(shard)); !at.IsZero() && (d.CompletedAt.IsZero() || at.Before(d.CompletedAt)) {
			d.CompletedAt = at
		}
		if text := first["last_error"]; text != "" {
			d.Errors = append(d.Errors, shard+": "+text)
		}
		for _, r := range rows {
			d.RowsCompared += r.int("rows_compared")
			d.RowsTotal += r.int("table_rows")
			d.Mismatch = d.Mismatch || r["has_mismatch"] == "1"
			if r["table_name"] == "" {
				continue
			}
			tables[r["table_name"]] = true
			tableStates[stateOf(r["table_state"])]++
			mismatch, err := readReport(shard, r)
			if err != nil {
				return nil, err
			}
			if mismatch != nil {
				d.Report = append(d.Report, *mismatch)
			}
		}
	}
	d.Tables = slices.Sorted(maps.Keys(tables))
	if d.State = sumStates(shardStates, tableStates, len(d.Shards), len(tables)); d.State != VDiffCompleted {
		d.CompletedAt = time.Time{}
	}
	return d, nil
}

// sumStates is the state of a whole VDiff from how many shards, and tables on shards, are in which.
func sumStates(onShards, onTables map[VDiffState]int, shards, tables int) VDiffState {
	switch {
	case shards == 0:
		return VDiffAbsent
	case onShards[VDiffStopped] > 0:
		return VDiffStopped
	case onShards[VDiffError]+onTables[VDiffError] > 0:
		return VDiffError
	case onTables[VDiffStarted] > 0:
		return VDiffStarted
	case onShards[VDiffCompleted] == shards && onTables[VDiffCompleted] == tables*shards:
		return VDiffCompleted
	case onShards[VDiffPending] == shards && onTables[VDiffCompleted] == 0:
		return VDiffPending
	}
	return VDiffStarted
}

// sumPartialVDiff sums up a VDiff that some targets do not know, from the list alone. It is stopped where the targets that
// know it have all come to their end: nobody works on it any more, and it is not completed.
func sumPartialVDiff(uuid string, listed, all vdiffShow) *VDiff {
	d := &VDiff{UUID: uuid, Limited: limited(listed), Shards: slices.Sorted(maps.Keys(listed))}
	states := map[VDiffState]int{}
	for _, shard := range d.Shards {
		for _, r := range listed[shard] {
			states[stateOf(r["state"])]++
			if text := r["last_error"]; text != "" {
				d.Errors = append(d.Errors, shard+": "+text)
			}
		}
	}
	for _, shard := range slices.Sorted(maps.Keys(all)) {
		if _, ok := listed[shard]; !ok {
			d.Missing = append(d.Missing, shard)
		}
	}
	switch {
	case states[VDiffStopped] > 0 || states[VDiffCompleted] == len(d.Shards):
		d.State = VDiffStopped
	case states[VDiffError] > 0:
		d.State = VDiffError
	case states[VDiffPending] == len(d.Shards):
		d.State = VDiffPending
	default:
		d.State = VDiffStarted
	}
	return d
}

// instant reads a time of a VDiff. The tablet writes utc_timestamp() and reads it back in a session of the same time zone,
// so the text is UTC in whatever zone MySQL runs; unix_timestamp() of the column would be hours off.
func instant(text string) time.Time {
	at, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil { // NULL: not yet
		return time.Time{}
	}
	return at
}

func stateOf(text string) VDiffState { return VDiffState(strings.ToLower(text)) }

// limited reports whether some shard was asked to compare only some rows or some tables.
func limited(listed vdiffShow) bool {
	for _, rows := range listed {
		for _, r := range rows {
			var options struct {
				Core struct {
					Tables  string      `json:"tables"`
					MaxRows json.Number `json:"max_rows"`
				} `json:"core_options"`
			}
			if err := json.Unmarshal([]byte(r["options"]), &options); err != nil {
				continue
			}
			rows, err := options.Core.MaxRows.Int64()
			if options.Core.Tables != "" || err == nil && 0 < rows && rows < math.MaxInt64 {
				return true
			}
		}
	}
	return false
}

// rowDiff is a differing row in a report.
type rowDiff struct {
	Row map[string]string
}

// readReport is what one shard found different in one table; nil if nothing.
func readReport(shard string, r row) (*VDiffMismatch, error) {
	if r["report"] == "" || r["has_mismatch"] != "1" {
		return nil, nil
	}
	var report struct {
		MatchingRows, MismatchedRows, ExtraRowsSource, ExtraRowsTarget int64
		ExtraRowsSourceSample, ExtraRowsTargetSample                   []rowDiff
		MismatchedRowsSample                                           []struct{ Source, Target rowDiff }
	}
	if err := json.Unmarshal([]byte(r["report"]), &report); err != nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("cannot read the VDiff report of table %s on shard %s", r["table_name"], shard),
			Detail: err.Error(), Hint: "look at it with vtctldclient VDiff … show --verbose", Cause: err}
	}
	m := &VDiffMismatch{
		Shard: shard, Table: r["table_name"], Matching: report.MatchingRows, Different: report.MismatchedRows,
		ExtraRowsSource: report.ExtraRowsSource, ExtraRowsDest: report.ExtraRowsTarget,
	}
	for _, x := range report.ExtraRowsSourceSample {
		m.Samples = append(m.Samples, "only on the source: "+x.String())
	}
	for _, x := range report.ExtraRowsTargetSample {
		m.Samples = append(m.Samples, "only on the target: "+x.String())
	}
	for _, x := range report.MismatchedRowsSample {
		m.Samples = append(m.Samples, "different: source "+x.Source.String()+", target "+x.Target.String())
	}
	return m, nil
}

func (d rowDiff) String() string {
	var columns []string
	for _, name := range slices.Sorted(maps.Keys(d.Row)) {
		columns = append(columns, name+"="+d.Row[name])
	}
	return "(" + strings.Join(columns, ", ") + ")"
}
