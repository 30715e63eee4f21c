package plan

import "shardform/internal/addr"

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
