package apply

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
)

// ClusterOperationInstance is an operation as the automation service has it, with the generator of its tasks' ids. Copies of
// one share both; Clone does not. The zero value is an operation without an id and without tasks.
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
// they miss. Ids that they have are kept, and not given to others.
func (c *ClusterOperationInstance) InsertTaskContainers(newTaskContainers []*automationpb.TaskContainer, pos int) {
	if c.ClusterOperation == nil {
		c.ClusterOperation = &automationpb.ClusterOperation{State: automationpb.ClusterOperationState_CLUSTER_OPERATION_NOT_STARTED}
	}
	if c.taskIDGenerator == nil {
		c.taskIDGenerator = &tasks.IDGenerator{}
		passIDs(c.taskIDGenerator, c.SerialTasks)
	}
	passIDs(c.taskIDGenerator, newTaskContainers)
	tasks.AddMissingTaskID(newTaskContainers, c.taskIDGenerator)
	c.SerialTasks = slices.Insert(c.SerialTasks, pos, newTaskContainers...)
}

// passIDs makes the generator give none of the ids that the tasks of containers have.
func passIDs(ids *tasks.IDGenerator, containers []*automationpb.TaskContainer) {
	for _, c := range containers {
		for _, t := range c.GetParallelTasks() {
			passID(ids, t.GetId())
		}
	}
}

func passID(ids *tasks.IDGenerator, id string) {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		ids.Advance(n)
	}
}

// Clone is a deep copy of the message; both go on with the same id generator.
func (c ClusterOperationInstance) Clone() ClusterOperationInstance {
	clone := ClusterOperationInstance{taskIDGenerator: c.taskIDGenerator}
	if c.ClusterOperation != nil {
		clone.ClusterOperation = proto.Clone(c.ClusterOperation).(*automationpb.ClusterOperation)
	}
	return clone
}
