package apply

import (
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// live is the ClusterOperation message of an operation that runs, kept encoded task by task and brought up to date by each
// checkpoint: whoever asks for it costs the run nothing but the copying of bytes, and the state is not read.
type live struct {
	id state.OperationID

	mu         sync.Mutex // guards what follows
	header     state.Operation
	containers []*liveContainer
	encoded    []byte // nil: something changed since
}

type liveContainer struct {
	step  *step
	tasks [][]byte // each an encoded Task
}

// newLive is the message of an operation before it begins.
func newLive(op state.Operation, o *operation) *live {
	l := &live{id: op.ID, header: op}
	for s := o.root.next; s != nil; s = s.next {
		l.containers = append(l.containers, newLiveContainer(s))
	}
	return l
}

func newLiveContainer(s *step) *liveContainer {
	c := &liveContainer{step: s, tasks: make([][]byte, len(s.jobs))}
	for i, j := range s.jobs {
		j.live, j.index = c, i
		c.tasks[i] = encodeTask(j.record)
	}
	return c
}

// encodeTask is the message of a recorded task.
func encodeTask(t state.Task) []byte {
	text, _ := proto.Marshal(state.TaskMessage(t)) // it fails for text that is not UTF-8 only
	return text
}

// update takes a checkpoint over. A nil live takes none.
func (l *live) update(header state.Operation, b batch) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.header, l.encoded = header, nil
	if len(b.inserted) > 0 {
		at := slices.IndexFunc(l.containers, func(c *liveContainer) bool { return c.step == b.behind })
		inserted := make([]*liveContainer, len(b.inserted))
		for i, s := range b.inserted {
			inserted[i] = newLiveContainer(s)
		}
		l.containers = slices.Insert(l.containers, at+1, inserted...)
	}
	for _, t := range b.transitions {
		t.job.live.tasks[t.job.index] = encodeTask(t.next)
	}
}

// message is the encoded ClusterOperation. It is shared and not to be changed.
func (l *live) message() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.encoded == nil {
		l.encoded = encodeOperation(l.header, l.containers)
	}
	return l.encoded
}

func (l *live) state() automationpb.ClusterOperationState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.header.State
}

// encodeOperation puts a message together. Its field numbers are those of ClusterOperation and TaskContainer.
func encodeOperation(op state.Operation, containers []*liveContainer) []byte {
	const (
		idField, serialTasksField, stateField, errorField = 1, 2, 3, 4
		parallelTasksField, concurrencyField              = 1, 2
	)
	sizes := make([]int, len(containers))
	room := len(op.ID) + 3*len(op.Error) + 32
	for i, c := range containers {
		for _, t := range c.tasks {
			sizes[i] += protowire.SizeTag(parallelTasksField) + protowire.SizeBytes(len(t))
		}
		if c.step.concurrency != 0 {
			sizes[i] += protowire.SizeTag(concurrencyField) + protowire.SizeVarint(uint64(c.step.concurrency))
		}
		room += protowire.SizeTag(serialTasksField) + protowire.SizeBytes(sizes[i])
	}
	text := make([]byte, 0, room)
	text = protowire.AppendString(protowire.AppendTag(text, idField, protowire.BytesType), string(op.ID))
	for i, c := range containers {
		text = protowire.AppendVarint(protowire.AppendTag(text, serialTasksField, protowire.BytesType), uint64(sizes[i]))
		for _, t := range c.tasks {
			text = protowire.AppendBytes(protowire.AppendTag(text, parallelTasksField, protowire.BytesType), t)
		}
		if c.step.concurrency != 0 {
			text = protowire.AppendVarint(protowire.AppendTag(text, concurrencyField, protowire.VarintType), uint64(c.step.concurrency))
		}
	}
	text = protowire.AppendVarint(protowire.AppendTag(text, stateField, protowire.VarintType), uint64(op.State))
	if op.Error != "" {
		text = protowire.AppendString(protowire.AppendTag(text, errorField, protowire.BytesType), strings.ToValidUTF8(op.Error, "\uFFFD"))
	}
	return text
}
