package reshard

import "shardform/internal/tasks"

var approvalSpec = &tasks.Spec{
	Name:     "reshard_approval",
	Summary:  "waits until somebody approves the step",
	Internal: true,
	Parameters: segmentParameters(
		tasks.Parameter{Name: "step", Kind: tasks.String, Required: true, Doc: "step that is guarded"}),
}
