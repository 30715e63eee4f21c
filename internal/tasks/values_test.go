package tasks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/tasks"
)

var spec = &tasks.Spec{Name: "t", Parameters: []tasks.Parameter{
	{Name: "text", Kind: tasks.String, Required: true},
	{Name: "choice", Kind: tasks.String, Default: "a", Allowed: []string{"a", "b"}},
	{Name: "flag", Kind: tasks.Bool, Default: "true"},
	{Name: "count", Kind: tasks.Int, Default: "7"},
	{Name: "wait", Kind: tasks.Duration, Default: "1m30s"},
	{Name: "list", Kind: tasks.List},
	{Name: "map", Kind: tasks.Map},
}}

func TestValuesAreReadInTheirKinds(t *testing.T) {
	v, err := spec.Read(map[string]string{"text": "x", "flag": "false", "count": "12", "wait": "2h", "list": `["a","b"]`, "map": `{"k":"v"}`})
	if err != nil {
		t.Fatal(err)
	}
	if v.String("text") != "x" || v.String("choice") != "a" || v.Bool("flag") || v.Int("count") != 12 || v.Duration("wait") != 2*time.Hour {
		t.Errorf("%q %q %t %d %s", v.String("text"), v.String("choice"), v.Bool("flag"), v.Int("count"), v.Duration("wait"))
	}
	if diff := cmp.Diff([]string{"a", "b"}, v.List("list")) + cmp.Diff(map[string]string{"k": "v"}, v.Map("map")); diff != "" {
		t.Error(diff)
	}
	if !v.Given("flag") || v.Given("choice") {
		t.Error("a default counts as given, or what is given does not")
	}
}

func TestDefaultsStandInForWhatIsAbsent(t *testing.T) {
	v, err := spec.Read(map[string]string{"text": ""})
	if err != nil {
		t.Fatal(err)
	}
	if v.String("choice") != "a" || !v.Bool("flag") || v.Int("count") != 7 || v.Duration("wait") != 90*time.Second || v.List("list") != nil || v.Map("map") != nil {
		t.Errorf("%q %t %d %s %v %v", v.String("choice"), v.Bool("flag"), v.Int("count"), v.Duration("wait"), v.List("list"), v.Map("map"))
	}
}

func TestReadNamesEverythingThatIsWrongAtOnceWithoutSecrets(t *testing.T) {
	_, err := spec.Read(map[string]string{"choice": "c", "flag": "yes", "count": "-1", "wait": "5", "list": "hunter2", "map": `["hunter2"]`, "other": "x"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"parameter text is missing", "parameter choice: expected one of a, b", "parameter flag: expected true or false", "parameter count: expected a whole number",
		"parameter wait: expected a duration", "parameter list: expected a list", "parameter map: expected a map", "parameter other is not one of t",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error has a secret: %v", err)
	}
}
