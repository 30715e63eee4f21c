package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The library evaluates an expression however large its result gets, and cannot be told to stop. So its loops and
// templates are counted where they run (budget), functions that can make much of little are asked how much first
// (yields), and what comes out is measured.

// Limits on the evaluation of one expression. They are beyond those of values, as elements may be left out of a result.
// Tests lower them: reaching them takes seconds.
var (
	maxSteps     = 2 * maxElements // elements that "for" and "[*]" go through
	maxGenerated = 4 * maxText     // bytes of text that go into templates
)

// budget is what is left of the limits for the expression that is evaluated.
type budget struct {
	steps, text int
	exceeded    bool
	stop        <-chan struct{}
}

func (b *budget) reset() { b.steps, b.text, b.exceeded = maxSteps, maxGenerated, false }

// overBudget is the panic that ends an evaluation: the library's loops go on after an error.
type overBudget struct{}

// counted is an expression that is evaluated again and again.
type counted struct {
	*hclsyntax.ParenthesesExpr
	budget *budget
}

// Value implements hclsyntax.Expression.
func (c *counted) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	c.budget.spend(1, 0)
	v, diags := c.Expression.Value(ctx)
	if plain, _ := v.Unmark(); plain.Type() == cty.String && plain.IsKnown() && !plain.IsNull() {
		c.budget.spend(0, len(plain.AsString()))
	}
	return v, diags
}

func (b *budget) spend(steps, text int) {
	select {
	case <-b.stop:
		b.exceeded = true
	default:
	}
	b.steps -= steps
	b.text -= text
	if b.exceeded = b.exceeded || b.steps < 0 || b.text < 0; b.exceeded {
		panic(overBudget{})
	}
}

// count puts counters into the loops and templates of an expression.
func (b *budget) count(expr hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		switch x := node.(type) {
		case *hclsyntax.ForExpr:
			x.ValExpr = b.counted(x.ValExpr)
			if x.KeyExpr != nil {
				x.KeyExpr = b.counted(x.KeyExpr)
			}
			if x.CondExpr != nil {
				x.CondExpr = b.counted(x.CondExpr)
			}
		case *hclsyntax.SplatExpr:
			x.Each = b.counted(x.Each)
		case *hclsyntax.TemplateExpr:
			for i, part := range x.Parts {
				if _, fixed := part.(*hclsyntax.LiteralValueExpr); !fixed {
					x.Parts[i] = b.counted(part)
				}
			}
		}
		return nil
	})
}

func (b *budget) counted(expr hclsyntax.Expression) hclsyntax.Expression {
	if c, done := expr.(*counted); done {
		return c
	}
	return &counted{&hclsyntax.ParenthesesExpr{Expression: expr, SrcRange: expr.Range()}, b}
}

// countable is expr as the native syntax has it, so that its loops can be counted: JSON files have templates in strings,
// which are parsed only when they are evaluated. One that has no loops stays as it is.
func countable(expr hcl.Expression) hcl.Expression {
	if _, isNative := expr.(hclsyntax.Expression); isNative || !mayLoop(expr) {
		return expr
	}
	return nativeOf(expr)
}

func mayLoop(expr hcl.Expression) bool {
	if items, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		for _, item := range items {
			if mayLoop(item.Key) || mayLoop(item.Value) {
				return true
			}
		}
		return false
	}
	if elements, diags := hcl.ExprList(expr); !diags.HasErrors() {
		for _, e := range elements {
			if mayLoop(e) {
				return true
			}
		}
		return false
	}
	text, diags := expr.Value(nil) // as it stands
	return !diags.HasErrors() && text.Type() == cty.String && (strings.Contains(text.AsString(), "for") || strings.Contains(text.AsString(), "*"))
}

func nativeOf(expr hcl.Expression) hclsyntax.Expression {
	at := expr.Range()
	if items, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		object := &hclsyntax.ObjectConsExpr{SrcRange: at, OpenRange: at}
		for _, item := range items {
			object.Items = append(object.Items, hclsyntax.ObjectConsItem{KeyExpr: nativeOf(item.Key), ValueExpr: nativeOf(item.Value)})
		}
		return object
	}
	if elements, diags := hcl.ExprList(expr); !diags.HasErrors() {
		tuple := &hclsyntax.TupleConsExpr{SrcRange: at, OpenRange: at}
		for _, e := range elements {
			tuple.Exprs = append(tuple.Exprs, nativeOf(e))
		}
		return tuple
	}
	v, _ := expr.Value(nil)
	if v.Type() != cty.String || v.IsNull() {
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}
	}
	start := at.Start
	start.Byte, start.Column = start.Byte+1, start.Column+1 // after the quote
	template, diags := hclsyntax.ParseTemplate([]byte(v.AsString()), at.Filename, start)
	if diags.HasErrors() {
		return &unparsed{&hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: at}, diags}
	}
	return template
}

// unparsed is a template that has mistakes: evaluating it reports them.
type unparsed struct {
	*hclsyntax.LiteralValueExpr
	diags hcl.Diagnostics
}

// Value implements hclsyntax.Expression.
func (u *unparsed) Value(*hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	return cty.DynamicVal, u.diags
}

// evaluate is the value of expr. Where the library gives up on an input with a panic, or where the value would be beyond the
// limits, that becomes a diagnostic about the expression.
func (s *scope) evaluate(expr hcl.Expression, ctx *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics) {
	at := expr.Range()
	fail := func(summary, detail string) (cty.Value, hcl.Diagnostics) {
		return cty.DynamicVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Subject: &at, Detail: detail}}
	}
	defer func() {
		r := recover()
		switch {
		case s.budget.exceeded: // also where a function made an error of the panic
			v, diags = fail("the value is too large", fmt.Sprintf("an expression goes through at most %d elements and %d MiB of text", maxSteps, maxGenerated>>20))
		case r != nil:
			v, diags = fail("the expression cannot be evaluated", "a function or operator does not take these values")
		}
	}()
	s.budget.reset()
	expr = countable(expr)
	if x, isNative := expr.(hclsyntax.Expression); isNative {
		s.budget.count(x)
	}
	v, diags = expr.Value(ctx)
	switch {
	case diags.HasErrors():
		return v, diags
	case tooLargeValue(v):
		return fail("the value is too large", valueLimits)
	case !s.held.fits(v):
		return fail("the values of the plan files are too large together", fmt.Sprintf("at most %d MiB of text and %d elements are kept", maxHeldText>>20, maxHeldElements))
	}
	return v, diags
}
