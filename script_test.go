package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"shardform/internal/vitess/legacytest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shardform": main})
}

// TestScripts runs the stories in testdata/script, each as its user would type it. A script finds a copy of examples/
// in its working directory.
func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			if strings.HasPrefix(filepath.Base(env.WorkDir), "script-legacy") {
				legacyServers(t, env)
			}
			return copyTree(filepath.Join(env.WorkDir, "examples"), examples)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    scriptExits,
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

// copyTree copies the files that belong to the repository: no state and no sandboxes that runs left beside them.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if matched, _ := filepath.Match("sandbox*", entry.Name()); matched {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if matched, _ := filepath.Match("*.shardform.db*", entry.Name()); matched {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), content, 0o644)
	})
}
