package ui

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/plan"
)

func TestGraphsInBothLanguages(t *testing.T) {
	split := addr.Keyspace("customer").WithOperation("-:-80,80-")
	copying, soak, finish := split.WithContainer("copy"), split.WithContainer("soak"), split.WithContainer("finish")
	g := plan.GraphModel{
		Operations: []plan.GraphOperation{{Address: split, Action: plan.Resume, Containers: []plan.GraphContainer{
			{Address: copying, Label: `co"py`, Action: plan.Completed, Tasks: 1},
			{Address: soak, Label: "soak", Action: plan.Gate, Tasks: 1},
			{Address: finish, Label: "finish", Action: plan.Add, Tasks: 2, Final: true},
		}}},
		Edges: []plan.GraphEdge{{From: copying, To: soak}, {From: soak, To: finish}},
	}
	dot := `digraph shardform {
  rankdir = LR;
  node [shape = box];
  subgraph cluster_1 {
    label = "keyspace.customer/-:-80,80- (resume)";
    n1 [label = "co\"py (completed)"];
    n2 [label = "|| soak (gate)"];
    n3 [label = "finish (add), 2 tasks, point of no return"];
  }
  n1 -> n2;
  n2 -> n3;
}
`
	mermaid := `flowchart LR
  subgraph s1["keyspace.customer/-:-80,80- (resume)"]
    n1["co#quot;py (completed)"]
    n2["|| soak (gate)"]
    n3["finish (add), 2 tasks, point of no return"]
  end
  n1 --> n2
  n2 --> n3
`
	if diff := cmp.Diff(dot, GraphDot(g)); diff != "" {
		t.Errorf("dot (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(mermaid, GraphMermaid(g)); diff != "" {
		t.Errorf("mermaid (-want +got):\n%s", diff)
	}
}
