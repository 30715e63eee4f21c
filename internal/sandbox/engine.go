package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/parallel"
	"shardform/internal/sandbox/sandboxspec"
	"shardform/internal/sandbox/vtctld"
)

// engine is a sandbox that this process serves.
type engine struct {
	vtctlservicepb.VtctldServer // the real one

	root   string
	faults []sandboxspec.Fault
	now    func() time.Time
	log    *slog.Logger
	topo   *topology
	lock   *lock
	server *grpc.Server // on the socket

	// change is held by whatever changes the topology in several steps, as Vitess holds its keyspace locks.
	change sync.Mutex

	// access is held while one looks at who may write to a shard and says so in its file: two that do so at once could say
	// what was true before.
	access sync.Mutex

	mu          sync.Mutex            // guards the maps
	files       map[string]*shardFile // by "keyspace/shard"
	runners     map[int64]*runner     // by stream
	streamLocks map[int64]*sync.Mutex // by stream
	vdiffs      map[int64]*vdiffRun   // by VDiff
	vschemas    map[string]int64      // by keyspace: the version of the vschema that its streams read; guarded by change

	ctx  context.Context // ends when the engine closes
	stop context.CancelFunc
	wait parallel.Group
}

// openEngine opens a seeded sandbox: makes spare shards, and drops unused ones that are not wanted any more where nobody
// else has the sandbox open; brings the files in line with the topology and starts streams and VDiffs.
func openEngine(ctx context.Context, root string, spec sandboxspec.Sandbox, alone bool, now func() time.Time, log *slog.Logger) (*engine, error) {
	topo, err := openTopology(filepath.Join(root, topoFile))
	if err != nil {
		return nil, err
	}
	e := &engine{root: root, faults: spec.Faults, now: now, log: log, topo: topo,
		files: map[string]*shardFile{}, runners: map[int64]*runner{}, streamLocks: map[int64]*sync.Mutex{}, vdiffs: map[int64]*vdiffRun{}, vschemas: map[string]int64{}}
	if e.VtctldServer, err = vtctld.New(records{topo}, tablets{e}, e.step); err != nil {
		return nil, errors.Join(err, topo.db.close())
	}
	e.ctx, e.stop = context.WithCancel(context.Background())
	if err := e.recover(ctx, spec.Spare, alone); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// recover finishes what the last process left half done, in the order that keeps rows safe: who may write first, then
// the streams.
func (e *engine) recover(ctx context.Context, spare map[string][]string, alone bool) error {
	if err := e.topo.checkFormat(ctx); err != nil {
		return err
	}
	if err := e.removeOrphans(ctx); err != nil { // before a spare could take the name of one
		return err
	}
	if alone {
		if err := e.dropSpares(ctx, spare); err != nil {
			return err
		}
	}
	if err := e.topo.makeSpares(ctx, spare, e.now()); err != nil {
		return err
	}
	return e.reconcile(ctx)
}

// file is the open file of a shard.
func (e *engine) file(ctx context.Context, keyspace, shard string) (*shardFile, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := keyspace + "/" + shard
	if f := e.files[key]; f != nil {
		return f, nil
	}
	f, err := openShardFile(ctx, e.root, keyspace, shard)
	if err != nil {
		return nil, err
	}
	e.files[key] = f
	return f, nil
}

// removeFile closes and removes the file of a shard that the topology no longer has.
func (e *engine) removeFile(keyspace, shard string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := keyspace + "/" + shard
	var err error
	if f := e.files[key]; f != nil {
		err = f.close()
		delete(e.files, key)
	}
	return errors.Join(err, removeDatabase(shardPath(e.root, keyspace, shard)))
}

func (e *engine) newServer() *grpc.Server {
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage), grpc.UnaryInterceptor(e.intercept))
	vtctlservicepb.RegisterVtctldServer(server, e)
	return server
}

// maxMessage is Vitess's limit for messages, in bytes.
const maxMessage = 16 << 20

func (e *engine) serve(server *grpc.Server, listener net.Listener) {
	if err := server.Serve(listener); err != nil && e.ctx.Err() == nil {
		e.log.Error("serving the sandbox", "error", err)
	}
}

// closeGrace is how long Close waits for calls in flight.
const closeGrace = 10 * time.Second

// close lets calls in flight finish, ends streams and VDiffs, and closes the files.
func (e *engine) close() error {
	if e.server != nil {
		force := time.AfterFunc(closeGrace, e.server.Stop)
		e.server.GracefulStop()
		force.Stop()
	}
	e.stop()
	errs := []error{e.wait.Wait()}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.files {
		errs = append(errs, f.close())
	}
	errs = append(errs, e.topo.db.close())
	if e.lock != nil {
		errs = append(errs, e.lock.release())
	}
	return errors.Join(errs...)
}
