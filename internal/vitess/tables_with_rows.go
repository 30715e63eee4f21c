package vitess

import (
	"context"
	"fmt"
	"slices"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	"shardform/internal/parallel"
)

// askedAtOnce is how many tables of a shard are asked at the same time.
const askedAtOnce = 8

// TablesWithRows implements SchemaReader. What information_schema says of rows is a copy that MySQL keeps for a day
// (information_schema_stats_expiry), so nothing may be decided by it.
func (c *Client) TablesWithRows(ctx context.Context, keyspace, shard string, among []string) ([]string, error) {
	request := &vtctldatapb.GetSchemaRequest{TableSizesOnly: true}
	tables, err := c.schema(ctx, keyspace, shard, request)
	if err != nil {
		return nil, err
	}
	if among != nil {
		tables = slices.DeleteFunc(tables, func(t TableSchema) bool { return !slices.Contains(among, t.Name) })
	}
	group, asking := parallel.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	has := make([]bool, len(tables))
	for i, t := range tables {
		group.Go(func() error {
			what := fmt.Sprintf("ask whether table %s of %s/%s has rows", t.Name, keyspace, shard)
			rows, err := c.fetch(asking, request.TabletAlias, what, "select 1 from "+Identifier(t.Name)+" limit 1")
			has[i] = len(rows) > 0
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var names []string
	for i, t := range tables {
		if has[i] {
			names = append(names, t.Name)
		}
	}
	return names, nil
}
