package reshard

import (
	"context"
	"slices"
	"sync"

	"shardform/internal/ddl"
	"shardform/internal/keyrange"
	"shardform/internal/parallel"
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
	filled       map[string][]string             // tables with rows by shard, of those that were asked
	definitions  []*ddl.Table                    // of the tables to be copied, those that can be read
	unreadable   map[string]error                // of the others, by table
	servers      []vitess.Server                 // of the primaries and of the tablets to copy from
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
	checkVSchema, checkVindexes, checkVindexChange, checkSameSchema, checkDefinitions, checkTables, checkPrimaryKeys, checkAutoIncrement, checkViews, checkForeignKeys,
	checkTargetsEmpty, checkTargetSchema, checkOnlineDDL, checkTransactions, checkValidation,
	checkServersAnswer, checkVitess, checkSettings, checkBinlogs, checkDisk,
}

func (f *facts) check() complaints {
	var all complaints
	for _, check := range checks {
		all = append(all, check(f)...)
	}
	return all
}

// gather reads the facts, at the same time. The strict read of tablets makes a cell that cannot be read an error.
func (s *scene) gather(ctx context.Context, v *vitess.SegmentView) (*facts, error) {
	f := &facts{SegmentView: v, cells: splitNames(s.String("cells")), types: splitNames(s.String("tablet_types"))}
	if err := s.gatherVSchema(f); err != nil {
		return nil, err
	}
	snapshot := *v.Snapshot
	group, reading := parallel.WithContext(ctx)
	read := func(doing string, ask func() error) {
		group.Go(func() error {
			if err := ask(); err != nil {
				return s.unread(ctx, doing, err)
			}
			return nil
		})
	}
	f.tables = s.gatherTables(reading, v, read)
	read("reading the tablets of", func() (err error) {
		snapshot.Tablets, err = s.cluster.Tablets(reading, s.keyspace)
		return err
	})
	read("reading the Online DDL of", func() (err error) {
		f.onlineDDLs, err = s.cluster.OnlineDDLs(reading, s.keyspace)
		return err
	})
	read("reading the distributed transactions of", func() (err error) {
		f.unresolved, err = s.cluster.UnresolvedTransactions(reading, s.keyspace)
		return err
	})
	read("validating", func() (err error) {
		f.validation, err = s.cluster.ValidateKeyspace(reading, s.keyspace, true)
		return err
	})
	err := group.Wait()
	if err != nil {
		return nil, err
	}
	view := *v
	view.Snapshot = &snapshot
	f.SegmentView = &view
	f.readDefinitions()
	if f.servers, err = s.cluster.Servers(ctx, f.asked()); err != nil {
		return nil, s.unread(ctx, "reading the settings of MySQL of", err)
	}
	return f, s.gatherRows(ctx, f)
}

// gatherRows asks which tables have rows, of those where it decides something: all on the targets, reference tables on
// the sources, and those whose vindex would change on every shard that serves.
func (s *scene) gatherRows(ctx context.Context, f *facts) error {
	f.filled = map[string][]string{}
	group, asking := parallel.WithContext(ctx)
	var mu sync.Mutex
	ask := func(shard string, among []string) {
		group.Go(func() error {
			names, err := s.cluster.TablesWithRows(asking, s.keyspace, shard, among)
			if err != nil {
				return s.unread(ctx, "asking for rows on shard "+shard+" of", err)
			}
			mu.Lock()
			defer mu.Unlock()
			f.filled[shard] = append(f.filled[shard], names...)
			return nil
		})
	}
	for _, target := range f.Targets {
		if _, read := f.tables[target.Name]; read {
			ask(target.Name, nil)
		}
	}
	var references []string
	for _, table := range f.sourceTables() {
		if f.wanted.Tables[table.Name].Type == "reference" {
			references = append(references, table.Name)
		}
	}
	if changed := f.vindexChanges(); len(changed) > 0 {
		var names []string
		for _, change := range changed {
			names = append(names, change.Table)
		}
		for _, shard := range f.ServingShards() {
			ask(shard.Name, names)
		}
	}
	if len(references) > 0 {
		for _, source := range f.Sources {
			if _, read := f.tables[source.Name]; read {
				ask(source.Name, references)
			}
		}
	}
	return group.Wait()
}

// hasRows reports whether a table has rows on some of the shards, of those that were asked.
func (f *facts) hasRows(table string, shards keyrange.Layout) bool {
	return slices.ContainsFunc(shards, func(s keyrange.Shard) bool { return slices.Contains(f.filled[s.Name], table) })
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

// gatherTables has the tables of every source and target that has a primary read into the map that it returns.
func (s *scene) gatherTables(ctx context.Context, v *vitess.SegmentView, read func(doing string, ask func() error)) map[string][]vitess.TableSchema {
	var mu sync.Mutex
	all := map[string][]vitess.TableSchema{}
	for _, shard := range slices.Concat(v.Sources, v.Targets) {
		name, record := shard.Name, v.Shard(shard) // 0 and - may stand for one another
		if record == nil || record.PrimaryAlias == "" {
			continue // a complaint of its own
		}
		read("reading the tables of shard "+name+" of", func() error {
			tables, err := s.cluster.Schema(ctx, s.keyspace, record.Name)
			mu.Lock()
			defer mu.Unlock()
			all[name] = tables
			return err
		})
	}
	return all
}

func shardRecord(snapshot *vitess.Snapshot, name string) *vitess.Shard {
	for i := range snapshot.Shards {
		if snapshot.Shards[i].Name == name {
			return &snapshot.Shards[i]
		}
	}
	return nil
}

// readDefinitions parses what the tables to be copied are made by.
func (f *facts) readDefinitions() {
	f.unreadable = map[string]error{}
	for _, table := range f.sourceTables() {
		definition, err := ddl.ParseTable(table.Create)
		if err != nil {
			f.unreadable[table.Name] = err
			continue
		}
		f.definitions = append(f.definitions, definition)
	}
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
