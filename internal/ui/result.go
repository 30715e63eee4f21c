package ui

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/apply"
	"shardform/internal/diag"
)

// Result prints what an apply did: per operation what was done, what had been done already and what is left, and how
// to go on if something is. again is the command that goes on.
func Result(w io.Writer, style Style, r *apply.Result, again string) {
	out := bufio.NewWriter(w)
	defer func() { _ = out.Flush() }()
	_, _ = fmt.Fprintln(out)
	for _, f := range r.Forgotten {
		_, _ = fmt.Fprintf(out, "%s is forgotten; the cluster was not touched\n", f)
	}
	for _, a := range r.Released {
		_, _ = fmt.Fprintf(out, "%s is no longer held\n", a)
	}
	complete, waiting := 0, 0
	for _, op := range r.Operations {
		if op.Outcome == apply.OutcomeDone || op.Outcome == apply.OutcomeAlreadyDone {
			complete++
		}
		_, _ = fmt.Fprintf(out, "%s: %s\n", style.Bold(op.Address.String()), operationOutcome(style, op))
		if gate := gateOf(op); gate != nil {
			waiting++
			gate.print(out, style)
			continue
		}
		if op.Exit != diag.ExitOK && op.TasksDone+op.TasksFound+op.TasksBefore > 0 {
			_, _ = fmt.Fprintf(out, "  what was done stays done; nothing is undone by itself\n")
		}
		for _, a := range op.Running {
			_, _ = fmt.Fprintf(out, "  under way: %s (the next apply looks at the cluster first)\n", a)
		}
	}
	_, _ = fmt.Fprintln(out)
	switch {
	case r.Exit == diag.ExitOK && complete == len(r.Operations):
		_, _ = fmt.Fprintln(out, style.Green(style.Bold(fmt.Sprintf("Apply complete! %s", doneText(r)))))
	case waiting > 0 && (r.Exit == diag.ExitOK || r.Exit == diag.ExitWaiting):
		_, _ = fmt.Fprintf(out, "%s %s\n", style.Yellow(style.Bold("Apply waits.")), doneText(r))
	case r.Exit == diag.ExitOK:
		_, _ = fmt.Fprintf(out, "%s %s\n", style.Bold("Done up to "+r.Until.String()+"."), doneText(r))
	case r.StopReason != "":
		_, _ = fmt.Fprintf(out, "%s %s\n", style.Yellow(style.Bold(sentence(r.StopReason))), doneText(r))
	default:
		_, _ = fmt.Fprintf(out, "%s %s\n", style.Red(style.Bold("Apply did not finish.")), doneText(r))
	}
	if r.Resumable() && again != "" {
		_, _ = fmt.Fprintf(out, "To go on where this left off: %s\n", again)
	}
}

// sentence is a reason as a sentence of its own.
func sentence(reason string) string { return strings.ToUpper(reason[:1]) + reason[1:] + "." }

func operationOutcome(style Style, op apply.OperationResult) string {
	var parts []string
	count := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	count(op.TasksDone, "done now")
	count(op.TasksFound, "found done on the cluster")
	count(op.TasksBefore, "done earlier")
	count(op.Remaining, "left")
	text := string(op.Outcome)
	switch op.Outcome {
	case apply.OutcomeDone, apply.OutcomeAlreadyDone, apply.OutcomeReached:
		text = style.Green(text)
	case apply.OutcomeFailed, apply.OutcomeRefused:
		text = style.Red(text)
	default:
		text = style.Yellow(text)
	}
	if !op.At.IsZero() && (op.Exit != diag.ExitOK || op.Gate != nil) {
		text += " at " + op.At.String()
	}
	if !op.Waits.IsZero() {
		text += ": it waits for " + op.Waits.String()
	}
	if len(parts) > 0 {
		text += " (tasks: " + strings.Join(parts, ", ") + ")"
	}
	if op.Elapsed > 0 {
		text += " after " + Duration(op.Elapsed)
	}
	return text
}

func doneText(r *apply.Result) string {
	done, found, left := 0, 0, 0
	for _, op := range r.Operations {
		done, found, left = done+op.TasksDone, found+op.TasksFound, left+op.Remaining
	}
	text := fmt.Sprintf("Tasks: %d done", done)
	if found > 0 {
		text += fmt.Sprintf(", %d found done", found)
	}
	if left > 0 {
		text += fmt.Sprintf(", %d left", left)
	}
	return text + "."
}

// ResultErrors are the complaints of the operations that went no further, each with its address. A closed gate is none.
func ResultErrors(r *apply.Result) diag.List {
	var list diag.List
	for _, op := range r.Operations {
		if op.Outcome == apply.OutcomeSkipped || op.Gate != nil {
			continue
		}
		for _, d := range diag.All(op.Err) {
			at := *d
			if at.Address == "" {
				at.Address = op.Address.String()
				if !op.At.IsZero() {
					at.Address = op.At.String()
				}
			}
			list = append(list, &at)
		}
	}
	return list
}

// Result sends what an apply did.
func (s *JSONStream) Result(r *apply.Result) {
	s.Diagnostics(ResultErrors(r))
	for _, op := range r.Operations {
		level, kind := "info", "apply_complete"
		if op.Exit != diag.ExitOK {
			level, kind = "error", "apply_errored"
		}
		fields := map[string]any{
			"event": "operation_result", "outcome": op.Outcome, "exit_code": int(op.Exit), "elapsed_seconds": op.Elapsed.Seconds(),
			"tasks": map[string]int{"done": op.TasksDone, "found": op.TasksFound, "before": op.TasksBefore, "left": op.Remaining},
		}
		if gate := gateOf(op); gate != nil {
			level, kind = "warn", "gate"
			maps.Copy(fields, gate.fields())
		}
		s.write(level, kind, fmt.Sprintf("%s: %s", op.Address, operationOutcome(Style{}, op)), op.Address, fields)
	}
	if len(r.Operations) == 0 && r.Exit != diag.ExitOK {
		s.write("error", "apply_errored", "apply did not run", addr.Address{}, map[string]any{"exit_code": int(r.Exit)})
	}
}
