package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// Back is what a rollback was laid out from: which case of docs/contributing/cluster.md#rollback the cluster showed when it
// began. A plan that resumes it lays it out from the same.
type Back struct {
	Reads    []vitess.TabletType `json:"reads,omitempty"`    // read types to switch back
	Writes   bool                `json:"writes,omitempty"`   // writes are to be switched back
	Lost     bool                `json:"lost,omitempty"`     // the workflow is gone and the reverse one takes the traffic back
	Controls bool                `json:"controls,omitempty"` // tablet controls are, or will be, left on the targets
	Gone     []string            `json:"gone,omitempty"`     // shards without a record that controls are left on
	Count    bool                `json:"count,omitempty"`    // the targets have served writes: their rows are counted before they are deleted
}

// Covers reports whether a way back laid out from b does all that one laid out from now would do. Whether the workflow is
// lost makes no difference: the steps look for themselves, and losing and making it again are part of the way.
func (b Back) Covers(now Back) bool {
	return (b.Writes || !now.Writes) && (b.Controls || !now.Controls) &&
		!slices.ContainsFunc(now.Reads, func(t vitess.TabletType) bool { return !slices.Contains(b.Reads, t) }) &&
		!slices.ContainsFunc(now.Gone, func(s string) bool { return !slices.Contains(b.Gone, s) })
}

// Way is the way back of a reshard as the cluster shows it.
type Way struct {
	Back
	Case    string   // which case it is and what will be deleted, for people
	Blocked string   // why there is none now; "" where there is one
	Cure    []string // Blocked: commands that show or settle it
}

// WayBack returns the case of docs/contributing/cluster.md#rollback that the cluster shows. A switch of writes that was
// interrupted counts as ended, in its own direction: it is finished before anything is rolled back. Equal views give equal
// ways.
func WayBack(v *vitess.SegmentView) Way {
	w := wayBack{v}
	direction, _, shards, midFlight := v.MidFlight()
	switch gone := v.Workflow == nil && v.Reverse == nil; {
	case midFlight:
		way := w.notSwitched()
		if direction == vitess.Forward {
			way = w.writesSwitched()
		}
		way.Writes, way.Controls, way.Count = true, true, true // the step that takes writes back finishes the switch, where nothing did before
		way.Case = fmt.Sprintf("writes are stopped on %s: the switch that was interrupted is finished first, %s; then %s", shards, direction, way.Case)
		return way
	case gone && v.Writes() == vitess.AllSwitched:
		return Way{Case: "finished", Blocked: fmt.Sprintf("finished: there is no reverse stream any more; %s becomes %s again by a new reshard, for which %s needs tablets with empty databases",
			v.Targets, v.Sources, v.Sources)}
	case gone && (v.Writes() != vitess.NotSwitched || len(w.switchedReads()) > 0):
		return Way{Case: "the workflow is gone and traffic is on both sides", Cure: w.clear(),
			Blocked: fmt.Sprintf("the workflow was deleted while traffic was switched, and %s serves some of it without rows: nothing switches it back any more", v.Targets)}
	case gone:
		return Way{Case: "nothing was begun", Blocked: "nothing was begun: there is no workflow to take back"}
	case v.StuckComplete():
		return Way{Case: "finishing", Cure: w.show(), Blocked: fmt.Sprintf("it is being finished: shards of %s are deleted already", v.Sources)}
	case v.ForwardGone() && v.ReverseRunning():
		return w.forwardLost()
	case v.Writes() == vitess.AllSwitched && v.ReverseRunning():
		return w.writesSwitched()
	case v.Writes() == vitess.AllSwitched:
		return Way{Case: "writes are switched", Cure: w.show(),
			Blocked: "writes are switched and the reverse streams do not run, so the old shards lack what was written since"}
	}
	return w.notSwitched()
}

type wayBack struct{ *vitess.SegmentView }

func (w wayBack) name() string {
	if w.Workflow != nil {
		return w.Workflow.Name
	}
	return vitess.ReverseName(w.Reverse.Name)
}

// owns reports whether the shard, by whatever name, is one of the segment.
func (w wayBack) owns(shard string) bool {
	parsed, err := keyrange.ParseShard(shard)
	return err == nil && (w.Sources.Has(parsed.Range) || w.Targets.Has(parsed.Range))
}

// clear are the commands that make reads follow writes where no workflow can.
func (w wayBack) clear() []string {
	if commands := ControlsCommands(w.Snapshot, w.LeftoverControls()); len(commands) > 0 {
		return commands
	}
	return []string{vitess.CommandRebuildKeyspaceGraph(w.Keyspace)}
}

// show are the commands that show the workflows, and start reverse streams that are stopped.
func (w wayBack) show() []string {
	var commands []string
	for _, workflow := range []*vitess.Workflow{w.Workflow, w.Reverse} {
		if workflow != nil {
			commands = append(commands, vitess.CommandShowWorkflow(w.Keyspace, workflow.Name))
		}
	}
	if w.Reverse != nil && len(stoppedStreams(w.Reverse)) > 0 {
		commands = append(commands, vitess.CommandStartWorkflow(w.Keyspace, w.Reverse.Name))
	}
	return commands
}

// switchedReads are the types whose reads have moved, wholly or in part: reversing another one is an error.
func (w wayBack) switchedReads() []vitess.TabletType {
	var types []vitess.TabletType
	for _, kind := range []vitess.TabletType{vitess.Rdonly, vitess.Replica} {
		if w.Reads(kind) != vitess.NotSwitched {
			types = append(types, kind)
		}
	}
	return types
}

// forwardLost goes back by the reverse workflow alone, which is switched forward like any other: with it the workflow
// comes back, and the copied rows are deleted as from before a switch.
func (w wayBack) forwardLost() Way {
	way := w.writesSwitched()
	way.Lost = true
	way.Case = fmt.Sprintf("writes are switched and workflow %s is gone, as a failed reversal leaves it: reads, then writes, go back to %s by its reverse streams, %s; then the workflow that this makes again and all rows on %s are deleted",
		w.name(), w.Sources, w.Reverse.Name, w.Targets)
	return way
}

// writesSwitched goes back by the reverse streams: reads first, as the other order leaves controls behind.
func (w wayBack) writesSwitched() Way {
	text := "writes are switched: reads are switched back, then writes"
	reads := w.switchedReads()
	if len(reads) == 0 {
		text = "writes are switched and reads are not: writes are switched back"
	}
	return w.way(Back{Reads: reads, Writes: true, Count: true}, text+fmt.Sprintf("; then workflow %s and all rows on %s are deleted", w.name(), w.Targets))
}

// notSwitched goes back from before the switch of writes. Deleting while reads are switched would succeed and destroy
// the keyspace, so reads come first.
func (w wayBack) notSwitched() Way {
	reads := w.switchedReads()
	text := "nothing is switched: "
	if len(reads) > 0 {
		text = fmt.Sprintf("%s reads are switched: they are switched back in every cell first; ", typeList(reads, " and "))
	}
	if w.Workflow == nil {
		return w.way(Back{Reads: reads}, text+fmt.Sprintf("workflow %s is gone, and its reverse streams %s are deleted", w.name(), w.Reverse.Name))
	}
	return w.way(Back{Reads: reads}, text+fmt.Sprintf("workflow %s and all rows copied to %s are deleted", w.name(), w.Targets))
}

// way adds the controls, which reversing and deleting leave behind for good.
func (w wayBack) way(b Back, text string) Way {
	b.Controls = len(b.Reads) > 0 || b.Writes
	for _, c := range w.DisabledControls() {
		if c.Type == vitess.Primary || !w.owns(c.Shard) {
			continue
		}
		b.Controls = true
		if !hasShard(w.Snapshot, c.Shard) && !slices.Contains(b.Gone, c.Shard) {
			b.Gone = append(b.Gone, c.Shard)
		}
	}
	if b.Controls {
		text += "; then tablet controls that are left on the shards are cleared"
	}
	slices.Sort(b.Gone)
	return Way{Back: b, Case: text}
}

func typeList(types []vitess.TabletType, between string) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, between)
}
