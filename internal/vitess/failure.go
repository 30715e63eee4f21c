package vitess

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/diag"
)

// failure is a server's error as people see it.
func failure(address, what string, limit time.Duration, err error) error {
	d := &diag.Diagnostic{
		Severity: diag.Error, Summary: "cannot " + what,
		Detail:    fmt.Sprintf("vtctld at %s answered: %s", address, serverText(err)),
		Temporary: temporary(err), Cause: err,
	}
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		d.Detail = fmt.Sprintf("vtctld at %s did not answer within %s", address, limit)
		d.Hint = "it may still be at work: look at what the cluster shows before trying again"
	case codes.Unavailable:
		d.Detail = fmt.Sprintf("the connection to vtctld at %s failed: %s", address, serverText(err))
		d.Hint = "check that vtctld runs and is reachable; a change may have been made all the same, so look before trying again"
	case codes.Unimplemented:
		d.Hint = "this server does not offer what Vitess v0.24 does: it is older, or a sandbox"
	case codes.Unauthenticated, codes.PermissionDenied:
		d.Hint = "check the auth block of the cluster"
	case codes.ResourceExhausted:
		d.Hint = "a message was larger than one side takes; vtctld's limit is --grpc-max-message-size"
	}
	return d
}

// codeOf is the gRPC code of what the server answered to a call of this package; OK for nil.
func codeOf(err error) codes.Code {
	var d *diag.Diagnostic
	if errors.As(err, &d) && d.Cause != nil {
		return status.Code(d.Cause)
	}
	return status.Code(err)
}

// answered reports whether the server's answer has the text: only for the answers whose meaning has no code.
func answered(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}

// missing reports whether the server's answer is that a topology node does not exist.
func missing(err error) bool {
	return codeOf(err) == codes.NotFound || answered(err, "node doesn't exist")
}

// passing are the texts of answers without a code of their own that may be different the next time: unreachable or slow
// parts of the cluster, and switches that were refused for now.
var passing = []string{
	"deadline exceeded", "Code: UNAVAILABLE", "Code: DEADLINE_EXCEEDED", "Code: ABORTED", "Code: CLUSTER_EVENT",
	"code = Unavailable", "code = DeadlineExceeded", "code = Aborted",
	"connection refused", "connection reset", "broken pipe", "i/o timeout", "transport is closing", "no route to host",
	"is higher than allowed lag", "copy is still in progress", "could not refresh all of the tablets",
	"not all streams are running", "locks were lost", "lock was lost",
}

// lasting are the texts of errors that end only when somebody changes something, whatever else is wrapped with them: a
// server that does not know what it is asked, and vindexes that streams cannot place rows by.
var lasting = []string{
	"Code: UNIMPLEMENTED", "code = Unimplemented",
	"vindexType", "has no vindex", "could not find a vindex to compute keyspace id",
}

func lasts(text string) bool {
	return slices.ContainsFunc(lasting, func(l string) bool { return strings.Contains(text, l) })
}

// temporary reports whether the same call may succeed later without anyone doing something about it. Codes decide where
// the server gives any.
func temporary(err error) bool {
	switch code := status.Code(err); code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted:
		return true
	case codes.Unknown, codes.Internal:
		text := err.Error()
		return !errors.Is(err, context.Canceled) && !lasts(text) && slices.ContainsFunc(passing, func(p string) bool { return strings.Contains(text, p) })
	}
	return false
}

var (
	codeLine  = regexp.MustCompile(`^Code: [A-Z_]+$`)
	stackLine = regexp.MustCompile(`^(vitess\.io/|goroutine \d+|\s*/\S+\.go:\d+)`)
)

// serverText is what the server said without what is for its developers: "Code: X" lines, repeated lines, stacks.
// Lines are joined by "; ".
func serverText(err error) string {
	text := err.Error()
	if s, ok := status.FromError(err); ok {
		text = s.Message()
	}
	text = strings.NewReplacer("connection error: desc = ", "", "transport: Error while dialing: ", "", "transport: ", "").Replace(text)
	if panicked, _, ok := strings.Cut(text, " from: goroutine "); ok {
		text = panicked
	}
	var lines []string
	for line := range strings.Lines(text) {
		if stackLine.MatchString(line) {
			break
		}
		line = strings.TrimSpace(line)
		line = strings.Trim(line, `"`)
		if line == "" || codeLine.MatchString(line) || slices.Contains(lines, line) {
			continue
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return "an error without text"
	}
	return strings.Join(lines, "; ")
}
