package config

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/addr"
)

// graph has the depends_on references between blocks.
type graph struct {
	edges map[addr.Address][]edge
}

// edge says that a block depends on another, and where that is written.
type edge struct {
	to addr.Address
	at hcl.Range
}

func newGraph() *graph { return &graph{edges: map[addr.Address][]edge{}} }

// dependsOn reads a block's depends_on: references to keyspace and operation blocks.
func (l *loader) dependsOn(from addr.Address, c *content) []addr.Address {
	a := c.attrs["depends_on"]
	if a == nil {
		return nil
	}
	elements, diags := hcl.ExprList(a.expr)
	if diags.HasErrors() {
		l.errorAt(a.expr.Range(), "depends_on is no list", "", "write: depends_on = [keyspace.NAME, operation.NAME]")
		return nil
	}
	var on []addr.Address
	seen := map[addr.Address]bool{}
	for _, element := range elements {
		to, ok := l.blockReference(element)
		switch {
		case !ok:
		case seen[to]:
			l.errorAt(element.Range(), fmt.Sprintf("%s is listed twice", to), "", "")
		default:
			seen[to] = true
			on = append(on, to)
			l.graph.edges[from] = append(l.graph.edges[from], edge{to, element.Range()})
		}
	}
	return on
}

func (l *loader) blockReference(expr hcl.Expression) (addr.Address, bool) {
	t, diags := hcl.AbsTraversalForExpr(expr)
	steps := []string{}
	if !diags.HasErrors() {
		steps = attrSteps(t)
	}
	if len(steps) != 1 || len(t) != 2 || t.RootName() != addr.KindKeyspace && t.RootName() != addr.KindMoveTables && t.RootName() != addr.KindOperation {
		l.errorAt(expr.Range(), "depends_on takes references to blocks", "expected keyspace.NAME, move_tables.NAME or operation.NAME, without quotes", "")
		return addr.Address{}, false
	}
	root, name := t.RootName(), steps[0]
	if !l.isDeclared(root, name) {
		l.undeclared(root, name, expr.Range())
		return addr.Address{}, false
	}
	switch root {
	case addr.KindKeyspace:
		return addr.Keyspace(name), true
	case addr.KindMoveTables:
		return addr.MoveTables(name), true
	}
	return addr.Operation(name), true
}

// order sorts all blocks that have addresses, each behind what it depends on, ties by address. Cycles are reported.
func (l *loader) order() []addr.Address {
	waits := map[addr.Address]int{}
	dependents := map[addr.Address][]addr.Address{}
	var ready addressHeap
	for _, a := range l.blockAddresses() {
		waits[a] = len(l.graph.edges[a])
		for _, e := range l.graph.edges[a] {
			dependents[e.to] = append(dependents[e.to], a)
		}
		if waits[a] == 0 {
			heap.Push(&ready, a)
		}
	}
	order := make([]addr.Address, 0, len(waits))
	for ready.Len() > 0 {
		next := heap.Pop(&ready).(addr.Address)
		order = append(order, next)
		delete(waits, next)
		for _, d := range dependents[next] {
			if waits[d]--; waits[d] == 0 {
				heap.Push(&ready, d)
			}
		}
	}
	l.cycles(waits)
	return order
}

func (l *loader) blockAddresses() []addr.Address {
	var all []addr.Address
	for _, k := range l.config.Keyspaces {
		all = append(all, k.Address)
	}
	for _, m := range l.config.Moves {
		all = append(all, m.Address)
	}
	for _, o := range l.config.Operations {
		all = append(all, o.Address)
	}
	slices.SortFunc(all, addr.Compare)
	return all
}

// cycles reports one cycle for each group of blocks that wait for each other. left are the blocks that could not be
// ordered: those in cycles and those that depend on them.
func (l *loader) cycles(left map[addr.Address]int) {
	remaining := make([]addr.Address, 0, len(left))
	for a := range left {
		remaining = append(remaining, a)
	}
	slices.SortFunc(remaining, addr.Compare)
	visited := map[addr.Address]bool{}
	for _, start := range remaining {
		var path []edge // each edge leads to the next step
		position := map[addr.Address]int{}
		for at := start; !visited[at]; {
			visited[at] = true
			position[at] = len(path)
			next := slices.IndexFunc(l.graph.edges[at], func(e edge) bool { _, waiting := left[e.to]; return waiting })
			if next < 0 {
				break
			}
			e := l.graph.edges[at][next]
			path = append(path, e)
			if i, closed := position[e.to]; closed {
				l.reportCycle(e.to, path[i:])
			}
			at = e.to
		}
	}
}

func (l *loader) reportCycle(start addr.Address, path []edge) {
	names, places := []string{start.String()}, make([]string, 0, len(path))
	from := start
	for _, e := range path {
		if len(places) == maxShown {
			names, places = append(names, "…", start.String()), append(places, "…")
			break
		}
		names = append(names, e.to.String())
		places = append(places, fmt.Sprintf("%s depends on %s at %s", from, e.to, l.where(e.at)))
		from = e.to
	}
	l.errorAt(path[len(path)-1].at, "blocks depend on each other in a circle", strings.Join(names, " -> ")+"\n"+strings.Join(places, "\n"), "remove one of these references")
}

// addressHeap gives the smallest address first.
type addressHeap []addr.Address

func (h addressHeap) Len() int           { return len(h) }
func (h addressHeap) Less(i, j int) bool { return addr.Compare(h[i], h[j]) < 0 }
func (h addressHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *addressHeap) Push(x any) { *h = append(*h, x.(addr.Address)) }

// Pop implements heap.Interface.
func (h *addressHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
