package cli

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAServerThatIsNotThereIsAConnectionError(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	for address, want := range map[string]string{
		closed.Addr().String():       "connection refused",
		web.Listener.Addr().String(): "answers in plain HTTP, not in gRPC: this is a web port",
	} {
		for _, args := range [][]string{{"operation", "list"}, {"operation", "show", "1"}, {"operation", "enqueue", "x", "--wait"}} {
			t.Run(strings.Join(args, " ")+", "+want, func(t *testing.T) {
				t.Parallel()
				code, _, stderr := run(t, nil, append(args, "--server", address)...)
				if code != 1 || !strings.Contains(stderr, "cannot connect to the server at "+address) || !strings.Contains(stderr, want) || strings.Contains(stderr, "answers Unavailable") {
					t.Errorf("exit %d\n%s", code, stderr)
				}
			})
		}
	}
}
