package state

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"shardform/internal/addr"
)

// The buckets (docs/state-format.md).
var (
	bucketMeta       = []byte("meta")
	bucketOperations = []byte("operations") // operation → header
	bucketInstances  = []byte("instances")  // operation address, instance → operation
	bucketContainers = []byte("containers") // operation, position → container header or task
	bucketAddresses  = []byte("addresses")  // operation, address → position
	bucketOutputs    = []byte("outputs")    // name → output
	bucketRuns       = []byte("runs")       // run id → run
	bucketLedger     = []byte("ledger")     // sequence → entry
	bucketRecent     = []byte("recent")     // first letter of a bucket, key there → what is to take its place
	bucketApprovals  = []byte("approvals")  // sequence → approval; made by the first

	// buckets are those that every file has.
	buckets = [][]byte{bucketMeta, bucketOperations, bucketInstances, bucketContainers, bucketAddresses, bucketOutputs, bucketRuns, bucketLedger, bucketRecent}
)

// A position is where a container or a task stands in its operation, as bytes that sort in running order. A container
// created with the operation is at its index. One that was inserted is at the position of the one it went behind, then
// a level mark, a count of insertions there that runs downwards (so that a later insertion comes first, right behind
// it), and its index among those inserted together. So nothing ever moves. The header ends with an end mark, and a
// task adds its index to its container's header: headers and tasks of an operation come in running order.
const (
	markEnd   = 0x00
	markLevel = 0x01
)

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func keyNumber(key []byte) uint64 {
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

// key is the bytes of an operation's ID, the start of all its keys; ok is false if no operation can have it.
func (id OperationID) key() (key []byte, ok bool) {
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != string(id) {
		return nil, false
	}
	return numberKey(n), true
}

func operationID(n uint64) OperationID { return OperationID(strconv.FormatUint(n, 10)) }

// instanceKey is where the instance'th operation at an operation's address is found.
func instanceKey(operation addr.Address, instance uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(operation.String()), 0), instance)
}

func addressKey(operation []byte, a addr.Address) []byte {
	return append(slices.Clone(operation), a.String()...)
}

// position is a container's position without its end mark.
type position []byte

func topPosition(index int) position {
	return binary.BigEndian.AppendUint32(nil, uint32(index))
}

// behind is the position of container index of those inserted behind p when `earlier` insertions there came before.
func (p position) behind(earlier uint32, index int) position {
	q := append(slices.Clone(p), markLevel)
	q = binary.BigEndian.AppendUint32(q, math.MaxUint32-earlier)
	return binary.BigEndian.AppendUint32(q, uint32(index))
}

// earlier counts the insertions behind p, of which the key at or after p's level mark is the last.
func (p position) earlier(operation, key []byte) uint32 {
	prefix := p.levelKey(operation)
	if len(key) < len(prefix)+4 || string(key[:len(prefix)]) != string(prefix) {
		return 0
	}
	return math.MaxUint32 - binary.BigEndian.Uint32(key[len(prefix):]) + 1
}

func (p position) levelKey(operation []byte) []byte {
	return append(slices.Concat(operation, p), markLevel)
}

func (p position) containerKey(operation []byte) []byte {
	return append(slices.Concat(operation, p), markEnd)
}

func taskKey(container []byte, index int) []byte {
	return binary.BigEndian.AppendUint32(slices.Clone(container), uint32(index))
}

// splitKey takes a key of the bucket containers apart; task is false for a container's header; ok is false if it is no such key.
func splitKey(key []byte) (p position, task, ok bool) {
	const operation, index, level = 8, 4, 9
	end := operation + index
	for end < len(key) && key[end] == markLevel {
		end += level
	}
	if end >= len(key) || key[end] != markEnd {
		return nil, false, false
	}
	switch len(key) - end - 1 {
	case 0:
		return position(key[operation:end]), false, true
	case index:
		return position(key[operation:end]), true, true
	}
	return nil, false, false
}
