package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite" // registers the driver and gives its error type
	sqlite3 "modernc.org/sqlite/lib"
)

// busyTimeout is how long SQLite itself waits for another process's lock before it reports busy.
const busyTimeout = time.Second

// database is one SQLite file in WAL mode: a connection that writes and some that read.
type database struct {
	path  string
	write *sql.DB // one connection, every transaction takes the write lock at once
	read  *sql.DB // cannot write
}

// openDatabase opens the file, creating it if it is absent.
func openDatabase(path string) (*database, error) { return openMode(path, "rwc") }

// openExisting opens a file that is there: one that was removed is not to come back, empty, because someone looked.
func openExisting(path string) (*database, error) { return openMode(path, "rw") }

func openMode(path, mode string) (*database, error) {
	common := "?mode=" + mode + fmt.Sprintf("&_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)", busyTimeout.Milliseconds())
	write, err := sql.Open("sqlite", fileURI(path)+common+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", fileURI(path)+common+"&_pragma=query_only(1)")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	read.SetMaxIdleConns(4)
	return &database{path: path, write: write, read: read}, nil
}

// fileURI spells a file name as SQLite's URI; names with %, ? or # would otherwise be cut short.
func fileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + strings.ReplaceAll(u.EscapedPath(), "?", "%3F")
}

func (d *database) close() error {
	return errors.Join(d.read.Close(), d.write.Close())
}

// checkpoint moves all that was committed from SQLite's log into the file itself. Closing does so too, but does not say
// where that fails: a file that is to be renamed needs it before.
func (d *database) checkpoint(ctx context.Context) error {
	var busy, inLog, moved int
	if err := d.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &inLog, &moved); err != nil {
		return fmt.Errorf("write %s: %w", d.path, err)
	}
	if busy != 0 || inLog > 0 {
		return fmt.Errorf("write %s: somebody reads it; %d pages of %d are in the file", d.path, moved, inLog)
	}
	return nil
}

// update runs f in a transaction that holds the file's write lock. While another process holds it, update waits until ctx ends.
func (d *database) update(ctx context.Context, f func(*sql.Tx) error) error {
	for {
		err := inTx(ctx, d.write, f)
		if !isBusy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// view runs f on one consistent state of the file.
func (d *database) view(ctx context.Context, f func(*sql.Tx) error) error {
	return inTx(ctx, d.read, f)
}

func inTx(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err = f(tx); err != nil {
		err = errors.Join(err, ignoreDone(tx.Rollback()))
	} else {
		err = tx.Commit()
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), err) // it rolled back: what f met then does not say why
	}
	return err
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// isBusy reports whether err says that another connection holds the lock: trying again helps.
func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// isDuplicate reports whether err says that a row has the values of one of its table's unique keys in common with another.
func isDuplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && slices.Contains([]int{sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_ROWID}, e.Code())
}

// isDamaged reports whether err says that a file is not a database, or not a whole one.
func isDamaged(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}

// quoteName spells an identifier for SQLite.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText spells a string literal for SQLite.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// collect runs a query and scans every row with scan.
func collect[T any](tx *sql.Tx, scan func(func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
