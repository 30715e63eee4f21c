package vitess

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"

	"shardform/internal/diag"
)

// Bounds of one question.
const (
	legacyReadTime  = 30 * time.Second
	legacyReadBytes = 64 << 20
)

// ReadVtctl implements LegacyReader. Before and After are not called, as nothing is changed.
func (l *LegacyClient) ReadVtctl(ctx context.Context, c LegacyCommand) (string, error) {
	if err := l.check(vtctlService, c); err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, legacyReadTime)
	defer cancel()
	var printed strings.Builder
	err := l.connected(c.Server, func(conn *grpc.ClientConn) error {
		return vtctlService.run(limited, conn, c.Args, func(e *logutilpb.Event) {
			if e.GetLevel() == logutilpb.Level_CONSOLE && printed.Len() < legacyReadBytes {
				printed.WriteString(e.GetValue())
			}
		})
	})
	if printed.Len() >= legacyReadBytes && err == nil {
		err = fmt.Errorf("it prints more than %d MiB", legacyReadBytes>>20)
	}
	if err == nil {
		return printed.String(), nil
	}
	failed := l.failure(ctx, vtctlService, c, err)
	var d *diag.Diagnostic
	if code := status.Code(fromServer(err)); errors.As(failed, &d) && ctx.Err() == nil && (code == codes.Unavailable || code == codes.DeadlineExceeded) {
		d.Temporary = true // it only looked
		d.Hint = "check that the vtctld runs and is not overloaded"
	}
	return "", failed
}
