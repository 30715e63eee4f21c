package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Version is this program's version; required_version of a plan file is compared with it.
const Version = "0.1.0"

// buildVersion is what `version` shows. What the build did not record is empty.
type buildVersion struct {
	Shardform     string `json:"shardform"`
	Go            string `json:"go"`
	Platform      string `json:"platform"`
	Commit        string `json:"commit,omitempty"`
	Date          string `json:"date,omitempty"`           // of the commit, RFC 3339 in UTC
	Modified      *bool  `json:"modified,omitempty"`       // whether there were uncommitted changes; nil without a commit
	ModuleVersion string `json:"module_version,omitempty"` // the tag that was built, or what `go install` fetched
}

// versionOf returns the version of a program with this build information; nil is a build without any.
func versionOf(info *debug.BuildInfo) buildVersion {
	v := buildVersion{Shardform: Version, Go: runtime.Version(), Platform: runtime.GOOS + "_" + runtime.GOARCH}
	if info == nil {
		return v
	}
	var modified bool
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Commit = setting.Value
		case "vcs.time":
			v.Date = setting.Value
		case "vcs.modified":
			modified = setting.Value == "true"
		}
	}
	if v.Commit != "" {
		v.Modified = &modified
	}
	// For a commit without a tag Go makes a version up from the commit, which is shown already.
	pseudo := len(v.Commit) >= 12 && strings.Contains(info.Main.Version, "-"+v.Commit[:12])
	if info.Main.Version != "(devel)" && !pseudo {
		v.ModuleVersion = info.Main.Version
	}
	return v
}

func (v buildVersion) write(w io.Writer) error {
	lines := []string{"shardform v" + v.Shardform, fmt.Sprintf("on %s, %s", v.Platform, v.Go)}
	switch {
	case v.Commit == "":
		lines = append(lines, "commit unknown: built without version control information")
	case *v.Modified:
		lines = append(lines, fmt.Sprintf("commit %s of %s, with uncommitted changes", v.Commit, v.Date))
	default:
		lines = append(lines, fmt.Sprintf("commit %s of %s", v.Commit, v.Date))
	}
	if v.ModuleVersion != "" {
		lines = append(lines, "module version "+v.ModuleVersion)
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func (a *App) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version, and the commit that it was built from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			v := versionOf(info)
			if asJSON {
				return json.NewEncoder(a.Out).Encode(v)
			}
			return v.write(a.Out)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
