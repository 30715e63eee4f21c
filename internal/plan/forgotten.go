package plan

import (
	"context"
	"slices"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
)

// queued reports whether a Scheduler has the instance and plan files have no say: it came by the name of a task, or it is a
// block that has not ended. A block that has ended there, with an error or not, is like one that was applied.
func (i *instance) queued() bool {
	return i.Kind == KindEnqueued && (!i.Expanded || i.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE)
}

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
			if !kept[i.Address.Block()] && !i.Forgotten && !i.queued() {
				m.plan.Forgotten = append(m.plan.Forgotten, Forgotten{Address: i.Address, Open: i.open() && i.begun() && i.Kind != KindEnqueued})
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
