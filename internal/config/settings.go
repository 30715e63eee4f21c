package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"shardform/internal/diag"
)

// envPrefix is what the names of environment variables that set variables begin with.
const envPrefix = "SHARDFORM_VAR_"

// setting is a value that a variable was given from outside of the plan files: a text to be read as the variable's
// type says, or an expression of a variable file.
type setting struct {
	from string // "--var", a file name or the environment variable, for complaints
	text string
	expr hcl.Expression // nil: text counts
	ctx  *hcl.EvalContext
	at   hcl.Range
}

// setVariables takes values in the order of Terraform, what comes later counts more: environment, *.auto.shardvars by
// name, --var-file in order, --var.
func (l *loader) setVariables() {
	if l.opts.Env != nil {
		for name, v := range l.variables {
			if text, ok := l.opts.Env(envPrefix + name); ok {
				v.set = &setting{from: "environment variable " + envPrefix + name, text: text, at: v.at}
			}
		}
	}
	auto, problem := filesIn(l.dir, isAutoVarFile)
	if problem != nil {
		l.add(problem)
	}
	for _, name := range auto {
		l.variableFile(name, l.single)
	}
	for _, name := range l.opts.VarFiles {
		l.variableFile(name, false)
	}
	for _, name := range slices.Sorted(maps.Keys(l.opts.Vars)) {
		if v := l.variables[name]; v != nil {
			v.set = &setting{from: "--var " + name, text: l.opts.Vars[name], at: v.at}
			continue
		}
		if !l.incomplete && !l.isDeclared("var", name) {
			l.add(&diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("--var %s: there is no variable %q", name, name),
				Detail: l.choices("variable", "var"), Hint: suggest(name, l.declared["var"])})
		}
	}
	l.validate()
}

// variableFile reads a variable file. Files that a folder of several configurations shares may set variables that
// this configuration does not have: shared says so.
func (l *loader) variableFile(name string, shared bool) {
	src := l.sources[filepath.Clean(name)]
	if src == nil {
		var problem *diag.Diagnostic
		if src, problem = readSource(filepath.Clean(name)); problem != nil {
			l.add(problem)
			return
		}
		l.source(src)
	}
	var attrs []*attribute
	ctx := &hcl.EvalContext{}
	if strings.HasSuffix(name, ".json") {
		attrs, ctx = l.jsonVariables(src), nil
	} else {
		attrs = l.nativeVariables(src)
	}
	for _, a := range attrs {
		v := l.variables[a.name]
		if v == nil {
			if !shared && !l.incomplete && !l.isDeclared("var", a.name) {
				l.errorAt(a.nameAt, fmt.Sprintf("there is no variable %q", a.name), l.choices("variable", "var"), suggest(a.name, l.declared["var"]))
			}
			continue
		}
		if v.sensitive {
			src.hide(hcl.RangeBetween(a.nameAt, a.expr.Range()))
		}
		if ctx == nil || l.constant(a.expr, "a value in a variable file") {
			v.set = &setting{from: name, expr: a.expr, ctx: ctx, at: a.expr.Range()}
		} else {
			v.bad = true
		}
	}
}

func (l *loader) nativeVariables(src *source) []*attribute {
	var attrs []*attribute
	seen := map[string]hcl.Range{}
	items, s := split(src.text, 0, len(src.text), 1)
	l.splitProblem(src, s)
	for _, it := range items {
		body, diags := parseNative(src, it.start, it.end, it.line)
		if diags.HasErrors() {
			text := src.text[it.start:it.end]
			if m := itemName.FindStringSubmatch(text); m != nil && l.variables[m[1]] != nil {
				l.variables[m[1]].bad = true
				if l.variables[m[1]].sensitive {
					src.hide(hcl.Range{Start: hcl.Pos{Line: it.line}, End: hcl.Pos{Line: it.line + strings.Count(text, "\n")}})
				}
			}
			l.addSyntax(diags)
			continue
		}
		for _, b := range body.Blocks {
			l.errorAt(b.DefRange(), "a variable file has no blocks", "it has lines of the form NAME = VALUE", "")
		}
		for name, a := range body.Attributes {
			if before, dup := seen[name]; dup {
				l.errorAt(a.NameRange, fmt.Sprintf("duplicate value for variable %q", name), "the first one is at "+l.where(before), "")
				continue
			}
			seen[name] = a.NameRange
			attrs = append(attrs, &attribute{name, a.NameRange, a.Expr})
		}
	}
	return attrs
}

func (l *loader) jsonVariables(src *source) []*attribute {
	fail := func(diags hcl.Diagnostics) []*attribute {
		for _, v := range l.variables {
			if v.sensitive {
				src.hide(hcl.Range{Start: hcl.Pos{Line: 1}, End: hcl.Pos{Line: strings.Count(src.text, "\n") + 1}})
			}
		}
		l.addHCL(diags)
		return nil
	}
	if d := checkJSON(src); d != nil {
		return fail(hcl.Diagnostics{d})
	}
	file, diags := json.Parse([]byte(src.text), src.name)
	if diags.HasErrors() || file == nil {
		return fail(diags)
	}
	got, diags := file.Body.JustAttributes()
	if diags.HasErrors() {
		return fail(diags)
	}
	var attrs []*attribute
	for name, a := range got {
		attrs = append(attrs, &attribute{name, a.NameRange, a.Expr})
	}
	return attrs
}

// settingValue is what was set, as the variable's type; NilVal if it is not, which is reported. A text is taken as it
// is for a variable of type string or without a type, and read as an expression for any other.
func (l *loader) settingValue(v *variable) cty.Value {
	s := v.set
	value := cty.StringVal(s.text)
	var diags hcl.Diagnostics
	switch {
	case s.expr != nil:
		value, diags = l.evaluate(s.expr, s.ctx)
	case v.typed && v.typ != cty.String && v.typ != cty.DynamicPseudoType:
		if value, diags = l.textValue(s); diags.HasErrors() && (v.typ.IsPrimitiveType() || word.MatchString(s.text)) {
			value, diags = cty.StringVal(s.text), nil // no expression: that it is not of the variable's type is what is wrong
		}
	}
	if diags.HasErrors() {
		detail := plain(diags[0].Detail)
		if v.sensitive {
			detail = "it is left out here, as the variable is sensitive"
		}
		l.errorAt(s.at, fmt.Sprintf("variable %q: the value from %s cannot be read", v.name, s.from), detail, "")
		return cty.NilVal
	}
	return l.fit(v, value, s.at, "the value from "+s.from)
}

var word = regexp.MustCompile(`^[\pL_][\pL\pN_-]*$`)

// textValue is what the text of --var or an environment variable stands for as an expression.
func (l *loader) textValue(s *setting) (cty.Value, hcl.Diagnostics) {
	src := &source{name: s.from, text: "value = (" + s.text + "\n)\n"}
	body, diags := parseNative(src, 0, len(src.text), 1)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	a := body.Attributes["value"]
	if a == nil || len(body.Attributes) != 1 || len(body.Blocks) > 0 {
		return cty.NilVal, hcl.Diagnostics{{Severity: hcl.DiagError, Detail: "expected one value"}}
	}
	if _, isText := a.Expr.(*hclsyntax.ParenthesesExpr); !isText {
		return cty.NilVal, hcl.Diagnostics{{Severity: hcl.DiagError, Detail: "expected one value"}}
	}
	return l.evaluate(a.Expr, &hcl.EvalContext{})
}

var settingsSchema = &schema{
	what:   "shardform block",
	attrs:  []string{"required_version"},
	blocks: []header{{kind: "state", labels: []string{"backend"}}},
}

var stateSchema = &schema{what: `state "bbolt" block`, attrs: []string{"path"}}

// settings reads the shardform blocks.
func (l *loader) settings(blocks []*block) {
	var first *block
	for _, b := range blocks {
		c := l.read(b, settingsSchema, func(state *block) {
			if first != nil {
				l.errorAt(state.header, "duplicate state block", "the first one is at "+l.where(first.header), "keep one of the two")
				return
			}
			first = state
			l.state(state)
		})
		var constraint string
		if l.text(c, "required_version", &constraint) {
			l.requireVersion(constraint, c.attrs["required_version"].expr.Range())
		}
	}
}

func (l *loader) state(b *block) {
	before := l.errors
	defer func() { l.stateUnknown = l.stateUnknown || l.errors > before || b.broken || len(b.lost) > 0 }()
	switch backend := b.labels[0]; backend {
	case "bbolt":
	case "etcd":
		l.notBuilt(b.labelsAt[0], `state "etcd"`)
		return
	default:
		l.errorAt(b.labelsAt[0], fmt.Sprintf("unknown state backend %q", backend), `expected "bbolt"`, suggest(backend, []string{"bbolt"}))
		return
	}
	var path string
	if l.name(l.read(b, stateSchema, nil), "path", &path) {
		l.config.State.Path = within(l.dir, path)
	}
}

func (l *loader) requireVersion(constraint string, at hcl.Range) {
	ok, problem := satisfies(l.opts.Version, constraint)
	switch {
	case problem != "":
		l.errorAt(at, fmt.Sprintf("required_version %q cannot be read", constraint), problem, `write it like ">= 0.1" or "~> 1.2, != 1.2.3"`)
	case !ok:
		l.errorAt(at, fmt.Sprintf("this is shardform %s, the plan files need %s", l.opts.Version, constraint), "", "install a version that fits, or change required_version")
	}
}
