//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// How vtctld dies and comes back.

func signalVtctld(t *testing.T, c cluster, signal syscall.Signal) {
	t.Helper()
	c.signal(t, c.vtctldName, signal)
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

// killVtctld kills the test's own vtctld in the middle of whatever it does.
func (k *keyspace) killVtctld(t *testing.T) {
	t.Helper()
	k.script(t, "kill", k.vtctldName)
}

// killVtctldIn lets a call that waits in the proxy go until it waits for a table on a tablet, kills vtctld there, and starts
// it again. What waited for the table is not done; the locks that the killed one has taken stay.
func (k *keyspace) killVtctldIn(t *testing.T, run *process, name string, arrived <-chan struct{}, proceed func(), uid int, table string) {
	t.Helper()
	run.reaches(t, name, arrived)
	unlock := k.lockTable(t, uid, table, "write")
	proceed()
	k.waitForWaiter(t, uid, table)
	k.killVtctld(t)
	k.killWaiter(t, uid, table)
	unlock()
	k.script(t, "start", k.vtctldName)
	t.Logf("vtctld was killed in %s and started again", name)
}

// unlocks checks that a run ended because a vtctld that was killed in action has left the workflow locked, that it says first
// what serves writes, and removes the lock with the commands that it printed and nothing else.
func (k *keyspace) unlocks(t *testing.T, got answer, action, first string) {
	t.Helper()
	if got.exit != 6 {
		t.Fatalf("a workflow that a killed vtctld has left locked: want exit code 6\n%s", got)
	}
	for _, text := range []string{"Error: " + first, "workflow " + k.name + "/sf_", "is locked", action + " on ", " took the lock at 20", "since it was first seen here"} {
		if !strings.Contains(got.stderr, text) {
			t.Errorf("the run does not say %q", text)
		}
	}
	commands := regexp.MustCompile(`etcdctl .*`).FindAllString(got.stderr, -1)
	if len(commands) == 0 {
		t.Fatalf("no command removes the lock\n%s", got)
	}
	t.Logf("%s\n%s", got, strings.Join(commands, "\n"))
	for _, command := range commands {
		paste := exec.Command("sh", "-c", command)
		paste.Env = append(os.Environ(), "PATH="+filepath.Join(k.servers, "usr/bin")+":"+os.Getenv("PATH"))
		if out, err := paste.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// startVtctld starts vtctld again and removes the locks that the killed one has left in the topology, for tests that are not
// about them: that of a workflow stays for a day, that of a keyspace for minutes.
func (k *keyspace) startVtctld(t *testing.T) {
	t.Helper()
	k.script(t, "start", k.vtctldName)
	for _, prefix := range []string{"/vitess/global/internal/named_locks/" + k.name + "/", "/vitess/global/keyspaces/" + k.name + "/locks/"} {
		k.deleteFromEtcd(t, prefix)
	}
}

// deleteFromEtcd is etcdctl del --prefix.
func (c cluster) deleteFromEtcd(t *testing.T, prefix string) {
	t.Helper()
	end := []byte(prefix)
	end[len(end)-1]++
	body, err := json.Marshal(map[string]string{"key": base64.StdEncoding.EncodeToString([]byte(prefix)), "range_end": base64.StdEncoding.EncodeToString(end)})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+c.etcd+"/v3/kv/deleterange", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("deleting %s from etcd: %s: %s (%v)", prefix, answer.Status, said, err)
	}
}
