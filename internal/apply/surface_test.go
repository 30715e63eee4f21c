package apply_test

import (
	"context"
	"io"
	"testing"

	logutilpb "vitess.io/vitess/go/vt/proto/logutil"

	"shardform/internal/apply"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/tasks/builtin"
	"shardform/internal/vitess"
)

// scheduler, instance and generator have the methods of the automation package's types. Those that touch a disk take a
// context here and return its errors.
type (
	scheduler interface {
		Run(context.Context) error
		EnqueueClusterOperation(context.Context, *automationpb.EnqueueClusterOperationRequest) (*automationpb.EnqueueClusterOperationResponse, error)
		GetClusterOperationDetails(context.Context, *automationpb.GetClusterOperationDetailsRequest) (*automationpb.GetClusterOperationDetailsResponse, error)
		Checkpoint(context.Context, apply.ClusterOperationInstance) error
		ShutdownAndWait()
	}
	instance interface {
		Clone() apply.ClusterOperationInstance
		InsertTaskContainers(newTaskContainers []*automationpb.TaskContainer, pos int)
	}
	generator interface{ GetNextID() string }
)

var (
	_ scheduler = (*apply.Scheduler)(nil)
	_ instance  = (*apply.ClusterOperationInstance)(nil)
	_ generator = (*tasks.IDGenerator)(nil)
)

var _ func(apply.SchedulerOptions) (*apply.Scheduler, error) = apply.NewScheduler

var _ func(string, *automationpb.TaskContainer, *tasks.IDGenerator) apply.ClusterOperationInstance = apply.NewClusterOperationInstance

var _ func(string, map[string]string) *automationpb.Task = tasks.NewTask

var _ func() *automationpb.TaskContainer = tasks.NewTaskContainer

var _ func(string, map[string]string) *automationpb.TaskContainer = tasks.NewTaskContainerWithSingleTask

var _ func(*automationpb.TaskContainer, string, map[string]string) = tasks.AddTask

var _ func([]*automationpb.TaskContainer, *tasks.IDGenerator) = tasks.AddMissingTaskID

var _ func(*automationpb.Task, string) = tasks.MarkTaskSucceeded

var _ func(*automationpb.Task, string, error) = tasks.MarkTaskFailed

var _ func(context.Context, string, []string) (string, error) = vitess.ExecuteVtctl

var _ func(context.Context, string, []string) (string, error) = vitess.ExecuteVtworker

var _ func(io.Writer) func(*logutilpb.Event) = vitess.CreateLoggerEventToBufferFunction

func TestEveryTaskOfTheAutomationPackageIsRegistered(t *testing.T) {
	for _, name := range []string{
		"CopySchemaShardTask", "SplitCloneTask", "SplitDiffTask", "WaitForFilteredReplicationTask", "MigrateServedTypesTask", "MigrateServedFromTask",
		"RebuildKeyspaceGraphTask", "RebuildKeyspaceGraph", "VerticalSplitCloneTask", "VerticalSplitDiffTask", "HorizontalReshardingTask", "VerticalSplitTask", "echo", "shell",
	} {
		if _, err := builtin.Registry().NewTask(name, &tasks.Env{}); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSchedulerOfTheBuiltInTasksTakesTheOriginalsOperations(t *testing.T) {
	s, err := apply.NewScheduler(apply.SchedulerOptions{Registry: builtin.Registry()})
	if err != nil {
		t.Fatal(err)
	}
	if names := s.Names(); len(names) != 2 || names[0] != "HorizontalReshardingTask" || names[1] != "VerticalSplitTask" {
		t.Errorf("names %v", names)
	}
}
