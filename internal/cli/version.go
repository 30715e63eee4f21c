package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// Version is this program's version; required_version of a plan file is compared with it.
const Version = "0.1.0"

func (a *App) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return json.NewEncoder(a.Out).Encode(map[string]string{"shardform": Version, "go": runtime.Version(), "platform": runtime.GOOS + "_" + runtime.GOARCH})
			}
			_, err := fmt.Fprintf(a.Out, "shardform v%s\non %s_%s, %s\n", Version, runtime.GOOS, runtime.GOARCH, runtime.Version())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
