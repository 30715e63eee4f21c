package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/parallel"
	"shardform/internal/vitess"
)

// keyspace is a selected keyspace block with what its cluster shows.
type keyspace struct {
	*config.Keyspace
	snapshot *vitess.Snapshot
	serving  keyrange.Layout // what serves writes
	wanted   string          // canonical vschema wanted, "" if none
	before   *vitess.VSchema // the cluster's vschema
	after    *vitess.VSchema // the wanted one; before's if none is wanted
	segments []*segmentState // the reshards of the keyspace, in running order
	retired  []retired       // recorded operations that nothing is left of
}

// lookAtOnce is how many keyspaces are read at the same time: each takes a handful of calls, and those that wait for their
// turn on the connection would run into their deadlines.
const lookAtOnce = 16

// observe reads the selected keyspaces, many at once.
func (m *maker) observe(ctx context.Context) error {
	var selected []*keyspace
	for _, b := range m.blocks {
		if b.keyspace != nil {
			k := &keyspace{Keyspace: b.keyspace}
			selected = append(selected, k)
			m.keyspaces[b.address] = k
		}
	}
	errs := make([]error, len(selected))
	var group parallel.Group
	group.SetLimit(lookAtOnce)
	for i, k := range selected {
		group.Go(func() error {
			errs[i] = m.look(ctx, k)
			return nil // every keyspace's own error counts, not the first
		})
	}
	errs = append(errs, group.Wait())
	if err := joinDiagnostics(errs); err != nil {
		return err
	}
	for _, k := range selected {
		m.checkExists(ctx, k)
		m.readVSchema(k)
	}
	return nil
}

// joinDiagnostics is all the complaints of errs, nil if there are none.
func joinDiagnostics(errs []error) error {
	var all diag.List
	for _, err := range errs {
		all = append(all, diag.All(err)...)
	}
	return all.Err()
}

// look reads one keyspace.
func (m *maker) look(ctx context.Context, k *keyspace) error {
	cluster, err := m.clusters.get(ctx, k.Cluster)
	if err == nil {
		k.snapshot, err = cluster.Snapshot(ctx, k.Name)
	}
	if err != nil {
		return about(k.Address, fmt.Sprintf("keyspace %s of cluster %s cannot be read", k.Name, k.Cluster), err)
	}
	return nil
}

// about puts an address on an error: diagnostics keep their own words, any other error becomes the detail of one.
func about(a addr.Address, doing string, err error) error {
	if !errors.As(err, new(*diag.Diagnostic)) {
		return &diag.Diagnostic{Severity: diag.Error, Summary: doing, Address: a.String(), Detail: err.Error(), Cause: err}
	}
	return diag.At(a.String(), err)
}

// checkExists complains about a keyspace that the cluster does not have, or that serves nothing, and fills in what
// serves.
func (m *maker) checkExists(ctx context.Context, k *keyspace) {
	if !k.snapshot.Exists {
		d := &diag.Diagnostic{Summary: fmt.Sprintf("cluster %s has no keyspace %q", k.Cluster, k.Name), Address: k.Address.String(), Place: placed(k.Place)}
		if cluster, err := m.clusters.get(ctx, k.Cluster); err == nil {
			if names, err := cluster.Keyspaces(ctx); err == nil {
				d.Detail, d.Hint = "a keyspace is resharded, never created", suggest(k.Name, names)
			}
		}
		m.complain(d)
		return
	}
	k.serving = servingWrites(k.snapshot)
	if len(k.serving) == 0 {
		m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("keyspace %s serves nothing", k.Name), Address: k.Address.String(), Place: placed(k.Place),
			Detail: "no cell has a shard that serves PRIMARY", Hint: "bring its shards into service first: " + vitess.CommandGetSrvKeyspaces(k.Name)})
	}
}

// servingWrites is the layout that serves writes. Where the cells disagree, as they do while a PRIMARY switch is under
// way, the shard records tell.
func servingWrites(s *vitess.Snapshot) keyrange.Layout {
	layout, err := s.Layout(vitess.Primary)
	if err == nil {
		return layout
	}
	return s.ServingShards()
}

// readVSchema reads the cluster's and the wanted vschema.
func (m *maker) readVSchema(k *keyspace) {
	complain := func(summary, detail, hint string) {
		m.complain(&diag.Diagnostic{Summary: summary, Address: k.Address.String(), Place: placed(k.VSchemaAt), Detail: detail, Hint: hint})
	}
	var err error
	if k.before, err = vitess.ParseVSchema(k.snapshot.VSchema); err != nil {
		m.complain(&diag.Diagnostic{Summary: fmt.Sprintf("the vschema of keyspace %s cannot be read", k.Name), Address: k.Address.String(), Detail: err.Error(), Cause: err})
		return
	}
	k.after = k.before
	if k.VSchema == "" {
		return
	}
	if k.wanted, err = vitess.CanonicalVSchema(k.VSchema); err != nil {
		complain(fmt.Sprintf("the vschema of keyspace %s is not valid", k.Name), err.Error(), "it is the JSON text that vtctldclient ApplyVSchema takes, for this keyspace alone")
		return
	}
	if k.after, err = vitess.ParseVSchema(k.wanted); err != nil {
		complain(fmt.Sprintf("the vschema of keyspace %s is not valid", k.Name), err.Error(), "")
		return
	}
	if len(k.Shards) > 1 && !k.after.Sharded {
		complain(fmt.Sprintf("the vschema of keyspace %s is not sharded, its layout is", k.Name),
			fmt.Sprintf("the layout wanted is %s; with an unsharded vschema every query on several shards fails", k.Shards), `write "sharded": true and give every table a primary vindex`)
	}
}

// writesVSchema reports whether the wanted vschema is another than the cluster's.
func (k *keyspace) writesVSchema() bool {
	return k.wanted != "" && k.wanted != sameVSchema(k.wanted, k.snapshot.VSchema)
}

// wants reports whether the layout wanted has all of these shards, by their ranges.
func (k *keyspace) wants(shards keyrange.Layout) bool {
	return len(shards) > 0 && !slices.ContainsFunc(shards, func(s keyrange.Shard) bool { return !k.Shards.Has(s.Range) })
}
