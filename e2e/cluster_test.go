//go:build e2e

// Package e2e reshards a real Vitess with the real program while rows are written, and compares every row afterwards. It
// needs what setup.sh gets (see docs/e2e.md and `make e2e`), runs only with the build tag e2e, and may reach the cluster
// only as operators and applications do: by the program, by vtctldclient, by vtgate. Only the comparison looks at the
// shards' databases themselves.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
)

// cluster is the Vitess that cluster.sh runs.
type cluster struct {
	data    string // folder of its data and logs
	vitess  string // folder of the Vitess programs' bin
	vtctld  string // gRPC address
	vtgate  string // MySQL address
	program string // shardform, as users run it
}

// TestMain builds the program and keeps a cluster running for the tests. Each test has keyspaces and tablets of its own.
func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	c, err := findCluster()
	if err != nil {
		return 1, err
	}
	defer func() {
		if _, downErr := script("down"); err == nil && downErr != nil {
			err = fmt.Errorf("stopping the cluster: %w", downErr)
		}
	}()
	if _, err := script("up"); err != nil {
		return 1, fmt.Errorf("starting the cluster: %w", err)
	}
	if out, err := exec.Command("go", "build", "-o", c.program, "..").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// findCluster asks cluster.sh where things are.
func findCluster() (cluster, error) {
	out, err := script("env")
	if err != nil {
		return cluster{}, err
	}
	env := make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		env[name] = value
	}
	return cluster{
		data:    env["E2E_DATA"],
		vitess:  env["E2E_VITESS"],
		vtctld:  env["E2E_VTCTLD"],
		vtgate:  env["E2E_VTGATE"],
		program: filepath.Join(env["E2E_CACHE"], "shardform"),
	}, nil
}

// script runs cluster.sh; the error has what it said.
func script(args ...string) ([]byte, error) {
	cmd := exec.Command("./cluster.sh", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cluster.sh %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// runningCluster is the cluster that TestMain has started.
func runningCluster(t *testing.T) cluster {
	t.Helper()
	c, err := findCluster()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shard starts tablets for a shard; the first of uids becomes its primary. No two shards of a test run share a uid.
func (c cluster) shard(t *testing.T, keyspace, shard string, uids ...int) {
	t.Helper()
	args := []string{"shard", keyspace, shard}
	for _, uid := range uids {
		args = append(args, strconv.Itoa(uid))
	}
	if _, err := script(args...); err != nil {
		t.Fatal(err)
	}
}

// vtctl runs vtctldclient.
func (c cluster) vtctl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.vitess, "bin", "vtctldclient"), append([]string{"--server", c.vtctld}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("vtctldclient %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// gate starts vtgate, if it does not run, and connects to it; target is a keyspace, or a keyspace and a tablet type
// such as customer@replica.
func (c cluster) gate(t *testing.T, target string) *sql.DB {
	t.Helper()
	if _, err := script("gate"); err != nil {
		t.Fatal(err)
	}
	return open(t, fmt.Sprintf("root@tcp(%s)/%s?timeout=5s&readTimeout=40s&interpolateParams=true", c.vtgate, target))
}

// database connects to a tablet's own MySQL, past Vitess.
func (c cluster) database(t *testing.T, keyspace string, uid int) *sql.DB {
	t.Helper()
	socket := filepath.Join(c.data, fmt.Sprintf("vt_%010d", uid), "mysql.sock")
	return open(t, fmt.Sprintf("vt_dba@unix(%s)/vt_%s?timeout=5s", socket, keyspace))
}

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing %s: %v", dsn, err)
		}
	})
	return db
}

// waitFor asks every 100 ms until ready says yes, for two minutes; what says what is waited for.
func waitFor(t *testing.T, what string, ready func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := ready(ctx)
		if ok && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v (last answer: %v)", what, ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// waitForTablets waits until vtgate knows that many tablets of the keyspace's shard.
func waitForTablets(t *testing.T, gate *sql.DB, keyspace, shard string, count int) {
	t.Helper()
	waitFor(t, fmt.Sprintf("vtgate to see %d tablets of %s/%s", count, keyspace, shard), func(ctx context.Context) (bool, error) {
		rows, err := gate.QueryContext(ctx, "show vitess_tablets")
		if err != nil {
			return false, err
		}
		defer rows.Close()
		columns, err := rows.Columns() // Cell, Keyspace, Shard and others
		if err != nil {
			return false, err
		}
		seen := 0
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return false, err
			}
			if values[1].String == keyspace && values[2].String == shard {
				seen++
			}
		}
		return seen >= count, rows.Err()
	})
}
