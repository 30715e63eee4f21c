// Package vtlog is what becomes of the log lines of Vitess's packages, which they would write to the error stream.
package vtlog

import (
	"context"
	"log/slog"

	"vitess.io/vitess/go/vt/log"
)

// They are discarded from before the first package logs something that imports more of Vitess than its log: packages are
// initialized in the order of their paths.
func init() { To(slog.New(slog.DiscardHandler)) }

// To has them written to logger, one level lower: it is vtctld's own log, which nobody sees who calls a vtctld.
func To(logger *slog.Logger) { log.SwapLogger(slog.New(lower{logger.Handler()})) }

// lower is a handler for records one level below theirs.
type lower struct{ slog.Handler }

const oneLevel = slog.LevelWarn - slog.LevelInfo

// Enabled implements slog.Handler.
func (l lower) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Handler.Enabled(ctx, level-oneLevel)
}

// Handle implements slog.Handler.
func (l lower) Handle(ctx context.Context, r slog.Record) error {
	r.Level -= oneLevel
	return l.Handler.Handle(ctx, r)
}
