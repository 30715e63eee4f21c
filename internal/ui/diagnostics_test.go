package ui

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"shardform/internal/diag"
)

var gap = &diag.Diagnostic{Severity: diag.Error, Summary: "the layout has a gap", Detail: "nothing covers 80-c0", Hint: "add \"80-c0\"",
	Place: &diag.Place{File: "a.hcl", Line: 12, Column: 12, EndLine: 12, EndCol: 16, Snippet: "\tshards = [\"-80\", \"c0-\"]"}}

func TestDiagnosticsShowPlaceSourceDetailAndHint(t *testing.T) {
	var out bytes.Buffer
	Diagnostics(&out, Style{}, diag.List{gap, {Severity: diag.Warning, Summary: "odd", Address: "keyspace.a"}})
	want := `╷
│ Error: the layout has a gap
│
│   on a.hcl:12:12:
│    12: 	shards = ["-80", "c0-"]
│        	          ^^^^
│
│ nothing covers 80-c0
│
│ add "80-c0"
╵
╷
│ Warning: odd
│
│   at keyspace.a
╵
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestStreamDiagnosticsCarryTheRange(t *testing.T) {
	var out bytes.Buffer
	s := NewJSONStream(&out, func() time.Time { return time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC) }, "9.9.9")
	s.Diagnostics(diag.List{gap})
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), out.String())
	}
	var got struct {
		Level      string `json:"@level"`
		Timestamp  string `json:"@timestamp"`
		Type       string
		Range      diag.Place
		Diagnostic struct{ Summary, Hint string }
	}
	if err := json.Unmarshal(lines[1], &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "diagnostic" || got.Level != "error" || got.Timestamp != "2026-11-23T01:02:03.000000Z" || got.Range.Line != 12 || got.Diagnostic.Hint != gap.Hint {
		t.Errorf("got %+v", got)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{400 * time.Millisecond: "0.4s", 200 * time.Second: "3m20s", 26*time.Hour + 4*time.Minute: "26h4m"} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%s) = %s, want %s", d, got, want)
		}
	}
}
