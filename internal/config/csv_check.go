package config

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/ddl"
	"shardform/internal/diag/spell"
	"shardform/internal/sandbox/sandboxspec"
)

// maxRowErrors is how many errors in the rows of a file are reported.
const maxRowErrors = 20

// maxRowBytes is how much of a file of rows is checked, from its start. A test lowers it.
var maxRowBytes int64 = 64 << 20

// csvCheck is a CSV file being checked against the table that it fills. What a type takes besides being a number or not
// is the sandbox's to judge, when it reads the file.
type csvCheck struct {
	*loader
	file    string
	table   *ddl.Table
	columns []*ddl.Column // by field; nil for a field that is in no column
	errors  int           // in rows
}

// checkCSV reads a file once, from its start.
func (l *loader) checkCSV(name string, table *ddl.Table) {
	c := &csvCheck{loader: l, file: name, table: table}
	f, err := os.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		c.fail(0, 0, fmt.Sprintf("cannot read %s: %s", name, cause(err)), "", "")
		return
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		c.fail(0, 0, fmt.Sprintf("cannot read %s: %s", name, cause(err)), "", "")
	case !info.Mode().IsRegular():
		c.fail(0, 0, fmt.Sprintf("cannot read %s: it is not a regular file", name), "", "")
	case info.Size() == 0: // also what only looks like a file: reading /proc/kmsg does not end
		c.noHeader()
	default:
		c.read(f, info.Size() > maxRowBytes)
	}
}

// fail reports an error at a line and a column, of which 0 means the whole file.
func (c *csvCheck) fail(line, column int, summary, detail, hint string) {
	if c.sources[c.file] == nil {
		c.source(&source{name: c.file}) // so that errors are sorted by file
	}
	pos := hcl.Pos{Line: line, Column: column}
	c.errorAt(hcl.Range{Filename: c.file, Start: pos, End: pos}, summary, detail, hint)
}

func (c *csvCheck) noHeader() {
	c.fail(1, 1, "the file has no line that names the columns", "a CSV file that load reads begins with one", "")
}

// read checks the first line and the rows. cut says that the file continues after what is looked at.
func (c *csvCheck) read(f io.Reader, cut bool) {
	limited := &io.LimitedReader{R: f, N: maxRowBytes}
	r := sandboxspec.Rows(limited)
	r.FieldsPerRecord = -1
	for n := 0; c.errors < maxRowErrors; n++ {
		record, err := r.Read()
		switch {
		case cut && limited.N == 0: // the record may be cut off
			return
		case errors.Is(err, io.EOF):
			if n == 0 {
				c.noHeader()
			}
			return
		case err != nil:
			c.unreadable(err)
			return
		case n == 0:
			c.header(r, record)
		default:
			c.row(r, record)
		}
		if n%1024 == 0 && c.stopped() {
			return
		}
	}
}

func (c *csvCheck) stopped() bool {
	select {
	case <-c.opts.Stop:
		return true
	default:
		return false
	}
}

// unreadable reports where the file stops being CSV.
func (c *csvCheck) unreadable(err error) {
	var at *csv.ParseError
	if errors.As(err, &at) {
		c.fail(at.Line, at.Column, "the file is not CSV: "+at.Err.Error(), "", "")
		return
	}
	c.fail(0, 0, fmt.Sprintf("cannot read %s: %s", c.file, cause(err)), "", "")
}

// header finds out which fields are for which columns.
func (c *csvCheck) header(r *csv.Reader, header []string) {
	names := columnNames(c.table)
	var meant []string // columns that misspelled names stand for
	c.columns = make([]*ddl.Column, len(header))
	for i, name := range header {
		name = strings.TrimSpace(name)
		line, column := r.FieldPos(i)
		switch found := c.table.Column(name); {
		case !utf8.ValidString(name):
			c.fail(line, column, "the name of a column is not UTF-8 text", "", "save the file as UTF-8")
			meant = names
		case found == nil:
			nearest := spell.Nearest(name, names)
			meant = append(meant, nearest)
			c.fail(line, column, fmt.Sprintf("table %s has no column %q", c.table.Name, name), "the schema gives it "+list(names), didYouMean(nearest))
		case slices.Contains(c.columns, found):
			c.fail(line, column, fmt.Sprintf("column %s is named twice", found.Name), "", "")
		default:
			c.columns[i] = found
		}
	}
	for i := range c.table.Columns {
		column := &c.table.Columns[i]
		if column.NotNull && !column.HasDefault && !column.AutoIncrement && !column.Generated && !slices.Contains(c.columns, column) && !slices.Contains(meant, column.Name) {
			c.fail(1, 1, fmt.Sprintf("column %s of table %s is missing", column.Name, c.table.Name), "it is NOT NULL and has no default", "name it in the first line, and give every row a value for it")
		}
	}
}

// row checks a record.
func (c *csvCheck) row(r *csv.Reader, record []string) {
	if len(record) != len(c.columns) {
		line, column := r.FieldPos(0)
		c.inRow(line, column, fmt.Sprintf("the row has %s, and the first line names %d", count(len(record), "field"), len(c.columns)), "", "")
		return
	}
	for i, text := range record {
		column := c.columns[i]
		if column == nil || c.errors >= maxRowErrors {
			continue
		}
		kind := columnKind(column)
		switch {
		case kind != bytesColumn && !utf8.ValidString(text):
			line, at := r.FieldPos(i)
			c.inRow(line, at, fmt.Sprintf("the value of column %s is not UTF-8 text", column.Name), "", "save the file as UTF-8")
		case kind == numberColumn && !isNumber(text):
			line, at := r.FieldPos(i)
			c.inRow(line, at, fmt.Sprintf("column %s (%s) cannot hold %q", column.Name, column.Type, abbreviated(text)), "expected a number", "")
		}
	}
}

// inRow reports an error in a row.
func (c *csvCheck) inRow(line, column int, summary, detail, hint string) {
	if c.errors++; c.errors == maxRowErrors {
		hint = strings.TrimPrefix(hint+"\nthe rest of the file was not checked", "\n")
	}
	c.fail(line, column, summary, detail, hint)
}

// Kinds of columns.
const (
	textColumn = iota
	numberColumn
	bytesColumn
)

func columnKind(c *ddl.Column) int {
	switch c.Type {
	case "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "decimal", "dec", "numeric", "fixed", "float", "double", "real":
		return numberColumn
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit":
		return bytesColumn
	}
	return textColumn
}

// isNumber reports whether a field is a number as SQL writes it, or stands for NULL.
func isNumber(text string) bool {
	if text == "NULL" || text == `\N` || text == "" {
		return true
	}
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "e")
	whole, fraction, _ := strings.Cut(unsigned(mantissa), ".")
	return whole+fraction != "" && digits(whole) && digits(fraction) && (!scientific || unsigned(exponent) != "" && digits(unsigned(exponent)))
}

// unsigned returns a number without its sign.
func unsigned(text string) string {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		return text[1:]
	}
	return text
}

func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

func abbreviated(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

func columnNames(t *ddl.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}
