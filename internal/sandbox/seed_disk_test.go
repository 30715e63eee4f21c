package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What is seeded lies in SQLite's log before it is in the file, and closing does not say where it could not be moved: as
// with a full disk, or here with somebody who reads the file.
func TestSeedingThatCannotBeWrittenLeavesNothing(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"-"})
	fresh := filepath.Join(spec.Path, topoFile+".new")
	var reader *sql.DB
	looking := func() time.Time {
		if _, err := os.Stat(fresh); err == nil && reader == nil {
			if reader, err = sql.Open("sqlite", fileURI(fresh)+"?mode=ro"); err != nil {
				t.Fatal(err)
			}
			rows, err := reader.QueryContext(context.WithoutCancel(t.Context()), "SELECT name FROM sqlite_schema")
			if err != nil || !rows.Next() {
				t.Fatalf("reading what is being seeded: %v", err)
			}
			t.Cleanup(func() { rows.Close() })
		}
		return time.Now()
	}
	c, err := Open(t.Context(), spec, Options{Now: looking})
	if reader == nil {
		t.Fatal("the file was not there while the sandbox was seeded")
	}
	if err == nil {
		c.Close()
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	checkSeeded(t, open(t, spec, Options{}))
}

func checkSeeded(t *testing.T, c *Cluster) {
	t.Helper()
	rows, err := c.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(rows, func(r TableRows) bool { return r.Table == "customer" && r.Rows == 10 && r.Serving }) {
		t.Errorf("seeded: %v", rows)
	}
}

// A file that an earlier release, or a broken disk, left unreadable is no reason to keep it.
func TestResetOfAnUnreadableSandbox(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"-"})
	c, err := Open(t.Context(), spec, Options{})
	if err := errors.Join(err, c.Close(), os.WriteFile(filepath.Join(spec.Path, topoFile), []byte("not a database, although it is as long as one might be"), 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), spec, Options{})
	wantError(t, err, "shardform sandbox reset")
	if err := Reset(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	checkSeeded(t, open(t, spec, Options{}))
}
