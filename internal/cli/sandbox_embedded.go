//go:build !nosandbox

package cli

import (
	"context"

	"shardform/internal/sandbox"
	"shardform/internal/sandbox/sandboxspec"
)

// openSandbox opens a sandbox, which this process serves if no other does.
func (a *App) openSandbox(ctx context.Context, spec sandboxspec.Sandbox) (embeddedCluster, error) {
	c, err := sandbox.Open(ctx, spec, sandbox.Options{Now: a.clock.Now, Logger: a.log})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// resetSandbox deletes a sandbox and seeds it again.
func resetSandbox(ctx context.Context, spec sandboxspec.Sandbox) error {
	return sandbox.Reset(ctx, spec)
}
