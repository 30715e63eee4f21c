package ui

import (
	"fmt"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/plan"
)

// nodeIDs numbers the nodes: addresses have characters that neither language takes in an identifier.
func nodeIDs(g plan.GraphModel) map[addr.Address]string {
	ids := map[addr.Address]string{}
	for _, o := range g.Operations {
		for _, c := range o.Containers {
			ids[c.Address] = fmt.Sprintf("n%d", len(ids)+1)
		}
	}
	return ids
}

func nodeText(c plan.GraphContainer) string {
	text := fmt.Sprintf("%s (%s)", c.Label, c.Action)
	if c.Action == plan.Gate {
		text = symbols[plan.Gate] + " " + text
	}
	if c.Tasks > 1 {
		text += fmt.Sprintf(", %d tasks", c.Tasks)
	}
	if c.Final {
		text += ", point of no return"
	}
	return text
}

// GraphDot is g in Graphviz's language.
func GraphDot(g plan.GraphModel) string {
	ids := nodeIDs(g)
	var b strings.Builder
	b.WriteString("digraph shardform {\n  rankdir = LR;\n  node [shape = box];\n")
	for i, o := range g.Operations {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label = %s;\n", i+1, dotQuote(fmt.Sprintf("%s (%s)", o.Address, o.Action)))
		for _, c := range o.Containers {
			fmt.Fprintf(&b, "    %s [label = %s];\n", ids[c.Address], dotQuote(nodeText(c)))
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
func GraphMermaid(g plan.GraphModel) string {
	ids := nodeIDs(g)
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, o := range g.Operations {
		fmt.Fprintf(&b, "  subgraph s%d[%s]\n", i+1, mermaidQuote(fmt.Sprintf("%s (%s)", o.Address, o.Action)))
		for _, c := range o.Containers {
			fmt.Fprintf(&b, "    %s[%s]\n", ids[c.Address], mermaidQuote(nodeText(c)))
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
