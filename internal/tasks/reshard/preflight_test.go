package reshard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// edited gives a source table another shape.
func (r *rig) edited(shard, table string, edit func(*vitess.TableSchema)) {
	tables := slices.Clone(r.tables[shard])
	i := slices.IndexFunc(tables, func(t vitess.TableSchema) bool { return t.Name == table })
	edit(&tables[i])
	r.tables[shard] = tables
}

// recreated gives a source table other columns and keys.
func (r *rig) recreated(shard, table, definitions string) {
	r.edited(shard, table, func(t *vitess.TableSchema) { t.Create = "CREATE TABLE `" + table + "` (" + definitions + ")" })
}

func (r *rig) editVSchema(old, new string) {
	changed := strings.Replace(testVSchema, old, new, 1)
	if changed == testVSchema {
		r.t.Fatalf("the vschema has no %q", old)
	}
	r.vschema = canonical(changed)
}

func TestPreflightRefusesWithTheCure(t *testing.T) {
	foreignStream := func(kind, name, target, state string) func(*rig) {
		return func(r *rig) {
			r.foreign = append(r.foreign, vitess.Workflow{Name: name, Type: kind, SourceKeyspace: "customer", Sources: mustLayout([]string{target}), Targets: mustLayout([]string{target}),
				Streams: []vitess.Stream{{ID: 9, Target: target, Source: target, State: state}}})
		}
	}
	const split, merge = "-:-80,80-", "-80,80-:-"
	for name, c := range map[string]struct {
		segment string
		edit    func(*rig)
		exit    diag.Exit
		want    []string
	}{
		"ranges":                       {split, func(r *rig) { r.request.Segment = segmentOf(t, "-:-80,90-") }, diag.ExitFailed, []string{"- cannot become -80,90-"}},
		"source is gone":               {split, func(r *rig) { r.removeShard("-") }, diag.ExitRefused, []string{"source shard - does not exist"}},
		"source does not serve":        {split, func(r *rig) { r.shard("-").PrimaryServing = false }, diag.ExitRefused, []string{"source shard - does not serve writes"}},
		"source without primary":       {split, func(r *rig) { r.shard("-").PrimaryAlias = "" }, diag.ExitFailed, []string{"source shard - has no primary tablet", "PlannedReparentShard customer/-"}},
		"a cell serves otherwise":      {split, func(r *rig) { r.partitions["zone2"][vitess.Replica].refs = []string{"-80", "80-"} }, diag.ExitRefused, []string{"cell zone2 does not serve REPLICA from -", "RebuildKeyspaceGraph"}},
		"target is missing":            {split, func(r *rig) { r.removeShard("80-") }, diag.ExitFailed, []string{"target shard 80- does not exist", "--init_shard 80-"}},
		"target without primary":       {split, func(r *rig) { r.shard("80-").PrimaryAlias = "" }, diag.ExitFailed, []string{"target shard 80- has no primary tablet"}},
		"target serves":                {split, func(r *rig) { r.shard("80-").PrimaryServing = true }, diag.ExitRefused, []string{"target shard 80- is serving already"}},
		"target has rows":              {split, func(r *rig) { r.tables["80-"] = testTables(3) }, diag.ExitFailed, []string{"target shard 80- is not empty: corder, customer", "DROP TABLE"}},
		"unused shard without primary": {"-80:-40,40-80", func(r *rig) { r.addShard("c0-", false, 800); r.shard("c0-").PrimaryAlias = "" }, diag.ExitFailed, []string{"shard c0-, which takes no part, has no primary", "DeleteShards --recursive customer/c0-"}},
		"reference table with rows": {split, func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{"type":"reference"}`)
		}, diag.ExitFailed, []string{"table corder is a reference table with rows, which a reshard does not copy", "give it a primary vindex"}},
		"no tables": {split, func(r *rig) { r.tables["-"] = nil }, diag.ExitFailed, []string{"source shard - has no table that a reshard copies"}},
		"nothing but reference": {split, func(r *rig) {
			r.tables["-"] = testTables(0)[:1]
			r.editVSchema(`"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{"type":"reference"}`)
		}, diag.ExitFailed, []string{"no table that a reshard copies"}},
		"target has rows that statistics do not know": {split, func(r *rig) {
			r.tables["80-"] = testTables(0)
			r.filled = map[string]bool{"80-/corder": true}
		}, diag.ExitFailed, []string{"target shard 80- is not empty: corder"}},
		"reference table with rows that statistics do not know": {split, func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{"type":"reference"}`)
			r.edited("-", "corder", func(t *vitess.TableSchema) { t.Rows = 0 })
			r.filled = map[string]bool{"-/corder": true}
		}, diag.ExitFailed, []string{"table corder is a reference table"}},
		"vindex changes for rows that statistics do not know": {"-80,80-:-40,40-c0,c0-", func(r *rig) {
			withVSchema(strings.Replace(testVSchema, "xxhash\"}", "hash\"}", 1))(&r.request)
			r.tables["-80"], r.tables["80-"] = testTables(0), testTables(0)
			r.filled = map[string]bool{"80-/customer": true}
		}, diag.ExitFailed, []string{"xxhash(customer_id) becomes hash(customer_id)"}},
		"vindex changes for rows on a shard that takes no part": {"-80:-40,40-80", func(r *rig) {
			r.addShard("80-", true, 900)
			for _, cell := range r.cells {
				for _, kind := range vitess.ServingTypes {
					r.partitions[cell][kind].refs = []string{"-80", "80-"}
				}
			}
			withVSchema(strings.Replace(testVSchema, "xxhash\"}", "hash\"}", 1))(&r.request)
			r.tables["-80"], r.tables["80-"] = testTables(0), testTables(3)
		}, diag.ExitFailed, []string{"xxhash(customer_id) becomes hash(customer_id)"}},
		"no tablet to copy from": {split, func(r *rig) {
			r.request.Settings.Cells, r.request.Settings.TabletTypes = []string{"zone2"}, []string{"PRIMARY"}
		},
			diag.ExitFailed, []string{"source shard - has no tablet of type PRIMARY in zone2 to copy from"}},
		"another reshard":          {"-80:-40,40-80", func(r *rig) { foreignReshard(r, "80-", "80-c0", "c0-") }, diag.ExitRefused, []string{"another reshard of the keyspace is open: 80-:80-c0,c0-"}},
		"stopped streams":          {split, foreignStream("OnlineDDL", "ddl_1", "-", vitess.StateStopped), diag.ExitFailed, []string{"OnlineDDL workflow ddl_1 has stopped streams on source shards: -/9", "OnlineDDL cleanup customer ddl_1"}},
		"streams on a target":      {split, foreignStream("OnlineDDL", "ddl_2", "-80", vitess.StateRunning), diag.ExitRefused, []string{"OnlineDDL workflow ddl_2 has streams on target shards: -80/9"}},
		"controls":                 {split, func(r *rig) { r.partitions["zone1"][vitess.Rdonly].disabled = []string{"80-"} }, diag.ExitFailed, []string{"RDONLY on 80- in zone1", "SetShardTabletControl --disable-query-service=false customer/80- rdonly", "RebuildKeyspaceGraph customer"}},
		"no vschema":               {split, func(r *rig) { r.vschema = "" }, diag.ExitFailed, []string{"the keyspace has no vschema"}},
		"unsharded vschema":        {split, func(r *rig) { r.vschema = canonical(`{"tables":{"customer":{},"corder":{}}}`) }, diag.ExitFailed, []string{"the vschema is not sharded, and -80,80- are 2 shards"}},
		"table not in the vschema": {split, func(r *rig) { r.editVSchema(`"corder":{`, `"other":{`) }, diag.ExitFailed, []string{"table corder (about 1000 rows) is not in the vschema"}},
		"no vindex": {split, func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{}`)
		}, diag.ExitFailed, []string{"the vschema names no vindex for table corder"}},
		"unknown vindex":                  {split, func(r *rig) { r.editVSchema(`"vindexes":{"xxhash"`, `"vindexes":{"other"`) }, diag.ExitFailed, []string{"the primary vindex xxhash of table customer is not defined"}},
		"vindex type that does not exist": {split, func(r *rig) { r.editVSchema(`{"type":"xxhash"}`, `{"type":"md5"}`) }, diag.ExitFailed, []string{`vindex xxhash of the vschema: there is no vindex type "md5"; did you mean "binary_md5"?`}},
		"vindex that nothing uses":        {split, func(r *rig) { r.editVSchema(`"vindexes":{`, `"vindexes":{"other":{"type":"haash"},`) }, diag.ExitFailed, []string{`vindex other of the vschema: there is no vindex type "haash"`}},
		"vindex parameters": {split, func(r *rig) {
			r.editVSchema(`{"type":"xxhash"}`, `{"type":"region_experimental","params":{"region_bytes":"9"}}`)
		}, diag.ExitFailed, []string{`parameter region_bytes of vindex type region_experimental is "9"`}},
		"lookup as primary":     {split, func(r *rig) { r.editVSchema(`{"type":"xxhash"}`, `{"type":"lookup_unique"}`) }, diag.ExitFailed, []string{"the primary vindex xxhash of table customer is of type lookup_unique", "cannot", "needs no lookup"}},
		"not unique as primary": {split, func(r *rig) { r.editVSchema(`{"type":"xxhash"}`, `{"type":"consistent_lookup"}`) }, diag.ExitFailed, []string{"of type consistent_lookup, which is not unique"}},
		"pinned": {split, func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{"pinned":"00"}`)
		}, diag.ExitFailed, []string{"table corder is pinned to one shard", "MoveTables"}},
		"pinned beside a vindex": {merge, func(r *rig) { r.editVSchema(`"corder":{`, `"corder":{"pinned":"00",`) }, diag.ExitFailed, []string{"table corder is pinned to one shard"}},
		"a cheaper vindex than the primary one": {split, func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[`, `"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"},{"column":"order_id","name":"num"},`)
			r.vschema = canonical(strings.Replace(r.vschema, `"vindexes": {`, `"vindexes": {"num":{"type":"numeric"},`, 1))
		}, diag.ExitFailed, []string{"the rows of table corder would be copied by its vindex num (numeric on order_id) instead of the primary one xxhash (xxhash on customer_id)"}},
		"a second vindex that is not defined": {split, func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[`, `"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"},{"column":"order_id","name":"num"},`)
		}, diag.ExitFailed, []string{"the vindex num of table corder is not defined"}},
		"a second vindex of several columns": {split, func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[`, `"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"},{"columns":["order_id","text"],"name":"m"},`)
			r.vschema = canonical(strings.Replace(r.vschema, `"vindexes": {`, `"vindexes": {"m":{"type":"multicol","params":{"column_count":"2"}},`, 1))
		}, diag.ExitFailed, []string{"the vindex m of table corder is of type multicol, which can only be a primary vindex"}},
		"one shard without vindexes": {"-80,80-:-", func(r *rig) { r.vschema = canonical(`{"tables":{"customer":{},"corder":{}}}`) }, diag.ExitFailed, []string{"the vschema names no vindex for table corder"}},
		"vindex column is gone":      {merge, func(r *rig) { r.editVSchema(`"column":"customer_id"`, `"column":"nope"`) }, diag.ExitFailed, []string{"column nope, which the primary vindex of table customer uses, does not exist"}},
		"a sequence":                 {split, func(r *rig) { r.editVSchema(`"corder":{`, `"corder":{"type":"sequence",`) }, diag.ExitFailed, []string{"table corder is a sequence"}},
		"vindex changes for rows":    {"-80,80-:-40,40-c0,c0-", func(r *rig) { withVSchema(strings.Replace(testVSchema, "xxhash\"}", "hash\"}", 1))(&r.request) }, diag.ExitFailed, []string{"xxhash(customer_id) becomes hash(customer_id)"}},
		"comments differ": {merge, func(r *rig) {
			r.recreated("-80", "corder", "order_id bigint PRIMARY KEY COMMENT 'auto_increment=1'")
			r.recreated("80-", "corder", "order_id bigint PRIMARY KEY COMMENT 'auto_increment=2'")
		}, diag.ExitFailed, []string{"table corder is not the same on -80 and 80-"}},
		"schemas differ": {merge, func(r *rig) { r.edited("80-", "corder", func(t *vitess.TableSchema) { t.Create += " COMMENT='x'" }) }, diag.ExitFailed, []string{"table corder is not the same on -80 and 80-"}},
		"a table lacks":  {merge, func(r *rig) { r.tables["80-"] = r.tables["80-"][1:] }, diag.ExitFailed, []string{"table corder is on -80 and not on 80-"}},
		"a table more":   {merge, func(r *rig) { r.tables["-80"] = r.tables["-80"][1:] }, diag.ExitFailed, []string{"table corder is on 80- and not on -80"}},
		"no primary key": {split, func(r *rig) {
			r.recreated("-", "corder", "customer_id bigint COMMENT 'not unique here', KEY (customer_id)")
		}, diag.ExitFailed, []string{"table corder has no primary key", "ADD PRIMARY KEY"}},
		"a unique key with NULLs":          {split, func(r *rig) { r.recreated("-", "corder", "customer_id bigint, UNIQUE KEY u (customer_id)") }, diag.ExitFailed, []string{"table corder has no primary key", "ADD PRIMARY KEY"}},
		"a definition that cannot be read": {split, func(r *rig) { r.recreated("-", "corder", "customer_id bigint,\n`t` nonsense(1)") }, diag.ExitFailed, []string{"the definition of table corder cannot be read", "line 2", "SHOW CREATE TABLE"}},
		"auto_increment": {split, func(r *rig) {
			r.recreated("-", "corder", "id bigint AUTO_INCREMENT PRIMARY KEY")
		}, diag.ExitFailed, []string{"table corder has an AUTO_INCREMENT column and no sequence"}},
		"foreign key": {split, func(r *rig) {
			r.recreated("-", "corder", "order_id bigint PRIMARY KEY, customer_id bigint, CONSTRAINT c FOREIGN KEY (customer_id) REFERENCES customer (customer_id)")
		}, diag.ExitFailed, []string{"table corder has the foreign key c,", "DROP FOREIGN KEY c"}},
		"view": {split, func(r *rig) {
			r.tables["-"] = append(testTables(5), vitess.TableSchema{Name: "v", Type: "VIEW", Create: "CREATE VIEW v AS SELECT 1"})
		}, diag.ExitFailed, []string{"view v would be lost", "CopySchemaShard --include-views customer/- customer/80-"}},
		"online DDL":               {split, func(r *rig) { r.onlineDDLs = []string{"1234 (running)"} }, diag.ExitFailed, []string{"Online DDL is not at its end: 1234 (running)", "OnlineDDL cancel customer all"}},
		"distributed transactions": {split, func(r *rig) { r.unresolved = 2 }, diag.ExitFailed, []string{"2 distributed transactions wait", "unresolved-list --keyspace customer"}},
		"all together": {split, func(r *rig) {
			r.unresolved = 1
			r.onlineDDLs = []string{"1 (queued)"}
			r.removeShard("-80")
		}, diag.ExitFailed, []string{"1 distributed transactions", "Online DDL", "target shard -80 does not exist"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.segment)
			c.edit(r)
			r.fails("preflight", c.exit, false, c.want...)
			_, err := r.run("preflight")
			for _, d := range diag.All(err) {
				if d.Hint == "" {
					t.Errorf("%q has no cure", d.Summary)
				}
			}
			if len(r.calls) > 0 {
				t.Errorf("calls %q", r.calls)
			}
		})
	}
}

// foreignReshard is a running Reshard that is not this segment's.
func foreignReshard(r *rig, source string, targets ...string) {
	w := vitess.Workflow{Name: "other", Type: "Reshard", SourceKeyspace: "customer", Sources: mustLayout([]string{source}), Targets: mustLayout(targets)}
	for i, target := range targets {
		w.Streams = append(w.Streams, vitess.Stream{ID: int64(50 + i), Target: target, Source: source, State: vitess.StateRunning, Position: "1-9", RowsCopied: 4})
	}
	r.foreign = append(r.foreign, w)
}

func TestPreflightWarnsOfPrimariesThatKeepVtgateBuffering(t *testing.T) {
	r := newRig(t, "-80:-40,40-80")
	r.addShard("c0-", false, 900)
	output, err := r.run("preflight")
	if err != nil || !strings.Contains(output, "shard c0- takes no part, serves nothing and has a primary tablet") {
		t.Errorf("output %q, error %v", output, err)
	}
}

func TestPreflightHoldsForWhatIsFine(t *testing.T) {
	for name, c := range map[string]struct {
		segment string
		edit    func(*rig)
		warning string
	}{
		"all well":                    {"-:-80,80-", func(*rig) {}, ""},
		"merge":                       {"-80,80-:-", func(*rig) {}, ""},
		"empty tables on the targets": {"-:-80,80-", func(r *rig) { r.tables["-80"] = testTables(0) }, ""},
		"a dearer vindex than the primary one": {"-:-80,80-", func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[`, `"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"},{"column":"order_id","name":"l"},{"column":"order_id","name":"h"},`)
			r.vschema = canonical(strings.Replace(r.vschema, `"vindexes": {`, `"vindexes": {"l":{"type":"lookup_unique"},"h":{"type":"hash"},`, 1))
		}, ""},
		"a vindex that this program does not compute": {"-:-80,80-", func(r *rig) { r.editVSchema(`{"type":"xxhash"}`, `{"type":"unicode_loose_md5"}`) }, ""},
		"statistics of rows that are gone": {"-:-80,80-", func(r *rig) {
			r.tables["-80"] = testTables(3)
			r.filled = map[string]bool{"-80/corder": false, "-80/customer": false}
		}, ""},
		"statistics of a reference table that is empty": {"-:-80,80-", func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{"type":"reference"}`)
			r.filled = map[string]bool{"-/corder": false}
		}, ""},
		"columns in another case": {"-:-80,80-", func(r *rig) { r.editVSchema(`"column":"customer_id"`, `"column":"Customer_ID"`) }, ""},
		"counters differ": {"-80,80-:-", func(r *rig) {
			r.edited("80-", "corder", func(t *vitess.TableSchema) { t.Create += " AUTO_INCREMENT=77" })
		}, ""},
		"Online DDL's own tables": {"-:-80,80-", func(r *rig) {
			r.tables["-"] = append(testTables(5), vitess.TableSchema{Name: "_vt_hld_6ace8bcef73211ea87e9f875a4d24e90_20200915120410_", Type: "BASE TABLE", Rows: 4})
		}, ""},
		"empty reference table": {"-:-80,80-", func(r *rig) {
			r.editVSchema(`"corder":{"column_vindexes":[{"column":"customer_id","name":"xxhash"}]}`, `"corder":{"type":"reference"}`)
			r.edited("-", "corder", func(t *vitess.TableSchema) { t.Rows = 0 })
		}, ""},
		"sequence for the counter": {"-:-80,80-", func(r *rig) {
			r.recreated("-", "corder", "order_id bigint auto_increment primary key")
			r.editVSchema(`"corder":{`, `"corder":{"auto_increment":{"column":"order_id","sequence":"s"},`)
		}, ""},
		"a view that the targets have": {"-:-80,80-", func(r *rig) {
			view := vitess.TableSchema{Name: "v", Type: "VIEW"}
			r.tables["-"], r.tables["-80"], r.tables["80-"] = append(testTables(5), view), []vitess.TableSchema{view}, []vitess.TableSchema{view}
		}, ""},
		"no replicas on a target": {"-:-80,80-", func(r *rig) {
			r.tablets = slices.DeleteFunc(r.tablets, func(t vitess.Tablet) bool { return t.Shard == "80-" && t.Type == "REPLICA" && t.Cell == "zone2" })
		}, "target shard 80- has no REPLICA tablet in cell zone2"},
		"a unique key for the primary one": {"-:-80,80-", func(r *rig) {
			r.recreated("-", "corder", "a int NOT NULL, UNIQUE KEY u (a)")
		}, "unique key u has to take its place"},
		"a unique key on a prefix": {"-:-80,80-", func(r *rig) {
			r.recreated("-", "corder", "t text NOT NULL, UNIQUE KEY u (t(10))")
		}, "unique key u has to take its place"},
		"comments that look like keys": {"-:-80,80-", func(r *rig) {
			r.recreated("-", "corder", "order_id bigint PRIMARY KEY COMMENT 'no foreign key, no auto_increment, not unique', customer_id bigint DEFAULT NULL -- FOREIGN KEY\n")
		}, ""},
		"comments that look like counters": {"-80,80-:-", func(r *rig) {
			r.recreated("-80", "corder", "order_id bigint PRIMARY KEY COMMENT 'auto_increment=1'")
			r.recreated("80-", "corder", "order_id bigint PRIMARY KEY COMMENT 'auto_increment=1'")
			r.edited("80-", "corder", func(t *vitess.TableSchema) { t.Create += " AUTO_INCREMENT = 77" })
		}, ""},
		"counters on shards that are several already": {"-80,80-:-40,40-c0,c0-", func(r *rig) {
			for _, shard := range []string{"-80", "80-"} {
				r.recreated(shard, "corder", "id bigint auto_increment primary key")
			}
		}, "AUTO_INCREMENT"},
		"validation": {"-:-80,80-", func(r *rig) { r.validation = []string{"zone1-101 does not answer"} }, "ValidateKeyspace: zone1-101 does not answer"},
		"the wanted vschema cures": {"-:-80,80-", func(r *rig) {
			r.vschema = canonical(`{"tables":{"customer":{},"corder":{}}}`)
			r.request.VSchema, r.request.VSchemaBefore = canonical(testVSchema), r.vschema
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.segment)
			c.edit(r)
			output, err := r.run("preflight")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(output, "warning: "); got != (c.warning != "") || !strings.Contains(output, c.warning) {
				t.Errorf("output %q, want the warning %q", output, c.warning)
			}
			r.validation = nil
			r.finishes()
		})
	}
}

func TestPreflightWaitsForTargetsAndForNothingElse(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.removeShard("80-")
	began := r.clock.Time
	r.clock.BeforeSleep = func() {
		if r.shard("80-") == nil && r.clock.Time.Sub(began) > 10*time.Minute {
			r.addShard("80-", false, 500)
		}
	}
	if _, err := r.run("preflight"); err != nil {
		t.Error(err)
	}
	if took := r.clock.Time.Sub(began); took < 10*time.Minute || took > 11*time.Minute {
		t.Errorf("waited %s", took)
	}

	r = newRig(t, "-:-80,80-")
	r.removeShard("80-")
	began = r.clock.Time
	r.fails("preflight", diag.ExitFailed, false, "target shard 80- does not exist")
	if took := r.clock.Time.Sub(began); took < 30*time.Minute {
		t.Errorf("gave up after %s", took)
	}

	r.onlineDDLs = []string{"1 (running)"}
	began = r.clock.Time
	r.fails("preflight", diag.ExitFailed, false, "target shard 80- does not exist", "Online DDL")
	if took := r.clock.Time.Sub(began); took > 0 {
		t.Errorf("waited %s although waiting could not help", took)
	}
}

func TestPreflightRunsOnlyWhileThereIsNoWorkflow(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	r.unresolved = 3 // would be refused
	foreignReshard(r, "-", "-80", "80-")
	r.expect("preflight", tasks.Done)
	if _, err := r.run("preflight"); err != nil {
		t.Error(err)
	}
}
