package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What is printed of an operation on a server leads to that server, and works from where it was printed.
func TestHintsOfAServersOperationNameTheServer(t *testing.T) {
	t.Parallel()
	p := buildWithFailpoints(t)
	dir, elsewhere := p.folder(), p.folder()
	p.writePlan(dir, servedPlan)
	s := p.serveOperations(dir, "")
	r := p.run(elsewhere, "", "operation", "enqueue", "failing", "--wait", "--server", s.at)
	if r.exit != 1 {
		t.Errorf("exit %d", r.exit)
	}
	_, command, ok := strings.Cut(r.stderr, "see shardform ")
	if !ok {
		t.Fatalf("no command:\n%s", r.stderr)
	}
	command, _, _ = strings.Cut(command, "\n")
	if show := p.run(elsewhere, "", strings.Fields(command)...); show.exit != 0 || !strings.Contains(show.stdout, "exit code 1") {
		t.Errorf("%s: exit %d\n%s%s", command, show.exit, show.stdout, show.stderr)
	}
	s.terminate()

	local := p.run(elsewhere, "", "operation", "enqueue", "failing", "--config", dir)
	_, command, _ = strings.Cut(local.stderr, "see shardform ")
	command, _, _ = strings.Cut(command, "\n")
	if show := p.run(elsewhere, "", strings.Fields(command)...); show.exit != 0 || !strings.Contains(show.stdout, "exit code 1") {
		t.Errorf("%s: exit %d\n%s%s", command, show.exit, show.stdout, show.stderr)
	}
}

func TestAServerThatIsNotThereIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	p := buildWithFailpoints(t)
	dir := p.folder()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for address, want := range map[string]string{nobody.Addr().String(): "connection refused", web.Listener.Addr().String(): "answers in plain HTTP, not in gRPC: this is a web port"} {
		for _, args := range [][]string{{"operation", "list"}, {"operation", "show", "1"}, {"operation", "enqueue", "x", "--wait"}} {
			r := p.run(dir, "", append(args, "--server", address)...)
			if r.exit != 1 || !strings.Contains(r.stderr, "cannot connect to the server at "+address) || !strings.Contains(r.stderr, want) || strings.Contains(r.stderr, "answers Unavailable") {
				t.Errorf("%v: exit %d\n%s", args, r.exit, r.stderr)
			}
		}
	}
}
