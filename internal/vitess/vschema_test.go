package vitess

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const vschemaText = `{"vindexes":{"xxhash":{"type":"xxhash","params":{},"owner":""},"h":{"type":"lookup","params":{"b":"2","a":"<1>"},"owner":"t"}},
 "sharded":true, "tables":{
 "t":{"columnVindexes":[{"column":"id","name":"xxhash"},{"columns":["a","b"],"name":"h"}],"auto_increment":{"column":"id","sequence":"seq"},"columns":[],"pinned":""},
 "seq":{"type":"sequence"}, "zip":{"type":"reference","source":"commerce.zip"}}, "require_explicit_routing":false}`

func TestEqualVSchemasAreEqualTexts(t *testing.T) {
	want := `{
  "sharded": true,
  "tables": {
    "seq": {
      "type": "sequence"
    },
    "t": {
      "auto_increment": {
        "column": "id",
        "sequence": "seq"
      },
      "column_vindexes": [
        {
          "column": "id",
          "name": "xxhash"
        },
        {
          "columns": [
            "a",
            "b"
          ],
          "name": "h"
        }
      ]
    },
    "zip": {
      "source": "commerce.zip",
      "type": "reference"
    }
  },
  "vindexes": {
    "h": {
      "owner": "t",
      "params": {
        "a": "<1>",
        "b": "2"
      },
      "type": "lookup"
    },
    "xxhash": {
      "type": "xxhash"
    }
  }
}`
	for range 20 { // protobuf's own JSON changes its spaces from run to run
		got, err := CanonicalVSchema(vschemaText)
		if err != nil {
			t.Fatal(err)
		}
		again, err := CanonicalVSchema(got)
		if err != nil || again != got {
			t.Fatalf("canonical again: %v\n%s", err, again)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("canonical (-want +got):\n%s", diff)
		}
	}
	if got, err := CanonicalVSchema(" \n"); got != "" || err != nil {
		t.Errorf("canonical of nothing = %q, %v", got, err)
	}
}

func TestVSchemaWithUnknownFieldIsRefused(t *testing.T) {
	for _, text := range []string{`{"sharded":true,"tabels":{}}`, `{"tables":{"t":{"columnvindexes":[]}}}`, `{`, `[]`} {
		_, err := CanonicalVSchema(text)
		if err == nil {
			t.Errorf("%s was accepted", text)
			continue
		}
		if strings.Contains(err.Error(), "\u00a0") || !strings.HasPrefix(err.Error(), "vschema: ") {
			t.Errorf("%s: error %q", text, err)
		}
	}
}

func TestParseVSchema(t *testing.T) {
	got, err := ParseVSchema(vschemaText)
	if err != nil {
		t.Fatal(err)
	}
	want := &VSchema{
		Sharded: true,
		Vindexes: map[string]Vindex{
			"xxhash": {Type: "xxhash"}, "h": {Type: "lookup", Params: map[string]string{"a": "<1>", "b": "2"}, Owner: "t"},
		},
		Tables: map[string]VSchemaTable{
			"t": {Vindexes: []ColumnVindex{{Columns: []string{"id"}, Vindex: "xxhash"}, {Columns: []string{"a", "b"}, Vindex: "h"}},
				AutoIncrement: &AutoIncrement{Column: "id", Sequence: "seq"}},
			"seq": {Type: "sequence"}, "zip": {Type: "reference", Source: "commerce.zip"},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("parsed (-want +got):\n%s", diff)
	}
	if p, ok := got.Tables["t"].Primary(); !ok || p.Vindex != "xxhash" {
		t.Errorf("primary vindex = %v, %v", p, ok)
	}
	if _, ok := got.Tables["seq"].Primary(); ok {
		t.Error("a sequence has a primary vindex")
	}
	if empty, err := ParseVSchema(""); err != nil || empty.Sharded {
		t.Errorf("parsed nothing as %v, %v", empty, err)
	}
}
