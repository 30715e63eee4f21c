//go:build failpoints

package cli

import (
	"github.com/spf13/cobra"

	"shardform/internal/failpoint"
	"shardform/internal/ui"
)

func (a *App) failpointCommands() []*cobra.Command {
	return []*cobra.Command{{
		Use:   "failpoints",
		Short: "List the crash points of this test build, one a line",
		Long:  "List the crash points: SHARDFORM_FAILPOINT=NAME[:NTH] kills the process at the NTH time it gets there (default 1).",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return ui.Lines(a.Out, failpoint.Names()) },
	}}
}
