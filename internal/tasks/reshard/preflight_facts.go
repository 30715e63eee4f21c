package reshard

import (
	"context"

	"shardform/internal/vitess"
)

// facts is everything that the checks of preflight look at, read at about one moment.
type facts struct {
	*vitess.SegmentView
	cells, types []string                        // to copy from; no cells: any
	wanted       *vitess.VSchema                 // under which rows are copied
	present      *vitess.VSchema                 // the cluster's
	noVSchema    bool                            // there is neither
	tables       map[string][]vitess.TableSchema // by shard: of every source and target with a primary
	onlineDDLs   []string
	unresolved   int
	validation   []string // complaints of ValidateKeyspace
}

// check is one check of preflight: what it found wrong, nothing if all is well.
type check func(*facts) []complaint

// checks are all of them, in the order in which refusals are shown.
var checks = []check{
	checkRanges, checkSources, checkTargets, checkPrimaries, checkReplicas, checkCopyTablets,
	checkWorkflows, checkStreams, checkControls,
	checkVSchema, checkVindexes, checkVindexChange, checkSameSchema, checkPrimaryKeys, checkAutoIncrement, checkViews, checkForeignKeys,
	checkTargetsEmpty, checkOnlineDDL, checkTransactions, checkValidation,
}

func (f *facts) check() complaints {
	var all complaints
	for _, check := range checks {
		all = append(all, check(f)...)
	}
	return all
}

// gather reads the facts. The strict read of tablets makes a cell that cannot be read an error.
func (s *scene) gather(ctx context.Context, v *vitess.SegmentView) (*facts, error) {
	f := &facts{SegmentView: v, cells: splitNames(s.String("cells")), types: splitNames(s.String("tablet_types")), tables: map[string][]vitess.TableSchema{}}
	if err := s.gatherVSchema(f); err != nil {
		return nil, err
	}
	if err := s.gatherTables(ctx, f); err != nil {
		return nil, err
	}
	var err error
	snapshot := *v.Snapshot
	if snapshot.Tablets, err = s.cluster.Tablets(ctx, s.keyspace); err != nil {
		return nil, s.unread(ctx, "reading the tablets of", err)
	}
	view := *v
	view.Snapshot = &snapshot
	f.SegmentView = &view
	if f.onlineDDLs, err = s.cluster.OnlineDDLs(ctx, s.keyspace); err != nil {
		return nil, s.unread(ctx, "reading the Online DDL of", err)
	}
	if f.unresolved, err = s.cluster.UnresolvedTransactions(ctx, s.keyspace); err != nil {
		return nil, s.unread(ctx, "reading the distributed transactions of", err)
	}
	if f.validation, err = s.cluster.ValidateKeyspace(ctx, s.keyspace, true); err != nil {
		return nil, s.unread(ctx, "validating", err)
	}
	return f, nil
}

func (s *scene) gatherVSchema(f *facts) error {
	var err error
	if f.present, err = vitess.ParseVSchema(f.VSchema); err != nil {
		return failed("the cluster's vschema cannot be read", err.Error(), vitess.CommandGetVSchema(s.keyspace))
	}
	text := f.VSchema
	if s.Given("vschema") {
		text = s.String("vschema")
	}
	f.noVSchema = text == ""
	if f.wanted, err = vitess.ParseVSchema(text); err != nil {
		return failed("the wanted vschema cannot be read", err.Error(), "")
	}
	return nil
}

func (s *scene) gatherTables(ctx context.Context, f *facts) error {
	for _, l := range [][]string{f.Sources.Names(), f.Targets.Names()} {
		for _, name := range l {
			record := shardRecord(f.Snapshot, name)
			if record == nil || record.PrimaryAlias == "" {
				continue // a complaint of its own
			}
			tables, err := s.cluster.Schema(ctx, s.keyspace, name)
			if err != nil {
				return s.unread(ctx, "reading the tables of shard "+name+" of", err)
			}
			f.tables[name] = tables
		}
	}
	return nil
}

func shardRecord(snapshot *vitess.Snapshot, name string) *vitess.Shard {
	for i := range snapshot.Shards {
		if snapshot.Shards[i].Name == name {
			return &snapshot.Shards[i]
		}
	}
	return nil
}

// sourceTables are the tables to be copied, of the first source: that is where the server takes the schema from.
func (f *facts) sourceTables() []vitess.TableSchema {
	var tables []vitess.TableSchema
	for _, table := range f.tables[f.Sources[0].Name] {
		if isCopiedTable(table) {
			tables = append(tables, table)
		}
	}
	return tables
}
