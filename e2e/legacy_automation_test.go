//go:build e2e

package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
}

// originalClient runs the original automation_client, which enqueues the operation that splits the keyspace's only shard
// and waits for its end. It has to come, and without an error. What the client wrote has the operation's details.
func (c cluster) originalClient(t *testing.T, keyspace string) (said string) {
	t.Helper()
	out, err := c.enqueueSplit(t, keyspace).CombinedOutput()
	if err != nil {
		t.Fatalf("automation_client: %v\n%s", err, out)
	}
	return string(out)
}

func (c cluster) enqueueSplit(t *testing.T, keyspace string) *exec.Cmd {
	t.Helper()
	args := []string{"-server", c.automation, "-task", "HorizontalReshardingTask"}
	for _, parameter := range []string{
		"keyspace=" + keyspace, "source_shard_list=0", "dest_shard_list=-80,80-", "min_healthy_rdonly_tablets=1",
		"vtctld_endpoint=" + c.vtctld, "vtworker_endpoint=" + c.vtworker,
	} {
		args = append(args, "-param", parameter)
	}
	return exec.CommandContext(t.Context(), filepath.Join(c.vitess, "bin", "automation_client"), args...)
}

// BenchmarkLegacyReshard holds `shardform apply` of an operation block against the original automation_server and its
// client, as BenchmarkReshard does with the steps by hand on a modern cluster.
func BenchmarkLegacyReshard(b *testing.B) {
	const rows = 20_000
	fresh := func(t *testing.T, name string) *keyspace { return newLegacyKeyspace(t, legacyCluster(t), name, rows) }
	original := func(t *testing.T, k *keyspace) (took time.Duration, steps string) {
		k.originalServer(t)
		start := time.Now()
		said := k.originalClient(t, k.name)
		took = time.Since(start)
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
