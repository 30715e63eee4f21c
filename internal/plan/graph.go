package plan

import (
	"fmt"
	"strings"

	"shardform/internal/addr"
)

// GraphModel is the container graph of a plan: containers in their operations, and what comes before what.
type GraphModel struct {
	Operations []GraphOperation
	Edges      []GraphEdge
}

// GraphOperation is one operation with its containers in running order.
type GraphOperation struct {
	Address    addr.Address
	Action     Action
	Containers []GraphContainer // one, with the operation's own address, where it has none
}

// GraphContainer is one node.
type GraphContainer struct {
	Address addr.Address
	Label   string
	Action  Action
	Tasks   int
	Final   bool // point of no return
}

// GraphEdge leads from what comes first to what comes after, by their addresses.
type GraphEdge struct{ From, To addr.Address }

// Graph is the container graph of p. Operations that have nothing to do are not in it.
func Graph(p *Plan) GraphModel {
	var g GraphModel
	first, last := map[addr.Address]addr.Address{}, map[addr.Address]addr.Address{}
	for _, op := range p.Operations {
		o := GraphOperation{Address: op.Address, Action: op.Action}
		for _, c := range op.Containers {
			o.Containers = append(o.Containers, GraphContainer{Address: c.Address, Label: c.Address.Last(), Action: c.Action, Tasks: len(c.Tasks), Final: c.PointOfNoReturn})
		}
		if len(o.Containers) == 0 {
			o.Containers = []GraphContainer{{Address: op.Address, Label: op.Address.Last(), Action: op.Action}}
		}
		first[op.Address], last[op.Address] = o.Containers[0].Address, o.Containers[len(o.Containers)-1].Address
		g.Operations = append(g.Operations, o)
	}
	for i, op := range p.Operations {
		for _, on := range op.DependsOn {
			if from, ok := last[on]; ok {
				g.Edges = append(g.Edges, GraphEdge{from, first[op.Address]})
			}
		}
		for j := range g.Operations[i].Containers[1:] {
			g.Edges = append(g.Edges, GraphEdge{g.Operations[i].Containers[j].Address, g.Operations[i].Containers[j+1].Address})
		}
	}
	return g
}

// ids numbers the nodes: addresses have characters that neither language takes in an identifier.
func (g GraphModel) ids() map[addr.Address]string {
	ids := map[addr.Address]string{}
	for _, o := range g.Operations {
		for _, c := range o.Containers {
			ids[c.Address] = fmt.Sprintf("n%d", len(ids)+1)
		}
	}
	return ids
}

func (c GraphContainer) text() string {
	text := fmt.Sprintf("%s (%s)", c.Label, c.Action)
	if c.Tasks > 1 {
		text += fmt.Sprintf(", %d tasks", c.Tasks)
	}
	if c.Final {
		text += ", point of no return"
	}
	return text
}

// GraphDot is g in Graphviz's language.
func GraphDot(g GraphModel) string {
	ids := g.ids()
	var b strings.Builder
	b.WriteString("digraph shardform {\n  rankdir = LR;\n  node [shape = box];\n")
	for i, o := range g.Operations {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label = %s;\n", i+1, dotQuote(fmt.Sprintf("%s (%s)", o.Address, o.Action)))
		for _, c := range o.Containers {
			fmt.Fprintf(&b, "    %s [label = %s];\n", ids[c.Address], dotQuote(c.text()))
		}
		b.WriteString("  }\n")
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s -> %s;\n", ids[e.From], ids[e.To])
	}
	b.WriteString("}\n")
	return b.String()
}

// dotQuote is a string of Graphviz's language: only quotes and backslashes have a meaning there.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// GraphMermaid is g in Mermaid's language.
func GraphMermaid(g GraphModel) string {
	ids := g.ids()
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, o := range g.Operations {
		fmt.Fprintf(&b, "  subgraph s%d[%s]\n", i+1, mermaidQuote(fmt.Sprintf("%s (%s)", o.Address, o.Action)))
		for _, c := range o.Containers {
			fmt.Fprintf(&b, "    %s[%s]\n", ids[c.Address], mermaidQuote(c.text()))
		}
		b.WriteString("  end\n")
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s --> %s\n", ids[e.From], ids[e.To])
	}
	return b.String()
}

// mermaidQuote is a text of Mermaid's language, which has entities and no escapes.
func mermaidQuote(s string) string { return `"` + strings.ReplaceAll(s, `"`, "#quot;") + `"` }
