package state

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
)

func TestKeysSortInRunningOrder(t *testing.T) {
	op := numberKey(258)
	first, second := topPosition(0), topPosition(1)
	var inRunningOrder [][]byte
	for _, p := range []position{
		first, first.behind(256, 0), first.behind(256, 1), first.behind(1, 0), first.behind(0, 0), first.behind(0, 0).behind(3, 0),
		first.behind(0, 0).behind(0, 0), first.behind(0, 1), first.behind(0, 300), second, topPosition(256), topPosition(1 << 24),
	} {
		header := p.containerKey(op)
		inRunningOrder = append(inRunningOrder, header, taskKey(header, 0), taskKey(header, 1), taskKey(header, 256), taskKey(header, 1<<24))
	}
	inRunningOrder = append(inRunningOrder, first.containerKey(numberKey(259)))
	if !slices.IsSortedFunc(inRunningOrder, bytes.Compare) {
		t.Errorf("keys are not sorted: %x", inRunningOrder)
	}
	for i, key := range inRunningOrder[:len(inRunningOrder)-1] {
		p, isTask, ok := splitKey(key)
		if !ok || isTask != (i%5 != 0) || !bytes.Equal(p.containerKey(op), inRunningOrder[i/5*5]) {
			t.Errorf("key %x splits into position %x, task %v, %v", key, p, isTask, ok)
		}
		if _, _, ok := splitKey(key[:len(key)-1]); ok {
			t.Errorf("key %x without its last byte is accepted", key)
		}
	}
}

func TestEarlierInsertionsAreCountedFromTheFirstKey(t *testing.T) {
	op, p := numberKey(1), topPosition(7)
	for n := range uint32(5) {
		key := p.behind(n, 0).containerKey(op)
		if got := p.earlier(op, key); got != n+1 {
			t.Errorf("after insertion %d: %d earlier ones", n+1, got)
		}
	}
	if got := p.earlier(op, topPosition(8).containerKey(op)); got != 0 {
		t.Errorf("%d earlier insertions before the next container", got)
	}
	if got := p.earlier(op, nil); got != 0 {
		t.Errorf("%d earlier insertions at the end", got)
	}
}

func TestOperationIDsAreCanonical(t *testing.T) {
	for id, ok := range map[OperationID]bool{"1": true, "18446744073709551615": true, "0": false, "01": false, "+1": false, "": false, "x": false, "-1": false} {
		key, valid := id.key()
		if valid != ok || ok && operationID(keyNumber(key)) != id {
			t.Errorf("id %q: valid is %v, key %x", id, valid, key)
		}
	}
}

func TestAChecksumCoversKeyAndValue(t *testing.T) {
	key := []byte("key")
	value, err := seal(key, Run{ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	var run Run
	if err := unseal(key, value, &run); err != nil || run.ID != "1" {
		t.Errorf("reads as %+v, %v", run, err)
	}
	if err := unseal([]byte("kez"), value, &run); err == nil {
		t.Error("another key is accepted")
	}
	for i := range value {
		flipped := bytes.Clone(value)
		flipped[i] ^= 0x04
		if err := unseal(key, flipped, &run); err == nil {
			t.Errorf("a flip of byte %d is accepted: %s", i, flipped)
		}
	}
}

func TestSensitiveValuesAreOnlyRecognized(t *testing.T) {
	for _, value := range []string{"", "secret", strings.Repeat("x", 1000)} {
		hash := HashSensitive(value)
		if hash == HashSensitive(value) {
			t.Errorf("%q has the same hash twice", value)
		}
		if !MatchesSensitive(hash, value) || MatchesSensitive(hash, value+"x") {
			t.Errorf("%q is not told from others by %s", value, hash)
		}
		if parts := strings.Split(hash, ":"); len(parts) != 3 || parts[0] != "sha256" || len(parts[1]) != 32 || len(parts[2]) != 64 {
			t.Errorf("hash %s is not sha256:SALT:HASH", hash)
		}
	}
	for _, bad := range []string{"", "sha256", "sha256::", "sha256:zz:zz", "md5:00:00", "secret"} {
		if MatchesSensitive(bad, "") || MatchesSensitive(bad, "secret") {
			t.Errorf("%q matches", bad)
		}
	}
}

func TestClusterOperationHasTheMessagesFields(t *testing.T) {
	a := addr.Operation("nightly")
	parameters := map[string]string{"text": "hello"}
	containers := []Container{{Address: a.WithContainer("c"), Concurrency: 2, Tasks: []Task{
		{Name: "echo", Parameters: parameters, Sensitive: map[string]string{"password": "sha256:0:0"}, ID: "1", State: automationpb.TaskState_DONE, Output: "hello", Error: "no"},
		{Name: "shell", ID: "2", State: automationpb.TaskState_NOT_STARTED},
	}}, {Address: a.WithContainer("d")}}
	got := ClusterOperation(Operation{ID: "7", State: automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE, Error: "no"}, containers)
	want := &automationpb.ClusterOperation{Id: "7", State: automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE, Error: "no", SerialTasks: []*automationpb.TaskContainer{
		{Concurrency: 2, ParallelTasks: []*automationpb.Task{
			{Name: "echo", Parameters: map[string]string{"text": "hello"}, Id: "1", State: automationpb.TaskState_DONE, Output: "hello", Error: "no"},
			{Name: "shell", Id: "2", State: automationpb.TaskState_NOT_STARTED},
		}}, {},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	parameters["text"] = "changed"
	if !proto.Equal(want, got) {
		t.Error("the message shares its parameters with the records")
	}
}
