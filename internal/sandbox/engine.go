package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/parallel"
	"shardform/internal/sandbox/sandboxspec"
)

// engine is a sandbox that this process serves.
type engine struct {
	vtctlservicepb.UnimplementedVtctldServer

	root   string
	faults []sandboxspec.Fault
	now    func() time.Time
	log    *slog.Logger
	topo   *topology
	lock   *lock
	server *grpc.Server // on the socket

	// change is held by whatever changes the topology in several steps, as Vitess holds its keyspace locks.
	change sync.Mutex

	mu          sync.Mutex            // guards the maps
	files       map[string]*shardFile // by "keyspace/shard"
	runners     map[int64]*runner     // by stream
	streamLocks map[int64]*sync.Mutex // by stream
	vdiffs      map[int64]*vdiffRun   // by VDiff

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
		files: map[string]*shardFile{}, runners: map[int64]*runner{}, streamLocks: map[int64]*sync.Mutex{}, vdiffs: map[int64]*vdiffRun{}}
	e.ctx, e.stop = context.WithCancel(context.Background())
	if err := e.recover(ctx, spec.Spare, alone); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// recover finishes what the last process left half done, in the order that keeps rows safe: who may write first, then
// the streams.
func (e *engine) recover(ctx context.Context, spare map[string][]string, alone bool) error {
	if err := e.topo.upgrade(ctx); err != nil {
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
	if err := e.removeOrphans(ctx); err != nil {
		return err
	}
	if err := e.syncModes(ctx); err != nil {
		return err
	}
	if err := e.startStreams(ctx); err != nil {
		return err
	}
	return e.startVDiffs(ctx)
}

// removeOrphans removes the files of shards that the topology no longer has.
func (e *engine) removeOrphans(ctx context.Context) error {
	return e.topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		if err != nil {
			return err
		}
		for _, ks := range names {
			shards, err := tx.shardNames(ks)
			if err != nil {
				return err
			}
			known := map[string]bool{}
			for _, s := range shards {
				known[fileName(s)+suffix] = true
			}
			folder := filepath.Join(e.root, fileName(ks))
			entries, err := os.ReadDir(folder)
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			for _, entry := range entries {
				name := entry.Name()
				if strings.HasSuffix(name, suffix) && !known[name] {
					if err := removeDatabase(filepath.Join(folder, name)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// syncModes lets every shard take writes or not, as the topology says.
func (e *engine) syncModes(ctx context.Context) error {
	type wanted struct {
		keyspace, shard string
		mode            shardMode
	}
	var all []wanted
	err := e.topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		if err != nil {
			return err
		}
		for _, ks := range names {
			srv, err := tx.srvKeyspace(ks)
			if err != nil && !isNoNode(err) {
				return err
			}
			shards, err := tx.shards(ks)
			if err != nil {
				return err
			}
			for _, s := range shards {
				mode := modeClosed
				if writable(s, srv) {
					mode = modeServing
				}
				all = append(all, wanted{ks, s.name, mode})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, w := range all {
		f, err := e.file(ctx, w.keyspace, w.shard)
		if err != nil {
			return err
		}
		if err := f.setMode(ctx, w.mode); err != nil {
			return fmt.Errorf("shard %s/%s: %w", w.keyspace, w.shard, err)
		}
	}
	return nil
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
