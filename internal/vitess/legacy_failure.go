package vitess

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/diag"
)

// failure is the error of a command as people see it. It is temporary only where the command reached no server: what a
// vtctl command that broke off has done is not known.
func (l *LegacyClient) failure(ctx context.Context, s *legacyService, c LegacyCommand, err error) error {
	d := &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("%s command %s failed", s.name, c.line()), Cause: err}
	var notSent unsent
	var ended *waited
	switch {
	case errors.As(err, &ended):
		d.Summary = fmt.Sprintf("stopped waiting for vtworker at %s to run %s", c.Server, c.line())
		d.Detail = "the last time it was asked it was not ready: " + ended.last
		d.Exit = diag.ExitStopped
		d.Cause = errors.Join(ended.error, ctx.Err())
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		d.Summary = fmt.Sprintf("%s command %s did not end in time", s.name, c.line())
		d.Detail = fmt.Sprintf("the call to %s at %s was given up; the server ends a command when its client goes away", s.server, c.Server)
		d.Hint = "look at what the cluster shows before running it again"
		d.Cause = errors.Join(ctx.Err(), err)
	case ctx.Err() != nil:
		d.Summary = fmt.Sprintf("%s command %s was stopped", s.name, c.line())
		d.Detail = fmt.Sprintf("the call to %s at %s was given up: %v; the server ends a command when its client goes away", s.server, c.Server, context.Cause(ctx))
		d.Exit = diag.ExitStopped
		d.Cause = errors.Join(ctx.Err(), context.Cause(ctx))
	case errors.As(err, &notSent):
		d.Summary = fmt.Sprintf("cannot connect to %s", s.server)
		why, again := Refusal(notSent.error, l.config.shared())
		d.Detail = fmt.Sprintf("%s: %s; the command %s was not sent", c.Server, why, c.line())
		d.Hint = fmt.Sprintf("check the address (the gRPC port of the %s), tls and auth of the cluster block, and that it runs", s.server)
		d.Temporary = again
	default:
		explain(d, s, c, err)
	}
	d.Summary, d.Detail = validText(d.Summary), validText(d.Detail)
	return d
}

// explain is the failure of a command that was sent.
func explain(d *diag.Diagnostic, s *legacyService, c LegacyCommand, err error) {
	d.Detail = fmt.Sprintf("%s at %s answered: %s", s.server, c.Server, serverText(err))
	switch status.Code(err) {
	case codes.Unavailable:
		d.Detail = fmt.Sprintf("the connection to %s at %s failed: %s", s.server, c.Server, serverText(err))
		d.Hint = "the command may have done its work all the same: look at what the cluster shows before running it again"
	case codes.Unimplemented:
		d.Hint = fmt.Sprintf("it does not know the command stream: start it with %s in -service_map, or take a server that has it (vtworker until Vitess v0.14)", s.mapped)
	case codes.Unauthenticated, codes.PermissionDenied:
		d.Hint = "check the auth block of the cluster"
	}
}
