package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shardform/internal/addr"
)

// variable is a variable block.
type variable struct {
	name        string
	at          hcl.Range
	typ         cty.Type
	typed       bool // the block has a type
	defaults    *typeexpr.Defaults
	fallback    cty.Value // NilVal if there is none
	fallbackAt  hcl.Range
	sensitive   bool
	nullable    bool
	validations []*content
	bad         bool     // something in the block is wrong and reported
	set         *setting // what was set from outside; nil if nothing was
}

var variableSchema = &schema{
	what:   "variable block",
	attrs:  []string{"type", "default", "description", "sensitive", "nullable"},
	blocks: []header{{kind: "validation", many: true}},
	later:  []string{"ephemeral", "deprecated"},
}

var validationSchema = &schema{what: "validation block", attrs: []string{"condition", "error_message"}, needs: []string{"condition", "error_message"}}

// labelled checks a block's one label as a name and that no block of its kind has it already.
func (l *loader) labelled(b *block, root string) (name string, ok bool) {
	name = b.labels[0]
	if !addr.ValidName(name) {
		l.errorAt(b.labelsAt[0], fmt.Sprintf("%q is no name for a %s", name, b.kind), "names have letters, digits, _ and -, and start with a letter or _", "")
		return name, false
	}
	if before, dup := l.headers[root+"."+name]; dup {
		l.errorAt(b.header, fmt.Sprintf("duplicate %s %q", b.kind, name), "the first one is at "+l.where(before), "rename one of the two, or put them together")
		return name, false
	}
	l.headers[root+"."+name] = b.header
	l.declare(root, name)
	return name, true
}

// declareLabelled takes the names of all blocks of a kind, so that others may refer to them in any order.
func (l *loader) declareLabelled(blocks []*block, byName map[string]*block) {
	for _, b := range blocks {
		if name, ok := l.labelled(b, b.kind); ok {
			byName[name] = b
		}
	}
}

func (l *loader) declareVariables(blocks []*block) {
	for _, b := range blocks {
		name, ok := l.labelled(b, "var")
		if !ok {
			continue
		}
		v := &variable{name: name, at: b.header, typ: cty.DynamicPseudoType, nullable: true}
		l.variables[name] = v
		l.readVariable(b, v)
		l.define("var."+name, b.header, func() (cty.Value, bool) { return l.variableValue(v) })
	}
}

func (l *loader) readVariable(b *block, v *variable) {
	before := len(l.list)
	c := l.read(b, variableSchema, func(nested *block) { v.validations = append(v.validations, l.read(nested, validationSchema, nil)) })
	def := c.attrs["default"]
	if a := c.attrs["sensitive"]; a != nil {
		v.sensitive = true // until it is known to be false: nothing of it may be shown meanwhile
		l.boolean(c, "sensitive", &v.sensitive)
	}
	if v.sensitive && def != nil {
		b.src.hide(hcl.RangeBetween(def.nameAt, def.expr.Range()))
	}
	l.boolean(c, "nullable", &v.nullable)
	var description string
	l.text(c, "description", &description)
	l.variableType(c, v)
	if def != nil {
		v.fallbackAt = def.expr.Range()
		if l.constant(def.expr, "the default of a variable") {
			l.secret = v.sensitive
			value, ok := l.eval(def.expr)
			l.secret = false
			if ok {
				v.fallback = l.fit(v, value, v.fallbackAt, "the default")
			}
		}
		if v.fallback != cty.NilVal && v.fallback.IsNull() && !v.nullable {
			l.errorAt(v.fallbackAt, fmt.Sprintf("variable %q: the default is null, which nullable = false refuses", v.name), "", "")
		}
	}
	v.bad = len(l.list) > before || b.broken || len(b.lost) > 0
}

// constant complains about an expression that refers to something.
func (l *loader) constant(expr hcl.Expression, what string) bool {
	references := expr.Variables()
	if len(references) == 0 {
		return true
	}
	first, hint := references[0], "write the value itself"
	if len(first) == 1 {
		hint = fmt.Sprintf("text stands in double quotes: %q", first.RootName())
	}
	l.errorAt(first.SourceRange(), what+" must not refer to anything", "", hint)
	return false
}

func (l *loader) variableType(c *content, v *variable) {
	a := c.attrs["type"]
	if a == nil {
		return
	}
	expr := a.expr
	if native, ok := expr.(*hclsyntax.TemplateExpr); ok && native.IsStringLiteral() {
		l.errorAt(expr.Range(), "a type is written without quotes", "", "write: type = "+textOf(native))
		return
	}
	typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(expr)
	if diags.HasErrors() {
		l.addHCL(diags)
		return
	}
	v.typ, v.typed, v.defaults = typ, true, defaults
}

func textOf(t *hclsyntax.TemplateExpr) string {
	v, _ := t.Parts[0].Value(nil)
	return v.AsString()
}

// fit is a value as the variable's type; NilVal if it is not, which is reported.
func (l *loader) fit(v *variable, value cty.Value, at hcl.Range, what string) cty.Value {
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	out, err := convertTo(value, v.typ)
	if err != nil {
		l.errorAt(at, fmt.Sprintf("variable %q: %s has the wrong type", v.name, what), l.typeProblem(v, value, err), "")
		return cty.NilVal
	}
	return out
}

func (l *loader) typeProblem(v *variable, value cty.Value, err error) string {
	if v.sensitive {
		return fmt.Sprintf("expected %s", typeexpr.TypeString(v.typ))
	}
	if value.Type() == cty.String && value.IsKnown() && !value.IsNull() {
		return fmt.Sprintf("%s, found %q", convertProblem(err), value.AsString())
	}
	return convertProblem(err)
}

// variableValue is what was set, else the default, marked if the variable is sensitive.
func (l *loader) variableValue(v *variable) (cty.Value, bool) {
	if v.bad {
		return cty.NilVal, false
	}
	value := v.fallback
	if v.set != nil {
		value = l.settingValue(v)
		if value == cty.NilVal {
			return value, false
		}
		if value.IsNull() && !v.nullable {
			if v.fallback == cty.NilVal {
				l.errorAt(v.at, fmt.Sprintf("variable %q: the value from %s is null, which nullable = false refuses", v.name, v.set.from), "", "")
				return cty.NilVal, false
			}
			value = v.fallback
		}
	}
	if value == cty.NilVal {
		l.errorAt(v.at, fmt.Sprintf("variable %q has no value", v.name), "it has no default and nothing sets it", fmt.Sprintf(
			"set it in one of these ways:\n  --var %[1]s=VALUE\n  a line \"%[1]s = VALUE\" in a file given by --var-file or named *.auto.shardvars\n  the environment variable %[2]s%[1]s", v.name, envPrefix))
		return cty.NilVal, false
	}
	if v.sensitive {
		value = value.Mark(sensitive)
	}
	return value, true
}

// validate checks the validation blocks of all variables that have a value.
func (l *loader) validate() {
	names := l.declared["var"]
	slices.Sort(names)
	for _, name := range names {
		v := l.variables[name]
		if _, ok := l.resolve("var."+name, v.at); !ok {
			continue
		}
		for _, c := range v.validations {
			l.validation(v, c)
		}
	}
}

func (l *loader) validation(v *variable, c *content) {
	condition, message := c.attrs["condition"], c.attrs["error_message"]
	if condition == nil || message == nil {
		return
	}
	result, ok := l.eval(condition.expr)
	if !ok {
		return
	}
	result, _ = result.UnmarkDeep()
	at := condition.expr.Range()
	if result, ok = l.converted(result, cty.Bool, at, "condition"); !ok {
		return
	}
	if result.IsNull() || !result.IsKnown() {
		l.errorAt(at, "the condition is null", "expected true or false", "")
		return
	}
	if result.True() {
		return
	}
	text, ok := l.eval(message.expr)
	if !ok {
		return
	}
	detail := "its error_message is sensitive and left out"
	if !text.ContainsMarked() {
		if text, ok = l.converted(text, cty.String, message.expr.Range(), "error_message"); !ok {
			return
		}
		if !text.IsNull() {
			detail = text.AsString()
		}
	}
	l.errorAt(at, fmt.Sprintf("invalid value for variable %q", v.name), detail, "")
}

func (l *loader) declareLocals(blocks []*block) {
	for _, b := range blocks {
		c := l.read(b, &schema{what: "locals block", open: true}, nil)
		if b.broken {
			l.incomplete = true
		}
		for _, name := range b.lost {
			l.declare("local", name)
		}
		for name, a := range c.attrs {
			if before := l.values["local."+name]; before != nil {
				first, second := before.at, a.nameAt
				if l.before(second, first) {
					first, second = second, first
				}
				l.errorAt(second, fmt.Sprintf("duplicate local value %q", name), "the first one is at "+l.where(first), "rename one of the two")
				continue
			}
			l.declare("local", name)
			l.define("local."+name, a.nameAt, func() (cty.Value, bool) { return l.eval(a.expr) })
		}
	}
}

func (l *loader) computeLocals() {
	names := slices.Sorted(slices.Values(l.declared["local"]))
	for _, name := range names {
		if v := l.values["local."+name]; v != nil {
			l.resolve(v.name, v.at)
		}
	}
}
