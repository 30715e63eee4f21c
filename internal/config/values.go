package config

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// The functions below read one attribute each into dst and leave dst alone if the attribute is absent, null or wrong.
// They report what is wrong and return whether a value was found.

// value is an attribute's value as the wanted type, known, not null and without marks. Sensitive values are refused:
// only where a caller takes them explicitly may they go.
func (l *loader) value(c *content, name string, want cty.Type) (cty.Value, bool) {
	v, ok := l.markedValue(c, name, want)
	if ok && v.ContainsMarked() {
		l.errorAt(c.attrs[name].expr.Range(), fmt.Sprintf("%s must not come from a sensitive value", name),
			"it is shown in plans, addresses and logs", "take the mark off with nonsensitive(…) if the value is no secret")
		return v, false
	}
	return v, ok
}

func (l *loader) markedValue(c *content, name string, want cty.Type) (cty.Value, bool) {
	a := c.attrs[name]
	if a == nil {
		return cty.NilVal, false
	}
	v, ok := l.eval(a.expr)
	if !ok {
		return v, false
	}
	v, ok = l.converted(v, want, a.expr.Range(), name)
	if ok && v.IsNull() {
		if slices.Contains(c.schema.needs, name) {
			l.errorAt(a.expr.Range(), name+" is null", fmt.Sprintf("a %s needs it", c.schema.what), "")
		}
		return v, false
	}
	return v, ok && v.IsKnown()
}

// converted is v as the wanted type.
func (l *loader) converted(v cty.Value, want cty.Type, at hcl.Range, name string) (cty.Value, bool) {
	out, err := convertTo(v, want)
	if err != nil {
		detail := convertProblem(err)
		if !v.ContainsMarked() && !strings.Contains(detail, "but have") {
			detail += ", found " + v.Type().FriendlyName()
		}
		l.errorAt(at, name+" has the wrong type", detail, "")
		return v, false
	}
	return out, true
}

func convertProblem(err error) string {
	pathErr, ok := err.(cty.PathError)
	if !ok || len(pathErr.Path) == 0 {
		return err.Error()
	}
	where := ""
	for _, step := range pathErr.Path {
		switch s := step.(type) {
		case cty.GetAttrStep:
			where += "." + s.Name
		case cty.IndexStep:
			switch {
			case s.Key.IsKnown() && s.Key.Type() == cty.Number:
				i, _ := s.Key.AsBigFloat().Int64()
				where += fmt.Sprintf("[%d]", i)
			case s.Key.IsKnown() && s.Key.Type() == cty.String:
				where += fmt.Sprintf("[%q]", s.Key.AsString())
			}
		}
	}
	return "at " + where + ": " + err.Error()
}

func (l *loader) text(c *content, name string, dst *string) bool {
	v, ok := l.value(c, name, cty.String)
	if ok {
		*dst = v.AsString()
	}
	return ok
}

// name reads a text that may not be empty.
func (l *loader) name(c *content, name string, dst *string) bool {
	var text string
	if !l.text(c, name, &text) {
		return false
	}
	if text == "" {
		l.errorAt(c.attrs[name].expr.Range(), name+" is empty", "", "")
		return false
	}
	*dst = text
	return true
}

// oneOf reads a text that is one of allowed, spelled as there.
func (l *loader) oneOf(c *content, name string, allowed []string, dst *string) {
	var text string
	switch {
	case !l.text(c, name, &text):
	case slices.Contains(allowed, text):
		*dst = text
	default:
		l.errorAt(c.attrs[name].expr.Range(), fmt.Sprintf("unknown %s %q", name, text), "expected "+list(allowed), suggest(text, allowed))
	}
}

func (l *loader) boolean(c *content, name string, dst *bool) bool {
	v, ok := l.value(c, name, cty.Bool)
	if ok {
		*dst = v.True()
	}
	return ok
}

// whole reads a whole number of at least least.
func (l *loader) whole(c *content, name string, least int, dst *int) bool {
	v, ok := l.value(c, name, cty.Number)
	if !ok {
		return false
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact || n < int64(least) || n > math.MaxInt32 {
		l.errorAt(c.attrs[name].expr.Range(), name+" is out of range", fmt.Sprintf("expected a whole number from %d to %d", least, math.MaxInt32), "")
		return false
	}
	*dst = int(n)
	return true
}

// duration reads a time span as time.ParseDuration does, not negative; positive says that zero is refused too.
func (l *loader) duration(c *content, name string, positive bool, dst *time.Duration) bool {
	var text string
	if !l.text(c, name, &text) {
		return false
	}
	d, problem := parseDuration(text)
	if problem == "" && positive && d == 0 {
		problem = "it has to be longer than zero"
	}
	if problem != "" {
		l.errorAt(c.attrs[name].expr.Range(), fmt.Sprintf("%s is no time span: %q", name, text), problem, durationHint)
		return false
	}
	*dst = d
	return true
}

const durationHint = `write it with units, such as "30s", "10m" or "1h30m"`

func parseDuration(text string) (d time.Duration, problem string) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, "expected a number with a unit: ms, s, m or h"
	case d < 0:
		return 0, "it must not be negative"
	}
	return d, ""
}

// texts reads a list of strings; places has an element's own place where the list is written out.
func (l *loader) texts(c *content, name string, dst *[]string) (places []hcl.Range, ok bool) {
	v, ok := l.value(c, name, cty.List(cty.String))
	if !ok {
		return nil, false
	}
	texts := make([]string, 0, v.LengthInt())
	places = elementPlaces(c.attrs[name].expr, v.LengthInt())
	for _, e := range v.Elements() {
		if e.IsNull() || !e.IsKnown() {
			l.errorAt(places[len(texts)], fmt.Sprintf("element %d of %s is null", len(texts)+1, name), "", "")
			return nil, false
		}
		texts = append(texts, e.AsString())
	}
	*dst = texts
	return places, true
}

// elementPlaces are the places of the n elements that an expression gave: their own, or that of the expression.
func elementPlaces(expr hcl.Expression, n int) []hcl.Range {
	places := make([]hcl.Range, n)
	elements, _ := hcl.ExprList(expr)
	for i := range places {
		places[i] = expr.Range()
		if len(elements) == n {
			places[i] = elements[i].Range()
		}
	}
	return places
}

// textMap reads a map of strings.
func (l *loader) textMap(c *content, name string, dst *map[string]string) bool {
	v, ok := l.value(c, name, cty.Map(cty.String))
	if !ok {
		return false
	}
	texts := map[string]string{}
	for key, e := range v.Elements() {
		if e.IsNull() {
			continue
		}
		texts[key.AsString()] = e.AsString()
	}
	*dst = texts
	return true
}
