package sandbox

import (
	"context"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// dbName is the database that a tablet of the keyspace has.
func dbName(ks string) string { return "vt_" + ks }

// streamLogs returns what is logged of a stream, in order.
func (e *engine) streamLogs(ctx context.Context, id int64) ([]*vtctldatapb.Workflow_Stream_Log, error) {
	var logs []*vtctldatapb.Workflow_Stream_Log
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		logs, err = collect(tx.Tx, func(scan func(...any) error) (*vtctldatapb.Workflow_Stream_Log, error) {
			l := &vtctldatapb.Workflow_Stream_Log{StreamId: id, Count: 1, CreatedAt: &vttimepb.Time{}}
			err := scan(&l.Id, &l.Type, &l.State, &l.Message, &l.CreatedAt.Seconds)
			l.UpdatedAt = l.CreatedAt
			return l, err
		}, `SELECT id, type, state, message, created_at FROM stream_log WHERE stream_id = ? ORDER BY id`, id)
		return err
	})
	return logs, err
}
