package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shardform/internal/diag/spell"
	"shardform/internal/tasks"
)

// taskSchema takes any argument: they are parameters, which the task's Spec checks.
var taskSchema = &schema{what: "task block", attrs: []string{parametersAttr}, open: true}

// parametersAttr is the argument that holds parameters together.
const parametersAttr = "parameters"

// parameters are those of one task block as they are read.
type parameters struct {
	texts     map[string]string
	sensitive []string
	missing   []string             // required ones that are not there, in documented order
	places    map[string]hcl.Range // of their values
}

// parameterReader reads the parameters of one task.
type parameterReader struct {
	*loader
	spec  *tasks.Spec
	out   parameters
	given map[string]hcl.Range // parameters named in the block, also mistaken ones
	meant []string             // parameters that a misspelt name was probably meant for
}

func (l *loader) parameters(b *block, spec *tasks.Spec) parameters {
	r := &parameterReader{loader: l, spec: spec, given: map[string]hcl.Range{}, out: parameters{texts: map[string]string{}, places: map[string]hcl.Range{}}}
	c := l.read(b, taskSchema, nil)
	complete := !b.broken
	for name, a := range c.attrs {
		if name != parametersAttr {
			r.one(name, a.nameAt, a.expr)
		}
	}
	if a := c.attrs[parametersAttr]; a != nil {
		complete = r.together(a) && complete
	}
	slices.Sort(r.out.sensitive)
	if !complete || slices.Contains(b.lost, parametersAttr) || slices.Contains(r.meant, parametersAttr) {
		return r.out
	}
	for _, p := range spec.Parameters {
		if _, ok := r.given[p.Name]; p.Required && !ok && !slices.Contains(b.lost, p.Name) && !slices.Contains(r.meant, p.Name) {
			r.out.missing = append(r.out.missing, p.Name)
		}
	}
	return r.out
}

// together reads parameters = {…}; false if it cannot be told what is in there.
func (r *parameterReader) together(a *attribute) bool {
	if pairs := writtenOut(a.expr); pairs != nil {
		for _, p := range pairs {
			r.one(p.name, p.at, p.expr)
		}
		return true
	}
	v, ok := r.eval(a.expr)
	if !ok {
		return false
	}
	marked := v.IsMarked()
	v, _ = v.Unmark()
	switch ty := v.Type(); {
	case v.IsNull():
		return true
	case !ty.IsObjectType() && !ty.IsMapType():
		r.errorAt(a.expr.Range(), "parameters has the wrong type", "expected an object, found "+ty.FriendlyName(), "write: parameters = { NAME = VALUE }")
		return false
	case !v.IsKnown():
		return false
	}
	for key, value := range v.Elements() {
		if marked {
			value = value.Mark(sensitive)
		}
		if _, known := r.spec.Parameter(key.AsString()); marked && !known {
			r.errorAt(a.expr.Range(), "parameters names something that the task does not take", "the names are sensitive and left out", "")
			return false
		}
		r.value(key.AsString(), a.expr.Range(), a.expr.Range(), value)
	}
	return true
}

// pair is an element of an object that is written out.
type pair struct {
	name string
	at   hcl.Range
	expr hcl.Expression
}

// writtenOut are the elements of an object expression whose names are plain; nil if it is another expression.
func writtenOut(expr hcl.Expression) []pair {
	if native, ok := expr.(*hclsyntax.ObjectConsExpr); ok {
		pairs := make([]pair, 0, len(native.Items))
		for _, item := range native.Items {
			name := hcl.ExprAsKeyword(item.KeyExpr)
			if name == "" {
				key, ok := literal(unwrapKey(item.KeyExpr))
				if !ok || key.Type() != cty.String {
					return nil
				}
				name = key.AsString()
			}
			pairs = append(pairs, pair{name, item.KeyExpr.Range(), item.ValueExpr})
		}
		return pairs
	}
	items, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		return nil
	}
	pairs := make([]pair, 0, len(items))
	for _, item := range items {
		key, diags := item.Key.Value(nil) // the text as it stands
		if diags.HasErrors() || key.Type() != cty.String || strings.ContainsAny(key.AsString(), "$%") {
			return nil
		}
		pairs = append(pairs, pair{key.AsString(), item.Key.Range(), item.Value})
	}
	return pairs
}

func unwrapKey(expr hclsyntax.Expression) hclsyntax.Expression {
	if key, ok := expr.(*hclsyntax.ObjectConsKeyExpr); ok {
		return key.Wrapped
	}
	return expr
}

// one reads a parameter that stands by itself.
func (r *parameterReader) one(name string, at hcl.Range, expr hcl.Expression) {
	if v, ok := r.eval(expr); ok {
		r.value(name, at, expr.Range(), v)
		return
	}
	r.given[name] = at
}

// value checks a parameter's name and value and takes its text.
func (r *parameterReader) value(name string, at, valueAt hcl.Range, v cty.Value) {
	if before, dup := r.given[name]; dup {
		r.errorAt(r.later(at, before), fmt.Sprintf("parameter %q is given twice", name), "the first one is at "+r.where(r.earlier(at, before)), "keep one of the two")
		return
	}
	p, known := r.spec.Parameter(name)
	if !known {
		r.given[name] = at
		names := make([]string, len(r.spec.Parameters))
		for i, p := range r.spec.Parameters {
			names[i] = p.Name
		}
		meant := spell.Nearest(name, append(names, parametersAttr))
		r.meant = append(r.meant, meant)
		r.errorAt(at, fmt.Sprintf("task %q has no parameter %q", r.spec.Name, name), "expected "+list(names), didYouMean(meant))
		return
	}
	secret := v.ContainsMarked()
	sensitiveLeaves(v, r.secrets.AddWhole)
	v, _ = v.UnmarkDeep()
	if v.IsNull() { // as if it was not there
		return
	}
	r.given[name] = at
	if !v.IsWhollyKnown() {
		return
	}
	text, problem, hint := parameterText(p, v)
	if problem != "" {
		if secret {
			expected := kindNames[p.Kind]
			if len(p.Allowed) > 0 {
				expected = "one of " + list(p.Allowed)
			}
			problem, hint = fmt.Sprintf("expected %s; the value is sensitive and left out", expected), ""
		}
		r.errorAt(valueAt, fmt.Sprintf("parameter %q of task %q is wrong", name, r.spec.Name), problem, hint)
		return
	}
	r.out.texts[name], r.out.places[name] = text, valueAt
	if secret {
		r.out.sensitive = append(r.out.sensitive, name)
	}
}

func (r *parameterReader) later(a, b hcl.Range) hcl.Range {
	if r.before(a, b) {
		return b
	}
	return a
}

func (r *parameterReader) earlier(a, b hcl.Range) hcl.Range {
	if r.before(a, b) {
		return a
	}
	return b
}

var kindNames = map[tasks.Kind]string{
	tasks.String: "a text", tasks.Bool: "true or false", tasks.Int: "a whole number, not negative", tasks.Duration: "a time span",
	tasks.List: "a list of texts", tasks.Map: "a map of texts",
}

var kindTypes = map[tasks.Kind]cty.Type{
	tasks.String: cty.String, tasks.Bool: cty.Bool, tasks.Int: cty.Number, tasks.Duration: cty.String,
	tasks.List: cty.List(cty.String), tasks.Map: cty.Map(cty.String),
}

// parameterText is a value as the text that the task gets.
func parameterText(p tasks.Parameter, v cty.Value) (text, problem, hint string) {
	out, err := convertTo(v, kindTypes[p.Kind])
	if err != nil {
		hint := ""
		if p.Kind == tasks.List && v.Type() == cty.String {
			hint = `write a list: ["…"]`
		}
		return "", fmt.Sprintf("expected %s, found %s", kindNames[p.Kind], v.Type().FriendlyName()), hint
	}
	switch p.Kind {
	case tasks.Bool:
		text = fmt.Sprint(out.True())
	case tasks.Int:
		n, accuracy := out.AsBigFloat().Int64()
		if accuracy != big.Exact || n < 0 {
			return "", "expected " + kindNames[p.Kind], ""
		}
		text = fmt.Sprint(n)
	case tasks.List, tasks.Map:
		text, problem = compactJSON(out)
	case tasks.Duration:
		text = out.AsString()
		if _, problem = parseDuration(text); problem != "" {
			return "", fmt.Sprintf("%q is no time span: %s", text, problem), durationHint
		}
	default:
		text = out.AsString()
	}
	if problem == "" && len(p.Allowed) > 0 && !slices.Contains(p.Allowed, text) {
		return "", fmt.Sprintf("expected one of %s, found %q", list(p.Allowed), text), suggest(text, p.Allowed)
	}
	return text, problem, ""
}

// compactJSON is a list or map of strings without spaces, keys sorted, and no characters escaped that need not be.
func compactJSON(v cty.Value) (text, problem string) {
	var plain any
	if v.Type().IsListType() {
		texts := make([]string, 0, v.LengthInt())
		for _, e := range v.Elements() {
			if e.IsNull() {
				return "", fmt.Sprintf("element %d is null", len(texts)+1)
			}
			texts = append(texts, e.AsString())
		}
		plain = texts
	} else {
		texts := make(map[string]string, v.LengthInt())
		for key, e := range v.Elements() {
			if !e.IsNull() {
				texts[key.AsString()] = e.AsString()
			}
		}
		plain = texts
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(plain); err != nil {
		return "", err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n"), ""
}
