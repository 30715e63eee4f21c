package vitess

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What the real server showed in the situations A to H of the recorded answers, and what is to be told from it.
const (
	stateFresh         = "PRIMARY:0  REPLICA:0  RDONLY:0  | 80- primary_serving=false | 0 primary_serving=true | -80 primary_serving=false"
	stateReads         = "PRIMARY:0  REPLICA:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} RDONLY:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} | 0 primary_serving=true | -80 primary_serving=false | 80- primary_serving=false"
	stateReadsBack     = "PRIMARY:0  REPLICA:0 {ctl 0 disabled=false}{ctl -80 disabled=true}{ctl 80- disabled=true} RDONLY:0 {ctl 0 disabled=false}{ctl -80 disabled=true}{ctl 80- disabled=true} | 80- primary_serving=false | 0 primary_serving=true | -80 primary_serving=false"
	stateCancelled     = "PRIMARY:0 {ctl 0 disabled=false} REPLICA:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} RDONLY:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} | 0 primary_serving=true | -80 primary_serving=false | 80- primary_serving=false"
	stateMidFlight     = "PRIMARY:0 {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} REPLICA:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} RDONLY:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} | 80- primary_serving=false | 0 primary_serving=true | -80 primary_serving=false"
	stateHalfFlipped   = "PRIMARY:0 {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} REPLICA:-80 80-  RDONLY:-80 80-  | 0 primary_serving=false | -80 primary_serving=true | 80- primary_serving=false"
	stateSwitched      = "PRIMARY:-80 80-  REPLICA:-80 80-  RDONLY:-80 80-  | 0 primary_serving=false | -80 primary_serving=true | 80- primary_serving=true"
	stateSourcesGone   = "PRIMARY:-80 80-  REPLICA:-80 80-  RDONLY:-80 80-  | -80 primary_serving=true | 80- primary_serving=true"
	statePrimaryOnly   = "PRIMARY:-80 80-  REPLICA:0  RDONLY:0  | 0 primary_serving=false | -80 primary_serving=true | 80- primary_serving=true"
	stateStaleControls = "PRIMARY:-80 80-  REPLICA:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} RDONLY:-80 80- {ctl 0 disabled=true}{ctl -80 disabled=false}{ctl 80- disabled=false} | 80- primary_serving=true | -80 primary_serving=true"
	stateReversalDied  = "PRIMARY:-80 80- {ctl -80 disabled=true}{ctl 80- disabled=true} REPLICA:0  RDONLY:0  | 0 primary_serving=false | -80 primary_serving=true | 80- primary_serving=true"
	stateReversalHalf  = "PRIMARY:-80 80- {ctl 0 disabled=false}{ctl -80 disabled=true}{ctl 80- disabled=true} REPLICA:0  RDONLY:0  | 0 primary_serving=true | -80 primary_serving=true | 80- primary_serving=false"
	stateOneCellMoved  = "PRIMARY:-80 80-  REPLICA:-80 80-  RDONLY:-80 80- ; PRIMARY:0 {ctl 0 disabled=true} REPLICA:-80 80-  RDONLY:-80 80-  | 0 primary_serving=false | -80 primary_serving=true | 80- primary_serving=true"
	stateOneCellReads  = "PRIMARY:0 REPLICA:-80 80- {ctl 0 disabled=true} RDONLY:0 ; PRIMARY:0 REPLICA:0 RDONLY:0 | 0 primary_serving=true | -80 primary_serving=false | 80- primary_serving=false"
	stateReadsHalfway  = "PRIMARY:0 REPLICA:0 {ctl 0 disabled=true} RDONLY:0 | 0 primary_serving=true | -80 primary_serving=false | 80- primary_serving=false"
)

// observed is what the predicates say.
type observed struct {
	Created, Copied, StoppedByOther, Paused bool
	HeldByVDiff, SwitchUndone               bool
	Partial                                 PartialCreate
	Rdonly, Replica, Writes                 Switched
	WritesDone, WritesDoneNoReverse         bool
	MidFlight                               string // direction and shard
	Reversed, LostForward                   bool
	Stuck                                   bool
	Leftover, Conflicts, Open               int
}

func observe(v *SegmentView) observed {
	o := observed{
		Created: v.Created(), Copied: v.Copied(), StoppedByOther: v.StoppedByOther(), Paused: v.Paused(), HeldByVDiff: v.HeldByVDiff(), SwitchUndone: v.SwitchUndone(), Partial: v.Partial(),
		Rdonly: v.Reads(Rdonly), Replica: v.Reads(Replica), Writes: v.Writes(),
		WritesDone: v.WritesDone(true), WritesDoneNoReverse: v.WritesDone(false), Reversed: v.Reversed(), LostForward: v.ForwardGone(),
		Stuck:    v.StuckComplete(),
		Leftover: len(v.LeftoverControls()), Conflicts: len(v.Conflicts), Open: len(v.OpenSegments()),
	}
	if direction, _, shard, ok := v.MidFlight(); ok {
		o.MidFlight = direction.String() + " " + shard
	}
	return o
}

func TestSegmentTellsEverySituationApart(t *testing.T) {
	running := workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")
	frozen := workflow(t, "rs", "-80<-0 Stopped FROZEN", "80-<-0 Stopped FROZEN")
	cutover := workflow(t, "rs", "-80<-0 Stopped stopped for cutover", "80-<-0 Stopped stopped for cutover")
	fresh := untouched(ours(t, workflow(t, "", "-80<-0 Stopped", "80-<-0 Stopped"), "0", "-80,80-"))
	back := workflow(t, "rs_reverse", "0<--80 Running", "0<-80- Running")
	backStopped := untouched(workflow(t, "rs_reverse", "0<--80 Stopped", "0<-80- Stopped"))
	backFrozen := workflow(t, "rs_reverse", "0<--80 Stopped FROZEN", "0<-80- Stopped FROZEN")
	backCutover := workflow(t, "rs_reverse", "0<--80 Stopped stopped for cutover", "0<-80- Stopped stopped for cutover")
	recreated := untouched(workflow(t, "rs", "-80<-0 Stopped", "80-<-0 Stopped"))
	copying := workflow(t, "rs", "-80<-0 Copying", "80-<-0 Running")
	copying.Streams[0].CopyTables = []string{"t1"}
	halfStarted := ours(t, workflow(t, "", "-80<-0 Copying", "80-<-0 Stopped"), "0", "-80,80-")
	halfStarted.Streams[1].Position = ""

	switched := observed{Created: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched, Open: 1}
	done := switched
	done.WritesDone, done.WritesDoneNoReverse = true, true
	for _, c := range []struct {
		name      string
		state     string
		workflows []Workflow
		want      observed
	}{
		{"G0 nothing begun", stateFresh, nil, observed{}},
		{"G1 created and running", stateFresh, []Workflow{running}, observed{Created: true, Copied: true, Open: 1}},
		{"F copying", stateFresh, []Workflow{copying}, observed{Created: true, Open: 1}},
		{"running without a position has not copied", stateFresh, []Workflow{untouched(workflow(t, "rs", "-80<-0 Running", "80-<-0 Running"))}, observed{Created: true, Open: 1}},
		{"our creation that died before starting", stateFresh, []Workflow{fresh}, observed{Created: true, Partial: PartialStopped, Open: 1}},
		{"our creation that died while starting", stateFresh, []Workflow{halfStarted}, observed{Created: true, Partial: PartialStopped, Open: 1}},
		{"our creation that died before its last stream", stateFresh,
			[]Workflow{untouched(ours(t, workflow(t, "", "-80<-0 Stopped"), "0", "-80,80-"))},
			observed{Partial: PartialIncomplete, Open: 1}},
		{"someone else's creation that died", stateFresh, []Workflow{untouched(workflow(t, "rs", "-80<-0 Stopped"))},
			observed{StoppedByOther: true, Conflicts: 1, Open: 1}},
		{"someone else's stopped workflow", stateFresh, []Workflow{workflow(t, "rs", "-80<-0 Stopped", "80-<-0 Stopped")}, observed{Created: true, StoppedByOther: true, Open: 1}},
		{"ours, stopped by hand after copying", stateFresh, []Workflow{ours(t, workflow(t, "", "-80<-0 Stopped", "80-<-0 Stopped"), "0", "-80,80-")},
			observed{Created: true, StoppedByOther: true, Open: 1}},
		{"paused", stateFresh, []Workflow{workflow(t, "rs", "-80<-0 Stopped paused by shardform", "80-<-0 Stopped paused by shardform")}, observed{Created: true, Paused: true, Open: 1}},
		{"held by a VDiff", stateFresh, []Workflow{workflow(t, "rs", "-80<-0 Stopped for vdiff", "80-<-0 Stopped Stop position 1-73 already reached: 1-73")}, observed{Created: true, HeldByVDiff: true, Open: 1}},
		{"A2 reads switched", stateReads, []Workflow{running}, observed{Created: true, Copied: true, Rdonly: AllSwitched, Replica: AllSwitched, Open: 1}},
		{"B2 deleted with reads switched", stateReads, nil, observed{Rdonly: AllSwitched, Replica: AllSwitched, Leftover: 2}},
		{"B5 reads reversed", stateReadsBack, []Workflow{running}, observed{Created: true, Copied: true, Open: 1}},
		{"reads reversed and deleted", stateReadsBack, nil, observed{Leftover: 4}},
		{"reads switched in one cell", stateOneCellReads, []Workflow{running}, observed{Created: true, Copied: true, Replica: PartlySwitched, Open: 1}},
		{"reads disabled on the source and not moved", stateReadsHalfway, []Workflow{running}, observed{Created: true, Copied: true, Replica: PartlySwitched, Open: 1}},
		{"C0 switch undone by the server", stateCancelled, []Workflow{running}, observed{Created: true, Copied: true, Rdonly: AllSwitched, Replica: AllSwitched, Open: 1}},
		{"switch undone by the server in part", stateCancelled, []Workflow{workflow(t, "rs", "-80<-0 Running", "80-<-0 Stopped stopped for cutover")},
			observed{Created: true, SwitchUndone: true, Rdonly: AllSwitched, Replica: AllSwitched, Open: 1}},
		{"writes let go on by hand, maybe after the journal", stateCancelled, []Workflow{cutover, backStopped},
			observed{Created: true, StoppedByOther: true, Rdonly: AllSwitched, Replica: AllSwitched, Open: 1}},
		{"C2 died behind the journal", stateMidFlight, []Workflow{cutover, backStopped},
			observed{Created: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: PartlySwitched, MidFlight: "forward 0", Open: 1}},
		{"died before catching up", stateMidFlight, []Workflow{running},
			observed{Created: true, Copied: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: PartlySwitched, MidFlight: "forward 0", Open: 1}},
		{"C5 deleted in mid-flight", stateMidFlight, nil, observed{Rdonly: AllSwitched, Replica: AllSwitched, Writes: PartlySwitched, Leftover: 3}},
		{"flags half flipped", stateHalfFlipped, []Workflow{cutover, backStopped},
			observed{Created: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: PartlySwitched, MidFlight: "forward 0", Open: 1}},
		{"one cell behind", stateOneCellMoved, []Workflow{cutover, backStopped},
			observed{Created: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: PartlySwitched, MidFlight: "forward 0", Open: 1}},
		{"flipped but not frozen", stateSwitched, []Workflow{cutover, back},
			observed{Created: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched, MidFlight: "forward 0", Open: 1}},
		{"D2 switched", stateSwitched, []Workflow{frozen, back}, done},
		{"switched without reverse replication", stateSwitched, []Workflow{frozen, backStopped},
			observed{Created: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched, WritesDoneNoReverse: true, Open: 1}},
		{"reads taken back while writes are switched", statePrimaryOnly, []Workflow{frozen, back},
			observed{Created: true, Writes: AllSwitched, WritesDone: true, WritesDoneNoReverse: true, Open: 1}},
		{"reversal died before its flags", stateReversalDied, []Workflow{recreated, backCutover},
			observed{Created: true, Writes: PartlySwitched, MidFlight: "backward -80,80-", Open: 1}},
		{"reversal died between its flags", stateReversalHalf, []Workflow{recreated, backCutover},
			observed{Created: true, Writes: PartlySwitched, MidFlight: "backward -80,80-", Open: 1}},
		{"reversal died before freezing", stateFresh, []Workflow{running, backCutover},
			observed{Created: true, Copied: true, MidFlight: "backward -80,80-", Open: 1}},
		{"D7 reversed", stateFresh, []Workflow{running, backFrozen}, observed{Created: true, Copied: true, Reversed: true, Open: 1}},
		{"reversal failed and took the forward workflow with it", stateSwitched, []Workflow{back},
			observed{Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched, LostForward: true, Open: 1}},
		{"D11 stuck complete", stateSourcesGone, []Workflow{frozen},
			observed{Created: true, Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched, WritesDoneNoReverse: true, Stuck: true, Open: 1}},
		{"completed, sources kept", stateSwitched, nil, observed{Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched}},
		{"completed, sources gone", stateSourcesGone, nil,
			observed{Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched}},
		{"E2 writes before reads", statePrimaryOnly, []Workflow{frozen, back},
			observed{Created: true, Writes: AllSwitched, WritesDone: true, WritesDoneNoReverse: true, Open: 1}},
		{"E6 stale controls after completing", stateStaleControls, nil,
			observed{Rdonly: AllSwitched, Replica: AllSwitched, Writes: AllSwitched, Leftover: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := observe(state(t, c.state, c.workflows...).View(segment(t, "0", "-80,80-")))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMergesLookAtEveryShard(t *testing.T) {
	seg := segment(t, "-80,80-", "-")
	one := "PRIMARY:-80 80- {ctl -80 disabled=true} REPLICA:- RDONLY:- | -80 primary_serving=true | 80- primary_serving=true | - primary_serving=false"
	v := state(t, one, workflow(t, "m", "-<--80 Running", "-<-80- Running")).View(seg)
	if _, _, shard, ok := v.MidFlight(); !ok || shard != "-80,80-" || !v.Created() {
		t.Errorf("mid-flight = %v on %q, created = %v", ok, shard, v.Created())
	}
	half := untouched(ours(t, workflow(t, "", "-<--80 Stopped"), "-80,80-", "-"))
	v = state(t, "PRIMARY:-80 80- REPLICA:-80 80- RDONLY:-80 80- | -80 primary_serving=true | 80- primary_serving=true | - primary_serving=false", half).View(seg)
	if v.Partial() != PartialIncomplete || v.Workflow == nil {
		t.Errorf("partial = %v", v.Partial())
	}
}

func TestPredicatesLookAtTheSegmentAlone(t *testing.T) {
	// -80 was split already; 80- is being split and is in mid-flight.
	text := "PRIMARY:-40 40-80 80- {ctl 80- disabled=true} REPLICA:-40 40-80 80-c0 c0- {ctl 80- disabled=true} RDONLY:-40 40-80 80-c0 c0- {ctl 80- disabled=true} " +
		"| -40 primary_serving=true | 40-80 primary_serving=true | 80- primary_serving=true | 80-c0 primary_serving=false | c0- primary_serving=false"
	s := state(t, text, workflow(t, "second", "80-c0<-80- Running", "c0-<-80- Running"))
	first, second := s.View(segment(t, "-80", "-40,40-80")), s.View(segment(t, "80-", "80-c0,c0-"))
	if first.Writes() != AllSwitched || first.Workflow != nil || len(first.SourcesPresent()) > 0 || len(first.Conflicts) != 0 {
		t.Errorf("the first segment: writes %s, workflow %v, sources %v, conflicts %v", first.Writes(), first.Workflow, first.SourcesPresent(), first.Conflicts)
	}
	if _, _, shard, ok := second.MidFlight(); !ok || shard != "80-" || second.Reads(Replica) != AllSwitched {
		t.Errorf("the second segment: mid-flight = %v on %q, replica = %v", ok, shard, second.Reads(Replica))
	}
	if _, _, _, ok := first.MidFlight(); ok {
		t.Error("the first segment is in mid-flight")
	}
}

func TestEqualRangesAreOneShard(t *testing.T) {
	v := state(t, stateFresh, workflow(t, "rs", "-80<-0 Running", "80-<-0 Running")).View(segment(t, "-", "-80,80-"))
	if !v.Created() || v.Writes() != NotSwitched {
		t.Errorf("a segment written with - does not find shard 0: created = %v, writes = %v", v.Created(), v.Writes())
	}
}

func TestMidFlightTellsSinceWhen(t *testing.T) {
	cutover := workflow(t, "rs", "-80<-0 Stopped stopped for cutover", "80-<-0 Stopped stopped for cutover")
	cutover.Streams[1].Updated = at.Add(-2 * time.Second)
	v := state(t, stateMidFlight, cutover).View(segment(t, "0", "-80,80-"))
	if _, since, _, _ := v.MidFlight(); !since.Equal(at.Add(-2 * time.Second)) {
		t.Errorf("since = %v", since)
	}
	now := at.Add(300 * time.Second)
	if lag := v.Workflow.ResumeLag(now); lag < 300*time.Second {
		t.Errorf("a resumed switch would be refused: it allows a lag of %v after 300 s", lag)
	}
}

func TestConflictsSayWhatWouldSettleThem(t *testing.T) {
	seg := segment(t, "0", "-80,80-")
	move := workflow(t, "mv", "0<-0 Running")
	move.Type, move.SourceKeyspace = "MoveTables", "commerce"
	ddl := workflow(t, "2c0e_ddl", "0<-0 Running")
	ddl.Type = TypeOnlineDDL
	for _, c := range []struct {
		name      string
		workflows []Workflow
		workflow  string
		want      []Conflict
	}{
		{"another layout from the same source", []Workflow{workflow(t, "other", "-40<-0 Running", "40-<-0 Running")}, "", []Conflict{{
			Workflow: "other", Expected: "no workflow on these shards but one Reshard from ks/0 to ks/-80,80-",
			Found: "Reshard workflow other from ks/0 to ks/-40,40-",
			Cure: []string{"vtctldclient Reshard --workflow other --target-keyspace ks show",
				"vtctldclient Reshard --workflow other --target-keyspace ks cancel"},
		}}},
		{"another type", []Workflow{move}, "", []Conflict{{
			Workflow: "mv", Expected: "no workflow on these shards but one Reshard from ks/0 to ks/-80,80-",
			Found: "MoveTables workflow mv from commerce/0 to ks/0",
			Cure: []string{"vtctldclient MoveTables --workflow mv --target-keyspace ks show",
				"# then complete or cancel it, as its traffic says"},
		}}},
		{"any name will do", []Workflow{workflow(t, "whatever", "-80<-0 Running", "80-<-0 Running")}, "whatever", nil},
		{"Online DDL is not ours to judge", []Workflow{ddl}, "", nil},
		{"only the streams back", []Workflow{workflow(t, "rs_reverse", "0<--80 Running", "0<-80- Running")}, "", []Conflict{{
			Workflow: "rs_reverse", Expected: "no workflow on these shards but one Reshard from ks/0 to ks/-80,80-",
			Found: "Reshard workflow rs_reverse from ks/-80,80- to ks/0, which is the way back of a workflow that is gone",
			Cure: []string{"vtctldclient Reshard --workflow rs_reverse --target-keyspace ks show", "# its targets serve: its streams go, their rows stay",
				"vtctldclient Reshard --workflow rs_reverse --target-keyspace ks cancel --keep-data"},
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := state(t, stateFresh, c.workflows...).View(seg)
			name := ""
			if v.Workflow != nil {
				name = v.Workflow.Name
			}
			if name != c.workflow {
				t.Errorf("workflow = %q, want %q", name, c.workflow)
			}
			if diff := cmp.Diff(c.want, v.Conflicts); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
		})
	}
}

// Streams back whose workflow is gone stand in the way of other layouts. Only some commands move them: the server deletes and
// completes them not, or with the rows that serve.
func TestConflictsWithStreamsBackThatAreLeft(t *testing.T) {
	const rs = "vtctldclient Reshard --workflow rs_reverse --target-keyspace ks "
	left, back, stay := workflow(t, "rs_reverse", "0<--80 Running", "0<-80- Running"), "# to go back:", "# or, to stay and give up the way back:"
	remove := []string{rs + "stop", "vtctldclient ExecuteFetchAsDBA zone1-0000000100 'delete from _vt.vreplication where workflow = '\\''rs_reverse'\\'' and db_name = database()'"}
	for i := range left.Streams {
		left.Streams[i].Tablet = "zone1-0000000100"
	}
	cutover := workflow(t, "rs_reverse", "0<--80 Stopped stopped for cutover", "0<-80- Stopped stopped for cutover")
	for _, c := range []struct {
		state string
		w     Workflow
		want  []string
	}{
		{stateSwitched, left, append([]string{rs + "show", back, rs + "switchtraffic --tablet-types rdonly,replica", rs + "switchtraffic --tablet-types primary", stay}, remove...)},
		{statePrimaryOnly, left, append([]string{rs + "show", back, rs + "switchtraffic --tablet-types primary", stay}, remove...)},
		{stateReversalDied, cutover, []string{rs + "show", "# its switch of writes was interrupted: finish that first, in its own direction:",
			rs + "switchtraffic --tablet-types primary --max-replication-lag-allowed 720h"}},
		{stateFresh, left, []string{rs + "show", "# its targets serve: its streams go, their rows stay", rs + "cancel --keep-data"}},
	} {
		conflicts := state(t, c.state, c.w).View(segment(t, "-80,80-", "-40,40-")).Conflicts
		if len(conflicts) != 1 {
			t.Fatalf("%s: conflicts %+v", c.state, conflicts)
		}
		if diff := cmp.Diff(c.want, conflicts[0].Cure); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.state, diff)
		}
	}
}

func TestReverseIsNeverAdopted(t *testing.T) {
	s := state(t, stateSwitched, workflow(t, "rs", "-80<-0 Stopped FROZEN", "80-<-0 Stopped FROZEN"), workflow(t, "rs_reverse", "0<--80 Running", "0<-80- Running"))
	v := s.View(segment(t, "-80,80-", "0"))
	if v.Workflow != nil {
		t.Errorf("the way back %s was taken for a merge", v.Workflow.Name)
	}
	open := s.OpenSegments()
	if len(open) != 1 || open[0].String() != "0:-80,80-" {
		t.Errorf("open segments = %v", open)
	}
}

func TestLayoutNamesTheCellsThatDiffer(t *testing.T) {
	s := state(t, stateOneCellReads)
	if l, err := s.Layout(Primary); err != nil || l.String() != "0" {
		t.Errorf("layout = %v, %v", l, err)
	}
	_, err := s.Layout(Replica)
	want := "cells do not agree about what serves REPLICA of keyspace ks: zone1 from -80,80-; zone2 from 0"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v\n want   %s", err, want)
	}
	if l, err := (&Snapshot{}).Layout(Primary); l != nil || err != nil {
		t.Errorf("layout of nothing = %v, %v", l, err)
	}
}

// Deleting a workflow behind switched traffic destroys the keyspace: no cure may ask for that first.
func TestNoCureCancelsAWorkflowThatTrafficDependsOn(t *testing.T) {
	for _, c := range []struct{ name, serving, stream, want string }{
		{"nothing moved", stateFresh, "Running", "cancel"},
		{"reads moved", stateReads, "Running", "reversetraffic --tablet-types rdonly,replica"},
		{"switch interrupted", stateMidFlight, "Stopped", "switchtraffic --tablet-types primary"},
		{"writes moved", stateSwitched, "Stopped FROZEN", "complete --keep-data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := workflow(t, "other", "-80<-0 "+c.stream, "80-<-0 "+c.stream)
			conflicts := state(t, c.serving, other).View(segment(t, "0", "-40,40-")).Conflicts
			if len(conflicts) != 1 || len(conflicts[0].Cure) < 2 {
				t.Fatalf("conflicts: %+v", conflicts)
			}
			for _, line := range conflicts[0].Cure[1:] { // the first shows it
				if strings.HasPrefix(line, "#") {
					continue
				}
				if !strings.HasSuffix(line, c.want) && !strings.Contains(line, c.want+" ") {
					t.Errorf("the first command is %q, want %q", line, c.want)
				}
				break
			}
		})
	}
}
