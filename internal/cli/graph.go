package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/ui"
)

func (a *App) graphCommand() *cobra.Command {
	var format string
	var o selection
	cmd := &cobra.Command{
		Use:   "graph [--format dot|mermaid] [PATH]",
		Short: "Draw the container graph of the plan",
		Long:  "Draw the containers that apply would run, in their order, for Graphviz (dot) or Mermaid. Changes nothing.",
		Args:  atMostOnePath,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.graph(cmd.Context(), pathOf(args), format, o)
		},
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&format, "format", "dot", "dot or mermaid")
	return cmd
}

func (a *App) graph(ctx context.Context, path, format string, o selection) error {
	formats := map[string]func(plan.GraphModel) string{"dot": ui.GraphDot, "mermaid": ui.GraphMermaid}
	render, ok := formats[format]
	if !ok {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "there is no graph format " + format, Hint: "--format dot or --format mermaid"}
	}
	s, err := a.openSession(path)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	p, err := s.plan(ctx, o)
	if err != nil {
		return err
	}
	a.warn(p.Warnings)
	_, err = fmt.Fprint(a.Out, render(plan.Graph(p)))
	return err
}
