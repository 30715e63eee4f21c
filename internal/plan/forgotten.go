package plan

import (
	"context"
	"slices"

	"shardform/internal/addr"
)

// forgotten lists the recorded operations that are not managed any more: those whose block is gone, and open ones of
// which the configuration wants nothing and the cluster shows nothing. With targets nothing is forgotten but what is
// targeted.
func (m *maker) forgotten(context.Context) error {
	if len(m.in.Targets) == 0 {
		kept := map[addr.Address]bool{}
		for _, b := range blocks(m.in.Config) {
			kept[b.address] = true
		}
		for _, i := range m.recorded.order {
			if !kept[i.Address.Block()] && !i.Forgotten && i.Kind != KindEnqueued {
				m.plan.Forgotten = append(m.plan.Forgotten, Forgotten{Address: i.Address, Open: i.open()})
			}
		}
	}
	for _, k := range m.keyspaces {
		for _, r := range k.retired {
			m.plan.Forgotten = append(m.plan.Forgotten, Forgotten{Address: r.address, Reason: r.reason})
		}
	}
	slices.SortFunc(m.plan.Forgotten, func(a, b Forgotten) int { return addr.Compare(a.Address, b.Address) })
	return nil
}
