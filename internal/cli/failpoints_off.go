//go:build !failpoints

package cli

import "github.com/spf13/cobra"

// failpointCommands exist only in builds with the tag failpoints.
func (a *App) failpointCommands() []*cobra.Command { return nil }
