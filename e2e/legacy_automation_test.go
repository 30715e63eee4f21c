//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The original of the automation package: its server, which the benchmark runs against, and its client.

// originalServer runs the original automation_server until the test ends.
func (c cluster) originalServer(t *testing.T) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "automation_server.log"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(c.automation)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(filepath.Join(c.vitess, "bin", "automation_server"), "-port", port, "-log_dir", filepath.Dir(log.Name()))
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		log.Close()
	})
	waitFor(t, "automation_server to listen", func(ctx context.Context) (bool, error) { // a client that comes earlier waits a second
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.automation)
		if err != nil {
			return false, err
		}
		return true, connection.Close()
	})
}

// client is a run of the original automation_client, which enqueues the operation that splits the keyspace's only shard and
// looks every 50 ms until it is done.
type client struct {
	cmd  *exec.Cmd
	said bytes.Buffer
}

func (c cluster) startClient(t *testing.T, keyspace string) *client {
	t.Helper()
	args := []string{"-server", c.automation, "-task", "HorizontalReshardingTask"}
	for _, parameter := range []string{
		"keyspace=" + keyspace, "source_shard_list=0", "dest_shard_list=-80,80-", "min_healthy_rdonly_tablets=1",
		"vtctld_endpoint=" + c.vtctld, "vtworker_endpoint=" + c.vtworker,
	} {
		args = append(args, "-param", parameter)
	}
	r := &client{cmd: exec.CommandContext(t.Context(), filepath.Join(c.vitess, "bin", "automation_client"), args...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.said, &r.said
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// wait waits for the operation's end and gives what the client wrote: its details. The error is the client's own.
func (r *client) wait() (said string, err error) {
	err = r.cmd.Wait()
	return r.said.String(), err
}

// BenchmarkLegacyReshard holds `shardform apply` of an operation block against the original automation_server and its
// client, as BenchmarkReshard does with the steps by hand on a modern cluster. Now and then the original loses its operation
// on the way; it gets another keyspace then.
func BenchmarkLegacyReshard(b *testing.B) {
	const rows = 20_000
	fresh := func(t *testing.T, name string) *keyspace { return newLegacyKeyspace(t, legacyCluster(t), name, rows) }
	original := func(t *testing.T, k *keyspace) (took time.Duration, steps string) {
		k.originalServer(t)
		start := time.Now()
		said, err := k.startClient(t, k.name).wait()
		took = time.Since(start)
		if strings.Contains(said, "last seen delay should never be negative") { // when no event has come by then, it ends there
			return 0, "the original lost the operation at WaitForFilteredReplication"
		}
		if err != nil {
			t.Fatalf("automation_client: %v\n%s", err, said)
		}
		if n := strings.Count(said, "state: DONE"); n < 9 {
			t.Errorf("automation_client shows %d tasks that are done\n%s", n, said)
		}
		return took, "as one operation"
	}
	program := func(t *testing.T, k *keyspace) (took time.Duration, steps string) {
		plan := k.split(t, k.name)
		start := time.Now()
		got := plan.apply(t)
		took = time.Since(start)
		var list []string
		for _, m := range stepDone.FindAllStringSubmatch(got.stderr, -1) {
			list = append(list, m[1]+": "+m[2])
		}
		return took, strings.Join(list, ", ")
	}
	alternate(b, rows, &contender{name: "original", fresh: fresh, reshard: original}, &contender{name: "shardform", fresh: fresh, reshard: program})
}

// The original client enqueues a resharding at `shardform serve`, which is killed in the middle of SplitClone and of a
// migration and started again. The client keeps asking, and prints the operation's details. It gives up when its connection
// breaks under a question, so there is a proxy between the two that holds the question until the server is back.
func TestLegacyOriginalClient(t *testing.T) {
	t.Parallel()
	c := legacyClusterWithOwnVtworker(t)
	k := newLegacyKeyspace(t, c, "served", 20_000)
	load := k.load(t)
	load.mayFail = true
	load.waitForCommits(t, 20)
	dir := &planDir{c, t.TempDir()}
	dir.put(t, "plan.hcl", c.block())
	serve := func() *process {
		t.Helper()
		server := dir.start(t, nil, "serve", "--listen", c.automation)
		server.waitForText(t, "serving automationservice.Automation")
		return server
	}
	server := serve()
	between := newProxy(t, cluster{vtctld: c.automation})
	between.always = map[string]taking{"GetClusterOperationDetails": insists}
	asking := c
	asking.automation = between.address
	client := asking.startClient(t, k.name)
	for _, command := range []string{"SplitClone", "MigrateServedTypes"} {
		server.waitForText(t, "command: ["+command)
		load.waitForCommits(t, 20)
		server.kill(t)
		t.Logf("killed the server after the beginning of %s", command)
		server = serve()
	}
	said, err := client.wait()
	if err != nil {
		t.Fatalf("automation_client: %v\n%s", err, said)
	}
	load.waitForCommits(t, 50)
	load.finish(t)
	k.compare(t, "-80", "80-")
	if n := strings.Count(said, "state: DONE"); !strings.Contains(said, "SUCCESS: ClusterOperation finished.") || n != 11 {
		t.Errorf("automation_client: expected the details of an operation of 11 tasks that are done\n%s", said)
	}
	server.signal(syscall.SIGTERM)
	if got := server.wait(t); got.exit != 0 {
		t.Errorf("serve ended with %s", got)
	}
}
