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

	encoding sync.Mutex // one at a time puts the message together; taken before mu

	mu         sync.Mutex // guards what follows
	header     state.Operation
	containers []*liveContainer
	encoded    []byte // nil: something changed since
	version    int    // counts the changes
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
	l.version++
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

// message is the encoded GetClusterOperationDetailsResponse. It is shared and not to be changed. Checkpoints wait for
// no more than a copy of the list.
func (l *live) message() []byte {
	l.encoding.Lock()
	defer l.encoding.Unlock()
	l.mu.Lock()
	if l.encoded != nil {
		defer l.mu.Unlock()
		return l.encoded
	}
	header, version := l.header, l.version
	containers := make([]encodedContainer, len(l.containers))
	for i, c := range l.containers {
		containers[i] = encodedContainer{c.step.concurrency, slices.Clone(c.tasks)}
	}
	l.mu.Unlock()
	text := encodeDetails(header, containers)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.version == version {
		l.encoded = text
	}
	return text
}

func (l *live) state() automationpb.ClusterOperationState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.header.State
}

// encodedContainer is a container with its tasks as messages.
type encodedContainer struct {
	concurrency int
	tasks       [][]byte
}

// encodeDetails puts a GetClusterOperationDetailsResponse together. The field numbers are those of that message, of
// ClusterOperation and of TaskContainer.
func encodeDetails(op state.Operation, containers []encodedContainer) []byte {
	const (
		clusterOpField                                    = 2
		idField, serialTasksField, stateField, errorField = 1, 2, 3, 4
		parallelTasksField, concurrencyField              = 1, 2
	)
	failure := strings.ToValidUTF8(op.Error, "\uFFFD")
	size := sizeOf(idField, len(op.ID)) + protowire.SizeTag(stateField) + protowire.SizeVarint(uint64(op.State))
	if failure != "" {
		size += sizeOf(errorField, len(failure))
	}
	sizes := make([]int, len(containers))
	for i, c := range containers {
		for _, t := range c.tasks {
			sizes[i] += sizeOf(parallelTasksField, len(t))
		}
		if c.concurrency != 0 {
			sizes[i] += protowire.SizeTag(concurrencyField) + protowire.SizeVarint(uint64(c.concurrency))
		}
		size += sizeOf(serialTasksField, sizes[i])
	}
	text := make([]byte, 0, sizeOf(clusterOpField, size))
	text = protowire.AppendVarint(protowire.AppendTag(text, clusterOpField, protowire.BytesType), uint64(size))
	text = protowire.AppendString(protowire.AppendTag(text, idField, protowire.BytesType), string(op.ID))
	for i, c := range containers {
		text = protowire.AppendVarint(protowire.AppendTag(text, serialTasksField, protowire.BytesType), uint64(sizes[i]))
		for _, t := range c.tasks {
			text = protowire.AppendBytes(protowire.AppendTag(text, parallelTasksField, protowire.BytesType), t)
		}
		if c.concurrency != 0 {
			text = protowire.AppendVarint(protowire.AppendTag(text, concurrencyField, protowire.VarintType), uint64(c.concurrency))
		}
	}
	text = protowire.AppendVarint(protowire.AppendTag(text, stateField, protowire.VarintType), uint64(op.State))
	if failure != "" {
		text = protowire.AppendString(protowire.AppendTag(text, errorField, protowire.BytesType), failure)
	}
	return text
}

// sizeOf is what a field of so many bytes takes.
func sizeOf(field protowire.Number, bytes int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(bytes)
}
