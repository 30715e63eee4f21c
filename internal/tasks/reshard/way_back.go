package reshard

import (
	"fmt"
	"strings"

	"shardform/internal/vitess"
)

// WayBackCommands says which of RESHARD.md's cases of going back the cluster shows, and gives the vtctldclient command
// lines that an operator would type for it, in order; none where there is no way back. The text says what is deleted.
// Equal views give equal texts.
func WayBackCommands(v *vitess.SegmentView) (caseText string, commands []string) {
	w := wayBack{v}
	if direction, _, shards, midFlight := v.MidFlight(); midFlight {
		return fmt.Sprintf("WRITES ARE STOPPED on %s/%s: the switch of writes is finished first, %s, and what to do then is decided by what serves then",
			v.Keyspace, shards, direction), []string{w.finish(direction)}
	}
	switch {
	case v.LostForward():
		return w.forwardLost()
	case v.Writes() == vitess.AllSwitched && v.Workflow == nil && v.Reverse == nil:
		return fmt.Sprintf("finished: there is no reverse stream any more; %s becomes %s again by a new reshard, for which %s needs tablets with empty databases",
			v.Targets, v.Sources, v.Sources), nil
	case v.Writes() == vitess.AllSwitched && v.ReverseRunning():
		return w.writesSwitched()
	case v.Writes() == vitess.AllSwitched:
		return "blocked: writes are switched and the reverse streams do not run, so the old shards lack what was written since", w.show()
	case v.Workflow == nil:
		return "nothing was begun", nil
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

func (w wayBack) show() []string {
	var commands []string
	for _, workflow := range []*vitess.Workflow{w.Workflow, w.Reverse} {
		if workflow != nil {
			commands = append(commands, vitess.CommandShowWorkflow(w.Keyspace, workflow.Name))
		}
	}
	return commands
}

func (w wayBack) finish(direction vitess.Direction) string {
	return vitess.CommandSwitchTraffic(vitess.SwitchTraffic{
		Keyspace: w.Keyspace, Workflow: w.name(), Types: []vitess.TabletType{vitess.Primary},
		Backward: direction == vitess.Backward, MaxLag: resumeLag, ReverseReplication: true,
	})
}

func (w wayBack) reverse(types ...vitess.TabletType) string {
	return vitess.CommandSwitchTraffic(vitess.SwitchTraffic{Keyspace: w.Keyspace, Workflow: w.name(), Types: types, Backward: true, ReverseReplication: true})
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
func (w wayBack) forwardLost() (string, []string) {
	forward := func(types ...vitess.TabletType) string {
		return vitess.CommandSwitchTraffic(vitess.SwitchTraffic{Keyspace: w.Keyspace, Workflow: w.Reverse.Name, Types: types, ReverseReplication: true})
	}
	return fmt.Sprintf("writes are switched and workflow %s is gone, as a failed reversal leaves it: reads, then writes, go back to %s by its reverse streams, %s; then plan again",
		w.name(), w.Sources, w.Reverse.Name), []string{forward(vitess.Rdonly, vitess.Replica), forward(vitess.Primary)}
}

// writesSwitched goes back by the reverse streams: reads first, as the other order leaves controls behind.
func (w wayBack) writesSwitched() (string, []string) {
	var commands []string
	if types := w.switchedReads(); len(types) > 0 {
		commands = append(commands, w.reverse(types...))
	}
	commands = append(commands, w.reverse(vitess.Primary), vitess.CommandDeleteWorkflow(w.Keyspace, w.name(), false))
	return fmt.Sprintf("writes are switched: reads are switched back, then writes; then workflow %s and all rows on %s are deleted", w.name(), w.Targets), commands
}

// notSwitched goes back from before the switch of writes. Deleting while reads are switched would succeed and destroy
// the keyspace, so reads come first.
func (w wayBack) notSwitched() (string, []string) {
	types := w.switchedReads()
	var commands []string
	text := "nothing is switched: "
	if len(types) > 0 {
		names := make([]string, len(types))
		for i, kind := range types {
			names[i] = string(kind)
		}
		text = fmt.Sprintf("%s reads are switched: they are switched back in every cell first; ", strings.Join(names, " and "))
		commands = append(commands, w.reverse(types...), vitess.CommandGetSrvKeyspaces(w.Keyspace))
	}
	commands = append(commands, vitess.CommandDeleteWorkflow(w.Keyspace, w.name(), false))
	text += fmt.Sprintf("workflow %s and all rows copied to %s are deleted", w.name(), w.Targets)
	if controls := w.controlsBehind(types); len(controls) > 0 {
		text += "; then the tablet controls that this leaves on the targets are cleared"
		commands = append(commands, ControlsCommands(w.Snapshot, controls)...)
	}
	return text, commands
}

// controlsBehind are the disabled controls that are there once these types are switched back and the workflow is gone.
func (w wayBack) controlsBehind(types []vitess.TabletType) []vitess.Control {
	var controls []vitess.Control
	for _, cell := range w.Serving {
		for _, kind := range types {
			for _, target := range w.Targets {
				controls = append(controls, vitess.Control{Cell: cell.Cell, Type: kind, Shard: target.Name})
			}
		}
	}
	names := w.Targets.Names()
	for _, c := range w.DisabledControls() {
		for _, name := range names {
			if c.Shard == name && c.Type != vitess.Primary {
				controls = append(controls, c)
			}
		}
	}
	return controls
}
