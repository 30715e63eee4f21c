package apply

import (
	"context"
	"fmt"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// match says how a planned operation and the newest recorded instance at its address belong together.
type match int

const (
	fresh       match = iota + 1 // a new instance is created
	resumed                      // the recorded instance is taken up again
	superseded                   // the recorded instance is open, but another: it is ended, and a new one created
	alreadyDone                  // the recorded instance is this very one, and has ended
	stale                        // the state went on since the plan was made
)

func matchOf(op *plan.Operation, latest state.Operation, recorded []state.Container) match {
	open := isOpen(latest)
	switch {
	case latest.Instance == op.Instance && open && op.DifferenceTo(latest, recorded) == nil:
		return resumed
	case latest.Instance == op.Instance && latest.Digest == op.Digest:
		return alreadyDone
	case open && (latest.Instance == op.Instance || latest.Instance == op.Instance-1):
		return superseded
	case latest.Instance == op.Instance-1:
		return fresh
	}
	return stale
}

// isOpen reports whether an instance is to be taken up again. Only a Scheduler ends one with an error.
func isOpen(op state.Operation) bool {
	return !op.Forgotten && (op.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || op.Error != "")
}

// prepare makes the runner of a planned operation: of its recorded instance where that is taken up again, else of a
// new one. nil says that it has ended already. Nothing is written before its first checkpoint.
func (r *run) prepare(ctx context.Context, op *plan.Operation) (*operation, error) {
	var latest state.Operation
	var before []state.Container
	how := fresh
	err := r.store.View(ctx, func(reader state.Reader) error {
		var ok bool
		var err error
		if latest, ok, err = reader.Latest(op.Address); err != nil || !ok {
			return err
		}
		if before, err = reader.Containers(latest.ID); err != nil {
			return err
		}
		how = matchOf(op, latest, before)
		return nil
	})
	if err != nil {
		return nil, storeError{err}
	}
	var o *operation
	switch how {
	case alreadyDone:
		return nil, nil
	case stale:
		return nil, &diag.Diagnostic{
			Severity: diag.Error, Summary: fmt.Sprintf("the plan of %s is stale", op.Address), Address: op.Address.String(), Exit: diag.ExitRefused,
			Detail: fmt.Sprintf("it was made for instance %d of the operation; the state has instance %d by now", op.Instance, latest.Instance),
			Hint:   "plan again: shardform plan",
		}
	case resumed:
		o, err = r.resume(op, latest, before)
	default:
		o, err = r.create(op, latest, before, how == superseded)
	}
	if err != nil {
		return nil, err
	}
	o.kind, o.retry, o.expanded = op.Kind, op.Retry, true
	if err := o.addSecrets(op); err != nil {
		return nil, err
	}
	return o, nil
}
