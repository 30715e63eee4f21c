package apply

import (
	"slices"

	"google.golang.org/protobuf/proto"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

// ClusterOperationInstance is an operation as the automation service has it, with the generator of its tasks' ids.
type ClusterOperationInstance struct {
	*automationpb.ClusterOperation
	taskIDGenerator *tasks.IDGenerator
}

// NewClusterOperationInstance makes a NOT_STARTED operation of one container, whose tasks get the ids that they miss.
func NewClusterOperationInstance(clusterOpID string, initialTask *automationpb.TaskContainer, taskIDGenerator *tasks.IDGenerator) ClusterOperationInstance {
	c := ClusterOperationInstance{
		ClusterOperation: &automationpb.ClusterOperation{Id: clusterOpID, State: automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED},
		taskIDGenerator:  taskIDGenerator,
	}
	c.InsertTaskContainers([]*automationpb.TaskContainer{initialTask}, 0)
	return c
}

// InsertTaskContainers puts containers at pos, before the one that stands there, and gives their tasks the ids that
// they miss.
func (c *ClusterOperationInstance) InsertTaskContainers(newTaskContainers []*automationpb.TaskContainer, pos int) {
	tasks.AddMissingTaskID(newTaskContainers, c.taskIDGenerator)
	c.SerialTasks = slices.Insert(c.SerialTasks, pos, newTaskContainers...)
}

// Clone is a deep copy of the message; both go on with the same id generator.
func (c ClusterOperationInstance) Clone() ClusterOperationInstance {
	return ClusterOperationInstance{
		ClusterOperation: proto.Clone(c.ClusterOperation).(*automationpb.ClusterOperation), taskIDGenerator: c.taskIDGenerator,
	}
}
