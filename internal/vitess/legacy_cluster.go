package vitess

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/diag"
	"shardform/internal/parallel"
)

// LegacyCluster is a Vitess with vtworker as a Cluster: what can be read of one is asked of its vtctld by commands, as
// its gRPC service has too little. It has no workflows, so that nothing is changed through it: everything that would
// change the cluster is refused. It may be used by several goroutines.
type LegacyCluster struct {
	noWorkflows
	reader LegacyReader
	vtctld string
}

var _ Cluster = (*LegacyCluster)(nil)

// NewLegacyCluster reads the cluster of the vtctld at host:port.
func NewLegacyCluster(reader LegacyReader, vtctld string) *LegacyCluster {
	return &LegacyCluster{reader: reader, vtctld: vtctld}
}

func (c *LegacyCluster) ask(ctx context.Context, args ...string) (string, error) {
	return c.reader.ReadVtctl(ctx, LegacyCommand{Server: c.vtctld, Args: args})
}

// Keyspaces implements TopologyReader.
func (c *LegacyCluster) Keyspaces(ctx context.Context) ([]string, error) {
	printed, err := c.ask(ctx, "GetKeyspaces")
	names := strings.Fields(printed)
	slices.Sort(names)
	return names, err
}

// Snapshot implements TopologyReader. Tablets, workflows and the vschema are not read: nothing is decided from them.
func (c *LegacyCluster) Snapshot(ctx context.Context, keyspace string) (*Snapshot, error) {
	s := &Snapshot{Keyspace: keyspace}
	names, err := c.Keyspaces(ctx)
	if s.Exists = slices.Contains(names, keyspace); err != nil || !s.Exists {
		return s, err
	}
	group, ctx := parallel.WithContext(ctx)
	group.Go(func() (err error) {
		s.Shards, err = c.shards(ctx, keyspace)
		return err
	})
	group.Go(func() (err error) {
		s.Cells, s.Serving, err = c.serving(ctx, keyspace)
		return err
	})
	group.Go(func() (err error) {
		s.ServedFrom, err = c.servedFrom(ctx, keyspace)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return s, nil
}

func (c *LegacyCluster) shards(ctx context.Context, keyspace string) ([]Shard, error) {
	printed, err := c.ask(ctx, "FindAllShardsInKeyspace", keyspace)
	if err != nil {
		return nil, err
	}
	var records map[string]*legacyShard
	if err := readRecord("FindAllShardsInKeyspace", printed, &records); err != nil {
		return nil, err
	}
	shards := make([]Shard, 0, len(records))
	for name, record := range records {
		shards = append(shards, record.model(name))
	}
	slices.SortFunc(shards, func(a, b Shard) int { return cmp.Or(a.Range.Compare(b.Range), cmp.Compare(a.Name, b.Name)) })
	return shards, nil
}

func (c *LegacyCluster) serving(ctx context.Context, keyspace string) (cells []string, serving []CellServing, err error) {
	printed, err := c.ask(ctx, "GetCellInfoNames")
	if err != nil {
		return nil, nil, err
	}
	cells = strings.Fields(printed)
	slices.Sort(cells)
	for _, cell := range cells {
		printed, err := c.ask(ctx, "GetSrvKeyspace", cell, keyspace)
		if notServed(err) || strings.TrimSpace(printed) == "null" {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		var record legacySrvKeyspace
		if err := readRecord("GetSrvKeyspace", printed, &record); err != nil {
			return nil, nil, err
		}
		if len(record.Partitions) > 0 {
			serving = append(serving, CellServing{Cell: cell, Partitions: record.model()})
		}
	}
	return cells, serving, nil
}

// notServed reports whether the error is that a cell has no SrvKeyspace: v0.10 cannot print none, earlier ones tell.
func notServed(err error) bool {
	return err != nil && (missing(err) || answered(err, "Marshal called with nil"))
}

func (c *LegacyCluster) servedFrom(ctx context.Context, keyspace string) ([]ServedFrom, error) {
	printed, err := c.ask(ctx, "GetKeyspace", keyspace)
	if err != nil {
		return nil, err
	}
	var record legacyKeyspace
	if err := readRecord("GetKeyspace", printed, &record); err != nil {
		return nil, err
	}
	var from []ServedFrom
	for _, r := range record.ServedFroms {
		from = append(from, ServedFrom{Type: TabletType(r.Type), Cells: r.Cells, Keyspace: r.Keyspace})
	}
	slices.SortFunc(from, func(a, b ServedFrom) int { return cmp.Compare(a.Type, b.Type) })
	return from, nil
}

// TableSizes implements SchemaReader. The command has no cheaper form in every version.
func (c *LegacyCluster) TableSizes(ctx context.Context, keyspace, shard string) ([]TableSchema, error) {
	return c.Schema(ctx, keyspace, shard)
}

// Schema implements SchemaReader, without views.
func (c *LegacyCluster) Schema(ctx context.Context, keyspace, shard string) ([]TableSchema, error) {
	printed, err := c.ask(ctx, "GetShard", keyspace+"/"+shard)
	if err != nil {
		return nil, err
	}
	var record legacyShard
	if err := readRecord("GetShard", printed, &record); err != nil {
		return nil, err
	}
	master := record.model(shard).PrimaryAlias
	if master == "" {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("cannot read the tables of %s/%s", keyspace, shard), Detail: "the shard has no master tablet", Temporary: true,
			Hint: "start its tablets and make one the master: " + CommandInitMaster(keyspace, shard)}
	}
	if printed, err = c.ask(ctx, "GetSchema", master); err != nil {
		return nil, err
	}
	var schema legacySchema
	if err := readRecord("GetSchema", printed, &schema); err != nil {
		return nil, err
	}
	tables := make([]TableSchema, 0, len(schema.Tables))
	for _, t := range schema.Tables {
		if !ownTable.MatchString(t.Name) {
			tables = append(tables, TableSchema{Name: t.Name, Create: t.Create, Type: t.Type, Columns: t.Columns, PrimaryKey: t.PrimaryKey, Rows: int64(t.Rows), Bytes: int64(t.Bytes)})
		}
	}
	slices.SortFunc(tables, func(a, b TableSchema) int { return cmp.Compare(a.Name, b.Name) })
	return tables, nil
}
