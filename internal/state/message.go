package state

import (
	"maps"

	automationpb "shardform/internal/pb/automationpb"
)

// ClusterOperation assembles the automation message of an operation from its records. It shares nothing with them.
// Sensitive parameters are not in it: their values are not recorded.
func ClusterOperation(op Operation, containers []Container) *automationpb.ClusterOperation {
	message := &automationpb.ClusterOperation{Id: string(op.ID), State: op.State, Error: op.Error}
	for _, c := range containers {
		container := &automationpb.TaskContainer{Concurrency: int32(c.Concurrency)}
		for _, t := range c.Tasks {
			container.ParallelTasks = append(container.ParallelTasks, &automationpb.Task{
				Name: t.Name, Parameters: maps.Clone(t.Parameters), Id: t.ID, State: t.State, Output: t.Output, Error: t.Error,
			})
		}
		message.SerialTasks = append(message.SerialTasks, container)
	}
	return message
}
