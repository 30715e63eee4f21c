package plan

import (
	"encoding/json"
	"testing"

	"shardform/internal/addr"
)

func TestGraphs(t *testing.T) {
	a, b := echoOperation("a", []string{"x", "y"}, []string{"z"}), echoOperation("b", []string{"x"})
	b.DependsOn = []addr.Address{a.Address}
	s := situations(t)["two_segments"]
	s.wanted.Operations = append(s.wanted.Operations, a, b)
	s.wanted.Order = append(s.wanted.Order, a.Address, b.Address)
	text, err := json.MarshalIndent(Graph(mustMake(t, s.inputs())), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "testdata/graph.json", string(text)+"\n")
}

func TestGraphOfBlockedOperationsHasANode(t *testing.T) {
	g := Graph(mustMake(t, situations(t)["way_back_unowned"].inputs()))
	if len(g.Operations) != 1 || len(g.Operations[0].Containers) != 1 || g.Operations[0].Containers[0].Action != Blocked {
		t.Errorf("got %+v", g)
	}
}
