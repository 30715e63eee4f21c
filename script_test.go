package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // a sandbox's files are there for any SQLite client

	"shardform/internal/vitess/legacytest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shardform": main})
}

// TestScripts runs the stories in testdata/script, each as its user would type it; with -short not those in slow. A script
// finds a copy of examples/ in its working directory.
func TestScripts(t *testing.T) {
	patterns := []string{"testdata/script/slow/*.txtar", "testdata/script/*.txtar"}
	if testing.Short() {
		patterns = patterns[1:]
	}
	var scripts []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("scripts %s: %v, %v", pattern, files, err)
		}
		scripts = append(scripts, files...)
	}
	testscript.Run(t, testscript.Params{
		Files:               scripts,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			if strings.HasPrefix(filepath.Base(env.WorkDir), "script-legacy") {
				legacyServers(t, env)
			}
			return copyExamples(filepath.Join(env.WorkDir, "examples"))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    scriptExits,
			"sqlite":   scriptSQLite,
			"waitfile": scriptWaitFile,
		},
	})
}

// legacyServers starts the servers of a legacy cluster with the keyspaces of examples/legacy.hcl, and names them in
// $VTCTLD and $VTWORKER.
func legacyServers(t *testing.T, env *testscript.Env) {
	world := legacytest.NewWorld()
	world.Keyspace("customer", []string{"-"}, "create table customer (id bigint primary key)")
	world.Spare("customer", "-80", "80-")
	world.Keyspace("commerce", []string{"0"}, "create table corder (id bigint primary key)")
	world.Keyspace("orders", []string{"0"})
	world.ServedFrom("orders", "commerce")
	worker := &legacytest.Worker{Run: world.Vtworker}
	env.Setenv("VTCTLD", legacytest.Vtctld(t, world.Vtctl).Address)
	env.Setenv("VTWORKER", legacytest.Vtworker(t, worker.Handle).Address)
}

// scriptExits is `exits CODE ARG...`: runs shardform and wants this exit code, which exec cannot tell from another.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARG...")
	}
	err := ts.Exec("shardform", args[1:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("shardform %v: exit %d, want %s", args[1:], code, args[0])
	}
}

// scriptWaitFile is `waitfile NAME`: waits until the file is there, which a program in the background makes.
func scriptWaitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfile NAME")
	}
	name := ts.MkAbs(args[0])
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}

// scriptSQLite is `sqlite FILE STATEMENTS`: runs them on a file of a sandbox, as a client of its MySQL would, and prints the
// first column of what they return.
func scriptSQLite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sqlite FILE STATEMENTS")
	}
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0])+"?mode=rw")
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query(args[1])
	ts.Check(err)
	defer rows.Close()
	for rows.Next() {
		var text string
		ts.Check(rows.Scan(&text))
		fmt.Fprintln(ts.Stdout(), text)
	}
	ts.Check(rows.Err())
}

// copyExamples copies the plan files in examples/ and what they read. Runs leave their state and their sandboxes there too.
func copyExamples(to string) error {
	if err := os.CopyFS(filepath.Join(to, "quickstart"), os.DirFS("examples/quickstart")); err != nil {
		return err
	}
	plans, err := filepath.Glob("examples/*.hcl")
	if err != nil {
		return err
	}
	for _, plan := range plans {
		content, err := os.ReadFile(plan)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(plan)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
