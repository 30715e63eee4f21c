package config

import (
	"fmt"
	"strings"
	"testing"
)

// Of a large file the first part is checked, and that it ends within a row is no mistake.
func TestLoadChecksTheFirstPartOfLargeFiles(t *testing.T) {
	dir := t.TempDir()
	plan := writeFile(t, dir, "x.hcl", `cluster "s" {
  sandbox {
    keyspace "k" {
      shards = ["0"]
      schema = "create table t (id int primary key, v text)"
      load "t" { csv = "t.csv" }
    }
  }
}
`)
	const width = 20 // bytes of a row
	var rows strings.Builder
	rows.WriteString("id,v\n")
	for i := range 2000 {
		fmt.Fprintf(&rows, "%06d,\"%s\"\n", i, strings.Repeat("x", width-10))
	}
	defer func(most int64) { maxRowBytes = most }(maxRowBytes)
	for _, test := range []struct {
		most int64
		line int // of a row that is wrong
		want bool
	}{
		{most: 64 << 20, line: 1990, want: true},
		{most: 20_000, line: 1990, want: false},
		{most: 20_003, line: 1990, want: false}, // between quotes
		{most: 20_000, line: 500, want: true},
	} {
		lines := strings.Split(rows.String(), "\n")
		lines[test.line-1] = "x,y"
		writeFile(t, dir, "t.csv", strings.Join(lines, "\n"))
		maxRowBytes = test.most
		_, diags := Load(plan, Options{})
		if want := fmt.Sprintf("t.csv:%d:1", test.line); test.want != strings.Contains(diags.Error(), want) || len(diags) > 1 {
			t.Errorf("%d bytes, line %d: %v", test.most, test.line, diags)
		}
	}
}
