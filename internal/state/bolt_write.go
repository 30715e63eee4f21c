package state

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"shardform/internal/addr"
)

func (r *records) CreateOperation(op Operation, containers []Container) (created Operation, err error) {
	defer r.note(&err)
	if op.Address.Level() != addr.LevelOperation {
		return Operation{}, r.wrong(op.Address, "not an operation's address", fmt.Sprintf("recording an operation, found the address %q", op.Address))
	}
	instance, _, err := r.latest(op.Address)
	if err != nil {
		return Operation{}, err
	}
	r.meta.LastOperation++
	key := numberKey(r.meta.LastOperation)
	op.ID, op.Instance = operationID(r.meta.LastOperation), int(instance)+1
	var ids taskIDs
	err = r.putContainers(key, op.Address, containers, &ids, func(i int) position { return topPosition(i) })
	if err != nil {
		return Operation{}, err
	}
	at := instanceKey(op.Address, instance+1)
	if err := r.putBytes(bucketInstances, at, sealBytes(at, key)); err != nil {
		return Operation{}, err
	}
	record := recordOperation(op, ids.last)
	return record.operation(), r.put(bucketOperations, key, record)
}

func (r *records) PutOperation(op Operation) (err error) {
	defer r.note(&err)
	recorded, err := r.existing(op.ID)
	if err != nil {
		return err
	}
	if recorded.Address != op.Address || recorded.Instance != op.Instance {
		return r.wrong(op.Address, "operation cannot change its address",
			fmt.Sprintf("operation %s is instance %d of %s, found instance %d of %s", op.ID, recorded.Instance, recorded.Address, op.Instance, op.Address))
	}
	key, _ := op.ID.key()
	return r.put(bucketOperations, key, recordOperation(op, recorded.LastTaskID))
}

func (r *records) PutTask(id OperationID, task Task) (err error) {
	defer r.note(&err)
	operation, valid := id.key()
	if !valid {
		return r.noOperation(id)
	}
	key, err := r.locate(operation, task.Address)
	if err != nil {
		return err
	}
	if _, isTask, ok := splitKey(key); !ok || !isTask {
		return r.wrong(task.Address, "task is not recorded", fmt.Sprintf("operation %s has no task %q", id, task.Address))
	}
	return r.putRecent(bucketContainers, key, func(dst []byte) ([]byte, error) { return sealTask(dst, key, task) })
}

func (r *records) InsertContainers(id OperationID, after addr.Address, containers []Container) (err error) {
	defer r.note(&err)
	recorded, err := r.existing(id)
	if err != nil {
		return err
	}
	operation, _ := id.key()
	key, err := r.locate(operation, after)
	if err != nil {
		return err
	}
	place, isTask, ok := splitKey(key)
	if !ok || isTask {
		return r.wrong(after, "container is not recorded", fmt.Sprintf("operation %s has no container %q to insert others behind", id, after))
	}
	earlier, err := r.insertionsBehind(operation, place)
	if err != nil {
		return err
	}
	ids := taskIDs{last: recorded.LastTaskID}
	err = r.putContainers(operation, recorded.Address, containers, &ids, func(i int) position { return place.behind(earlier, i) })
	if err != nil {
		return err
	}
	recorded.LastTaskID = ids.last
	return r.put(bucketOperations, operation, recorded)
}

// insertionsBehind counts how often containers were inserted behind the one at p.
func (r *records) insertionsBehind(operation []byte, p position) (n uint32, err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(bucketContainers)
	if err != nil {
		return 0, err
	}
	key, _ := bucket.Cursor().Seek(p.levelKey(operation))
	return p.earlier(operation, key), nil
}

// putContainers writes containers and tasks in the order of their keys, which is what bbolt is fast at, and then their
// addresses, sorted for the same reason.
func (r *records) putContainers(operation []byte, a addr.Address, containers []Container, ids *taskIDs, at func(int) position) error {
	ids.see(containers)
	const room = 1024 // for a task, mostly
	var text []byte   // many values in one allocation; bbolt keeps them until the commit
	var index []addressEntry
	for i, c := range containers {
		if c.Address.Level() != addr.LevelContainer || c.Address.Operation() != a {
			return r.wrong(c.Address, "not a container of the operation", fmt.Sprintf("recording containers of %s, found the address %q", a, c.Address))
		}
		key := at(i).containerKey(operation)
		if err := r.put(bucketContainers, key, containerRecord{Address: c.Address.String(), Concurrency: c.Concurrency}); err != nil {
			return err
		}
		index = append(index, addressEntry{addressKey(operation, c.Address), key[len(operation):]})
		for j, task := range c.Tasks {
			if task.Address.Level() != addr.LevelTask || task.Address.Container() != c.Address {
				return r.wrong(task.Address, "not a task of the container", fmt.Sprintf("recording tasks of %s, found the address %q", c.Address, task.Address))
			}
			if task.ID == "" {
				task.ID = ids.next()
			}
			key := taskKey(key, j)
			if cap(text)-len(text) < room {
				text = make([]byte, 0, 64*room)
			}
			start := len(text)
			var err error
			if text, err = sealTask(text, key, task); err != nil {
				return err
			}
			if err := r.putBytes(bucketContainers, key, text[start:len(text):len(text)]); err != nil {
				return err
			}
			index = append(index, addressEntry{addressKey(operation, task.Address), key[len(operation):]})
		}
	}
	return r.putIndex(operation, index)
}

type addressEntry struct{ key, position []byte }

func (r *records) putIndex(operation []byte, index []addressEntry) (err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(bucketAddresses)
	if err != nil {
		return err
	}
	slices.SortFunc(index, func(a, b addressEntry) int { return bytes.Compare(a.key, b.key) })
	for i, e := range index {
		if i > 0 && bytes.Equal(index[i-1].key, e.key) || bucket.Get(e.key) != nil {
			return r.wrong(addr.Address{}, "address is recorded already", fmt.Sprintf("operation %d has two of %s", keyNumber(operation), e.key[len(operation):]))
		}
		if err := bucket.Put(e.key, sealBytes(e.key, e.position)); err != nil {
			return err
		}
	}
	return nil
}

func (r *records) PutOutputs(outputs []Output) (err error) {
	defer r.note(&err)
	if err := r.clear(bucketOutputs); err != nil {
		return err
	}
	for _, o := range outputs {
		if err := r.put(bucketOutputs, []byte(o.Name), o); err != nil {
			return err
		}
	}
	return nil
}

func (r *records) PutRun(run Run) (err error) {
	defer r.note(&err)
	run.Started, run.Ended, run.Who.Since = utc(run.Started), utc(run.Ended), utc(run.Who.Since)
	return r.put(bucketRuns, []byte(run.ID), run)
}

// note remembers the first failure: what was written before it is half of something, so the transaction is not to be
// committed even if fn goes on.
func (r *records) note(err *error) {
	if r.failed == nil {
		r.failed = *err
	}
}

// existing reads the header of an operation that has to be there.
func (r *records) existing(id OperationID) (operationRecord, error) {
	record, ok, err := r.operation(id)
	if err == nil && !ok {
		err = r.noOperation(id)
	}
	return record, err
}

func (r *records) noOperation(id OperationID) error {
	return r.wrong(addr.Address{}, "operation is not recorded", fmt.Sprintf("there is no operation with the id %q", id))
}

// put writes one record.
func (r *records) put(name, key []byte, v any) error {
	value, err := seal(key, v)
	if err != nil {
		return fmt.Errorf("recording in the bucket %s: %w", name, err)
	}
	return r.putBytes(name, key, value)
}

func (r *records) putBytes(name, key, value []byte) (err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(name)
	if err != nil {
		return err
	}
	return bucket.Put(key, value)
}

func (r *records) clear(name []byte) (err error) {
	defer r.guard(&err)
	bucket, err := r.bucket(name)
	if err != nil {
		return err
	}
	var keys [][]byte
	cursor := bucket.Cursor()
	for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := bucket.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// taskIDs counts the IDs of an operation's tasks; those that came with an ID keep it and are never given twice.
type taskIDs struct{ last int64 }

func (t *taskIDs) see(containers []Container) {
	for _, c := range containers {
		for _, task := range c.Tasks {
			if n, err := strconv.ParseInt(task.ID, 10, 64); err == nil {
				t.last = max(t.last, n)
			}
		}
	}
}

func (t *taskIDs) next() string {
	t.last++
	return strconv.FormatInt(t.last, 10)
}
