package plan

import (
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/state"
)

// Difference is the first place at which two lists of tasks are not the same.
type Difference struct {
	// At is the address of the task or container that is wanted there, or of the recorded one where nothing is wanted.
	At addr.Address

	container, task int // in the wanted list
}

// DifferenceTo returns where the tasks of the operation differ from those of a recorded instance, nil if they are the same
// list. An instance with the digest of the operation has the same list, and after it whatever its tasks emitted while they
// ran; else the lists themselves decide, as a digest has more in it (such as the addresses of the cluster).
func (op *Operation) DifferenceTo(instance state.Operation, recorded []state.Container) *Difference {
	difference := FirstDifference(recorded, op.Containers)
	if difference != nil && op.Digest != "" && op.Digest == instance.Digest {
		return nil
	}
	return difference
}

// FirstDifference compares what was recorded with what is wanted: addresses, names and parameters, in order. Of sensitive
// parameters only the names are compared: a value is checked against its salted hash where it is used. Concurrency does
// not count, as it changes nothing that is done.
func FirstDifference(recorded []state.Container, wanted []Container) *Difference {
	for i := range wanted {
		w := &wanted[i]
		if i == len(recorded) || recorded[i].Address != w.Address {
			return &Difference{At: w.Address, container: i}
		}
		r := &recorded[i]
		for j := range w.Tasks {
			if j == len(r.Tasks) || !sameTask(&r.Tasks[j], &w.Tasks[j]) {
				return &Difference{At: w.Tasks[j].Address, container: i, task: j}
			}
		}
		if len(r.Tasks) > len(w.Tasks) {
			return &Difference{At: r.Tasks[len(w.Tasks)].Address, container: i, task: len(w.Tasks)}
		}
	}
	if len(recorded) > len(wanted) {
		return &Difference{At: recorded[len(wanted)].Address, container: len(wanted)}
	}
	return nil
}

func sameTask(r *state.Task, w *Task) bool {
	if r.Address != w.Address || r.Name != w.Name || len(r.Sensitive) != len(w.Sensitive) || !sameParameters(r.Parameters, w.Parameters) {
		return false
	}
	return !slices.ContainsFunc(w.Sensitive, func(name string) bool { _, ok := r.Sensitive[name]; return !ok })
}

// sameParameters compares parameters. That a record lacks an address of a server makes no difference: earlier versions did
// not give it to the task, and it says where something is looked at, not what is done.
func sameParameters(recorded, wanted map[string]string) bool {
	for name, value := range recorded {
		if other, has := wanted[name]; !has || other != value {
			return false
		}
	}
	for name := range wanted {
		if _, has := recorded[name]; !has && !strings.HasSuffix(name, "_endpoint") {
			return false
		}
	}
	return true
}

// after reports whether the difference comes after the given task of the wanted list; nil is no difference.
func (d *Difference) after(container, task int) bool {
	return d == nil || container < d.container || container == d.container && task < d.task
}
