//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/conformance"
)

// The same table is run against a sandbox by the tests of internal/sandbox. What a real vtctld says is right: where this
// fails after a change of Vitess's version, the table has to follow, and then the sandbox.
func TestVitessConformsToTheTable(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	conn, err := grpc.NewClient(c.vtctld, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	b := &conformanceKeyspace{keyspace: emptyKeyspace(t, c, conformance.Keyspace), conn: conn, vtctld: vtctlservicepb.NewVtctldClient(conn)}
	conformance.Run(t, conformance.Target{Fresh: b.fresh, Patience: 30 * time.Second}, conformance.Situations())
}

// conformanceKeyspace is the keyspace of the table's situations, used by one after another: tablets take longer to start than
// most situations last.
type conformanceKeyspace struct {
	*keyspace
	conn   grpc.ClientConnInterface
	vtctld vtctlservicepb.VtctldClient
}

// fresh brings the keyspace from whatever a situation has left to how the next one begins.
func (b *conformanceKeyspace) fresh(t *testing.T, base conformance.Base) (grpc.ClientConnInterface, func(shard, statement string)) {
	t.Helper()
	b.startShards(t, slices.Concat(base.Sources, base.Targets))
	for _, step := range []func(context.Context, conformance.Base) error{b.setFlags, b.clearControls, b.deleteWorkflows, b.applyVSchema} {
		if err := step(t.Context(), base); err != nil {
			t.Fatalf("making keyspace %s fresh: %v", b.name, err)
		}
	}
	rows, err := base.Rows()
	if err != nil {
		t.Fatal(err)
	}
	for shard := range b.uids {
		b.execute(t, shard, "drop table if exists customer, corder", "delete from _vt.resharding_journal", "delete from _vt.vdiff_table", "delete from _vt.vdiff")
		if slices.Contains(base.Sources, shard) {
			b.execute(t, shard, strings.Split(strings.TrimSuffix(conformance.Schema, ";\n"), ";\n")...)
			b.execute(t, shard, rows[shard]...)
		}
	}
	return b.conn, func(shard, statement string) { b.execute(t, shard, statement) }
}

// execute runs statements on a shard's primary, past Vitess.
func (b *conformanceKeyspace) execute(t *testing.T, shard string, statements ...string) {
	t.Helper()
	db := b.database(t, b.name, b.uids[shard][0])
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s on shard %s: %v", s, shard, err)
		}
	}
}

// startShards removes shards that a situation made up, and gives those that have no primary, or are gone, new tablets: a
// primary and a RDONLY one each.
func (b *conformanceKeyspace) startShards(t *testing.T, want []string) {
	t.Helper()
	found := make(map[string]*vtctldatapb.Shard)
	if len(b.uids) > 0 {
		answer, err := b.vtctld.FindAllShardsInKeyspace(t.Context(), &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: b.name})
		if err != nil {
			t.Fatal(err)
		}
		found = answer.Shards
	}
	args := []string{"shards", b.name}
	for shard, record := range found {
		if !slices.Contains(want, shard) || record.Shard.PrimaryAlias == nil {
			b.vtctl(t, "DeleteShards", "--even-if-serving", "--recursive", b.name+"/"+shard)
			delete(found, shard)
		}
	}
	for _, shard := range want {
		if found[shard] != nil {
			continue
		}
		if old := b.uids[shard]; old != nil { // they notice that their records are gone, but not at once
			b.script(t, "kill", strconv.Itoa(old[0]), strconv.Itoa(old[1]))
		}
		uid, err := strconv.Atoi(b.script(t, "uids", "1")[0])
		if err != nil {
			t.Fatal(err)
		}
		b.uids[shard] = []int{uid, uid + 2}
		args = append(args, fmt.Sprintf("%s=%d,%d", shard, uid, uid+2))
	}
	if len(args) > 2 {
		b.script(t, args...)
	}
}

// setFlags makes the sources those that serve writes.
func (b *conformanceKeyspace) setFlags(ctx context.Context, base conformance.Base) error {
	found, err := b.vtctld.FindAllShardsInKeyspace(ctx, &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: b.name})
	if err != nil {
		return err
	}
	for shard, record := range found.Shards {
		serving := slices.Contains(base.Sources, shard)
		if record.Shard.IsPrimaryServing == serving {
			continue
		}
		if _, err := b.vtctld.SetShardIsPrimaryServing(ctx, &vtctldatapb.SetShardIsPrimaryServingRequest{Keyspace: b.name, Shard: shard, IsServing: serving}); err != nil {
			return err
		}
	}
	return nil
}

// clearControls removes the entries of the shard records, which may deny tables, lets every type serve on every shard, and
// rebuilds the graph, which drops the controls in it.
func (b *conformanceKeyspace) clearControls(ctx context.Context, base conformance.Base) error {
	found, err := b.vtctld.FindAllShardsInKeyspace(ctx, &vtctldatapb.FindAllShardsInKeyspaceRequest{Keyspace: b.name})
	if err != nil {
		return err
	}
	serving, err := b.vtctld.GetSrvKeyspaces(ctx, &vtctldatapb.GetSrvKeyspacesRequest{Keyspace: b.name})
	if err != nil {
		return err
	}
	set := func(shard string, kind topodatapb.TabletType, remove bool) error {
		_, err := b.vtctld.SetShardTabletControl(ctx, &vtctldatapb.SetShardTabletControlRequest{Keyspace: b.name, Shard: shard, TabletType: kind, Remove: remove})
		return err
	}
	for shard, record := range found.Shards {
		for _, c := range record.Shard.TabletControls {
			if err := set(shard, c.TabletType, true); err != nil {
				return err
			}
		}
	}
	for _, graph := range serving.SrvKeyspaces {
		for _, p := range graph.Partitions {
			for _, c := range p.ShardTabletControls {
				if !c.QueryServiceDisabled {
					continue
				}
				for _, remove := range []bool{false, true} {
					if err := set(c.Name, p.ServedType, remove); err != nil {
						return err
					}
				}
			}
		}
	}
	return b.rebuild(ctx, base)
}

// rebuild makes the graph and tells the tablets.
func (b *conformanceKeyspace) rebuild(ctx context.Context, _ conformance.Base) error {
	if _, err := b.vtctld.RebuildKeyspaceGraph(ctx, &vtctldatapb.RebuildKeyspaceGraphRequest{Keyspace: b.name}); err != nil {
		return err
	}
	for shard := range b.uids {
		if _, err := b.vtctld.RefreshStateByShard(ctx, &vtctldatapb.RefreshStateByShardRequest{Keyspace: b.name, Shard: shard}); err != nil {
			return err
		}
	}
	return nil
}

// deleteWorkflows deletes all workflows; now that the sources serve, the server lets it. Deleting one may delete the way
// back with it.
func (b *conformanceKeyspace) deleteWorkflows(ctx context.Context, _ conformance.Base) error {
	var failed error
	for range 3 {
		answer, err := b.vtctld.GetWorkflows(ctx, &vtctldatapb.GetWorkflowsRequest{Keyspace: b.name})
		if err != nil || len(answer.Workflows) == 0 {
			return err
		}
		for _, w := range answer.Workflows {
			if _, err := b.vtctld.WorkflowDelete(ctx, &vtctldatapb.WorkflowDeleteRequest{Keyspace: b.name, Workflow: w.Name}); err != nil {
				failed = errors.Join(failed, fmt.Errorf("deleting workflow %s: %w", w.Name, err))
			}
		}
	}
	return errors.Join(errors.New("workflows are left"), failed)
}

func (b *conformanceKeyspace) applyVSchema(ctx context.Context, _ conformance.Base) error {
	v := &vschemapb.Keyspace{}
	if err := protojson.Unmarshal([]byte(conformance.VSchema), v); err != nil {
		return err
	}
	_, err := b.vtctld.ApplyVSchema(ctx, &vtctldatapb.ApplyVSchemaRequest{Keyspace: b.name, VSchema: v})
	return err
}
