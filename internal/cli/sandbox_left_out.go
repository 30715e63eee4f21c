//go:build nosandbox

package cli

import (
	"context"

	"shardform/internal/diag"
	"shardform/internal/sandbox/sandboxspec"
)

// openSandbox answers that this program has no sandbox.
func (a *App) openSandbox(_ context.Context, spec sandboxspec.Sandbox) (embeddedCluster, error) {
	return nil, leftOut(spec)
}

// resetSandbox answers that this program has no sandbox.
func resetSandbox(_ context.Context, spec sandboxspec.Sandbox) error { return leftOut(spec) }

func leftOut(spec sandboxspec.Sandbox) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: "this program was built without the sandbox",
		Detail: "the plan files have a sandbox in " + spec.Path + ", and the build tag nosandbox left out what serves it",
		Hint:   "use the full program: go build -o shardform ."}
}
