package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// table is a table of a keyspace's schema. It is stored as JSON in every shard file that has the table.
type table struct {
	Name        string   `json:"name"`
	Columns     []column `json:"columns"`
	PrimaryKey  []string `json:"primary_key"`
	Indexes     []index  `json:"indexes,omitempty"`
	Constraints []string `json:"constraints,omitempty"` // foreign keys and the like as written: shown, not enforced
	Options     string   `json:"options,omitempty"`     // ENGINE=… and the like, as written
}

type column struct {
	Name     string `json:"name"`
	Type     string `json:"type"`            // MySQL's, in lower case with its arguments: "varchar(64)", "bigint unsigned"
	Extra    string `json:"extra,omitempty"` // character set, collation, comment and ON UPDATE, as written
	NotNull  bool   `json:"not_null"`
	Default  string `json:"default,omitempty"` // as MySQL writes it; "" if there is none
	AutoIncr bool   `json:"auto_increment,omitempty"`
}

type index struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Unique  bool     `json:"unique,omitempty"`
	Kind    string   `json:"kind,omitempty"` // "FULLTEXT" or "SPATIAL": shown, not made
}

func (t *table) column(name string) *column {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return &t.Columns[i]
		}
	}
	return nil
}

// names are the columns' names in order.
func (t *table) names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// key is what tells rows apart: the primary key, else the first unique key without columns that may be NULL; nil if
// there is neither.
func (t *table) key() []string {
	if len(t.PrimaryKey) > 0 {
		return t.PrimaryKey
	}
	for _, ix := range t.Indexes {
		if ix.Unique && !slices.ContainsFunc(ix.Columns, func(c string) bool { return !t.column(c).NotNull }) {
			return ix.Columns
		}
	}
	return nil
}

// baseType is the type without its arguments: "varchar".
func (c *column) baseType() string {
	base, _, _ := strings.Cut(c.Type, "(")
	base, _, _ = strings.Cut(base, " ")
	return base
}

func (c *column) unsigned() bool { return strings.Contains(c.Type, "unsigned") }

// affinity is the SQLite type that keeps the column's values as they are. Times are texts: the driver would turn the
// values of columns declared otherwise into something else.
func (c *column) affinity() string {
	switch c.baseType() {
	case "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "bool", "boolean", "bit", "year":
		return "INTEGER"
	case "float", "double", "real":
		return "REAL"
	case "decimal", "numeric", "dec", "fixed":
		return "NUMERIC"
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return "BLOB"
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json", "date", "time", "datetime", "timestamp", "uuid", "inet4", "inet6":
		return "TEXT"
	}
	return ""
}

// defaultOptions are what MySQL shows of a table that was made without any.
const defaultOptions = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"

// show is the table's CREATE TABLE as MySQL's SHOW CREATE TABLE would lay it out.
func (t *table) show() string {
	var lines []string
	for _, c := range t.Columns {
		line := showName(c.Name) + " " + c.Type
		if c.Extra != "" {
			line += " " + c.Extra
		}
		if c.NotNull {
			line += " NOT NULL"
		}
		switch {
		case c.Default != "":
			line += " DEFAULT " + c.Default
		case !c.NotNull:
			line += " DEFAULT NULL"
		}
		if c.AutoIncr {
			line += " AUTO_INCREMENT"
		}
		lines = append(lines, line)
	}
	if len(t.PrimaryKey) > 0 {
		lines = append(lines, "PRIMARY KEY "+showNames(t.PrimaryKey))
	}
	for _, ix := range t.Indexes {
		kind := ix.Kind
		if ix.Unique {
			kind = "UNIQUE"
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s KEY %s %s", kind, showName(ix.Name), showNames(ix.Columns))))
	}
	lines = append(lines, t.Constraints...)
	text := fmt.Sprintf("CREATE TABLE %s (\n  %s\n)", showName(t.Name), strings.Join(lines, ",\n  "))
	return text + " " + cmp.Or(t.Options, defaultOptions)
}

func showName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func showNames(names []string) string {
	shown := make([]string, len(names))
	for i, n := range names {
		shown[i] = showName(n)
	}
	return "(" + strings.Join(shown, ",") + ")"
}

// createSQL makes the table and its indexes in SQLite.
func (t *table) createSQL() ([]string, error) {
	var defs []string
	rowid := len(t.PrimaryKey) == 1 && t.column(t.PrimaryKey[0]).affinity() == "INTEGER"
	for i := range t.Columns {
		c := &t.Columns[i]
		def := quoteName(c.Name) + " " + c.affinity()
		if rowid && c.Name == t.PrimaryKey[0] {
			defs = append(defs, def+" PRIMARY KEY")
			continue
		}
		if c.NotNull || slices.Contains(t.PrimaryKey, c.Name) {
			def += " NOT NULL"
		}
		if c.Default != "" && !strings.EqualFold(c.Default, "NULL") {
			value, err := sqliteDefault(c.Default)
			if err != nil {
				return nil, fmt.Errorf("table %s, column %s: %w", t.Name, c.Name, err)
			}
			def += " DEFAULT " + value
		}
		defs = append(defs, def)
	}
	end := ""
	if !rowid && len(t.PrimaryKey) > 0 {
		defs = append(defs, "PRIMARY KEY ("+quoteNames(t.PrimaryKey)+")")
		end = " WITHOUT ROWID"
	}
	statements := []string{fmt.Sprintf("CREATE TABLE %s (\n  %s\n)%s", quoteName(t.Name), strings.Join(defs, ",\n  "), end)}
	for _, ix := range t.Indexes {
		if ix.Kind != "" {
			continue
		}
		unique := ""
		if ix.Unique {
			unique = "UNIQUE "
		}
		statements = append(statements, fmt.Sprintf("CREATE %sINDEX %s ON %s (%s)", unique, quoteName(t.Name+"."+ix.Name), quoteName(t.Name), quoteNames(ix.Columns)))
	}
	return statements, nil
}

func quoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return strings.Join(quoted, ", ")
}

// sqliteDefault turns MySQL's spelling of a default into SQLite's.
func sqliteDefault(text string) (string, error) {
	switch upper := strings.ToUpper(text); {
	case upper == "TRUE":
		return "1", nil
	case upper == "FALSE":
		return "0", nil
	case strings.HasPrefix(upper, "CURRENT_TIMESTAMP"), strings.HasPrefix(upper, "NOW("), strings.HasPrefix(upper, "LOCALTIME"):
		return "CURRENT_TIMESTAMP", nil
	}
	tokens, err := lex(text)
	if err != nil {
		return "", err
	}
	number := text
	if tokens[0].is("-") || tokens[0].is("+") {
		tokens = tokens[1:]
	}
	if len(tokens) == 2 && tokens[0].kind == tokenNumber {
		return number, nil
	}
	if len(tokens) == 2 && tokens[0].kind == tokenText {
		return quoteText(tokens[0].text), nil
	}
	if len(tokens) == 2 && tokens[0].kind == tokenLiteral && tokens[0].text[0]|0x20 == 'x' {
		return text, nil
	}
	if len(tokens) == 2 && tokens[0].kind == tokenLiteral {
		var n uint64
		for _, digit := range tokens[0].text[2 : len(tokens[0].text)-1] {
			n = n<<1 | uint64(digit-'0')
		}
		return fmt.Sprint(n), nil
	}
	return "", fmt.Errorf("the sandbox cannot evaluate DEFAULT %s; use a literal or CURRENT_TIMESTAMP", text)
}
