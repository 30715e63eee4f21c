package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/addr"
)

// records are the Reader and Writer of one transaction.
type records struct {
	path   string
	tx     *bolt.Tx // nil: there is no file yet
	meta   metaRecord
	stored *storedMeta // what is in the file; nil: not known to be the same
	failed error       // of a write

	written []byte            // what this transaction puts in recent, as it stands there
	overlay map[string][]byte // recent and written, by recentKey; nil until it is asked for
}

var _ Writer = (*records)(nil)

func (r *records) Meta() Meta { return r.meta.Meta }

func (r *records) Operations() (ops []Operation, err error) {
	err = r.scan(bucketOperations, nil, func(key, value []byte) error {
		var record operationRecord
		if err := unseal(key, value, &record); err != nil {
			return err
		}
		ops = append(ops, record.operation())
		return nil
	})
	return ops, err
}

func (r *records) Operation(id OperationID) (Operation, bool, error) {
	record, ok, err := r.operation(id)
	return record.operation(), ok, err
}

func (r *records) operation(id OperationID) (record operationRecord, ok bool, err error) {
	key, valid := id.key()
	if !valid {
		return operationRecord{}, false, nil
	}
	ok, err = r.get(bucketOperations, key, &record)
	return record, ok, err
}

func (r *records) Latest(a addr.Address) (Operation, bool, error) {
	_, id, err := r.latest(a)
	if err != nil || id == "" {
		return Operation{}, false, err
	}
	op, ok, err := r.Operation(id)
	if err == nil && !ok {
		return Operation{}, false, r.damaged(fmt.Sprintf("operation %s, the newest of %s, is missing", id, a.Operation()), nil)
	}
	return op, ok, err
}

// latest is the number and ID of the newest instance at an address; 0 and "" if there is none.
func (r *records) latest(a addr.Address) (instance uint32, id OperationID, err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(bucketInstances)
	if bucket == nil {
		return 0, "", err
	}
	highest := instanceKey(a.Operation(), math.MaxUint32)
	cursor := bucket.Cursor()
	key, value := cursor.Seek(highest)
	if key == nil {
		key, value = cursor.Last()
	} else if !bytes.Equal(key, highest) {
		key, value = cursor.Prev()
	}
	prefix := len(highest) - 4
	if len(key) != len(highest) || !bytes.Equal(key[:prefix], highest[:prefix]) {
		return 0, "", nil
	}
	number, err := unsealBytes(key, value)
	if err != nil {
		return 0, "", r.damaged(fmt.Sprintf("instance %x of %s: %v", key[prefix:], a.Operation(), err), err)
	}
	return binary.BigEndian.Uint32(key[prefix:]), operationID(keyNumber(number)), nil
}

func (r *records) Containers(id OperationID) (containers []Container, err error) {
	prefix, valid := id.key()
	if !valid {
		return nil, nil
	}
	err = r.scan(bucketContainers, prefix, func(key, value []byte) error {
		_, isTask, ok := splitKey(key)
		switch {
		case !ok:
			return errors.New("its key is none of a container or task")
		case !isTask:
			var record containerRecord
			if err := unseal(key, value, &record); err != nil {
				return err
			}
			a, err := addr.Parse(record.Address)
			containers = append(containers, Container{Address: a, Concurrency: record.Concurrency})
			return err
		case len(containers) == 0:
			return errors.New("it is a task without a container")
		}
		var record taskRecord
		if err := unseal(key, value, &record); err != nil {
			return err
		}
		last := &containers[len(containers)-1]
		task, err := record.task(last.Address)
		last.Tasks = append(last.Tasks, task)
		return err
	})
	return containers, err
}

func (r *records) Task(a addr.Address) (Task, bool, error) {
	_, id, err := r.latest(a)
	if err != nil || id == "" || a.Level() != addr.LevelTask {
		return Task{}, false, err
	}
	operation, _ := id.key()
	key, err := r.locate(operation, a)
	if err != nil || key == nil {
		return Task{}, false, err
	}
	var record taskRecord
	ok, err := r.get(bucketContainers, key, &record)
	if err == nil && !ok {
		err = r.damaged(fmt.Sprintf("the record of task %s is missing", a), nil)
	}
	if err != nil {
		return Task{}, false, err
	}
	task, err := record.task(a.Container())
	if err != nil {
		return Task{}, false, r.damaged(fmt.Sprintf("task %s: %v", a, err), err)
	}
	return task, true, nil
}

// locate finds the key of a container or task of an operation; nil if there is none.
func (r *records) locate(operation []byte, a addr.Address) (key []byte, err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(bucketAddresses)
	if bucket == nil {
		return nil, err
	}
	at := addressKey(operation, a)
	value := bucket.Get(at)
	if value == nil {
		return nil, nil
	}
	rest, err := unsealBytes(at, value)
	if err != nil {
		return nil, r.damaged(fmt.Sprintf("position of %s: %v", a, err), err)
	}
	return append(bytes.Clone(operation), rest...), nil
}

func (r *records) Outputs() (outputs []Output, err error) {
	err = r.scan(bucketOutputs, nil, func(key, value []byte) error {
		var output Output
		if err := unseal(key, value, &output); err != nil {
			return err
		}
		outputs = append(outputs, output)
		return nil
	})
	return outputs, err
}

func (r *records) Runs() (runs []Run, err error) {
	err = r.scan(bucketRuns, nil, func(key, value []byte) error {
		var run Run
		if err := unseal(key, value, &run); err != nil {
			return err
		}
		runs = append(runs, run)
		return nil
	})
	return runs, err
}

// get reads one record; ok is false if there is none.
func (r *records) get(name, key []byte, v any) (ok bool, err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(name)
	if bucket == nil {
		return false, err
	}
	if err := r.loadRecent(name); err != nil {
		return false, err
	}
	value := r.overlay[string(recentKey(name, key))]
	if value == nil {
		value = bucket.Get(key)
	}
	if value == nil {
		return false, nil
	}
	if err := unseal(key, value, v); err != nil {
		return false, r.damagedRecord(name, key, err)
	}
	return true, nil
}

// scan calls fn for each record whose key starts with prefix, in order.
func (r *records) scan(name, prefix []byte, fn func(key, value []byte) error) (err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(name)
	if bucket == nil {
		return err
	}
	if err := r.loadRecent(name); err != nil {
		return err
	}
	m := r.merge(bucket, name, prefix)
	for key, value := m.next(); key != nil; key, value = m.next() {
		if err := fn(key, value); err != nil {
			return r.damagedRecord(name, key, err)
		}
	}
	return nil
}

func (r *records) damaged(detail string, cause error) error { return damaged(r.path, detail, cause) }

func (r *records) damagedRecord(name, key []byte, err error) error {
	return r.damaged(fmt.Sprintf("record %q of the bucket %s: %v", key, name, err), err)
}

// guard turns a panic of bbolt into a complaint about the file.
func (r *records) guard(err *error) {
	if reason := recover(); reason != nil {
		cause := &panicked{reason: reason}
		*err = r.damaged(cause.Error(), cause)
	}
}

// wrong is a complaint about the caller's request, not about the file.
func (r *records) wrong(a addr.Address, summary, detail string) error {
	d := complain(r.path, summary, detail, "", nil)
	d.Address = a.String()
	return d
}
