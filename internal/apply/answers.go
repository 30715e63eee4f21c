package apply

import (
	"slices"
	"sync"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// answersSize is how many bytes of encoded operations are kept for those who ask again.
const answersSize = 32 << 20

// answers are encoded operations that nobody runs. The zero value is empty.
type answers struct {
	reading sync.Mutex // one at a time reads a whole operation from the state

	mu   sync.Mutex
	kept []answer // the one that was put last is at the end
	size int
}

type answer struct {
	header state.Operation
	text   []byte
}

// find gives the message of an operation that has this header still. An operation that is under way has none here: its
// tasks change while its header does not.
func (a *answers) find(header state.Operation) ([]byte, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.kept {
		if k.header.ID == header.ID && k.header.State == header.State && k.header.Error == header.Error && k.header.Ended.Equal(header.Ended) {
			return k.text, true
		}
	}
	return nil, false
}

// put keeps a message, in the place of the oldest ones.
func (a *answers) put(header state.Operation, text []byte) {
	if header.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_RUNNING || len(text) > answersSize {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(func(k answer) bool { return k.header.ID == header.ID })
	a.kept = append(a.kept, answer{header, text})
	a.size += len(text)
	for a.size > answersSize {
		oldest := a.kept[0].header.ID
		a.remove(func(k answer) bool { return k.header.ID == oldest })
	}
}

func (a *answers) remove(which func(answer) bool) {
	a.kept = slices.DeleteFunc(a.kept, func(k answer) bool {
		if which(k) {
			a.size -= len(k.text)
			return true
		}
		return false
	})
}

// forget drops the message of an operation that was written without its header changing.
func (a *answers) forget(id state.OperationID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(func(k answer) bool { return k.header.ID == id })
}

// keep puts the message of an operation that was run to its end.
func (a *answers) keep(header state.Operation, l *live) {
	if header.State == automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE {
		a.put(header, l.message())
	}
}
