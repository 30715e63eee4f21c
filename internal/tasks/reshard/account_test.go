package reshard

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// idsIn are the lowest ids whose rows lie on the shard.
func idsIn(t *testing.T, shard string, n int) []int64 {
	t.Helper()
	vindex := mustVindex(t)
	var ids []int64
	for id := int64(1); len(ids) < n; id++ {
		kid, err := vindex.Map(id)
		if err != nil {
			t.Fatal(err)
		}
		if mustLayout([]string{shard})[0].Range.Contains(kid) {
			ids = append(ids, id)
		}
	}
	return ids
}

// misplacedRig splits -80 with 5 rows of its own and 3 of 80- on it, of which its targets have the 5.
func misplacedRig(t *testing.T, edits ...func(*Request)) (*rig, []int64) {
	t.Helper()
	r := newRig(t, "-80:-40,40-80", edits...)
	wrong := idsIn(t, "80-", 3)
	r.fill("-80", "customer", append(append(idsIn(t, "-40", 2), idsIn(t, "40-80", 3)...), wrong...)...)
	r.fill("-40", "customer", idsIn(t, "-40", 2)...)
	r.fill("40-80", "customer", idsIn(t, "40-80", 3)...)
	r.upTo("verify")
	return r, wrong
}

func TestRowsOnTheWrongShardStopVerify(t *testing.T) {
	r, wrong := misplacedRig(t)
	r.fails("verify", diag.ExitRefused, false, "rows of customer/-80 would be lost, 3 of customer", "3 rows of table customer on customer/-80 lie outside of -40,40-80",
		"customer_id="+text(wrong[0]), "customer_id="+text(wrong[2]), "ExecuteFetchAsDBA", "accept_missing = { customer = 3 }", "nothing was deleted")
	if r.count("VDiffCreate") != 1 {
		t.Errorf("calls %q", r.calls)
	}
	r.expect("verify", tasks.Absent) // the VDiff counts and the rows do not

	r.rows["-80/customer"] = slices.DeleteFunc(r.rows["-80/customer"], func(id int64) bool { return slices.Contains(wrong, id) })
	r.does("verify")
	r.finishes()
}

func TestSamplesAreLimited(t *testing.T) {
	r, wrong := misplacedRig(t, func(r *Request) { r.Settings.VerifySamples = 1 })
	r.fails("verify", diag.ExitRefused, false, "customer_id="+text(wrong[0]), "and 2 more")
}

func TestExactlyTheAcceptedRowsMayBeMissing(t *testing.T) {
	for accepted, passes := range map[string]bool{"2": false, "3": true, "4": false} {
		t.Run(accepted, func(t *testing.T) {
			r, _ := misplacedRig(t, func(r *Request) { r.Settings.AcceptMissing = map[string]string{"customer": accepted} })
			if passes {
				r.does("verify")
				if outputs := r.finishes(); !strings.Contains(outputs["complete"], "accepted as missing: 3 rows of customer") {
					t.Errorf("complete says %q", outputs["complete"])
				}
				return
			}
			r.fails("verify", diag.ExitRefused, false, "accept_missing gives "+accepted+" for customer, found 3")
		})
	}
}

// Writes between two counts make up for the missing rows: the counts are equal and the rows are looked for all the same.
func TestWritesDoNotMakeUpForMissingRows(t *testing.T) {
	r, _ := misplacedRig(t)
	more := idsIn(t, "-40", 20)[10:]
	nothing := func() {}
	// corder is counted first: three rounds of one source and two targets.
	r.hooks = slices.Repeat([]func(){nothing}, 4)
	r.hooks = append(r.hooks, nothing, func() { r.fill("-80", "customer", more[:3]...); r.fill("-40", "customer", more[:3]...) })
	r.fails("verify", diag.ExitRefused, false, "3 of customer")
}

func TestNumbersThatDifferByWritesPass(t *testing.T) {
	r := newRig(t, "-80:-40,40-80")
	r.upTo("verify")
	ids := idsIn(t, "-80", 400)
	r.hooks = slices.Repeat([]func(){func() { // the targets never catch up
		r.fill("-80", "customer", ids[0])
		ids = ids[1:]
	}}, 100)
	r.does("verify")
	if output, _ := r.task(t.Context(), "switch_rdonly"); output == "" {
		t.Error("it did not go on")
	}
}

// The finish counts again: what was put on the wrong shard since verify is found before it is deleted.
func TestFinishCountsAgain(t *testing.T) {
	r := newRig(t, "-80:-40,40-80")
	r.upTo("complete")
	r.fill("-80", "corder", idsIn(t, "80-", 1)...)
	r.fails("complete", diag.ExitRefused, false, "1 row of table corder on customer/-80")
	if r.count("CompleteWorkflow") != 0 || r.shard("-80") == nil {
		t.Errorf("calls %q", r.calls)
	}
	delete(r.rows, "-80/corder")
	const counted = "every row of -80 is on -40,40-80: counted 0 rows of 2 tables on both sides"
	task, parameters := r.make("complete")
	_, output, err := task.Run(t.Context(), parameters)
	if err != nil || !strings.Contains(output, counted) {
		t.Errorf("complete says %q, %v", output, err)
	}
	o, err := task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{Announced: true})
	if err != nil || !strings.Contains(o.Output, counted) || !strings.Contains(o.Detail, counted) {
		t.Errorf("complete is observed %+v, %v", o, err)
	}
	r.finishes()
}

// withoutStreams are ways to arrive at the finish without reverse streams that run.
func withoutStreams() map[string]func(*rig) {
	reverse := func(r *rig) *fakeWorkflow { return r.workflow(r.request.Workflow + "_reverse") }
	return map[string]func(*rig){
		"never started":    func(r *rig) { reverse(r).stopped = true },
		"stopped":          func(r *rig) { reverse(r).stopped, reverse(r).stoppedMessage = true, "by hand" },
		"in error":         func(r *rig) { reverse(r).errorMessage = "connection refused" },
		"one missing":      func(r *rig) { reverse(r).streams = reverse(r).streams[:1] },
		"gone":             func(r *rig) { r.removeWorkflow(r.request.Workflow + "_reverse") },
		"the only streams": both(func(r *rig) { reverse(r).errorMessage = "x" }, func(r *rig) { r.removeWorkflow(r.request.Workflow) }),
	}
}

// Without reverse streams that run the sides differ by what was written, and as many rows may be new on the targets as are on
// the wrong shard of the sources: every row is placed.
func TestWithoutReverseStreamsFinishPlacesRows(t *testing.T) {
	for name, edit := range withoutStreams() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-80:-40,40-80")
			r.upTo("complete")
			edit(r)
			r.fill("-40", "customer", idsIn(t, "-40", 2)...)
			r.fill("-80", "customer", idsIn(t, "80-", 2)...)
			r.fails("complete", diag.ExitRefused, false, "rows of customer/-80 would be lost, 2 of customer")
			if r.count("CompleteWorkflow") != 0 || r.count("RemoveStreams") != 0 {
				t.Errorf("calls %q", r.calls)
			}
			r.rows = nil
			r.fill("-40", "customer", idsIn(t, "-40", 2)...)
			output, err := r.task(t.Context(), "complete")
			if err != nil || !strings.Contains(output, "no row of -80 lies outside of -40,40-80 by its keyspace id: 2 of 2 tables") || len(r.warnings) > 0 {
				t.Errorf("complete says %q, %v, warnings %q", output, err, r.warnings)
			}
		})
	}
}

// The settings that take away every earlier check leave the last one.
func TestFinishPlacesRowsThatNothingLookedAtBefore(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*Request)
		byHand bool
	}{
		"no verify, no reverse streams": {edit: func(r *Request) { r.Settings.VerifyEnabled, r.Settings.ReverseReplication = false, false }},
		"verify passed over":            {edit: func(r *Request) { r.Settings.ReverseReplication = false }, byHand: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-80:-40,40-80", c.edit)
			if c.byHand {
				r.upTo("verify")
				traffic("", false, reads...)(r)
			}
			r.fill("-80", "customer", idsIn(t, "80-", 3)...)
			r.upTo("complete")
			r.fails("complete", diag.ExitRefused, false, "3 of customer")
			if r.count("CompleteWorkflow") != 0 || r.shard("-80") == nil {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

// Rows that cannot be placed are accounted for by nothing but streams that run: they are waited for where there are some.
func TestRowsThatCannotBePlacedNeedStreamsThatRun(t *testing.T) {
	unknown := canonical(strings.ReplaceAll(testVSchema, `"type":"xxhash"`, `"type":"reverse_bits"`))
	for name, edit := range withoutStreams() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-80:-40,40-80")
			r.upTo("complete")
			edit(r)
			r.vschema = unknown
			r.fill("-80", "customer", idsIn(t, "80-", 2)...)
			if name != "never started" && name != "gone" {
				r.fails("complete", diag.ExitFailed, true, "the rows of corder, customer on customer/-80 are not accounted for: streams do not run",
					r.request.Workflow+"_reverse --target-keyspace customer start", "count_rows = false")
				return
			}
			r.does("complete")
			if !slices.ContainsFunc(r.warnings, func(w string) bool { return strings.Contains(w, "the rows of corder, customer are not accounted for") }) {
				t.Errorf("warnings %q", r.warnings)
			}
		})
	}
	t.Run("verify", func(t *testing.T) {
		r, _ := misplacedRig(t)
		r.vschema = unknown
		compared(false)(r)
		if err := r.StopWorkflow(t.Context(), "", r.request.Workflow, "for vdiff"); err != nil {
			t.Fatal(err)
		}
		r.fails("verify", diag.ExitFailed, true, "the rows of corder, customer on customer/-80 are not accounted for: streams do not run", r.request.Workflow+" --target-keyspace customer start")
		if err := r.StartWorkflow(t.Context(), "", r.request.Workflow); err != nil {
			t.Fatal(err)
		}
		r.fails("verify", diag.ExitRefused, false, "3 times the same")
	})
	t.Run("a source that has the whole key space", func(t *testing.T) {
		r := newRig(t, "-:-80,80-")
		r.upTo("complete")
		withoutStreams()["in error"](r)
		r.vschema = unknown
		r.does("complete")
	})
}

func TestNothingIsCountedWhereCountRowsIsOff(t *testing.T) {
	r, _ := misplacedRig(t, func(r *Request) { r.Settings.SkipCount = true })
	r.finishes()
	if len(r.counted) > 0 {
		t.Errorf("counted %q", r.counted)
	}
}

// Of a vindex that is not computed here only a difference that stays is told from writes.
func TestAConstantDifferenceIsRefused(t *testing.T) {
	r, _ := misplacedRig(t)
	r.vschema = canonical(strings.ReplaceAll(testVSchema, `"type":"xxhash"`, `"type":"reverse_bits"`))
	begun := r.clock.Time
	r.fails("verify", diag.ExitRefused, false, "table customer has 3 rows fewer on -40,40-80 than on -80, 3 times the same in 1m0s")
	if took := r.clock.Time.Sub(begun); took < time.Minute {
		t.Errorf("it counted for %s", took)
	}

	r.clock.BeforeSleep = func() { r.fill("-80", "customer", 1) } // a writer that the targets follow late
	r.does("verify")
}

func TestATableThatCannotBeReadPageByPage(t *testing.T) {
	r, _ := misplacedRig(t)
	r.unread = true
	r.fails("verify", diag.ExitRefused, false, "3 times the same")
	r.tooLong = true
	r.fails("verify", diag.ExitRefused, false, "rows of customer/-80 are not accounted for: those of corder, customer", "too many rows to be counted", "count_rows = false")
	_, err := r.run("verify")
	if text := hintOf(err); strings.Contains(text, "accept_missing") || strings.Contains(err.Error(), "lost") {
		t.Errorf("nobody knows that rows would be lost: %v, %s", err, text)
	}
}

// Where the other side has more rows nothing says that one is lost, or that none is.
func TestMoreRowsOnTheOtherSide(t *testing.T) {
	for n := int64(1); n <= 2; n++ { // the number -1 is none that stands for something else
		r, wrong := misplacedRig(t)
		r.unread = true
		r.rows["-80/customer"] = slices.DeleteFunc(r.rows["-80/customer"], func(id int64) bool { return slices.Contains(wrong, id) })
		r.fill("-40", "customer", wrong[:n]...)
		r.fails("verify", diag.ExitRefused, false, "rows of customer/-80 are not accounted for: those of customer",
			"table customer has "+plural(n, "row")+" more on -40,40-80 than on -80, 3 times the same", "count_rows = false")
	}
}

// Counts that differ by writes alone are no difference that stays, also where it is always none.
func TestWritesThatArriveOnBothSidesAtOnce(t *testing.T) {
	r, wrong := misplacedRig(t)
	r.unread = true
	r.rows["-80/customer"] = slices.DeleteFunc(r.rows["-80/customer"], func(id int64) bool { return slices.Contains(wrong, id) })
	ids := idsIn(t, "-40", 400)
	sources := func() {
		if last := r.counted[len(r.counted)-1]; strings.Contains(last, "0000000101 customer") || strings.Contains(last, "0000000100 customer") {
			r.fill("-80", "customer", ids[0])
			r.fill("-40", "customer", ids[0])
			ids = ids[1:]
		}
	}
	r.hooks = slices.Repeat([]func(){sources}, 100)
	if output, err := r.run("verify"); err != nil || strings.Contains(output, "missing") || !strings.Contains(output, "differ by writes in customer") {
		t.Errorf("verify says %q, %v", output, err)
	}
}

// A name of a table is not always one that a plan file takes as it is; and what was accepted before stays accepted.
func TestTheHintCanBePasted(t *testing.T) {
	r, _ := misplacedRig(t, func(r *Request) { r.Settings.AcceptMissing = map[string]string{"customer": "3"} })
	r.upTo("complete")
	const odd = "2nd table"
	for shard, tables := range r.tables {
		for i := range tables {
			if tables[i].Name == "corder" {
				r.tables[shard][i].Name = odd
			}
		}
	}
	r.vschema = canonical(strings.ReplaceAll(testVSchema, `"corder"`, `"`+odd+`"`))
	r.fill("-80", odd, idsIn(t, "80-", 1)...)
	r.fails("complete", diag.ExitRefused, false, "would be lost, 1 of "+odd, `accept_missing = { "2nd table" = 1, customer = 3 }`)
}

// A shard whose tables are not known is not one without tables.
func TestAShardWhoseTablesAreNotReadStopsTheCount(t *testing.T) {
	r, _ := misplacedRig(t)
	r.shard("40-80").PrimaryAlias = ""
	r.fails("verify", diag.ExitFailed, true, "the tables of customer/40-80 were not read")
}

func hintOf(err error) string {
	var text string
	for _, d := range diag.All(err) {
		text += d.Hint
	}
	return text
}

// A count that takes too long says nothing; the rows are looked for.
func TestACountThatTakesTooLong(t *testing.T) {
	r, _ := misplacedRig(t)
	r.tooLong = true
	r.fails("verify", diag.ExitRefused, false, "3 rows of table customer on customer/-80")
}

func TestTheTabletsThatAreCopiedFromAreAsked(t *testing.T) {
	r, _ := misplacedRig(t)
	r.rows = nil
	r.down = map[string]bool{"zone1-0000000101": true} // the first replica of -80
	r.does("verify")
	if slices.Contains(r.counted, "zone1-0000000101 customer") || !slices.Contains(r.counted, "zone2-0000000101 customer") {
		t.Errorf("asked %q", r.counted)
	}
}

// vtctld waits for a tablet whose record is left until the deadline. That is not a reason to give up while another tablet
// of the shard can be asked, however many are gone.
func TestTabletsThatAreGoneArePassedOverSoon(t *testing.T) {
	r, wrong := misplacedRig(t)
	r.down = map[string]bool{}
	for _, tablet := range r.tablets {
		r.down[tablet.Alias] = tablet.Type == "REPLICA"
	}
	begun := r.clock.Time
	r.fails("verify", diag.ExitRefused, false, "3 of customer", "customer_id="+text(wrong[0]), "ExecuteFetchAsDBA zone1-0000000100")
	if took := r.clock.Time.Sub(begun); took > 5*time.Minute {
		t.Errorf("it took %s", took)
	}
	if !slices.ContainsFunc(r.messages, func(m string) bool { return strings.Contains(m, "tablet zone1-0000000101 is passed over") }) {
		t.Errorf("messages %q", r.messages)
	}
	r.rows["-80/customer"] = slices.DeleteFunc(r.rows["-80/customer"], func(id int64) bool { return slices.Contains(wrong, id) })
	r.finishes()
}

// A tablet that answers, but cannot read a table, is no reason either.
func TestTabletsThatCannotReadATableArePassedOver(t *testing.T) {
	r, _ := misplacedRig(t)
	r.broken = map[string]bool{"zone1-0000000101": true, "zone2-0000000101": true}
	r.fails("verify", diag.ExitRefused, false, "3 rows of table customer on customer/-80")
	r.broken["zone1-0000000100"] = true
	r.fails("verify", diag.ExitFailed, true, "counting the rows of table corder of customer failed")
}

// What was found on a tablet that does not answer any more is not counted twice.
func TestAScanBeginsOnTheNextTablet(t *testing.T) {
	r, _ := misplacedRig(t)
	slices.Reverse(r.rows["-80/customer"])
	r.dying = map[string]bool{"zone1-0000000101": true}
	r.fails("verify", diag.ExitRefused, false, "would be lost, 3 of customer", "ExecuteFetchAsDBA zone2-0000000101")
}

// A replica whose replication is stopped has as many rows as the targets, of an earlier time: that says nothing.
func TestAReplicaThatLagsIsNotCounted(t *testing.T) {
	for name, stale := range map[string][]string{
		"one": {"zone1-0000000101"}, "all": {"zone1-0000000101", "zone2-0000000101"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := misplacedRig(t)
			r.stale = map[string][]int64{}
			for _, tablet := range stale {
				r.stale[tablet+" customer"] = append(idsIn(t, "-40", 2), idsIn(t, "40-80", 3)...)
			}
			r.fails("verify", diag.ExitRefused, false, "3 rows of table customer on customer/-80")
			if slices.ContainsFunc(r.counted, func(counted string) bool { return slices.Contains(stale, strings.Fields(counted)[0]) }) {
				t.Errorf("counted %q", r.counted)
			}
		})
	}
}

func TestTablesWithoutStreamsAreNamed(t *testing.T) {
	r := newRig(t, "-80:-40,40-80")
	r.upTo("verify")
	r.vschema = canonical(strings.Replace(testVSchema, `"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{"type":"reference"}`, 1))
	r.fill("-40", "corder", 1, 2, 3)
	output, err := r.task(t.Context(), "verify")
	if err != nil || !strings.Contains(output, "not counted: corder (a reference table)") {
		t.Errorf("verify says %q, %v", output, err)
	}
}

// A merge carries a row along that lies on another source than its own; one that belongs to neither is lost.
func TestRowsOnTheWrongSourceOfAMerge(t *testing.T) {
	r := newRig(t, "-40,40-80:-80")
	carried, lost := idsIn(t, "40-80", 1), idsIn(t, "80-", 1)
	r.fill("-40", "customer", append(carried, lost...)...)
	r.fill("-80", "customer", carried...)
	r.upTo("verify")
	r.fails("verify", diag.ExitRefused, false, "1 row of table customer on customer/-40 lie outside of -80", "customer_id="+text(lost[0]))
	r.fill("-80", "customer", 0, 0) // two rows that the source does not have yet: the counts still differ
	r.rows["-40/customer"] = carried
	r.does("verify")
}

// Targets that have served writes are counted against the sources before their rows are deleted.
func TestARollbackCountsWhatTheTargetsHave(t *testing.T) {
	for name, text := range map[string]string{"switched": "switched", "not switched": ""} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-80:-40,40-80")
			if text == "" {
				r.upTo("switch_rdonly")
			} else {
				r.upTo("complete")
			}
			way := WayBack(mustLook(t, r))
			r.back = &way.Back
			if _, err := r.apply("delete"); err != nil {
				t.Fatal(err)
			}
			r.fill("-40", "customer", idsIn(t, "80-", 1)...)
			if text == "" {
				r.does("delete")
				return
			}
			r.fails("delete", diag.ExitRefused, false, "1 row of table customer on customer/-40 lie outside of -80")
			if r.count("DeleteWorkflow") != 0 {
				t.Errorf("calls %q", r.calls)
			}
			if _, err := r.run("delete"); strings.Contains(hintOf(err), "accept_missing") {
				t.Errorf("accept_missing is of the sources' rows: %s", hintOf(err))
			}
			r.request.Settings.AcceptMissing = map[string]string{"customer": "1"} // of the sources
			r.fails("delete", diag.ExitRefused, false, "1 row of table customer on customer/-40 lie outside of -80")
			r.rows = nil
			r.does("delete")
		})
	}
}

// Counting may take hours: what somebody does meanwhile is seen before anything is deleted.
func TestARollbackLooksAgainAfterCounting(t *testing.T) {
	r := newRig(t, "-80:-40,40-80")
	r.upTo("complete")
	way := WayBack(mustLook(t, r))
	r.back = &way.Back
	r.upTo("delete")
	r.hooks = []func(){func() { traffic("", false, vitess.Rdonly)(r) }}
	r.fails("delete", diag.ExitRefused, false, "RDONLY reads are switched")
	if r.count("DeleteWorkflow") != 0 {
		t.Errorf("calls %q", r.calls)
	}
	traffic("", true, vitess.Rdonly)(r)
	r.hooks = []func(){func() { deletion("")(r) }} // by somebody else
	r.does("delete")
	if r.count("DeleteWorkflow") != 1 {
		t.Errorf("calls %q", r.calls)
	}
}

// While streams stand still, new rows on the sources make up in number for rows on the wrong shard of the targets.
func TestARollbackPlacesRowsWhereNoStreamsRun(t *testing.T) {
	r := newRig(t, "-80:-40,40-80")
	r.upTo("complete")
	way := WayBack(mustLook(t, r))
	r.back = &way.Back
	r.upTo("delete")
	r.workflow(r.request.Workflow).errorMessage = "duplicate key"
	r.fill("-40", "customer", idsIn(t, "80-", 1)...)
	r.fill("-80", "customer", idsIn(t, "-40", 1)...)
	r.fails("delete", diag.ExitRefused, false, "1 row of table customer on customer/-40 lie outside of -80")
	r.vschema = canonical(strings.ReplaceAll(testVSchema, `"type":"xxhash"`, `"type":"reverse_bits"`))
	r.fails("delete", diag.ExitFailed, true, "the rows of corder, customer on customer/-40,40-80 are not accounted for: streams do not run", r.request.Workflow+" --target-keyspace customer start")
	if r.count("DeleteWorkflow") != 0 {
		t.Errorf("calls %q", r.calls)
	}
}

func TestFinishLooksAgainAfterCounting(t *testing.T) {
	byReverse := func(r *rig) {
		for _, types := range [][]vitess.TabletType{reads, {vitess.Primary}} {
			if _, err := r.SwitchTraffic(r.t.Context(), vitess.SwitchTraffic{Keyspace: "customer", Workflow: r.request.Workflow + "_reverse", Types: types, MaxLag: resumeLag, ReverseReplication: true}); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		before, meanwhile func(*rig)
		want              string
	}{
		"reads":                         {func(*rig) {}, traffic("", true, vitess.Replica), "REPLICA reads have not moved"},
		"writes":                        {func(*rig) {}, (*rig).switchBackByHand, "writes are served by customer/-80"},
		"only reverse streams are left": {func(r *rig) { r.removeWorkflow(r.request.Workflow) }, byReverse, "writes are served by customer/-80"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "-80:-40,40-80")
			r.upTo("complete")
			c.before(r)
			r.hooks = []func(){func() { c.meanwhile(r) }}
			r.fails("complete", diag.ExitRefused, false, c.want)
			if r.count("CompleteWorkflow") != 0 || r.count("StopWorkflow") != 0 || r.count("RemoveStreams") != 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

// What an earlier version recorded has none of the new parameters, and is resumed only where the tasks are the same.
func TestDefaultsAddNoParameters(t *testing.T) {
	r := newRig(t, "-80:-40,40-80")
	for _, label := range []string{"verify", "complete"} {
		for _, name := range []string{"count_rows", "accept_missing"} {
			if value, has := r.planned(label).Parameters[name]; has {
				t.Errorf("%s has %s = %q", label, name, value)
			}
		}
	}
	r.back = &Back{Writes: true} // as an earlier version recorded it
	if p := r.planned("delete").Parameters; p["count_rows"] != "" {
		t.Errorf("delete has %v", p)
	}
}

func TestCountingStopsWhenAsked(t *testing.T) {
	r, _ := misplacedRig(t)
	close(r.stop)
	if _, err := r.run("verify"); err == nil || !strings.Contains(err.Error(), errStopped.Error()) {
		t.Errorf("error %v", err)
	}
}

func mustLook(t *testing.T, r *rig) *vitess.SegmentView {
	t.Helper()
	snapshot, err := r.Snapshot(t.Context(), "customer")
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.View(r.request.Segment)
}

func mustVindex(t *testing.T) keyrange.Vindex {
	t.Helper()
	vindex, err := keyrange.NewVindex("xxhash")
	if err != nil {
		t.Fatal(err)
	}
	return vindex
}

func text(n int64) string { return strconv.FormatInt(n, 10) }
