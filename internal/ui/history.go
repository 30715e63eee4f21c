package ui

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"shardform/internal/state"
)

// Runs prints one line a run, oldest first.
func Runs(w io.Writer, runs []state.Run) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer func() { _ = table.Flush() }()
	if len(runs) > 0 {
		_, _ = fmt.Fprintln(table, "RUN\tSTARTED\tTOOK\tEXIT\tWHO\tWHAT\tPLAN")
	}
	for _, r := range runs {
		took, exit := "", "(has not ended)"
		if !r.Ended.IsZero() {
			took, exit = Duration(r.Ended.Sub(r.Started)), fmt.Sprint(r.Exit)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s@%s\t%s\t%.12s\n", r.ID, r.Started.UTC().Format(time.RFC3339), took, exit, oneLine(r.Who.User), oneLine(r.Who.Host), oneLine(r.Who.Operation), r.PlanDigest)
	}
}

// Ledger prints one line an entry, oldest first.
func Ledger(w io.Writer, entries []state.LedgerEntry) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer func() { _ = table.Flush() }()
	for _, e := range entries {
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", e.Sequence, e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), e.Event, e.Address, oneLine(e.Detail))
	}
}
