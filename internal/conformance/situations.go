package conformance

import "slices"

// Situations is the table. Those that delete shards, which costs a real cluster new tablets, are last.
func Situations() []Situation {
	return slices.Concat(
		readingTopology(), changingShards(), controls(), vschemas(), validation(), errorsOfNames(),
		creating(), refusedCreations(), workflowUpdates(), comparing(), comparingDifferences(),
		switchingReads(), switchingWrites(), reversing(), cancelling(), completing(), interrupted(), merging(), droppingShards(),
	)
}
