package addr

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStringFormsRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		text      string
		level     Level
		block     string
		operation string
		container string
		last      string
	}{
		{"keyspace.customer", LevelBlock, "keyspace.customer", "keyspace.customer", "keyspace.customer", "customer"},
		{"keyspace.customer/-:-80,80-", LevelOperation, "keyspace.customer", "keyspace.customer/-:-80,80-", "keyspace.customer/-:-80,80-", "-:-80,80-"},
		{"keyspace.customer/-:-80,80-/switch_primary", LevelContainer, "keyspace.customer", "keyspace.customer/-:-80,80-", "keyspace.customer/-:-80,80-/switch_primary", "switch_primary"},
		{"keyspace.customer/-:-80,80-/finish/delete_shard:-", LevelTask, "keyspace.customer", "keyspace.customer/-:-80,80-", "keyspace.customer/-:-80,80-/finish", "delete_shard:-"},
		{"operation.nightly", LevelOperation, "operation.nightly", "operation.nightly", "operation.nightly", "nightly"},
		{"operation.nightly/schema", LevelContainer, "operation.nightly", "operation.nightly", "operation.nightly/schema", "schema"},
		{"operation.split/run/run", LevelTask, "operation.split", "operation.split", "operation.split/run", "run"},
	} {
		a, err := Parse(tc.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", tc.text, err)
			continue
		}
		if a.String() != tc.text || a.Level() != tc.level || a.Block().String() != tc.block || a.Operation().String() != tc.operation ||
			a.Container().String() != tc.container || a.Last() != tc.last {
			t.Errorf("Parse(%q) = %v level %d, block %v, operation %v, container %v, last %q", tc.text, a, a.Level(), a.Block(), a.Operation(), a.Container(), a.Last())
		}
	}
}

func TestParseNamesThePartThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "keyspace.NAME, move_tables.NAME or operation.NAME",
		"customer":                   "keyspace.NAME, move_tables.NAME or operation.NAME",
		"cluster.main":               "keyspace.NAME, move_tables.NAME or operation.NAME",
		"keyspace.":                  `"" is not a block name`,
		"keyspace.80":                `"80" is not a block name`,
		"keyspace.a/":                "is empty",
		"keyspace.a/-:-80//x":        "is empty",
		"keyspace.a/b c":             "character outside",
		"operation.a/b/c/d":          "3 parts after operation.a, expected at most 2",
		"keyspace.a/-:-80/c/task/xy": "4 parts after keyspace.a, expected at most 3",
	} {
		if a, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, %v; want an error with %q", text, a, err, want)
		}
	}
}

func TestContainsFollowsTheLevels(t *testing.T) {
	task := Keyspace("customer").WithOperation("-:-80,80-").WithContainer("finish").WithTask("complete")
	for _, within := range []Address{task, task.Container(), task.Operation(), task.Block()} {
		if !within.Contains(task) {
			t.Errorf("%v does not contain %v", within, task)
		}
	}
	for _, outside := range []Address{Keyspace("other"), Operation("customer"), task.Operation().WithContainer("copy"), task.Container().WithTask("x")} {
		if outside.Contains(task) {
			t.Errorf("%v contains %v", outside, task)
		}
	}
	if task.Container().Contains(task.Operation()) {
		t.Error("a container contains its operation")
	}
}

func TestJSONUsesTheStringForm(t *testing.T) {
	type holder struct {
		A Address `json:"a"`
	}
	text, err := json.Marshal(holder{Operation("x").WithContainer("y")})
	if err != nil || string(text) != `{"a":"operation.x/y"}` {
		t.Fatalf("%s, %v", text, err)
	}
	var back holder
	if err := json.Unmarshal([]byte(`{"a":"nonsense"}`), &back); err == nil {
		t.Error("nonsense was read as an address")
	}
	if err := json.Unmarshal([]byte(`{"a":""}`), &back); err != nil || !back.A.IsZero() {
		t.Errorf("empty text: %v, %v", back.A, err)
	}
}

func TestCompareGoesByTheStringForm(t *testing.T) {
	a, b := Keyspace("a"), Keyspace("a").WithOperation("vschema")
	if Compare(a, b) >= 0 || Compare(b, a) <= 0 || Compare(a, a) != 0 || Compare(b, Operation("a")) >= 0 {
		t.Error("addresses are not ordered by their string forms")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"keyspace.customer/-:-80,80-/finish/complete", "operation.nightly/schema/low", "keyspace.a/", "operation.", "keyspace.\x00/é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			return
		}
		if a.String() != text || a.IsZero() || a.Level() == 0 {
			t.Fatalf("Parse(%q) = %q", text, a)
		}
	})
}
