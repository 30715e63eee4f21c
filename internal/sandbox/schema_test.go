package sandbox

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const dumped = "/*!40101 SET NAMES utf8 */;\n" + `
CREATE TABLE IF NOT EXISTS ` + "`shop`.`line item`" + ` ( -- with an odd name
  ` + "`order`" + ` int(10) unsigned NOT NULL,  # quoted keyword
  nr SMALLINT NOT NULL DEFAULT '1' COMMENT 'it''s; fine, (really)',
  price decimal(10,2) DEFAULT -1.5,
  kind enum('a','b;c') CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  note text,
  raw varbinary(16) DEFAULT x'00ff',
  flags bit(3) DEFAULT b'101',
  PRIMARY KEY (` + "`order`" + `, nr),
  UNIQUE KEY u (price, kind(3) DESC) USING BTREE,
  KEY (note(20)),
  FULLTEXT KEY ft (note),
  CONSTRAINT fk FOREIGN KEY (` + "`order`" + `) REFERENCES o (id) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4;
create table plain (id bigint auto_increment primary key, v varchar(20) unique);
`

func TestSchemaOfMySQLIsRead(t *testing.T) {
	got, err := parseSchema(dumped)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%d tables, want 2", len(got))
	}
	want := "CREATE TABLE `line item` (\n" +
		"  `order` int(10) unsigned NOT NULL,\n" +
		"  `nr` smallint COMMENT 'it''s; fine, (really)' NOT NULL DEFAULT '1',\n" +
		"  `price` decimal(10,2) DEFAULT -1.5,\n" +
		"  `kind` enum('a','b;c') CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,\n" +
		"  `at` timestamp(6) ON UPDATE CURRENT_TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),\n" +
		"  `note` text DEFAULT NULL,\n" +
		"  `raw` varbinary(16) DEFAULT x'00ff',\n" +
		"  `flags` bit(3) DEFAULT b'101',\n" +
		"  PRIMARY KEY (`order`,`nr`),\n" +
		"  UNIQUE KEY `u` (`price`,`kind`),\n" +
		"  KEY `note` (`note`),\n" +
		"  FULLTEXT KEY `ft` (`note`),\n" +
		"  CONSTRAINT fk FOREIGN KEY (`order`) REFERENCES o (id) ON DELETE CASCADE\n" +
		") ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4"
	if diff := cmp.Diff(want, got[0].show()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if again, err := parseSchema(got[0].show()); err != nil || again[0].show() != got[0].show() {
		t.Errorf("what is shown does not read back the same: %v", err)
	}
	sql, err := got[0].createSQL()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(sql[0], `"flags" INTEGER DEFAULT 5`) || !strings.Contains(sql[0], `PRIMARY KEY ("order", "nr")`) || len(sql) != 3 {
		t.Errorf("SQLite's statements = %s", strings.Join(sql, "\n"))
	}
	if sql, _ := got[1].createSQL(); !strings.Contains(sql[0], `"id" INTEGER PRIMARY KEY`) {
		t.Errorf("SQLite's statement = %s", sql[0])
	}
}

func TestSchemaErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE TABLE a (id int);\n\nDROP TABLE a;":             `schema line 3: the sandbox takes CREATE TABLE statements only, found "DROP TABLE"`,
		"CREATE VIEW v AS SELECT 1":                             `schema line 1: the sandbox takes CREATE TABLE statements only, found "CREATE VIEW"`,
		"CREATE TABLE a (\n id int,\n id int)":                  "schema line 3: table a has column id twice",
		"CREATE TABLE a (\n p geometry)":                        "schema line 2: table a, column p: the sandbox does not know the type geometry",
		"CREATE TABLE a (id int, PRIMARY KEY (x))":              "key on column x, which it does not have",
		"CREATE TABLE a (id int PRIMARY KEY, PRIMARY KEY (id))": "two primary keys",
		"CREATE TABLE a (id int DEFAULT (uuid()))":              "cannot evaluate DEFAULT (uuid ())",
		"CREATE TABLE a (id int GENERATED ALWAYS AS (1))":       `does not know "GENERATED"`,
		"CREATE TABLE a (id int)\n;CREATE TABLE a (id int)":     "schema line 2: table a is created twice",
		"CREATE TABLE a (id int":                                "the end of the schema",
		"CREATE TABLE a (v varchar(3) DEFAULT 'x)":              "does not end",
		"CREATE TABLE _sf_log (id int)":                         "the sandbox's own",
		"CREATE TABLE a (id int); /* never\nending":             "does not end",
		"CREATE TABLE a (id int, KEY k ((lower(id))))":          "keys of expressions",
	} {
		_, err := parseSchema(text)
		wantError(t, err, want)
	}
}
