package plan

import (
	"context"
	"slices"

	"shardform/internal/addr"
)

// order puts the operations into the order in which they run: the blocks' order, within a keyspace the order of
// drafting (key order), but what is in the middle of a PRIMARY switch before everything else, whatever it depends on.
// It fills in what each depends on among the operations of this plan.
func (m *maker) order(context.Context) error {
	byBlock := map[addr.Address][]*draft{}
	for _, d := range m.drafts {
		byBlock[d.Address.Block()] = append(byBlock[d.Address.Block()], d)
	}
	ordered := make([]*draft, 0, len(m.drafts))
	before := map[addr.Address][]addr.Address{} // the operations that a block's dependents have to wait for
	for _, b := range m.blocks {
		var needs []addr.Address
		for _, on := range b.dependsOn {
			needs = append(needs, before[on.Block()]...)
		}
		slices.SortFunc(needs, addr.Compare)
		needs = slices.Compact(needs)
		own := byBlock[b.address]
		slices.SortStableFunc(own, func(x, y *draft) int { return rank(x) - rank(y) })
		previous := needs
		for _, d := range own {
			if rank(d) > 0 {
				d.DependsOn = previous
			}
			previous = []addr.Address{d.Address}
		}
		before[b.address] = previous
		ordered = append(ordered, own...)
	}
	slices.SortStableFunc(ordered, func(x, y *draft) int { return rank(x) - rank(y) })
	m.drafts = ordered
	return nil
}

// rank is 0 for what goes before everything else.
func rank(d *draft) int {
	if d.midFlight() {
		return 0
	}
	return 1
}

func (d *draft) midFlight() bool {
	if d.view == nil {
		return false
	}
	_, _, _, ok := d.view.MidFlight()
	return ok && (d.view.course != stray || d.Kind == KindSwitch) // what another stray one reads and writes is not what serves
}
