package apply

import (
	"errors"
	"fmt"
)

// Reason says what is wrong with a request to a Scheduler, for those who answer it over the wire.
type Reason int

// The reasons. All but NotRunning and Unfit are the caller's mistake; an Unfit request may be right at another time.
const (
	NotRunning       Reason = iota + 1 // the Scheduler takes no requests now
	UnknownOperation                   // no operation of that name may be enqueued
	Unimplemented                      // the name is registered, but no task is
	BadParameters                      // names or values of parameters
	UnknownID                          // no operation has that id
	Unfit                              // the operation cannot be begun as things are
)

// RequestError is a request that a Scheduler refuses. The texts are those of the Vitess automation package where it has
// one, as clients rely on them.
type RequestError struct {
	Reason Reason
	text   string
}

func (e *RequestError) Error() string { return e.text }

func refuse(reason Reason, format string, args ...any) *RequestError {
	return &RequestError{reason, fmt.Sprintf(format, args...)}
}

func unknownID(id string) error {
	return refuse(UnknownID, "ClusterOperation with id: %v not found", id)
}

func isRequestError(err error) bool {
	var r *RequestError
	return errors.As(err, &r)
}
