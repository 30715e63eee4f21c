//go:build crash

package crash

import (
	"fmt"
	"io/fs"
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

// serveSandbox serves the sandbox in dir at an address; port 0: a free one.
func (p program) serveSandbox(dir, address string) *server {
	p.t.Helper()
	return p.serve(dir, " answers on ", "sandbox", "serve", "--listen", address)
}

// killAt kills the process that serves the sandbox in dir while it waits at the moment. It waits when it was called and has
// then written nothing ten times in a row.
func (p program) killAt(s *server, dir string, at moment) {
	p.t.Helper()
	called := fmt.Sprintf("SELECT calls FROM fault_call WHERE rpc = '%s' AND calls >= %d", at.rpc, at.nth)
	last, same := "", 0
	deadline := time.Now().Add(time.Minute)
	for tick := time.Tick(10 * time.Millisecond); same < 10; <-tick {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited a minute for call %d of %s", at.nth, at.rpc)
		}
		if len(p.query(filepath.Join(dir, "sandbox/topo.sqlite"), called)) == 0 {
			continue
		}
		if written := p.written(filepath.Join(dir, "sandbox")); written != last {
			last, same = written, 0
		}
		same++
	}
	s.kill()
}

// written changes with everything that is written to a file in the directory.
func (p program) written(dir string) string {
	p.t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
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
func (p program) deleteShards(dir, keyspace string, names ...string) {
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
func (p program) execute(dir, alias, statement string) {
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
func (p program) ask(dir string, call func(vtctlservicepb.VtctldClient) error) {
	p.t.Helper()
	s := p.serveSandbox(dir, "127.0.0.1:0")
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
