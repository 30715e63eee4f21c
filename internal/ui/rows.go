package ui

import (
	"fmt"
	"io"
	"strings"
)

// TableRows is how many rows a table has on a shard.
type TableRows struct {
	Keyspace, Shard, Table string
	Rows                   int64
	Estimate               bool // Rows is MySQL's statistics, of which 0 says nothing
	Serving                bool // the shard serves writes
}

// Rows prints where the rows are: one line a table and shard.
func Rows(w io.Writer, style Style, rows []TableRows) {
	if len(rows) == 0 {
		return
	}
	head := [5]string{"KEYSPACE", "SHARD", "TABLE", "ROWS", "SERVING"}
	cells := make([][5]string, 0, len(rows)+1)
	cells = append(cells, head)
	for _, r := range rows {
		count := Count(r.Rows)
		switch {
		case r.Estimate && r.Rows == 0:
			count = "?"
		case r.Estimate:
			count = "~" + count
		}
		serving := "no"
		if r.Serving {
			serving = "yes"
		}
		cells = append(cells, [5]string{r.Keyspace, r.Shard, r.Table, count, serving})
	}
	var width [5]int
	for _, row := range cells {
		for i, c := range row {
			width[i] = max(width[i], len(c))
		}
	}
	for n, row := range cells {
		line := fmt.Sprintf("  %-*s  %-*s  %-*s  %*s  %s", width[0], row[0], width[1], row[1], width[2], row[2], width[3], row[3], row[4])
		line = strings.TrimRight(line, " ")
		switch {
		case n == 0:
			line = style.Bold(line)
		case !rows[n-1].Serving:
			line = style.Faint(line)
		}
		_, _ = fmt.Fprintln(w, line)
	}
}
