package cli

import (
	"context"
	"fmt"

	"shardform/internal/plan"
	"shardform/internal/ui"
)

// showRows says where the rows of the plan's keyspaces are now.
func (s *session) showRows(ctx context.Context, p *plan.Plan) error {
	rows, err := plan.Rows(ctx, p, s.clusters.Reader)
	if err != nil || len(rows) == 0 {
		return err
	}
	tables := make([]ui.TableRows, len(rows))
	for i, r := range rows {
		tables[i] = ui.TableRows{Keyspace: r.Keyspace, Shard: r.Shard, Table: r.Table, Rows: r.Rows, Estimate: r.Estimate, Serving: true}
	}
	_, _ = fmt.Fprintln(s.app.Out, "\nWhere the rows are now:")
	ui.Rows(s.app.Out, s.app.outStyle(), tables)
	return nil
}
