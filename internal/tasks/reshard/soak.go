package reshard

import "shardform/internal/tasks"

var soakSpec = &tasks.Spec{
	Name:     "reshard_soak",
	Summary:  "waits until the reshard was reversible for long enough",
	Internal: true,
	Parameters: segmentParameters(
		tasks.Parameter{Name: "lasts", Kind: tasks.Duration, Required: true, Doc: "how long, counted from the creation of the reverse streams"}, maxLagParameter),
}
