package sandbox

import (
	"context"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// GetUnresolvedTransactions answers that there are none: every transaction in a sandbox is on one shard.
func (e *engine) GetUnresolvedTransactions(ctx context.Context, req *vtctldatapb.GetUnresolvedTransactionsRequest) (*vtctldatapb.GetUnresolvedTransactionsResponse, error) {
	if _, err := e.shardNames(ctx, req.Keyspace); err != nil {
		return nil, err
	}
	return &vtctldatapb.GetUnresolvedTransactionsResponse{}, nil
}

// GetSchemaMigrations answers that there are none: a sandbox has no Online DDL.
func (e *engine) GetSchemaMigrations(context.Context, *vtctldatapb.GetSchemaMigrationsRequest) (*vtctldatapb.GetSchemaMigrationsResponse, error) {
	return &vtctldatapb.GetSchemaMigrationsResponse{}, nil
}
