package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"shardform/internal/atomicfile"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/ui"
)

// fmtOptions are the flags of fmt.
type fmtOptions struct{ check, diff bool }

func (a *App) fmtCommand() *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt [--check] [--diff] [PATH...]",
		Short: "Rewrite plan files in the canonical format",
		Long: `Rewrite plan files in the canonical format and print the names of those that changed. PATH is a folder or a file,
default the current folder; - reads standard input and writes standard output. JSON files are left alone.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return a.format(args, o)
		},
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing; exit 3 if a file is not formatted")
	cmd.Flags().BoolVar(&o.diff, "diff", false, "show what changes")
	return cmd
}

func (a *App) format(paths []string, o fmtOptions) error {
	var complaints diag.List
	unformatted := false
	for _, path := range paths {
		if path == "-" {
			changed, errs := a.formatInput(o)
			complaints, unformatted = append(complaints, errs...), unformatted || changed
			continue
		}
		files, err := config.PlanFiles(path)
		if err != nil {
			complaints = append(complaints, diag.All(err)...)
			continue
		}
		for _, file := range files {
			changed, errs := a.formatFile(file, o)
			complaints, unformatted = append(complaints, errs...), unformatted || changed
		}
	}
	if err := complaints.Err(); err != nil {
		return err
	}
	if unformatted && o.check {
		return exitCode(diag.ExitUnformatted)
	}
	return nil
}

func (a *App) formatInput(o fmtOptions) (changed bool, complaints diag.List) {
	src, err := io.ReadAll(a.In)
	if err != nil {
		return false, diag.All(fmt.Errorf("reading standard input: %w", err))
	}
	formatted, complaints := config.Format(src, "<stdin>")
	if complaints.HasErrors() {
		return false, complaints
	}
	changed = !bytes.Equal(src, formatted)
	switch {
	case o.diff && changed:
		ui.FileDiff(a.Out, a.outStyle(), "<stdin>", string(src), string(formatted))
	case !o.diff && !o.check:
		_, err = a.Out.Write(formatted)
	}
	return changed, diag.All(err)
}

func (a *App) formatFile(name string, o fmtOptions) (changed bool, complaints diag.List) {
	src, err := os.ReadFile(name)
	if err != nil {
		return false, diag.All(fmt.Errorf("reading plan file: %w", err))
	}
	formatted, complaints := config.Format(src, name)
	if complaints.HasErrors() || bytes.Equal(src, formatted) {
		return false, complaints
	}
	_, _ = fmt.Fprintln(a.Out, name)
	if o.diff {
		ui.FileDiff(a.Out, a.outStyle(), name, string(src), string(formatted))
	}
	if o.check {
		return true, nil
	}
	info, err := os.Stat(name)
	if err == nil {
		err = atomicfile.Write(name, formatted, info.Mode().Perm())
	}
	if err != nil {
		return true, diag.All(fmt.Errorf("writing plan file: %w", err))
	}
	return true, nil
}
