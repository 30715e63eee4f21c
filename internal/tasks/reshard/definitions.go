package reshard

import "shardform/internal/tasks"

// Definitions are the tasks of a reshard.
func Definitions() []tasks.Definition {
	define := func(spec *tasks.Spec, make func(base) tasks.Task) tasks.Definition {
		return tasks.Definition{Spec: spec, New: func(env *tasks.Env) tasks.Task { return make(base{Spec: spec, env: env}) }}
	}
	return []tasks.Definition{
		define(preflightSpec, func(b base) tasks.Task { return &preflightTask{base: b} }),
		define(vschemaSpec, func(b base) tasks.Task { return &vschemaTask{b} }),
		define(createSpec, func(b base) tasks.Task { return &createTask{b} }),
		define(copySpec, func(b base) tasks.Task { return &copyTask{b} }),
		define(verifySpec, func(b base) tasks.Task { return &verifyTask{base: b} }),
		define(approvalSpec, func(b base) tasks.Task { return &approvalTask{b} }),
		define(readySpec, func(b base) tasks.Task { return &readyTask{base: b} }),
		define(windowSpec, func(b base) tasks.Task { return &windowTask{b} }),
		define(soakSpec, func(b base) tasks.Task { return &soakTask{base: b} }),
		define(switchReadsSpec, func(b base) tasks.Task { return &switchReadsTask{base: b} }),
		define(switchPrimarySpec, func(b base) tasks.Task { return &switchPrimaryTask{base: b} }),
		define(finishSwitchSpec, func(b base) tasks.Task { return &finishSwitchTask{b} }),
		define(completeSpec, func(b base) tasks.Task { return &completeTask{base: b} }),
		define(shardDeleteSpec, func(b base) tasks.Task { return &shardDeleteTask{base: b} }),
		define(confirmSpec, func(b base) tasks.Task { return &confirmTask{b} }),
		define(reverseReadsSpec, func(b base) tasks.Task { return &reverseReadsTask{b} }),
		define(reversePrimarySpec, func(b base) tasks.Task { return &reversePrimaryTask{b} }),
		define(workflowDeleteSpec, func(b base) tasks.Task { return &workflowDeleteTask{base: b} }),
		define(clearControlsSpec, func(b base) tasks.Task { return &clearControlsTask{base: b} }),
		define(confirmBackSpec, func(b base) tasks.Task { return &confirmBackTask{b} }),
	}
}
