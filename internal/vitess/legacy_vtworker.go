package vitess

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
)

// resetCommand makes a vtworker forget the command that it ran last, so that it takes the next one.
const resetCommand = "Reset"

// ExecuteVtworker implements Legacy. A vtworker runs one command at a time and answers UNAVAILABLE while it runs
// another, and for a minute behind one that nobody reset; so does gRPC while none is there. A command that lost its
// vtworker half way is sent again too: a clone reconciles the rows that are there, a diff only reads.
func (l *LegacyClient) ExecuteVtworker(ctx context.Context, c LegacyCommand) (string, error) {
	return l.execute(ctx, vtworkerService, c, func(log func(*logutilpb.Event)) error {
		said := ""
		for {
			err := l.tryVtworker(ctx, c, log)
			if !l.notReady(ctx, err) {
				return err
			}
			why := validText(serverText(fromServer(err)))
			if text := strings.Map(withoutDigits, why); text != said { // those that only count seconds say the same
				said = text
				log(ownEvent(l.config.Now(), logutilpb.Level_WARNING, "vtworker (%s) is not ready: %s; trying again every %s until it is or the run is stopped",
					c.Server, why, l.config.RetryPause))
			}
			if err := c.pause(ctx, l.config.RetryPause); err != nil {
				return &waited{err, why}
			}
		}
	})
}

// tryVtworker resets and sends once.
func (l *LegacyClient) tryVtworker(ctx context.Context, c LegacyCommand, log func(*logutilpb.Event)) error {
	return l.connected(c.Server, func(conn *grpc.ClientConn) error {
		if c.Args[0] != resetCommand {
			limited, cancel := context.WithTimeout(ctx, l.config.ResetTimeout)
			// Best effort: a vtworker that cannot be reset says why when it gets the command.
			_ = vtworkerService.run(limited, conn, []string{resetCommand}, func(*logutilpb.Event) {})
			cancel()
		}
		return l.send(ctx, vtworkerService, conn, c.Args, log)
	})
}

// notReady reports whether a vtworker may take the command later. TLS that does not fit is UNAVAILABLE too, and for good.
func (l *LegacyClient) notReady(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || status.Code(err) != codes.Unavailable {
		return false
	}
	var notSent unsent
	if errors.As(err, &notSent) {
		_, again := Refusal(notSent.error, l.config.shared())
		return again
	}
	return true
}

func (c LegacyCommand) pause(ctx context.Context, d time.Duration) error {
	if c.Pause != nil {
		return c.Pause(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waited is the error of waiting for a vtworker that was ended.
type waited struct {
	error
	last string // what the vtworker said
}

func (e *waited) Unwrap() error { return e.error }

func withoutDigits(r rune) rune {
	if unicode.IsDigit(r) {
		return -1
	}
	return r
}
