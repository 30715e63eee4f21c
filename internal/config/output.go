package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"shardform/internal/diag"
)

// Output is an output block. Its value may name what is observed, so it is evaluated after the cluster was read:
// see Evaluate.
type Output struct {
	Name        string
	Description string
	Sensitive   bool
	Place       diag.Place

	expr  hcl.Expression
	scope *evaluator
}

// Observed is what outputs may ask of a keyspace: keyspace.NAME.observed.
type Observed struct {
	Shards   []string // serving PRIMARY, in key order
	RowCount int64    // rows of all serving shards, as the cluster estimates them
}

// Evaluate is the output's value, given what the cluster shows, keyed by the label of keyspace blocks. It is an error
// if the value needs a keyspace that is not in observed. The value has no marks: show it only if Sensitive is false.
func (o Output) Evaluate(observed map[string]Observed) (cty.Value, diag.List) {
	if o.scope == nil {
		return cty.NullVal(cty.DynamicPseudoType), nil
	}
	e := &evaluator{complaints: &complaints{sources: o.scope.sources}, scope: o.scope.scope, atRun: true, observed: func(keyspace string) (cty.Value, bool) {
		seen, ok := observed[keyspace]
		return observedValue(seen), ok
	}}
	v, ok := e.eval(o.expr)
	if !ok {
		list := e.sorted()
		for _, d := range list {
			d.Summary = fmt.Sprintf("output %q: %s", o.Name, d.Summary)
		}
		return cty.DynamicVal, list
	}
	if v.ContainsMarked() && !o.Sensitive {
		e.errorAt(o.expr.Range(), fmt.Sprintf("output %q comes from a sensitive value", o.Name), "", sensitiveOutputHint)
		return cty.DynamicVal, e.sorted()
	}
	v, _ = v.UnmarkDeep()
	return v, nil
}

const sensitiveOutputHint = "add: sensitive = true, or take the mark off with nonsensitive(…)"

func observedValue(o Observed) cty.Value {
	shards := cty.ListValEmpty(cty.String)
	if len(o.Shards) > 0 {
		names := make([]cty.Value, len(o.Shards))
		for i, s := range o.Shards {
			names[i] = cty.StringVal(s)
		}
		shards = cty.ListVal(names)
	}
	return cty.ObjectVal(map[string]cty.Value{"shards": shards, "row_count": cty.NumberIntVal(o.RowCount)})
}

// unobserved stands for what is not known before a cluster was read, so that outputs can be checked without one.
var unobserved = cty.ObjectVal(map[string]cty.Value{"shards": cty.UnknownVal(cty.List(cty.String)), "row_count": cty.UnknownVal(cty.Number)})

var outputSchema = &schema{
	what:  "output block",
	attrs: []string{"value", "description", "sensitive"},
	needs: []string{"value"},
	later: []string{"depends_on", "precondition", "ephemeral"},
}

// readOutputs reads the output blocks and evaluates them as far as that is possible without a cluster.
func (l *loader) readOutputs(blocks []*block) {
	known := func(keyspace string) (cty.Value, bool) { return unobserved, true }
	e := &evaluator{complaints: l.complaints, scope: l.scope, incomplete: l.incomplete, observed: known}
	for _, b := range blocks {
		name, ok := l.labelled(b, "output")
		c := l.read(b, outputSchema, nil)
		if !ok {
			continue
		}
		o := Output{Name: name, Place: l.place(b.header), scope: l.evaluator}
		l.text(c, "description", &o.Description)
		l.boolean(c, "sensitive", &o.Sensitive)
		if a := c.attrs["value"]; a != nil {
			o.expr = a.expr
			if v, ok := e.eval(a.expr); ok && v.ContainsMarked() && !o.Sensitive {
				l.errorAt(a.expr.Range(), fmt.Sprintf("output %q comes from a sensitive value", name), "", sensitiveOutputHint)
			}
		}
		l.config.Outputs = append(l.config.Outputs, o)
	}
}
