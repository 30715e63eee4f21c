package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// depth measures how deep the syntax tree of some tokens gets: brackets and templates that are open, and operators in
// a row, each of which is a level of its own.
type depth struct {
	levels []level
	total  int // operators of all open levels
}

// level is an open bracket or template and the operators seen in its current element.
type level struct {
	kind      hclsyntax.TokenType
	operators int
}

// tooDeep complains about brackets nested beyond maxNesting and expressions with more than maxOperators operators.
func tooDeep(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	d := depth{levels: []level{{kind: hclsyntax.TokenOBrace}}}
	for _, t := range tokens {
		d.token(t.Type)
		if len(d.levels) > 2*maxNesting || d.total > maxOperators { // a template in quotes is two levels
			return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "an expression is nested too deeply", Subject: t.Range.Ptr(),
				Detail: fmt.Sprintf("at most %d brackets may be open, and at most %d operators stand in a row", maxNesting, maxOperators)}
		}
	}
	return nil
}

func (d *depth) token(t hclsyntax.TokenType) {
	switch t {
	case hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
		d.operator() // x[1][2][3] is as deep as it is long
		d.levels = append(d.levels, level{kind: t})
	case hclsyntax.TokenOBrace, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		d.levels = append(d.levels, level{kind: t})
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		d.close()
	case hclsyntax.TokenComma:
		d.element()
	case hclsyntax.TokenNewline:
		if d.top().kind == hclsyntax.TokenOBrace {
			d.element()
		}
	case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
		hclsyntax.TokenQuestion, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual:
		d.operator()
	}
}

func (d *depth) top() *level { return &d.levels[len(d.levels)-1] }

func (d *depth) operator() {
	d.top().operators++
	d.total++
}

// element begins the next element of a list, object or body: it is no deeper than the one before.
func (d *depth) element() {
	d.total -= d.top().operators
	d.top().operators = 0
}

func (d *depth) close() {
	if len(d.levels) == 1 {
		return
	}
	control := d.top().kind == hclsyntax.TokenTemplateControl
	d.element()
	d.levels = d.levels[:len(d.levels)-1]
	if control { // %{ if } and %{ for } hold what follows
		d.operator()
	}
}
