//go:build crash

package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/sample"
)

// legacyOperation is an operation of the automation package on the cluster of a legacyRig.
type legacyOperation struct {
	task       string
	parameters map[string]string
	prepare    func(r *legacyRig)
	once       []string // commands that the servers refuse to do twice, or that would be done twice
	done       func(r *legacyRig) bool
}

var legacyOperations = map[string]legacyOperation{
	"split": {
		task:       "HorizontalReshardingTask",
		parameters: map[string]string{"keyspace": "customer", "source_shard_list": "-", "dest_shard_list": "-80,80-"},
		prepare:    func(*legacyRig) {},
		once: []string{"SplitClone customer/-", "MigrateServedTypes customer/- rdonly", "MigrateServedTypes customer/- replica",
			"MigrateServedTypes customer/- master"},
		done: func(r *legacyRig) bool { return r.Serving("customer", "master") == "[-80 80-]" },
	},
	"move": {
		task:       "VerticalSplitTask",
		parameters: map[string]string{"source_keyspace": "commerce", "dest_keyspace": "customer", "shard_list": "0", "tables": "orders"},
		prepare: func(r *legacyRig) {
			r.Keyspace("commerce", []string{"0"}, "create table orders (id bigint primary key)", "create table product (id bigint primary key)")
			r.Keyspace("customer", []string{"0"})
			r.ServedFrom("customer", "commerce")
		},
		once: []string{"VerticalSplitClone --tables=orders customer/0", "MigrateServedFrom customer/0 rdonly", "MigrateServedFrom customer/0 replica",
			"MigrateServedFrom customer/0 master"},
		done: func(r *legacyRig) bool { return r.count("MigrateServedFrom customer/0 master") == 1 },
	},
}

// rig makes a cluster on which the operation can be run, with a plan file that has it as the block "go".
func (o legacyOperation) rig(t *testing.T) *legacyRig {
	r := newLegacyRig(t)
	o.prepare(r)
	var lines []string
	for name, value := range o.parameters {
		lines = append(lines, fmt.Sprintf("%s = %q", name, value))
	}
	r.writeBlocks(fmt.Sprintf("operation \"go\" {\n task %q \"run\" {\n %s\n }\n}\n", o.task, strings.Join(lines, "\n ")))
	return r
}

// checkDoneOnce checks that the operation was done, and nothing of it twice.
func (o legacyOperation) checkDoneOnce(r *legacyRig) {
	r.t.Helper()
	if !o.done(r) {
		r.t.Errorf("it is not done: %v", r.commands())
	}
	r.checkOnce(o.once...)
}

// failpoints are where the program can be killed when a server has done its work and nothing of it is recorded.
func (o legacyOperation) failpoints(t *testing.T) []string {
	t.Helper()
	r := o.rig(t)
	r.applies(0)
	names := map[string]int{}
	failpoints := slices.DeleteFunc(numbered(r.hits(r.dir)), func(failpoint string) bool {
		name, _, _ := strings.Cut(failpoint, ":")
		names[name]++
		return name != "rpc_ExecuteVtctlCommand_after" && name != "rpc_ExecuteVtworkerCommand_after"
	})
	if names["rpc_ExecuteVtctlCommand_after"] == 0 || names["rpc_ExecuteVtworkerCommand_after"] == 0 {
		t.Errorf("it sends no commands to one of the servers: %v", names)
	}
	return failpoints
}

func TestLegacyOperationKilled(t *testing.T) {
	t.Parallel()
	for name, o := range legacyOperations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachLegacyKill(t, o.failpoints(t), o.rig, o.checkDoneOnce)
		})
	}
}

func TestLegacyOperationWhoseServerWasKilled(t *testing.T) {
	t.Parallel()
	for name, o := range legacyOperations {
		for _, enqueued := range []string{o.task, "go"} {
			t.Run(name+" "+enqueued, func(t *testing.T) {
				t.Parallel()
				for _, failpoint := range sample.Of(t, 0.3, o.failpoints(t), itself) {
					t.Run(failpoint, func(t *testing.T) {
						t.Parallel()
						r := o.rig(t)
						var parameters map[string]string
						if enqueued == o.task {
							parameters = maps.Clone(o.parameters)
							parameters["vtctld_endpoint"], parameters["vtworker_endpoint"] = r.vtctld.Address, r.vtworker.Address
						}
						s := r.armed(failpoint).serveOperations(r.dir)
						id, err := s.Enqueue(t.Context(), enqueued, parameters)
						if err != nil {
							t.Fatal(err)
						}
						if op, ended := s.await(id); ended {
							t.Fatalf("the server was not killed: %v", op)
						}
						s = r.serveOperations(r.dir)
						op, ended := s.await(id)
						if !ended || op.Error != "" {
							t.Errorf("the operation ended %v with %q", ended, op.GetError())
						}
						s.terminate()
						o.checkDoneOnce(r)
					})
				}
			})
		}
	}
}

// The same without a kill: the connection broke after the work.
func TestLegacyOperationWhoseConnectionsBreak(t *testing.T) {
	t.Parallel()
	for name, o := range legacyOperations {
		for _, command := range o.once {
			t.Run(name+" "+command, func(t *testing.T) {
				t.Parallel()
				r := o.rig(t)
				r.fail(nil, failing(command, 1, status.Error(codes.Internal, "the answer was lost")))
				r.applies(0)
				o.checkDoneOnce(r)
			})
		}
	}
}

// What a server refuses is an error, whatever the cluster shows: nobody knows that this operation did it.
func TestLegacyOperationDoesNotAdoptWhatItNeverStarted(t *testing.T) {
	t.Parallel()
	r := legacyOperations["split"].rig(t)
	r.Replicate("customer", "-80", "-")
	r.Replicate("customer", "80-", "-")
	if out := r.applies(1); !strings.Contains(out, "filtered replication already enabled") {
		t.Errorf("%s", out)
	}
	if slices.ContainsFunc(r.commands(), func(c string) bool { return strings.HasPrefix(c, "Migrate") }) {
		t.Errorf("it went on: %v", r.commands())
	}
}

// Whoever enqueued an operation sees of it what the server returns: the hints have to be there.
func TestTheErrorOfAServedLegacyOperationHasTheHints(t *testing.T) {
	t.Parallel()
	o := legacyOperations["split"]
	r := o.rig(t)
	r.Replicate("customer", "-80", "-")
	r.Replicate("customer", "80-", "-")
	s := r.serveOperations(r.dir)
	id, err := s.Enqueue(t.Context(), "go", nil)
	if err != nil {
		t.Fatal(err)
	}
	op, _ := s.await(id)
	const hint = "hint: if an earlier attempt of this very task set it up, the clone is complete"
	if clone := op.SerialTasks[2].ParallelTasks[0]; !strings.Contains(op.Error, hint) || clone.Error != op.Error {
		t.Errorf("the operation's error: %s\nthe clone: %v", op.Error, clone)
	}
	s.terminate()
	if !strings.Contains(s.logged(), hint) {
		t.Errorf("the log:\n%s", s.logged())
	}
}
