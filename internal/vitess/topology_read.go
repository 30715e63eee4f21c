package vitess

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/keyrange"
)

// Keyspaces are the names of all keyspaces, sorted.
func (c *Client) Keyspaces(ctx context.Context) ([]string, error) {
	var names []string
	err := c.read(ctx, "list the keyspaces", func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetKeyspaces(ctx, &vtctldatapb.GetKeyspacesRequest{})
		for _, k := range answer.GetKeyspaces() {
			names = append(names, k.GetName())
		}
		return err
	})
	slices.Sort(names)
	return names, err
}

// Tablets reads tablet records strictly.
func (c *Client) Tablets(ctx context.Context, keyspace string) ([]Tablet, error) {
	return c.tablets(ctx, keyspace, true)
}

func (c *Client) tablets(ctx context.Context, keyspace string, strict bool) ([]Tablet, error) {
	var tablets []Tablet
	err := c.read(ctx, "read the tablets of keyspace "+keyspace, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetTablets(ctx, &vtctldatapb.GetTabletsRequest{Keyspace: keyspace, Strict: strict})
		for _, t := range answer.GetTablets() {
			tablets = append(tablets, readTablet(t))
		}
		return err
	})
	slices.SortFunc(tablets, func(a, b Tablet) int {
		return cmp.Or(rangeOf(a.Shard).Compare(rangeOf(b.Shard)), cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Alias, b.Alias))
	})
	return tablets, err
}

func readTablet(t *topodatapb.Tablet) Tablet {
	tablet := Tablet{Alias: aliasOf(t.GetAlias()), Shard: t.GetShard(), Type: t.GetType().String(), Cell: t.GetAlias().GetCell()}
	if t.GetMysqlPort() != 0 {
		tablet.Addr = net.JoinHostPort(cmp.Or(t.GetMysqlHostname(), t.GetHostname()), strconv.Itoa(int(t.GetMysqlPort())))
	}
	tablet.StartTime = timeOf(t.GetPrimaryTermStartTime())
	tablet.Vitess = t.GetTags()["version"] // of vttablet --vttablet-skip-buildinfo-tags with another value than its default
	return tablet
}

// aliasOf is an alias in Vitess's spelling, "" for none.
func aliasOf(a *topodatapb.TabletAlias) string {
	if a.GetCell() == "" && a.GetUid() == 0 {
		return ""
	}
	return fmt.Sprintf("%s-%010d", a.GetCell(), a.GetUid())
}

// timeOf is the zero time for none; Vitess sends 0 where it knows nothing.
func timeOf(t *vttimepb.Time) time.Time {
	if t.GetSeconds() == 0 && t.GetNanoseconds() == 0 {
		return time.Time{}
	}
	return time.Unix(t.GetSeconds(), int64(t.GetNanoseconds())).UTC()
}

// ValidateKeyspace returns the complaints of the server's own validation, the shards' ones with their shard before them,
// sorted.
func (c *Client) ValidateKeyspace(ctx context.Context, keyspace string, pingTablets bool) ([]string, error) {
	var complaints []string
	err := c.read(ctx, "validate keyspace "+keyspace, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.ValidateKeyspace(ctx, &vtctldatapb.ValidateKeyspaceRequest{Keyspace: keyspace, PingTablets: pingTablets})
		complaints = append(complaints, answer.GetResults()...)
		for shard, result := range answer.GetResultsByShard() {
			for _, text := range result.GetResults() {
				complaints = append(complaints, keyspace+"/"+shard+": "+text)
			}
		}
		return err
	})
	slices.Sort(complaints)
	return complaints, err
}

// shards reads every shard record, in key order.
func (c *Client) shards(ctx context.Context, keyspace string) ([]Shard, error) {
	var shards []Shard
	err := c.read(ctx, "read the shards of keyspace "+keyspace, func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.FindAllShardsInKeyspace(ctx, &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: keyspace})
		for name, s := range answer.GetShards() {
			shards = append(shards, Shard{
				Shard:          shardOf(name, s.GetShard().GetKeyRange()),
				PrimaryServing: s.GetShard().GetIsPrimaryServing(),
				PrimaryAlias:   aliasOf(s.GetShard().GetPrimaryAlias()),
			})
		}
		return err
	})
	slices.SortFunc(shards, func(a, b Shard) int { return cmp.Or(a.Range.Compare(b.Range), cmp.Compare(a.Name, b.Name)) })
	return shards, err
}

// dropLostPrimaries takes a primary whose tablet has no record for none: a deletion of the shard that died half way
// leaves such records, and every call that looks for the tablet fails. seen are tablets that are known to be there.
// Where a cell cannot be read nothing is dropped.
func (c *Client) dropLostPrimaries(ctx context.Context, keyspace string, shards []Shard, seen []Tablet) []Shard {
	lost := func(s Shard) bool {
		return s.PrimaryAlias != "" && !slices.ContainsFunc(seen, func(t Tablet) bool { return t.Alias == s.PrimaryAlias })
	}
	if !slices.ContainsFunc(shards, lost) {
		return shards
	}
	var err error
	if seen, err = c.tablets(ctx, keyspace, true); err != nil {
		return shards
	}
	shards = slices.Clone(shards)
	for i := range shards {
		if lost(shards[i]) {
			shards[i].PrimaryAlias = ""
		}
	}
	return shards
}

// serving reads the SrvKeyspace of every cell. The answer has an entry for each cell of the cluster, empty where there
// is no SrvKeyspace, so it also tells the cells.
func (c *Client) serving(ctx context.Context, keyspace string) (cells []string, serving []CellServing, err error) {
	err = c.read(ctx, "read what keyspace "+keyspace+" serves", func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error {
		answer, err := vtctld.GetSrvKeyspaces(ctx, &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: keyspace})
		for cell, srv := range answer.GetSrvKeyspaces() {
			cells = append(cells, cell)
			if len(srv.GetPartitions()) > 0 {
				serving = append(serving, CellServing{Cell: cell, Partitions: readPartitions(srv)})
			}
		}
		return err
	})
	slices.Sort(cells)
	slices.SortFunc(serving, func(a, b CellServing) int { return cmp.Compare(a.Cell, b.Cell) })
	return cells, serving, err
}

func readPartitions(srv *topodatapb.SrvKeyspace) map[TabletType]Partition {
	partitions := map[TabletType]Partition{}
	for _, p := range srv.GetPartitions() {
		var shards []keyrange.Shard
		for _, r := range p.GetShardReferences() {
			shards = append(shards, shardOf(r.GetName(), r.GetKeyRange()))
		}
		var disabled []keyrange.Shard
		for _, control := range p.GetShardTabletControls() {
			if control.GetQueryServiceDisabled() {
				disabled = append(disabled, shardOf(control.GetName(), control.GetKeyRange()))
			}
		}
		partition := Partition{Shards: keyrange.NewLayout(shards)}
		if len(disabled) > 0 {
			partition.Disabled = keyrange.NewLayout(disabled).Names()
		}
		partitions[TabletType(p.GetServedType().String())] = partition
	}
	return partitions
}

// shardOf is the shard of a record. A name that would be refused today keeps the range that the record says.
func shardOf(name string, r *topodatapb.KeyRange) keyrange.Shard {
	shard, err := keyrange.ParseShard(name)
	if err != nil {
		return keyrange.Shard{Name: name, Range: keyrange.NewRange(r.GetStart(), r.GetEnd())}
	}
	return shard
}
