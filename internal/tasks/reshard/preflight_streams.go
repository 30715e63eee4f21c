package reshard

import (
	"fmt"
	"slices"
	"strings"

	"shardform/internal/vitess"
)

// checkWorkflows refuses workflows on the segment's shards, and another reshard of the keyspace: one at a time.
func checkWorkflows(f *facts) []complaint {
	var list []complaint
	for _, c := range f.Conflicts {
		list = append(list, complaint{text: c.Found, cure: strings.Join(c.Cure, "\n"), conflict: true})
	}
	for _, open := range f.OpenSegments() {
		if open.Sources.Equal(f.Sources) && open.Targets.Equal(f.Targets) {
			continue
		}
		names := slices.Concat(open.Sources.Names(), open.Targets.Names())
		if !slices.ContainsFunc(f.Conflicts, func(c vitess.Conflict) bool { return conflictOf(f, c, names) }) {
			list = append(list, complaint{text: fmt.Sprintf("another reshard of the keyspace is open: %s", open), conflict: true,
				cure: "finish it or delete it first: " + vitess.CommandGetWorkflows(f.Keyspace)})
		}
	}
	return list
}

// conflictOf reports whether the conflict is the workflow between these shards, so that it is not said twice.
func conflictOf(f *facts, c vitess.Conflict, shards []string) bool {
	w := f.WorkflowNamed(c.Workflow)
	return w != nil && slices.Contains(shards, w.Targets[0].Name)
}

// checkStreams refuses streams that would stop the create (any on a target) or the switch (stopped ones on a source).
func checkStreams(f *facts) []complaint {
	var list []complaint
	for _, w := range f.Workflows {
		if slices.ContainsFunc(f.Conflicts, func(c vitess.Conflict) bool { return c.Workflow == w.Name }) {
			continue
		}
		var onTarget, stopped []string
		for _, st := range w.Streams {
			switch {
			case slices.Contains(f.Targets.Names(), st.Target):
				onTarget = append(onTarget, fmt.Sprintf("%s/%d", st.Target, st.ID))
			case slices.Contains(f.Sources.Names(), st.Target) && st.State == vitess.StateStopped && !st.Frozen():
				stopped = append(stopped, fmt.Sprintf("%s/%d", st.Target, st.ID))
			}
		}
		if len(onTarget) > 0 {
			list = append(list, complaint{text: fmt.Sprintf("%s workflow %s has streams on target shards: %s", w.Type, w.Name, strings.Join(onTarget, ", ")), conflict: true,
				cure: strings.Join(f.Cures(&w), "\n")})
		}
		if len(stopped) > 0 {
			list = append(list, complaint{text: fmt.Sprintf("%s workflow %s has stopped streams on source shards: %s; writes cannot be switched with them", w.Type, w.Name, strings.Join(stopped, ", ")),
				cure: strings.Join(f.Cures(&w), "\n")})
		}
	}
	return list
}

// checkControls refuses disabled tablet controls: with them the serving graph cannot be rebuilt, and they outlive a reshard.
func checkControls(f *facts) []complaint {
	controls := f.DisabledControls()
	if len(controls) == 0 {
		return nil
	}
	return []complaint{{text: "tablet controls are left from an earlier reshard: " + controlList(controls), cure: strings.Join(ControlsCommands(f.Snapshot, controls), "\n")}}
}

// checkOnlineDDL refuses migrations that are not at their end: they change tables under the copy.
func checkOnlineDDL(f *facts) []complaint {
	if len(f.onlineDDLs) == 0 {
		return nil
	}
	return []complaint{{text: "Online DDL is not at its end: " + strings.Join(f.onlineDDLs, ", "),
		cure: fmt.Sprintf("wait for it, or: vtctldclient OnlineDDL cancel %s all", f.Keyspace)}}
}

// checkTransactions refuses distributed transactions that wait for resolution: the switch would orphan them.
func checkTransactions(f *facts) []complaint {
	if f.unresolved == 0 {
		return nil
	}
	return []complaint{{text: fmt.Sprintf("%d distributed transactions wait for resolution; a switch of writes would orphan them", f.unresolved),
		cure: "vtctldclient DistributedTransaction unresolved-list --keyspace " + f.Keyspace}}
}
