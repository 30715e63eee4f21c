package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/schedule"
	"shardform/internal/tasks/reshard"
)

var windowSchema = &schema{
	what:  "window block",
	attrs: []string{"opens", "lasts", "timezone", "min_remaining"},
	needs: []string{"opens", "lasts"},
}

// soak reads how long a reshard stays reversible. There is nothing to stay reversible by without the reverse streams.
func (l *loader) soak(c *content, r *Reshard) {
	if l.duration(c, "soak", true, &r.Soak) && !r.Switch.ReverseReplication {
		l.errorAt(c.attrs["soak"].expr.Range(), "soak needs reverse_replication", "with reverse_replication = false there is no way back that could be kept open",
			"remove soak, or let reverse_replication be true")
	}
}

// approval reads the steps that wait for an approval: a list, or true for the switch of writes.
func (l *loader) approval(c *content, dst *[]string) {
	a := c.attrs["approval"]
	v, ok := l.value(c, "approval", cty.DynamicPseudoType)
	if !ok {
		return
	}
	if v.Type() == cty.Bool {
		if v.True() {
			*dst = []string{"switch_primary"}
		}
		return
	}
	if !v.Type().IsTupleType() && !v.Type().IsListType() && !v.Type().IsSetType() {
		l.errorAt(a.expr.Range(), "approval has the wrong type", "expected a list of steps, true or false, found "+v.Type().FriendlyName(), `write a list: ["switch_primary"]`)
		return
	}
	var steps []string
	places, ok := l.texts(c, "approval", &steps)
	if !ok {
		return
	}
	l.steps(steps, places)
	*dst = slices.DeleteFunc(slices.Clone(reshard.ApprovalSteps), func(step string) bool { return !slices.Contains(steps, step) })
}

// steps complains about steps that no approval can guard, and about those that are listed twice.
func (l *loader) steps(steps []string, places []hcl.Range) {
	for i, step := range steps {
		if !slices.Contains(reshard.ApprovalSteps, step) {
			l.errorAt(places[i], fmt.Sprintf("no approval can be asked for step %q", step), "expected "+list(reshard.ApprovalSteps), suggest(step, reshard.ApprovalSteps))
		}
	}
	l.distinct(steps, places, "step")
}

// window reads when writes may be switched.
func (l *loader) window(b *block) *Window {
	w := &Window{Timezone: "UTC"}
	c := l.read(b, windowSchema, nil)
	if l.name(c, "opens", &w.Opens) {
		_, problem := schedule.ParseOpens(w.Opens)
		l.problemAt(c.attrs["opens"].expr.Range(), "opens", problem)
	}
	if l.name(c, "timezone", &w.Timezone) {
		_, problem := schedule.ParseZone(w.Timezone)
		l.problemAt(c.attrs["timezone"].expr.Range(), "timezone", problem)
	}
	lasts := l.duration(c, "lasts", true, &w.Lasts)
	if l.duration(c, "min_remaining", false, &w.MinRemaining) && lasts && w.MinRemaining >= w.Lasts {
		l.errorAt(c.attrs["min_remaining"].expr.Range(), "min_remaining is not shorter than lasts", fmt.Sprintf("lasts is %s: it would never count as open", spell.Duration(w.Lasts)), "")
	}
	return w
}

// problemAt complains about what the schedule has to say of an attribute, if anything.
func (l *loader) problemAt(at hcl.Range, name string, problem *diag.Diagnostic) {
	if problem != nil {
		l.errorAt(at, name+": "+problem.Summary, problem.Detail, problem.Hint)
	}
}
