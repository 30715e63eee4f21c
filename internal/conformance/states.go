package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// What states are made of again and again.
const (
	none    = "none"
	sources = "0"       // the sources of split
	targets = "-80 80-" // and its targets

	// Reads that were switched, and reads that were switched back.
	switchedReads = "-80 80- [-80:on 0:off 80-:on]"
	reversedReads = "0 [-80:off 0:on 80-:off]"

	shardsBefore   = "-80 0:serving 80-"
	shardsSwitched = "-80:serving 0 80-:serving"

	allShards = "-80 0 80-"

	running  = "rs 0>-80,80- Running"
	stopped  = "rs 0>-80,80- Stopped"
	switched = "rs 0>-80,80- Stopped(FROZEN)\nrs_reverse -80,80->0 Running"
	reversed = "rs 0>-80,80- Running\nrs_reverse -80,80->0 Stopped(FROZEN)"
)

// state is how the keyspace is as a situation begins.
func (b Base) state() State {
	var shards []string
	for _, name := range b.Sources {
		shards = append(shards, name+":serving")
	}
	shards = append(shards, b.Targets...)
	slices.Sort(shards)
	serving := strings.Join(b.Sources, " ")
	return State{Primary: serving, Replica: serving, Rdonly: serving, Shards: strings.Join(shards, " "), Tables: serving, Workflows: none}
}

// changed is the state with the fields that change has.
func (s State) changed(change State) State {
	return State{
		Primary: cmp.Or(change.Primary, s.Primary), Replica: cmp.Or(change.Replica, s.Replica), Rdonly: cmp.Or(change.Rdonly, s.Rdonly),
		Shards: cmp.Or(change.Shards, s.Shards), Tables: cmp.Or(change.Tables, s.Tables), Workflows: cmp.Or(change.Workflows, s.Workflows),
	}
}

// What WorkflowStatus and switches say of the traffic.
const (
	nothingSwitched = "Reads Not Switched. Writes Not Switched"
	readsSwitched   = "All Reads Switched. Writes Not Switched"
	writesSwitched  = "Reads Not Switched. Writes Switched"
	allSwitched     = "All Reads Switched. Writes Switched"
	replicaSwitched = "Reads partially switched. All Replica Reads Switched. Rdonly not switched. Writes Not Switched"
	rdonlySwitched  = "Reads partially switched. Replica not switched. All Rdonly Reads Switched. Writes Not Switched"
)

// Answers that are alike in many situations of split.
const (
	begun     = nothingSwitched + "\nconformance/-80 from conformance/0\nconformance/80- from conformance/0"
	cancelled = "Successfully cancelled the rs workflow in the conformance keyspace\n3 tablets, deleted on 2"
	completed = "Successfully completed the rs workflow in the conformance keyspace"
)

// are is the status of the workflow whose streams are all in one state.
func are(traffic, state string) string {
	return text(traffic, "conformance/-80 from conformance/0 "+state, "conformance/80- from conformance/0 "+state)
}

// done is the answer to SwitchTraffic or ReverseTraffic.
func done(command, from, to string) string {
	return text(command+" was successful for workflow conformance.rs", from+" -> "+to)
}

// updated is the answer to an update that changes something on so many of the two targets.
func updated(changed int) string {
	return text("Successfully updated the rs workflow on (2) target primary tablets in the conformance keyspace", fmt.Sprintf("2 tablets, changed on %d", changed))
}

func text(lines ...string) string { return strings.Join(lines, "\n") }
