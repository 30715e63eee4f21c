package state

import (
	"strings"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
)

// ClusterOperation assembles the automation message of an operation from its records. It shares nothing with them.
// Sensitive parameters are not in it: their values are not recorded.
func ClusterOperation(op Operation, containers []Container) *automationpb.ClusterOperation {
	message := &automationpb.ClusterOperation{Id: string(op.ID), State: op.State, Error: valid(op.Error)}
	for _, c := range containers {
		container := &automationpb.TaskContainer{Concurrency: int32(c.Concurrency)}
		for _, t := range c.Tasks {
			container.ParallelTasks = append(container.ParallelTasks, TaskMessage(t))
		}
		message.SerialTasks = append(message.SerialTasks, container)
	}
	return message
}

// TaskMessage is a task's part of the message. What is not UTF-8 in it is replaced, as JSON and protobuf ask for.
func TaskMessage(t Task) *automationpb.Task {
	var parameters map[string]string
	if len(t.Parameters) > 0 {
		parameters = make(map[string]string, len(t.Parameters))
	}
	for name, value := range t.Parameters {
		parameters[valid(name)] = valid(value)
	}
	return &automationpb.Task{Name: t.Name, Parameters: parameters, Id: t.ID, State: t.State, Output: valid(t.Output), Error: valid(t.Error)}
}

func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// OperationSummary is an operation without its tasks. Its name is what it is enqueued by; one of a keyspace, which is not,
// has its address.
func OperationSummary(op Operation) *automationpb.ClusterOperationSummary {
	name := op.Address.String()
	if op.Address.Kind() == addr.KindOperation {
		name = op.Address.Last()
	}
	return &automationpb.ClusterOperationSummary{Id: string(op.ID), Name: name, State: op.State, Error: valid(op.Error)}
}
