package reshard

import (
	"errors"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// asClosed is the closed gate that an error tells of.
func asClosed(err error) (closed *tasks.GateClosed, is bool) {
	is = errors.As(err, &closed)
	return closed, is
}

// behind reports whether what a gate guards has begun to show on the cluster, or something that comes after it: then
// nobody is asked any more. A switch of writes that was interrupted is behind every gate up to its own, as it has to be
// finished; those of later steps go on to wait for what comes after it.
func (s *scene) behind(v *vitess.SegmentView, step string) bool {
	at := stageOf(v)
	moved := func(kind vitess.TabletType) bool {
		return at >= isMidFlight || midMigration(v) || v.Reads(kind) == vitess.AllSwitched || at >= isSwitching && len(v.ReadsByCell(kind)) == 0
	}
	switch step {
	case "create":
		return at >= isCreated
	case "switch_rdonly":
		return moved(vitess.Rdonly)
	case "switch_replica":
		return moved(vitess.Replica)
	case "switch_primary", stepHold:
		return at >= isMidFlight || midMigration(v)
	}
	return at == isCompleted || v.StuckComplete()
}
