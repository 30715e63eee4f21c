package ui

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"shardform/internal/diag/spell"
	"shardform/internal/plan"
	"shardform/internal/vitess"
)

// NoChanges is what plan and apply say when there is nothing to do.
const NoChanges = "No changes. Your keyspaces match the configuration."

// SummaryLine is the plan's last line.
func SummaryLine(p *plan.Plan) string {
	if p.Empty() {
		return NoChanges
	}
	s := p.Summary()
	line := fmt.Sprintf("Plan: %d to add, %d to change, %d to destroy", s.Add, s.Change, s.Destroy)
	if s.Resume > 0 {
		line += fmt.Sprintf(", %d to resume", s.Resume)
	}
	if s.Adopt > 0 {
		line += fmt.Sprintf(", %d to adopt", s.Adopt)
	}
	return line + "."
}

// symbols are what stands before a container or task; Completed ones stand beside open ones without a symbol.
var symbols = map[plan.Action]string{
	plan.Add: "+", plan.Change: "~", plan.Forget: "-", plan.Resume: ">", plan.Adopt: "=", plan.Gate: "||", plan.Blocked: "x", plan.Completed: " ",
}

// legend explains the symbols that a plan uses, in this order.
var legend = []struct {
	action plan.Action
	text   string
}{
	{plan.Add, "add"}, {plan.Change, "change"}, {plan.Resume, "resume: begun earlier"}, {plan.Adopt, "adopt: found on the cluster"},
	{plan.Gate, "gate: apply goes as far as this and waits"}, {plan.Forget, "forget: no longer managed, nothing is touched"}, {plan.Blocked, "blocked"},
}

func (s Style) symbol(a plan.Action) string {
	text := symbols[a]
	switch a {
	case plan.Add:
		return s.Green(text)
	case plan.Change, plan.Gate:
		return s.Yellow(text)
	case plan.Resume, plan.Adopt:
		return s.Cyan(text)
	case plan.Forget, plan.Blocked:
		return s.Red(text)
	}
	return text
}

// planWriter prints one plan.
type planWriter struct {
	w     *bufio.Writer
	style Style
}

func (pw *planWriter) line(format string, args ...any) {
	_, _ = fmt.Fprintf(pw.w, format+"\n", args...)
}

// Plan prints a plan for people: what is done by container and task, what is at stake, the points of no return and the
// ways back, text values as line diffs, and the summary last.
func Plan(w io.Writer, style Style, p *plan.Plan) {
	pw := &planWriter{w: bufio.NewWriter(w), style: style}
	defer func() { _ = pw.w.Flush() }()
	for _, alert := range p.Alerts {
		pw.line("%s\n", style.Red(style.Bold(printable(alert))))
	}
	for _, a := range p.Released {
		pw.line("%s is no longer held: its layout was edited since it was rolled back\n", a)
	}
	if p.Empty() {
		pw.line("%s", style.Green(style.Bold(NoChanges)))
		return
	}
	pw.legend(p)
	for _, op := range p.Operations {
		pw.operation(op)
	}
	for _, f := range p.Forgotten {
		text := "it is no longer in the configuration: forgotten, the cluster is not touched"
		if f.Reason != "" {
			text = f.Reason
		}
		if f.Open {
			text += style.Red("; its operation is still open, apply refuses")
		}
		pw.line("  %s %s  %s", style.symbol(plan.Forget), f.Address, text)
	}
	if len(p.Forgotten) > 0 {
		pw.line("")
	}
	pw.line("%s", style.Bold(SummaryLine(p)))
}

func (pw *planWriter) legend(p *plan.Plan) {
	used := map[plan.Action]bool{}
	for _, op := range p.Operations {
		for _, c := range op.Containers {
			used[c.Action] = true
			for _, t := range c.Tasks {
				used[plan.Gate] = used[plan.Gate] || t.Action == plan.Gate
			}
		}
		if op.Action == plan.Blocked {
			used[plan.Blocked] = true
		}
	}
	if len(p.Forgotten) > 0 {
		used[plan.Forget] = true
	}
	pw.line("shardform will do the following. Symbols:")
	for _, l := range legend {
		if used[l.action] {
			pw.line("  %s %s", pw.style.symbol(l.action), l.text)
		}
	}
	pw.line("")
}

func (pw *planWriter) operation(op plan.Operation) {
	pw.line("%s %s", pw.style.Bold("#"), pw.style.Bold(op.Address.String()))
	sources, targets := strings.Join(op.Sources, ","), strings.Join(op.Targets, ",")
	switch {
	case op.Kind == plan.KindReshard:
		pw.line("#   keyspace %s on cluster %s: %s → %s", op.Keyspace, op.Cluster, sources, targets)
	case op.Kind == plan.KindLegacy && sources != "":
		pw.line("#   keyspace %s on cluster %s, by vtworker: %s → %s", op.Keyspace, op.Cluster, sources, targets)
	case op.Kind == plan.KindWayBack:
		pw.line("#   keyspace %s on cluster %s: the way back, %s → %s", op.Keyspace, op.Cluster, targets, sources)
	case op.Keyspace != "":
		pw.line("#   keyspace %s on cluster %s", op.Keyspace, op.Cluster)
	}
	if op.Reason != "" {
		pw.line("#   %s", oneLine(op.Reason))
	}
	if op.Case != "" {
		pw.line("#   %s", strings.ReplaceAll(printable(op.Case), "\n", "\n#   "))
	}
	if op.Rows > 0 {
		pw.line("#   at stake: ~%s rows, ~%s (estimates)", Count(op.Rows), spell.Bytes(op.Bytes))
	}
	if op.Vitess != "" {
		pw.line("#   Vitess %s (tested with %s)", op.Vitess, vitess.TestedVitess)
	}
	if len(op.DependsOn) > 0 {
		names := make([]string, len(op.DependsOn))
		for i, a := range op.DependsOn {
			names[i] = a.String()
		}
		pw.line("#   after %s", strings.Join(names, ", "))
	}
	pw.line("#   digest %s", op.Digest)
	if op.Action == plan.Blocked && len(op.Containers) == 0 {
		pw.line("  %s %s is blocked", pw.style.symbol(plan.Blocked), op.Address)
	}
	for _, c := range op.Containers {
		pw.container(c, op.Kind == plan.KindTasks)
	}
	pw.line("")
	Diagnostics(pw.w, pw.style, op.Diagnostics)
	if len(op.Diagnostics) > 0 {
		pw.line("")
	}
}

// container prints a container with its tasks. What a plan file spells out is printed with it; what a keyspace block is
// expanded into says the parameters that matter in its summaries.
func (pw *planWriter) container(c plan.Container, parameters bool) {
	text := c.Address.String()
	// The only task of a container says the same in more detail.
	if c.Summary != "" && (len(c.Tasks) != 1 || c.Tasks[0].Summary == "") {
		text += "  " + pw.style.Faint(c.Summary)
	}
	if c.Concurrency > 1 {
		text += pw.style.Faint(fmt.Sprintf("  (up to %d at once)", c.Concurrency))
	}
	if c.Action == plan.Completed {
		text += pw.style.Faint("  done")
	}
	pw.line("  %s %s", pw.style.symbol(c.Action), text)
	for _, t := range c.Tasks {
		pw.task(t, parameters)
	}
	if c.PointOfNoReturn {
		pw.line("      %s", pw.style.Red("! point of no return"))
	}
	if c.WayBack != "" && c.Action != plan.Completed {
		pw.line("      %s", pw.style.Faint("way back: "+oneLine(c.WayBack)))
	}
	for _, n := range c.Notes {
		pw.line("      %s", pw.style.Yellow("! "+printable(n)))
	}
}

func (pw *planWriter) task(t plan.Task, parameters bool) {
	text := t.Address.String()
	if t.Summary != "" {
		text += "  " + pw.style.Faint(oneLine(t.Summary))
	}
	pw.line("      %s %s", pw.style.symbol(t.Action), text)
	if t.Note != "" {
		pw.line("          %s", pw.style.Faint(strings.ReplaceAll(printable(t.Note), "\n", "\n          ")))
	}
	if t.Action == plan.Completed {
		return
	}
	if parameters {
		pw.parameters(t)
	}
	for _, d := range t.Diffs {
		pw.line("          %s:", d.Parameter)
		pw.diff(d)
	}
}

func (pw *planWriter) parameters(t plan.Task) {
	names := make([]string, 0, len(t.Parameters)+len(t.Sensitive))
	for name := range t.Parameters {
		names = append(names, name)
	}
	for _, name := range t.Sensitive {
		if _, ok := t.Parameters[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.ContainsFunc(t.Diffs, func(d plan.TextDiff) bool { return d.Parameter == name }) {
			continue
		}
		value := t.Parameters[name]
		switch {
		case slices.Contains(t.Sensitive, name):
			value = sensitiveValue
		case (strings.HasPrefix(value, "[") || strings.HasPrefix(value, "{")) && value == oneLine(value):
		default:
			value = fmt.Sprintf("%q", value)
		}
		pw.line("          %s = %s", name, value)
	}
}

func (pw *planWriter) diff(d plan.TextDiff) {
	for _, l := range plan.LineDiff(d.Before, d.After) {
		pw.line("            %s", pw.style.diffLine(l, " "))
	}
}

// diffLine is one line of a text diff behind its sign.
func (s Style) diffLine(l plan.DiffLine, gap string) string {
	text := l.Op.String() + gap + printable(l.Text)
	switch l.Op {
	case plan.LineAdded:
		return s.Green(text)
	case plan.LineRemoved:
		return s.Red(text)
	}
	return text
}

// PlanCommands prints the command line of every step that is still to be done, in order: what an operator would type.
func PlanCommands(w io.Writer, p *plan.Plan) {
	out := bufio.NewWriter(w)
	defer func() { _ = out.Flush() }()
	for _, op := range p.Operations {
		for _, c := range op.Containers {
			for _, t := range c.Tasks {
				if t.Action == plan.Completed {
					continue
				}
				_, _ = fmt.Fprintf(out, "# %s\n", t.Address)
				for _, cmd := range t.Commands {
					_, _ = fmt.Fprintln(out, cmd)
				}
			}
		}
	}
}
