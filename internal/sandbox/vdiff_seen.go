package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
)

// soFar is what an earlier run of the comparison has found out about a table, and the key of the last row that it saw; nil
// if it saw none.
func (e *engine) soFar(ctx context.Context, d *vdiff, stmts *rowSQL) (*diffReport, []any, error) {
	report := &diffReport{TableName: stmts.table.Name}
	var seen []any
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		columns := strings.Join(keyNames(len(stmts.key)), ", ")
		seen, err = scanRow(tx.QueryRow(`SELECT `+columns+` FROM vdiff_seen WHERE vdiff_id = ? AND table_name = ?`, d.id, stmts.table.Name).Scan, len(stmts.key))
		if errors.Is(err, sql.ErrNoRows) {
			seen = nil
			return nil
		}
		if err != nil {
			return err
		}
		var text string
		if err := tx.QueryRow(`SELECT report FROM vdiff_table WHERE vdiff_id = ? AND table_name = ?`, d.id, stmts.table.Name).Scan(&text); err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), report)
	})
	return report, seen, err
}

// saveVDiffTable records how far the comparison of a table is.
func (tx topoTx) saveVDiffTable(d *vdiff, state string, report *diffReport, seen []any) error {
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE vdiff_table SET state = ?, rows_compared = ?, mismatch = ?, report = ? WHERE vdiff_id = ? AND table_name = ?`,
		state, report.ProcessedRows, report.differs(), string(text), d.id, report.TableName); err != nil || seen == nil {
		return err
	}
	names := append([]string{"vdiff_id", "table_name"}, keyNames(len(seen))...)
	_, err = tx.Exec(`INSERT OR REPLACE INTO vdiff_seen (`+strings.Join(names, ", ")+`) VALUES (`+marks(len(names))+`)`, append([]any{d.id, report.TableName}, seen...)...)
	return err
}
