package ddl_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/ddl"
)

func TestParseReadsATableWithEverything(t *testing.T) {
	create := "CREATE TABLE `orders` (\n" +
		"  `id` bigint unsigned NOT NULL AUTO_INCREMENT,\n" +
		"  `key` varchar(64) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL COMMENT 'foreign key, auto_increment; not unique here',\n" +
		"  `kind` enum('a','it''s') NOT NULL DEFAULT 'a',\n" +
		"  `price` decimal(10,2) GENERATED ALWAYS AS (`id` * 2) STORED,\n" +
		"  `hidden` int DEFAULT NULL /*!80023 INVISIBLE */,\n" +
		"  PRIMARY KEY (`id`,`kind`),\n" +
		"  UNIQUE KEY `u` (`key`(10)),\n" +
		"  KEY `e` ((lower(`key`))),\n" +
		"  CONSTRAINT `to_customer` FOREIGN KEY (`id`) REFERENCES `customer` (`id`),\n" +
		"  CONSTRAINT `positive` CHECK ((`id` > 0))\n" +
		") ENGINE=InnoDB AUTO_INCREMENT=10 DEFAULT CHARSET=utf8mb4\n" +
		"/*!50100 PARTITION BY HASH (`id`) PARTITIONS 4 */"
	got, err := ddl.ParseTable(create)
	if err != nil {
		t.Fatal(err)
	}
	want := &ddl.Table{
		Name: "orders", Line: 1,
		Columns: []ddl.Column{
			{Name: "id", Line: 2, Type: "bigint", Length: -1, Scale: -1, Unsigned: true, NotNull: true, AutoIncrement: true},
			{Name: "key", Line: 3, Type: "varchar", Length: 64, Scale: -1, CharacterSet: "latin1", Collation: "latin1_bin", HasDefault: true},
			{Name: "kind", Line: 4, Type: "enum", Length: -1, Scale: -1, Values: []string{"a", "it's"}, NotNull: true, HasDefault: true},
			{Name: "price", Line: 5, Type: "decimal", Length: 10, Scale: 2, Generated: true},
			{Name: "hidden", Line: 6, Type: "int", Length: -1, Scale: -1, HasDefault: true, Invisible: true},
		},
		Keys: []ddl.Key{
			{Name: "PRIMARY", Primary: true, Unique: true, Columns: []ddl.KeyColumn{{Name: "id"}, {Name: "kind"}}},
			{Name: "u", Unique: true, Columns: []ddl.KeyColumn{{Name: "key", Length: 10}}},
			{Name: "e", Columns: []ddl.KeyColumn{{Expression: true}}},
		},
		ForeignKeys: []ddl.ForeignKey{{Name: "to_customer", Columns: []string{"id"}, References: "customer"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseReadsStatementsWithTheirLines(t *testing.T) {
	schema := `-- a dump; with a semicolon
/*!40101 SET NAMES utf8mb4 */;
DROP TABLE IF EXISTS a; create table db.a
(
  id int key, n int unique, # (
  /*!50708 extra json, */ /* no , column */ w int
);
/*!50001 CREATE ALGORITHM=UNDEFINED VIEW v AS SELECT 1 AS x */;
create temporary table b (id int);
insert into a values (1, 'create table; ');
create or replace view v2 as select 1;
`
	statements, err := ddl.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Line    int
		Kind    string
		Columns []string
		Lines   []int
	}
	var got []seen
	for _, s := range statements {
		x := seen{Line: s.Line, Kind: s.Kind}
		if s.Table != nil {
			for _, c := range s.Table.Columns {
				x.Columns, x.Lines = append(x.Columns, c.Name), append(x.Lines, c.Line)
			}
		}
		got = append(got, x)
	}
	want := []seen{
		{2, "SET", nil, nil}, {3, "DROP TABLE", nil, nil},
		{3, "CREATE TABLE", []string{"id", "n", "extra", "w"}, []int{5, 5, 6, 6}},
		{8, "CREATE VIEW", nil, nil}, {9, "CREATE TABLE", []string{"id"}, []int{9}},
		{10, "INSERT", nil, nil}, {11, "CREATE VIEW", nil, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseNamesEveryMistakeWithItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		schema string
		want   []string
	}{
		"syntax": {"create table t (\n  id int,\n  n itn\n);", []string{`line 3: syntax error near "itn"`}},
		"two statements": {"create table t (id int,);\n\ncreate table u (id);\ncreate table v (id int)",
			[]string{`line 1: syntax error near ")"`, `line 3: syntax error near ")"`}},
		"not ended":        {"create table t (\n  id int", []string{`line 2: syntax error at the end of the statement`}},
		"open string":      {"create table t (\n  a int default 'x,\n  b int\n)", []string{`line 2: "x,\n  b int\n)" cannot be read`}},
		"open comment":     {"create table t (\n  a int /* no end\n)", []string{`line 2:`}},
		"column twice":     {"create table t (\n  a int,\n  A int\n)", []string{"line 3: table t has column A twice"}},
		"key on nothing":   {"\ncreate table t (a int, unique key (b))", []string{"line 2: table t has a key on column b, which it does not have"}},
		"like":             {"create table t like u", []string{"line 1: table t is not made of columns of its own"}},
		"select":           {"create table t (a int) as select 1 as b", []string{"line 1: table t is not made of columns of its own"}},
		"an odd character": {"create table t (a int) \\ ;\ncreate table u (b nit)", []string{"line 1:", "line 2:"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ddl.Parse(c.schema)
			if err == nil {
				t.Fatal("no error")
			}
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok {
				t.Fatalf("%T is not joined", err)
			}
			list := joined.Unwrap()
			if len(list) != len(c.want) {
				t.Fatalf("%d errors, want %d:\n%v", len(list), len(c.want), err)
			}
			for i, want := range c.want {
				var one *ddl.Error
				if !errors.As(list[i], &one) || !strings.HasPrefix(list[i].Error(), want) {
					t.Errorf("%v, want %s", list[i], want)
				}
			}
		})
	}
}

func TestRowKeyTellsRowsApart(t *testing.T) {
	for create, want := range map[string]string{
		"create table t (id int primary key)":                                                         "PRIMARY",
		"create table t (id int not null, unique key u (id))":                                         "u",
		"create table t (id int, unique key u (id))":                                                  "",
		"create table t (id varchar(20) not null, unique key u (id(5)))":                              "u",
		"create table t (id int not null, n int, unique key a (id, n), unique key b (id))":            "b",
		"create table t (id int comment 'not unique here', key (id))":                                 "",
		"create table t (id int not null, unique key u ((id + 1)))":                                   "",
		"create table t (id int not null unique, n int, primary key (n))":                             "PRIMARY",
		"create table t (id int auto_increment, unique key u (id))":                                   "u",
		"create table t (id int null default null comment 'unique key', constraint c check (id > 0))": "",
	} {
		table, err := ddl.ParseTable(create)
		if err != nil {
			t.Errorf("%s: %v", create, err)
			continue
		}
		got := ""
		if k := table.RowKey(); k != nil {
			got = k.Name
		}
		if got != want {
			t.Errorf("%s: key %q, want %q", create, got, want)
		}
	}
}

func TestShapeIsThatOfATableWithoutItsCounter(t *testing.T) {
	const plain = "CREATE TABLE t (id bigint AUTO_INCREMENT PRIMARY KEY COMMENT 'AUTO_INCREMENT=1')"
	want, err := ddl.Shape(plain)
	if err != nil {
		t.Fatal(err)
	}
	for create, same := range map[string]bool{
		plain + " AUTO_INCREMENT=77":                                   true,
		plain + "\nauto_increment = 5":                                 true,
		plain + " ENGINE=InnoDB":                                       false,
		strings.Replace(plain, "MENT=1'", "MENT=2'", 1):                false,
		strings.Replace(plain, "AUTO_INCREMENT PRIMARY", "PRIMARY", 1): false,
	} {
		if got, err := ddl.Shape(create); err != nil || (got == want) != same {
			t.Errorf("%s: %s, %v", create, got, err)
		}
	}
}
