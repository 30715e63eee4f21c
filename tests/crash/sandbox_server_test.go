//go:build crash

package crash

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

// sandboxServer is the process that serves a sandbox, also at an address.
type sandboxServer struct {
	testProgram
	dir, address string
	cmd          *exec.Cmd
}

func (p testProgram) serve(dir string) *sandboxServer {
	p.t.Helper()
	s := &sandboxServer{testProgram: p, dir: dir, address: "127.0.0.1:0"}
	s.start()
	return s
}

// start starts the process, at the same address as before.
func (s *sandboxServer) start() {
	s.t.Helper()
	s.cmd = exec.CommandContext(s.t.Context(), s.path, "sandbox", "serve", "--listen", s.address)
	s.cmd.Dir = s.dir
	said, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	r := bufio.NewReader(said)
	line, err := r.ReadString('\n')
	_, rest, ok := strings.Cut(line, " answers on ")
	if err != nil || !ok {
		s.t.Fatalf("sandbox serve: %q, %v", line, err)
	}
	s.address, _, _ = strings.Cut(rest, ";")
	go func() { _, _ = io.Copy(io.Discard, r) }()
}

func (s *sandboxServer) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // it says that it was killed
}

// killIn kills the process when it rests in the nth call of an RPC, of which a fault block makes it take one. It rests
// when it was called and then wrote nothing for ten looks.
func (s *sandboxServer) killIn(rpc string, nth int) {
	s.t.Helper()
	called := fmt.Sprintf("SELECT calls FROM fault_call WHERE rpc = '%s' AND calls >= %d", rpc, nth)
	last, same := "", 0
	deadline := time.Now().Add(time.Minute)
	for looks := time.Tick(10 * time.Millisecond); same < 10; <-looks {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited a minute for call %d of %s", nth, rpc)
		}
		if len(s.query(filepath.Join(s.dir, "sandbox/topo.sqlite"), called)) == 0 {
			continue
		}
		if written := s.written(filepath.Join(s.dir, "sandbox")); written != last {
			last, same = written, 0
		}
		same++
	}
	s.kill()
}

// written changes with everything that is written to a file in the folder.
func (p testProgram) written(folder string) string {
	p.t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			fmt.Fprintln(&all, name, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all.String()
}

// deleteShards deletes shards as an operator does who asks nobody.
func (p testProgram) deleteShards(dir, keyspace string, names ...string) {
	p.t.Helper()
	request := &vtctldatapb.DeleteShardsRequest{Recursive: true}
	for _, name := range names {
		request.Shards = append(request.Shards, &vtctldatapb.Shard{Keyspace: keyspace, Name: name})
	}
	p.ask(dir, func(client vtctlservicepb.VtctldClient) error {
		_, err := client.DeleteShards(p.t.Context(), request)
		return err
	})
}

// execute runs a statement on a tablet as vtctldclient ExecuteFetchAsDBA does.
func (p testProgram) execute(dir, alias, statement string) {
	p.t.Helper()
	cell, uid, _ := strings.Cut(alias, "-")
	number, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		p.t.Fatalf("tablet %s: %v", alias, err)
	}
	tablet := &topodatapb.TabletAlias{Cell: cell, Uid: uint32(number)}
	p.ask(dir, func(client vtctlservicepb.VtctldClient) error {
		_, err := client.ExecuteFetchAsDBA(p.t.Context(), &vtctldatapb.ExecuteFetchAsDBARequest{TabletAlias: tablet, Query: statement})
		return err
	})
}

// ask serves the sandbox in dir while call sends its request.
func (p testProgram) ask(dir string, call func(vtctlservicepb.VtctldClient) error) {
	p.t.Helper()
	s := p.serve(dir)
	defer s.kill()
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	if err := call(vtctlservicepb.NewVtctldClient(conn)); err != nil {
		p.t.Fatal(err)
	}
}
