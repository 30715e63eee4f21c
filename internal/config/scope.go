package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"shardform/internal/redact"
)

// sensitive marks values that no complaint, address or file may show.
const sensitive = "sensitive"

// scope has everything that expressions may refer to. Values are computed when first asked for, each once, so that
// blocks may refer to each other in any order.
type scope struct {
	values    map[string]*named   // by their whole name: "var.x", "local.x", "keyspace.x.shards"
	declared  map[string][]string // names by kind, in the order found: for complaints
	is        map[[2]string]bool  // the same names
	functions map[string]function.Function
	files     map[string]string // names of files that file() read, by their contents; of equal ones the last
	secrets   *redact.Set       // what sensitive values hold
	budget    budget            // of the expression that is evaluated
	held      measure           // what is left for the values of all expressions
}

// named is a value that has a name.
type named struct {
	name    string
	at      hcl.Range // of its definition
	compute func() (cty.Value, bool)
	state   int
	value   cty.Value
}

// States of a named value.
const (
	untouched = iota
	computing
	known
	failed // reported already: whoever refers to it stays silent
)

func newScope(dir string) *scope {
	s := &scope{values: map[string]*named{}, declared: map[string][]string{}, is: map[[2]string]bool{}, secrets: &redact.Set{}, files: map[string]string{},
		held: measure{elements: maxHeldElements, text: maxHeldText}}
	s.functions = functions(dir, s.files)
	s.functions["sensitive"], s.functions["nonsensitive"] = s.markFunc(true), s.markFunc(false)
	for name, f := range s.functions {
		if name != "try" && name != "can" { // these take expressions, not values
			s.functions[name] = s.watched(name, f)
		}
	}
	return s
}

func (s *scope) declare(root, name string) {
	if !s.isDeclared(root, name) {
		s.declared[root] = append(s.declared[root], name)
		s.is[[2]string{root, name}] = true
	}
}

func (s *scope) isDeclared(root, name string) bool { return s.is[[2]string{root, name}] }

func (s *scope) define(name string, at hcl.Range, compute func() (cty.Value, bool)) {
	s.values[name] = &named{name: name, at: at, compute: compute}
}

// evaluator evaluates expressions in a scope.
type evaluator struct {
	*complaints
	*scope
	stack      []*named
	secret     bool // what is evaluated is a secret itself, whatever it refers to
	incomplete bool // some block could not be parsed at all: a name that is not there may be in it
	// observed gives keyspace.NAME.observed, and false where it may not be used.
	observed func(keyspace string) (cty.Value, bool)
	atRun    bool // a cluster was read: what is not observed now never will be
}

// resolve is the value of a name; false if it failed, which is reported.
func (e *evaluator) resolve(name string, at hcl.Range) (cty.Value, bool) {
	v := e.values[name]
	switch v.state {
	case known:
		return v.value, true
	case failed:
		return cty.DynamicVal, false
	case computing:
		e.cycle(v, at)
		return cty.DynamicVal, false
	}
	if len(e.stack) >= maxChain {
		v.state = failed
		e.errorAt(at, fmt.Sprintf("more than %d values refer to each other in a row", maxChain), "", "")
		return cty.DynamicVal, false
	}
	v.state = computing
	e.stack = append(e.stack, v)
	value, ok := v.compute()
	e.stack = e.stack[:len(e.stack)-1]
	if ok && tooLargeValue(value) {
		e.errorAt(v.at, fmt.Sprintf("%s is too large", v.name), valueLimits, "")
		ok = false
	}
	if !ok || v.state == failed {
		v.state = failed
		return cty.DynamicVal, false
	}
	v.state, v.value = known, value
	sensitiveLeaves(value, e.secrets.Add)
	return value, true
}

// cycle reports values that refer to each other in a circle, at the reference that closes it.
func (e *evaluator) cycle(v *named, at hcl.Range) {
	i := slices.Index(e.stack, v)
	var names, places []string
	for _, member := range e.stack[i:] {
		member.state = failed
		names = append(names, member.name)
		places = append(places, fmt.Sprintf("%s is at %s", member.name, e.where(member.at)))
	}
	if len(names) > maxShown {
		names, places = append(names[:maxShown:maxShown], "…"), append(places[:maxShown:maxShown], "…")
	}
	e.errorAt(at, "values refer to each other in a circle", strings.Join(append(names, v.name), " -> ")+"\n"+strings.Join(places, "\n"), "break the circle at one of these places")
}

// eval is the value of an expression; false if it has none, which is reported.
func (e *evaluator) eval(expr hcl.Expression) (cty.Value, bool) {
	if v, ok := literal(expr); ok {
		return v, true
	}
	ctx := &hcl.EvalContext{Functions: e.functions}
	ok := true
	var used []cty.Value
	if references := expr.Variables(); len(references) > 0 {
		tree := map[string]any{}
		for _, t := range references {
			path, v, found := e.reference(t)
			if !found {
				ok = false
				continue
			}
			used = append(used, v)
			plant(tree, path, v)
		}
		if !ok {
			return cty.DynamicVal, false
		}
		ctx.Variables = grow(tree)
	}
	v, diags := e.evaluate(expr, ctx)
	if diags.HasErrors() {
		if e.secret || slices.ContainsFunc(used, cty.Value.ContainsMarked) {
			for _, d := range diags {
				d.Detail = "the details are left out: the expression uses a sensitive value"
			}
		}
		e.addHCL(diags)
		return cty.DynamicVal, false
	}
	return v, true
}

// literal is the value of a quoted string, number or bool, which is what most expressions are.
func literal(expr hcl.Expression) (cty.Value, bool) {
	switch x := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return x.Val, true
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() {
			v, diags := x.Parts[0].Value(nil)
			return v, !diags.HasErrors()
		}
	}
	return cty.NilVal, false
}

// plant puts a value at its path into a tree of maps, grow makes objects of the tree.
func plant(tree map[string]any, path []string, v cty.Value) {
	for _, step := range path[:len(path)-1] {
		next, ok := tree[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			tree[step] = next
		}
		tree = next
	}
	tree[path[len(path)-1]] = v
}

func grow(tree map[string]any) map[string]cty.Value {
	values := make(map[string]cty.Value, len(tree))
	for name, branch := range tree {
		switch b := branch.(type) {
		case cty.Value:
			values[name] = b
		case map[string]any:
			values[name] = cty.ObjectVal(grow(b))
		}
	}
	return values
}

// reference resolves var.NAME, local.NAME and keyspace.NAME.VALUE.
func (e *evaluator) reference(t hcl.Traversal) (path []string, v cty.Value, ok bool) {
	root, at := t.RootName(), t.SourceRange()
	steps := attrSteps(t)
	switch root {
	case "var", "local":
		if len(steps) == 0 {
			e.errorAt(at, fmt.Sprintf("%q is not a value by itself", root), "", fmt.Sprintf("name one of them: %s.NAME", root))
			return nil, v, false
		}
		return e.lookup(root, steps[:1], at)
	case "keyspace":
		return e.keyspaceReference(steps, at)
	case "operation", "move_tables":
		e.errorAt(at, fmt.Sprintf("%s blocks have no values", root), root+".NAME stands in depends_on only", "")
	case "each", "count":
		e.errorAt(at, fmt.Sprintf("%s is not built yet", map[string]string{"each": "for_each", "count": "count"}[root]), "", "")
	default:
		e.unknownRoot(t, root, at)
	}
	return nil, v, false
}

// attrSteps are the names behind the first, as far as they are names.
func attrSteps(t hcl.Traversal) []string {
	var steps []string
	for _, step := range t[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		steps = append(steps, attr.Name)
	}
	return steps
}

func (e *evaluator) lookup(root string, steps []string, at hcl.Range) ([]string, cty.Value, bool) {
	path := append([]string{root}, steps...)
	name := strings.Join(path, ".")
	if e.values[name] == nil {
		e.undeclared(root, steps[0], at)
		return nil, cty.NilVal, false
	}
	v, ok := e.resolve(name, at)
	return path, v, ok
}

func (e *evaluator) undeclared(root, name string, at hcl.Range) {
	if e.incomplete || e.isDeclared(root, name) { // the second: declared, but its block is mistaken
		return
	}
	noun := map[string]string{"var": "variable", "local": "local value"}[root]
	if noun == "" {
		noun = root
	}
	e.errorAt(at, fmt.Sprintf("there is no %s %q", noun, name), e.choices(noun, root), suggest(name, e.declared[root]))
}

func (e *evaluator) choices(noun, root string) string {
	names := slices.Sorted(slices.Values(e.declared[root]))
	if len(names) == 0 {
		return fmt.Sprintf("the plan files declare no %s", noun)
	}
	return fmt.Sprintf("the plan files declare %s", list(slices.Compact(names)))
}

// keyspaceValues are what expressions may ask of a keyspace block.
var keyspaceValues = []string{"shards", "name", "cluster", "observed"}

func (e *evaluator) keyspaceReference(steps []string, at hcl.Range) ([]string, cty.Value, bool) {
	switch {
	case len(steps) == 0:
		e.errorAt(at, `"keyspace" is not a value by itself`, "", "name a block and one of its values: keyspace.NAME.shards")
		return nil, cty.NilVal, false
	case len(steps) == 1 || !slices.Contains(keyspaceValues, steps[1]):
		if !e.isDeclared("keyspace", steps[0]) {
			e.undeclared("keyspace", steps[0], at)
			return nil, cty.NilVal, false
		}
		given, hint := "it alone is no value", ""
		if len(steps) > 1 {
			given, hint = fmt.Sprintf("it has no value %q", steps[1]), suggest(steps[1], keyspaceValues)
		}
		e.errorAt(at, fmt.Sprintf("keyspace.%s: %s", steps[0], given), "expected "+strings.Join(keyspaceValues, ", ")+" behind the name", hint)
		return nil, cty.NilVal, false
	case steps[1] != "observed" || !e.isDeclared("keyspace", steps[0]):
		return e.lookup("keyspace", steps[:2], at)
	}
	v, ok := cty.NilVal, false
	if e.observed != nil {
		v, ok = e.observed(steps[0])
	}
	switch {
	case ok:
	case e.atRun:
		e.errorAt(at, fmt.Sprintf("keyspace.%s was not observed", steps[0]), "its cluster shows no such keyspace, or was not read", "")
	default:
		e.errorAt(at, fmt.Sprintf("keyspace.%s.observed is not known here", steps[0]), "what a cluster shows is known in output blocks only: plan files are read before any cluster is", fmt.Sprintf("keyspace.%s.shards is what is configured", steps[0]))
	}
	return []string{"keyspace", steps[0], "observed"}, v, ok
}

func (e *evaluator) unknownRoot(t hcl.Traversal, root string, at hcl.Range) {
	hint := suggest(root, []string{"var", "local", "keyspace"})
	if len(t) == 1 {
		hint = fmt.Sprintf("text stands in double quotes: %q", root)
		for _, kind := range slices.Sorted(maps.Keys(e.declared)) {
			if e.isDeclared(kind, root) {
				hint = fmt.Sprintf("did you mean %s.%s?", kind, root)
			}
		}
	}
	e.errorAt(at, fmt.Sprintf("unknown reference %q", root), "expected var.NAME, local.NAME or keyspace.NAME.VALUE", hint)
}
