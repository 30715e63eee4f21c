package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormat(t *testing.T) {
	tests := map[string]struct{ name, src, want string }{
		"aligns and indents": {"x.hcl", "keyspace \"k\" {\nshards=[\"-\"]\n  name   =   \"x\"\nreshard {\nsoak=\"1h\"\n}\n}\n",
			"keyspace \"k\" {\n  shards = [\"-\"]\n  name   = \"x\"\n  reshard {\n    soak = \"1h\"\n  }\n}\n"},
		"keeps comments":          {"x.hcl", "# one\nlocals {\na=1 // two\nbb=2 /* three */\n}\n", "# one\nlocals {\n  a  = 1 // two\n  bb = 2 /* three */\n}\n"},
		"keeps texts":             {"x.hcl", "locals {\n  a = <<EOT\n   as   is\nEOT\n}\n", "locals {\n  a = <<EOT\n   as   is\nEOT\n}\n"},
		"leaves JSON alone":       {"x.hcl.json", "{ \"locals\":  {} }", "{ \"locals\":  {} }"},
		"does not judge contents": {"x.hcl", "anything \"goes\" {\n}\n", "anything \"goes\" {\n}\n"},
		"takes an empty file":     {"x.hcl", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, diags := Format([]byte(test.src), test.name)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Fatal(diff)
			}
			again, _ := Format(got, test.name)
			if diff := cmp.Diff(string(got), string(again)); diff != "" {
				t.Errorf("formatting again changes it:\n%s", diff)
			}
		})
	}
}

func TestFormatReportsEverySyntaxErrorAndChangesNothing(t *testing.T) {
	src := "locals {\n  a=1\n  b=[1 2]\n}\nkeyspace \"k\" {\nshards=\n}\n"
	got, diags := Format([]byte(src), "dir/x.hcl")
	if diff := cmp.Diff(src, string(got)); diff != "" {
		t.Error(diff)
	}
	var places []string
	for _, d := range diags {
		places = append(places, d.Place.String())
	}
	if diff := cmp.Diff([]string{"dir/x.hcl:3:8", "dir/x.hcl:6:8"}, places); diff != "" {
		t.Error(diff)
	}
}

func TestFormatFindsErrorsInsideLargeBlocks(t *testing.T) {
	t.Parallel()
	src := strings.Replace(echoTasks(3_000), "text = \"this is the text of task 2500\"", "text = [1 2]", 1)
	_, diags := Format([]byte(src), "x.hcl")
	if len(diags) != 1 || diags[0].Place.Line != 2+2500*5+3 {
		t.Errorf("expected one complaint about line %d, found %v", 2+2500*5+3, diags)
	}
	src = echoTasks(3_000)
	if got, diags := Format([]byte(src), "x.hcl"); len(diags) > 0 || string(got) != src {
		t.Errorf("expected no change, found %v", diags)
	}
}
