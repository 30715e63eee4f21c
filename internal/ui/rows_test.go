package ui

import (
	"strings"
	"testing"

	"shardform/internal/event"
)

// MySQL's statistics of tables that were just filled are 0: that is not a number of rows.
func TestRowsThatAreNotKnown(t *testing.T) {
	var b strings.Builder
	Rows(&b, Style{}, []TableRows{
		{Keyspace: "ks", Shard: "-80", Table: "t", Rows: 5012, Serving: true},
		{Keyspace: "ks", Shard: "80-", Table: "t", Rows: 5000, Estimate: true, Serving: true},
		{Keyspace: "ks", Shard: "80-", Table: "u", Estimate: true, Serving: true},
		{Keyspace: "ks", Shard: "80-", Table: "v", Serving: true},
	})
	var counts []string
	for line := range strings.Lines(b.String()) {
		counts = append(counts, strings.Fields(line)[3])
	}
	if got := strings.Join(counts, " "); got != "ROWS 5,012 ~5,000 ? 0" {
		t.Errorf("%s\n%s", got, b.String())
	}
}

func TestAnEstimateThatIsPassedIsNotShown(t *testing.T) {
	if got := ProgressText(&event.Progress{Done: 40382, Total: 39874, Lag: -1}); got != "40,382 rows" {
		t.Errorf("%q", got)
	}
	if got := ProgressText(&event.Progress{Done: 40382, Total: 80764, Lag: -1}); got != "40,382 / ~80,764 rows (50%)" {
		t.Errorf("%q", got)
	}
}

// The streams tell how many rows they have copied late, or never: once nothing is left to copy it is not shown.
func TestStatusShowsRowsOnlyWhileTheyAreCopied(t *testing.T) {
	lag := 1.5
	for state, want := range map[string]string{"Copying": "workflow sf_1: Copying, 0 / ~5,012 rows (0%), lag 1.5s", "Stopped": "workflow sf_1: Stopped, 0 / ~5,012 rows (0%), lag 1.5s", "Running": "workflow sf_1: Running, lag 1.5s"} {
		var b strings.Builder
		statusLive(&b, Style{}, &LiveView{Workflow: "sf_1", State: state, unfinished: state != "Running", RowsTotal: 5012, LagSeconds: &lag, Reads: "none", Writes: "sources"})
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("%s: %s, want %q", state, b.String(), want)
		}
	}
}
