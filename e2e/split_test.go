//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSplitUnderLoadKeepsEveryRow(t *testing.T) {
	const keyspace, rows = "customer", 20_000
	c := runningCluster(t)
	c.shard(t, keyspace, "0", 100, 101)
	c.vtctl(t, "ApplyVSchema", "--vschema-file", "testdata/customer.vschema.json", keyspace)
	c.vtctl(t, "ApplySchema", "--sql-file", "testdata/customer.sql", keyspace)

	gate := c.gate(t, keyspace)
	waitFor(t, "vtgate to serve the tables", func(ctx context.Context) (bool, error) {
		var count int
		err := gate.QueryRowContext(ctx, "select count(*) from corder").Scan(&count)
		return err == nil, err
	})
	load := startLoad(t, c, keyspace, rows, seed(t, gate, rows))

	c.shard(t, keyspace, "-80", 200, 201)
	c.shard(t, keyspace, "80-", 300, 301)
	waitForTablets(t, gate, keyspace, "-80", 2)
	waitForTablets(t, gate, keyspace, "80-", 2)

	dir := c.planFolder(t, keyspace, `["-80", "80-"]`)
	if out, exit := c.shardform(t, dir, "apply", "--auto-approve", "--no-color"); exit != 0 {
		t.Fatalf("apply exited %d\n%s", exit, out)
	}
	told := load.finish(t)
	c.compare(t, keyspace, "xxhash", primaries{"-80": 200, "80-": 300}, told)
	if out, exit := c.shardform(t, dir, "plan", "--detailed-exitcode", "--no-color"); exit != 0 {
		t.Errorf("plan --detailed-exitcode exited %d where nothing is left to do\n%s", exit, out)
	}
}

// planFolder makes a folder with a plan file that declares the keyspace's shards (HCL) on the cluster.
func (c cluster) planFolder(t *testing.T, keyspace, shards string) string {
	t.Helper()
	dir := t.TempDir()
	vschema, err := os.ReadFile("testdata/customer.vschema.json")
	if err != nil {
		t.Fatal(err)
	}
	plan := fmt.Sprintf(`cluster "main" {
  vtctld = [%q]
}

keyspace %q {
  shards  = %s
  vschema = file("customer.vschema.json")
}
`, c.vtctld, keyspace, shards)
	for name, content := range map[string][]byte{"plan.hcl": []byte(plan), "customer.vschema.json": vschema} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shardform runs the program in dir and gives all that it wrote and its exit code.
func (c cluster) shardform(t *testing.T, dir string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running shardform %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}
