package reshard

import (
	"slices"
	"strings"
	"testing"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// withVSchema wants another vschema than the cluster has; edit changes the wanted one's text.
func withVSchema(wanted string) func(*Request) {
	return func(r *Request) {
		r.VSchema, r.VSchemaBefore = canonical(wanted), canonical(testVSchema)
		r.Sharded = strings.Contains(wanted, `"sharded":true`)
	}
}

var moreVSchema = strings.Replace(testVSchema, `"tables":{`, `"tables":{"later":{"column_vindexes":[{"column":"id","name":"xxhash"}]},`, 1)

func TestTheVSchemaIsWrittenOnceAndTheWholeReshardRunsWithIt(t *testing.T) {
	for segment, wanted := range map[string]string{"-:-80,80-": moreVSchema, "-80,80-:-": `{"tables":{"customer":{},"corder":{}}}`} {
		r := newRig(t, segment, withVSchema(wanted))
		r.finishes()
		if r.count("ApplyVSchema") != 1 || r.vschema != canonical(wanted) {
			t.Errorf("%s: calls %q, vschema %s", segment, r.calls, r.vschema)
		}
		written, created := slices.Index(r.calls, "ApplyVSchema"), slices.Index(r.calls, "ReshardCreate "+r.request.Workflow)
		if first := segment == "-:-80,80-"; first != (written < created) {
			t.Errorf("%s: calls %q", segment, r.calls)
		}
	}
}

func TestAVSchemaThatSomeoneChangedSinceThePlanIsAConflict(t *testing.T) {
	r := newRig(t, "-:-80,80-", withVSchema(moreVSchema))
	r.vschema = canonical(`{"sharded":true}`)
	r.expect("vschema", tasks.Conflict)
	r.fails("vschema", diag.ExitRefused, false, "was changed by someone since the plan", "vtctldclient GetVSchema customer")
	if len(r.calls) > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestAVSchemaWhoseAnswerWasLostIsNotWrittenAgain(t *testing.T) {
	r := newRig(t, "-:-80,80-", withVSchema(moreVSchema))
	r.faults = []fault{{method: "ApplyVSchema", at: "after"}}
	if _, err := r.run("vschema"); err != nil {
		t.Error(err)
	}
	r.faults = []fault{{method: "ApplyVSchema", at: "before", nth: -1}}
	r.vschema = canonical(testVSchema)
	r.fails("vschema", diag.ExitFailed, true, "writing the vschema of customer failed")
}

func TestAVSchemaThatWouldLoseRowsOrQueriesIsRefused(t *testing.T) {
	otherColumn := strings.Replace(testVSchema, `"customer":{"column_vindexes":[{"column":"customer_id"`, `"customer":{"column_vindexes":[{"column":"text"`, 1)
	otherVindex := strings.Replace(testVSchema, `"type":"xxhash"`, `"type":"hash"`, 1)
	for name, c := range map[string]struct {
		segment, wanted string
		empty           bool
		filled          map[string]bool
		want            string // "": is written
	}{
		"another column, several shards":                   {"-80,80-:-40,40-c0,c0-", otherColumn, false, nil, "table customer: xxhash(customer_id) becomes xxhash(text)"},
		"another vindex, several shards":                   {"-80,80-:-40,40-c0,c0-", otherVindex, false, nil, "table corder: xxhash(customer_id) becomes hash(customer_id)"},
		"another column, no rows":                          {"-80,80-:-40,40-c0,c0-", otherColumn, true, nil, ""},
		"another column, rows that statistics do not know": {"-80,80-:-40,40-c0,c0-", otherColumn, true, map[string]bool{"80-/customer": true}, "table customer: xxhash(customer_id) becomes xxhash(text)"},
		"another column, statistics of rows that are gone": {"-80,80-:-40,40-c0,c0-", otherColumn, false,
			map[string]bool{"-80/customer": false, "80-/customer": false}, ""},
		"another column, one shard":      {"-:-80,80-", otherColumn, false, nil, ""},
		"one more table, several shards": {"-80,80-:-40,40-c0,c0-", moreVSchema, false, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.segment, withVSchema(c.wanted))
			r.filled = c.filled
			if c.empty {
				for shard := range r.tables {
					r.tables[shard] = testTables(0)
				}
			}
			if c.want == "" {
				if _, err := r.run("vschema"); err != nil || r.vschema != canonical(c.wanted) {
					t.Errorf("error %v", err)
				}
				return
			}
			r.fails("vschema", diag.ExitRefused, false, c.want)
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

func TestAnUnshardedVSchemaIsNotWrittenWhileSeveralShardsServe(t *testing.T) {
	r := newRig(t, "-80,80-:-", withVSchema(`{"tables":{"customer":{},"corder":{}}}`))
	r.fails("vschema", diag.ExitRefused, false, "an unsharded vschema would break every query of customer", "it serves from -80,80-")
	if len(r.calls) > 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestVindexChangesComparePlacementNotSpelling(t *testing.T) {
	present, err := vitess.ParseVSchema(testVSchema)
	if err != nil {
		t.Fatal(err)
	}
	renamed, err := vitess.ParseVSchema(strings.NewReplacer(`"xxhash":{`, `"x":{`, `"name":"xxhash"`, `"name":"x"`, "customer_id", "CUSTOMER_ID").Replace(testVSchema))
	if err != nil {
		t.Fatal(err)
	}
	if changes := PrimaryVindexChanges(present, renamed); len(changes) > 0 {
		t.Errorf("changes %v", changes)
	}
	if changes := PrimaryVindexChanges(present, &vitess.VSchema{}); len(changes) != 2 || changes[1].After != "none" {
		t.Errorf("changes %v", changes)
	}
}
