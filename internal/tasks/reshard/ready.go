package reshard

import "shardform/internal/tasks"

var readySpec = &tasks.Spec{
	Name:       "reshard_ready",
	Summary:    "makes the checks of the switch of writes before anybody is asked for it",
	Internal:   true,
	Parameters: switchPrimarySpec.Parameters,
}
