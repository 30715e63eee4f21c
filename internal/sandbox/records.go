package sandbox

import (
	"context"
	"database/sql"
	"errors"

	"shardform/internal/sandbox/vtctld"
)

// records is topo.sqlite as vtctld sees it.
type records struct{ *topology }

// Record implements vtctld.Records.
func (r records) Record(ctx context.Context, cell, path string) (found vtctld.Record, err error) {
	err = r.view(ctx, func(tx topoTx) error {
		found, err = tx.record(node{cell, path})
		return err
	})
	return found, err
}

// record returns one record, or ErrNoRecord.
func (tx topoTx) record(at node) (vtctld.Record, error) {
	r := vtctld.Record{Path: at.path}
	err := tx.QueryRow(`SELECT value, version FROM record WHERE cell = ? AND path = ?`, at.cell, at.path).Scan(&r.Value, &r.Version)
	if errors.Is(err, sql.ErrNoRows) {
		err = vtctld.ErrNoRecord
	}
	return r, err
}

// Records implements vtctld.Records.
func (r records) Records(ctx context.Context, cell, prefix string) (found []vtctld.Record, err error) {
	err = r.view(ctx, func(tx topoTx) error {
		found, err = tx.records(node{cell, prefix})
		return err
	})
	return found, err
}

// Put implements vtctld.Records.
func (r records) Put(ctx context.Context, cell, path string, value []byte, ifVersion int64) (version int64, err error) {
	at := node{cell, path}
	err = r.update(ctx, func(tx topoTx) error {
		before, err := tx.record(at)
		switch {
		case errors.Is(err, vtctld.ErrNoRecord):
			if ifVersion > vtctld.Absent {
				return err
			}
		case err != nil:
			return err
		case ifVersion == vtctld.Absent:
			return vtctld.ErrRecordExists
		case ifVersion != vtctld.AnyVersion && ifVersion != before.Version:
			return vtctld.ErrVersion
		}
		version, err = tx.write(at, value)
		return err
	})
	return version, err
}

// Remove implements vtctld.Records.
func (r records) Remove(ctx context.Context, cell, path string, ifVersion int64) error {
	at := node{cell, path}
	return r.update(ctx, func(tx topoTx) error {
		before, err := tx.record(at)
		if err != nil {
			return err
		}
		if ifVersion != vtctld.AnyVersion && ifVersion != before.Version {
			return vtctld.ErrVersion
		}
		return tx.remove(at)
	})
}
