package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"shardform/internal/diag"
	"shardform/internal/plan"
	"shardform/internal/state"
	"shardform/internal/ui"
)

// outputs evaluates the configuration's outputs against the clusters, records them and shows them.
func (s *session) outputs(ctx context.Context) error {
	if s.cfg == nil || len(s.cfg.Outputs) == 0 {
		return nil
	}
	observed, err := plan.Observed(ctx, s.cfg, s.clusters.Reader)
	if err != nil {
		return err
	}
	var outputs []state.Output
	var complaints diag.List
	for _, o := range s.cfg.Outputs {
		var value cty.Value
		var problems diag.List
		if err := s.app.evaluate(ctx.Done(), func() { value, problems = o.Evaluate(observed) }); err != nil {
			return err
		}
		complaints = append(complaints, problems...)
		if problems.HasErrors() {
			continue
		}
		out := state.Output{Name: o.Name, Sensitive: o.Sensitive}
		if !o.Sensitive {
			if out.Value, err = ctyjson.Marshal(value, value.Type()); err != nil {
				return fmt.Errorf("output %s: %w", o.Name, err)
			}
			if out.Type, err = ctyjson.MarshalType(value.Type()); err != nil {
				return fmt.Errorf("output %s: %w", o.Name, err)
			}
		}
		outputs = append(outputs, out)
	}
	if err := complaints.Err(); err != nil {
		return err
	}
	if err := s.recordOutputs(ctx, outputs); err != nil {
		return err
	}
	if s.app.stream != nil {
		s.app.stream.Outputs(outputs)
		return nil
	}
	ui.Outputs(s.app.Out, s.app.outStyle(), outputs)
	return nil
}

// recordOutputs writes outputs unless the state has the very same: an apply without changes leaves the file alone.
func (s *session) recordOutputs(ctx context.Context, outputs []state.Output) error {
	same := false
	if err := s.store.View(ctx, func(r state.Reader) error {
		recorded, err := r.Outputs()
		same = err == nil && sameOutputs(recorded, outputs)
		return err
	}); err != nil || same {
		return err
	}
	return s.store.Update(ctx, func(w state.Writer) error { return w.PutOutputs(outputs) })
}

func sameOutputs(a, b []state.Output) bool {
	if len(a) != len(b) {
		return false
	}
	values := map[string]state.Output{}
	for _, o := range a {
		values[o.Name] = o
	}
	for _, o := range b {
		other, ok := values[o.Name]
		if !ok || other.Sensitive != o.Sensitive || string(other.Value) != string(o.Value) {
			return false
		}
	}
	return true
}

func (a *App) outputCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "output [NAME]",
		Short: "Show the outputs of the last apply",
		Args:  cobra.MaximumNArgs(1),
	}
	return a.stateView(cmd, func(r state.Reader, args []string, asJSON bool) error {
		outputs, err := r.Outputs()
		if err != nil {
			return err
		}
		if len(args) == 0 {
			if asJSON {
				return ui.JSON(a.Out, ui.OutputsJSON(outputs))
			}
			ui.Outputs(a.Out, a.outStyle(), outputs)
			return nil
		}
		for _, o := range outputs {
			if o.Name == args[0] {
				return ui.OneOutput(a.Out, o, asJSON)
			}
		}
		return &diag.Diagnostic{Severity: diag.Error, Summary: "there is no output " + args[0], Hint: "`shardform output` lists the outputs of the last apply"}
	})
}
