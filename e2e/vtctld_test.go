//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// How vtctld dies and comes back.

func signalVtctld(t *testing.T, c cluster, signal syscall.Signal) {
	t.Helper()
	c.signal(t, "vtctld", signal)
}

// signal sends a server of the cluster a signal, by the name of its pid file.
func (c cluster) signal(t *testing.T, server string, signal syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.data, "pids", server+".pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = syscall.Kill(pid, signal)
	}
	if err != nil {
		t.Fatalf("signalling %s: %v", server, err)
	}
}

// killVtctld kills vtctld in the middle of whatever it does; the next killVtctld or the end of the test finds it running.
func (k *keyspace) killVtctld(t *testing.T) {
	t.Helper()
	k.script(t, "kill", "vtctld")
	t.Cleanup(func() {
		if connection, err := net.Dial("tcp", k.vtctld); err == nil {
			connection.Close()
		} else if _, err := script("start", "vtctld"); err != nil {
			t.Errorf("starting vtctld: %v", err)
		}
	})
}

// startVtctld starts vtctld again and removes the locks that the killed one has left in the topology, as its operator does:
// that of a workflow stays for a day, that of a keyspace for minutes.
func (k *keyspace) startVtctld(t *testing.T) {
	t.Helper()
	k.script(t, "start", "vtctld")
	for _, prefix := range []string{"/vitess/global/internal/named_locks/" + k.name + "/", "/vitess/global/keyspaces/" + k.name + "/locks/"} {
		k.deleteFromEtcd(t, prefix)
	}
}

// deleteFromEtcd is etcdctl del --prefix.
func (c cluster) deleteFromEtcd(t *testing.T, prefix string) {
	t.Helper()
	host, port, err := net.SplitHostPort(c.vtctld)
	if err != nil {
		t.Fatal(err)
	}
	grpc, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	end := []byte(prefix)
	end[len(end)-1]++
	body, err := json.Marshal(map[string]string{"key": base64.StdEncoding.EncodeToString([]byte(prefix)), "range_end": base64.StdEncoding.EncodeToString(end)})
	if err != nil {
		t.Fatal(err)
	}
	etcd := net.JoinHostPort(host, strconv.Itoa(grpc-999+2)) // see the table of ports in docs/e2e.md
	answer, err := http.Post("http://"+etcd+"/v3/kv/deleterange", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("deleting %s from etcd: %s: %s (%v)", prefix, answer.Status, said, err)
	}
}
