//go:build e2e

// Package e2e reshards a real Vitess with the real program while rows are written, and compares every row afterwards. It
// needs what setup.sh gets (see docs/contributing/e2e.md and `make e2e`), runs only with the build tag e2e, and may reach the cluster
// only as operators and applications do: by the program, by vtctldclient, by vtgate. Only the comparison looks at the
// shards' databases themselves. A run has one cluster: a modern one, or, with SHARDFORM_E2E_VITESS=legacy, one that has
// vtworker, for the tests whose names begin with TestLegacy.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"shardform/internal/sample"
)

// cluster is the Vitess that cluster.sh runs.
type cluster struct {
	data       string // directory of its data and logs
	port       int    // its first port
	vitess     string // directory of the Vitess programs' bin
	servers    string // directory of the unpacked Debian packages: etcdctl is in its usr/bin
	etcd       string // client address
	vtctld     string // gRPC address
	vtctldName string // of that vtctld in cluster.sh
	vtgate     string // MySQL address
	program    string // shardform, as users run it

	legacy     bool   // it has vtworker; what follows is empty where it has none
	vtworker   string // gRPC address
	automation string // a gRPC address for a server of operations; nobody listens there yet
}

// TestMain builds the program and keeps a cluster running for the tests. Each test has keyspaces of its own. With
// SHARDFORM_E2E_KEEP=1 the cluster and the keyspaces are left running.
func TestMain(m *testing.M) {
	start := time.Now()
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	durations.print(os.Stdout, time.Since(start))
	os.Exit(code)
}

// keep tells whether what the tests made is to be left running.
func keep() bool { return os.Getenv("SHARDFORM_E2E_KEEP") == "1" }

func runTests(m *testing.M) (code int, err error) {
	c, err := findCluster()
	if err != nil {
		return 1, err
	}
	if err := c.choose(); err != nil {
		return 1, err
	}
	// the file is held open, and so locked, until the process ends
	lock, err := os.OpenFile(filepath.Join(c.data, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return 1, fmt.Errorf("%w (e2e/setup.sh makes the directory)", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return 1, fmt.Errorf("another run uses %s: a second one needs SHARDFORM_E2E_DATA and SHARDFORM_E2E_PORT of its own: %w", c.data, err)
	}
	defer func() {
		if keep() {
			fmt.Fprintln(os.Stderr, "the cluster is left running (SHARDFORM_E2E_KEEP=1): e2e/cluster.sh down stops it")
			return
		}
		if _, downErr := script("down"); err == nil && downErr != nil {
			err = fmt.Errorf("stopping the cluster: %w", downErr)
		}
	}()
	if _, err := script("up"); err != nil {
		return 1, fmt.Errorf("starting the cluster: %w", err)
	}
	if err := build(c.program); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// mostAtOnce is how many scenarios run at the same time where -parallel does not say it: they wait most of the time, and each
// needs up to 3 GB of memory.
const mostAtOnce = 2

// shareOfTests is how many of the tests on a modern cluster a run takes without -sample.all: all of them take 23 minutes or more.
const shareOfTests = 0.3

// choose leaves out the tests that want the other kind of cluster, and takes a sample of those on a modern one, unless -run or
// -skip say which tests are wanted, and chooses how many run at the same time.
func (c cluster) choose() error {
	flag.Parse()
	given := make(map[string]bool)
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["test.parallel"] {
		free, err := freeMemory()
		if err != nil {
			return err
		}
		if err := flag.Set("test.parallel", strconv.Itoa(max(1, min(mostAtOnce, int(free/(3<<30)))))); err != nil {
			return err
		}
	}
	switch {
	case c.legacy && given["test.run"], !c.legacy && given["test.skip"]:
		return nil
	case c.legacy:
		return flag.Set("test.run", "^TestLegacy")
	}
	if err := flag.Set("test.skip", "^(Test|Benchmark)Legacy"); err != nil || given["test.run"] {
		return err
	}
	tests, err := modernTests()
	if err != nil {
		return err
	}
	return flag.Set("test.run", "^("+strings.Join(sample.Tests(os.Stdout, shareOfTests, tests), "|")+")$")
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(t `)

// modernTests returns the names of this package's tests that want a modern cluster.
func modernTests() (tests []string, err error) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, match := range testFunction.FindAllSubmatch(source, -1) {
			if name := string(match[1]); !strings.HasPrefix(name, "TestLegacy") {
				tests = append(tests, name)
			}
		}
	}
	return tests, nil
}

// freeMemory is how many bytes of memory are available.
func freeMemory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, errors.New("/proc/meminfo does not say how much memory is available")
}

// build makes the program from the checkout.
func build(program string, flags ...string) error {
	args := append(append([]string{"build"}, flags...), "-o", program, "..")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return nil
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
	port, err := strconv.Atoi(env["E2E_PORT"])
	if err != nil {
		return cluster{}, fmt.Errorf("cluster.sh env: port: %w", err)
	}
	c := cluster{
		port:       port,
		data:       env["E2E_DATA"],
		vitess:     env["E2E_VITESS"],
		servers:    env["E2E_SERVERS"],
		etcd:       env["E2E_ETCD"],
		vtctld:     env["E2E_VTCTLD"],
		vtctldName: "vtctld",
		vtgate:     env["E2E_VTGATE"],
		program:    filepath.Join(env["E2E_DATA"], "shardform"),
		legacy:     env["SHARDFORM_E2E_VITESS"] == "legacy",
	}
	if c.legacy {
		c.vtworker, c.automation = env["E2E_VTWORKER"], env["E2E_AUTOMATION"]
	}
	return c, nil
}

// script runs cluster.sh as the holder of the lock; the error has what it said.
func script(args ...string) ([]byte, error) {
	cmd := exec.Command("./cluster.sh", args...)
	cmd.Env = append(os.Environ(), "SHARDFORM_E2E_LOCKED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cluster.sh %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// runningCluster is the modern cluster that TestMain has started.
func runningCluster(t *testing.T) cluster {
	t.Helper()
	return theCluster(t, false)
}

// legacyCluster is the legacy cluster that TestMain has started.
func legacyCluster(t *testing.T) cluster {
	t.Helper()
	return theCluster(t, true)
}

func theCluster(t *testing.T, legacy bool) cluster {
	t.Helper()
	c, err := findCluster()
	if err != nil {
		t.Fatal(err)
	}
	if c.legacy != legacy {
		t.Fatalf("this test wants SHARDFORM_E2E_VITESS=%s", map[bool]string{false: "modern", true: "legacy"}[legacy])
	}
	return c
}

// script runs cluster.sh (its head says what it can do) and fails the test if that fails. It returns its words.
func (c cluster) script(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := script(args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// withFailpoints is the cluster with a program that has crash points (build tag failpoints).
func (c cluster) withFailpoints(t *testing.T) cluster {
	t.Helper()
	c.program += "-failpoints"
	if err := buildWithFailpoints(c.program); err != nil {
		t.Fatal(err)
	}
	return c
}

// buildWithFailpoints makes that program once: another test may be running it.
var buildWithFailpoints = func() func(program string) error {
	var once sync.Once
	var err error
	return func(program string) error {
		once.Do(func() { err = build(program, "-tags", "failpoints") })
		return err
	}
}()

// ownServers counts the servers that tests have for themselves.
var ownServers atomic.Int32

// clusterWithOwnVtctld is the modern cluster as it is reached by a vtctld of the test's own, which it may kill while other tests
// use theirs.
func clusterWithOwnVtctld(t *testing.T) cluster {
	t.Helper()
	c := runningCluster(t)
	c.vtctldName, c.vtctld = c.startOwn(t, "vtctld", 1010)
	return c
}

// legacyClusterWithOwnVtworker is the legacy cluster with a vtworker of the test's own: one does one thing at a time.
func legacyClusterWithOwnVtworker(t *testing.T) cluster {
	t.Helper()
	c := legacyCluster(t)
	_, c.vtworker = c.startOwn(t, "vtworker", 1900)
	return c
}

// startOwn starts one more server of a kind for the test and returns its name in cluster.sh and its gRPC address. The ports of
// the kind follow offset (the table of ports is in docs/contributing/e2e.md).
func (c cluster) startOwn(t *testing.T, kind string, offset int) (name, address string) {
	t.Helper()
	number := int(ownServers.Add(1))
	name = fmt.Sprintf("%s_%d", kind, number)
	c.script(t, "start", name)
	if !keep() {
		t.Cleanup(func() {
			if _, err := script("kill", name); err != nil {
				t.Errorf("killing %s: %v", name, err)
			}
		})
	}
	return name, net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port+offset+number))
}

// tryVtctl runs vtctldclient, or vtctlclient on a legacy cluster, and gives what it wrote.
func (c cluster) tryVtctl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	client, options := "vtctldclient", []string{"--server", c.vtctld, "--action-timeout", "2m"}
	if c.legacy {
		client, options = "vtctlclient", []string{"-server", c.vtctld, "-action_timeout", "2m"}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.vitess, "bin", client), append(options, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", client, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out), nil
}

// vtctl runs vtctldclient, or vtctlclient, which has to succeed, and gives its standard output.
func (c cluster) vtctl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.tryVtctl(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// gate connects to vtgate; target is a keyspace, or a keyspace and a tablet type such as customer@replica.
func (c cluster) gate(t *testing.T, target string) *sql.DB {
	t.Helper()
	return open(t, fmt.Sprintf("root@tcp(%s)/%s?timeout=5s&readTimeout=40s&interpolateParams=true", c.vtgate, target))
}

// database connects to a tablet's own MySQL, past Vitess.
func (c cluster) database(t *testing.T, keyspace string, uid int) *sql.DB {
	t.Helper()
	return c.server(t, uid, "vt_"+keyspace)
}

// server connects to a tablet's own MySQL with that database as the default, or none: to connect with one waits for what
// changes it.
func (c cluster) server(t *testing.T, uid int, database string) *sql.DB {
	t.Helper()
	socket := filepath.Join(c.data, fmt.Sprintf("vt_%010d", uid), "mysql.sock")
	return open(t, fmt.Sprintf("vt_dba@unix(%s)/%s?timeout=5s", socket, database))
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

// waitFor asks every 100 ms until ready says yes, for five minutes, as the machine may be busy; what says what is waited for.
func waitFor(t *testing.T, what string, ready func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
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
