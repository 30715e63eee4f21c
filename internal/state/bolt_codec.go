package state

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
)

// Every value carries a checksum over its key and itself, because bbolt has none for its pages: a flipped bit is an
// error and never another answer. In JSON it is the last member, so that the value stays one JSON object.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	sumStart = `,"crc32c":"`
	sumEnd   = `"}`
	sumSize  = len(sumStart) + 8 + len(sumEnd)
)

var errChecksum = errors.New("its checksum is wrong")

// seal encodes v, which is a JSON object with members.
func seal(key []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return appendSum(text, key, 0), nil
}

// appendSum ends the JSON object that starts at dst[start:] with its checksum.
func appendSum(dst, key []byte, start int) []byte {
	dst = dst[:len(dst)-1]
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, dst[start:])
	dst = append(dst, sumStart...)
	dst = hex.AppendEncode(dst, []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return append(dst, sumEnd...)
}

// sealTask appends what seal makes of a task's record.
func sealTask(dst, key []byte, task Task) ([]byte, error) {
	text, err := encodeTask(dst, task)
	if err != nil {
		return nil, fmt.Errorf("recording task %s: %w", task.Address, err)
	}
	return appendSum(text, key, len(dst)), nil
}

// unseal decodes what seal encoded.
func unseal(key, value []byte, v any) error {
	n := len(value) - sumSize
	if n < 0 || string(value[n:n+len(sumStart)]) != sumStart || !bytes.HasSuffix(value, []byte(sumEnd)) {
		return errors.New("it does not end with its checksum")
	}
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[:n])
	if fmt.Sprintf("%08x", sum) != string(value[n+len(sumStart):n+len(sumStart)+8]) {
		return errChecksum
	}
	return json.Unmarshal(value, v)
}

// sealBytes and unsealBytes do the same for the few values that are no JSON: the checksum is the last four bytes.
func sealBytes(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(value), sumBytes(key, value))
}

func sumBytes(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

func unsealBytes(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - 4
	if n < 0 || binary.BigEndian.Uint32(sealed[n:]) != sumBytes(key, sealed[:n]) {
		return nil, errChecksum
	}
	return sealed[:n], nil
}

// The records as they are in the file: states by name, times in UTC, and what only the store needs to know.

type (
	plainOperation Operation
	plainTask      Task
)

type operationRecord struct {
	plainOperation
	State      string `json:"state"`
	LastTaskID int64  `json:"last_task_id"` // the highest number that a task of it has as its ID
}

type containerRecord struct {
	Address     string `json:"address"`
	Concurrency int    `json:"concurrency,omitempty"`
}

// taskRecord is what encodeTask writes.
type taskRecord struct {
	plainTask
	Address string `json:"address"`
	State   string `json:"state"`
}

func recordOperation(op Operation, lastTaskID int64) operationRecord {
	op.Created, op.Ended = utc(op.Created), utc(op.Ended)
	if op.Waiting != nil {
		waiting := *op.Waiting
		waiting.Opens = utc(waiting.Opens)
		op.Waiting = &waiting
	}
	return operationRecord{plainOperation: plainOperation(op), State: op.State.String(), LastTaskID: lastTaskID}
}

func (r operationRecord) operation() Operation {
	op := Operation(r.plainOperation)
	op.State = automationpb.ClusterOperationState(automationpb.ClusterOperationState_value[r.State])
	return op
}

// task is the record of a task; container is its container's address, which saves parsing the task's, or the zero value.
func (r taskRecord) task(container addr.Address) (Task, error) {
	task := Task(r.plainTask)
	task.State = automationpb.TaskState(automationpb.TaskState_value[r.State])
	if i := bytes.LastIndexByte([]byte(r.Address), '/'); !container.IsZero() && i > 0 && r.Address[:i] == container.String() {
		task.Address = container.WithTask(r.Address[i+1:])
		return task, nil
	}
	var err error
	task.Address, err = addr.Parse(r.Address)
	return task, err
}

// utc makes what is read equal to what was written, wherever that was; the zero time stays zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
