package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	"shardform/internal/parallel"
	"shardform/internal/sandbox/sandboxspec"
)

// Options are what a sandbox takes from its surroundings.
type Options struct {
	Now    func() time.Time // the clock; nil: the system's
	Logger *slog.Logger     // nil: nothing is logged
}

// Cluster is an open sandbox: the one that serves it, or a reference to the process that does.
type Cluster struct {
	spec   sandboxspec.Sandbox
	root   string // absolute
	socket string // short name of the socket
	now    func() time.Time
	log    *slog.Logger
	users  *users // held while the sandbox is open

	mu     sync.Mutex // guards what follows
	engine *engine    // nil while another holder serves
	closed bool
	failed error // why the last try to take over failed, nil where another process holds the lock

	stop context.CancelFunc // ends the watch for the lock
	wait parallel.Group
}

// pollForHolder is how often a process that found the lock taken looks whether the holder serves already or is gone.
const pollForHolder = 20 * time.Millisecond

// Open takes the sandbox's lock and serves it: seeds it when it is new, makes the absent shards of spec.Spare, runs its
// streams, and answers on its socket. If another holder has the lock, the Cluster refers to that one's socket and takes
// its place when it ends.
func Open(ctx context.Context, spec sandboxspec.Sandbox, opts Options) (*Cluster, error) {
	c, err := newCluster(spec, opts)
	if err != nil {
		return nil, err
	}
	var alone bool
	if c.users, alone, err = joinUsers(ctx, c.root); err != nil {
		return nil, err
	}
	if err := errors.Join(c.open(ctx, alone), c.users.share()); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// open serves the sandbox or finds who does.
func (c *Cluster) open(ctx context.Context, alone bool) error {
	for {
		switch err := c.takeOver(ctx, alone); {
		case err == nil:
			return nil
		case !errors.Is(err, errHeld):
			return err
		}
		if conn, err := c.dialHolder(ctx); err == nil {
			conn.Close()
			if err := c.askForSpares(ctx); err != nil {
				return err
			}
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("open sandbox %s: process %s holds it and does not answer: %w", c.root, holder(c.root), ctx.Err())
		case <-time.After(pollForHolder):
		}
	}
	watch, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.wait.Go(func() error {
		c.watch(watch)
		return nil
	})
	return nil
}

// askForSpares makes the spare shards of this description in a sandbox that another holder serves: it reads the topology
// anew for every call. Faults are the holder's alone.
func (c *Cluster) askForSpares(ctx context.Context) (err error) {
	db, err := openExisting(filepath.Join(c.root, topoFile))
	if err != nil {
		return fmt.Errorf("open sandbox %s: %w", c.root, err)
	}
	defer func() { err = errors.Join(err, db.close()) }()
	topo := &topology{db: db}
	return topo.makeSpares(ctx, c.spec.Spare, c.now())
}

func newCluster(spec sandboxspec.Sandbox, opts Options) (*Cluster, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	root, err := filepath.Abs(spec.Path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	socket, err := socketPath(root)
	if err != nil {
		return nil, err
	}
	c := &Cluster{spec: spec, root: root, socket: socket, now: opts.Now, log: opts.Logger}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// takeOver becomes the holder, or answers errHeld. alone says that nobody else has the sandbox open.
func (c *Cluster) takeOver(ctx context.Context, alone bool) error {
	l, err := tryLock(c.root)
	if err != nil {
		return err
	}
	e, err := c.start(ctx, l, alone)
	if isDamaged(err) {
		err = fmt.Errorf("%w; the file is damaged: `shardform sandbox reset` deletes the sandbox and seeds it again", err)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open sandbox %s: %w", c.root, err), l.release())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.engine = e
	return nil
}

// watch takes over when the holder is gone.
func (c *Cluster) watch(ctx context.Context) {
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollForHolder):
		}
		err := c.takeOver(ctx, false)
		if err == nil {
			return
		}
		held := errors.Is(err, errHeld)
		c.mu.Lock()
		if c.failed = err; held {
			c.failed = nil
		}
		c.mu.Unlock()
		if !held && ctx.Err() == nil && err.Error() != said { // once, not fifty times a second
			said = err.Error()
			c.log.Error("taking over the sandbox", "path", c.root, "error", err)
		}
	}
}

// prepare seeds the sandbox if it is new and recovers it.
func (c *Cluster) prepare(ctx context.Context, alone bool) (*engine, error) {
	if err := seedIfNew(ctx, c.root, c.spec, c.now); err != nil {
		return nil, err
	}
	return openEngine(ctx, c.root, c.spec, alone, c.now, c.log)
}

// start prepares the sandbox and serves it on its socket.
func (c *Cluster) start(ctx context.Context, l *lock, alone bool) (*engine, error) {
	e, err := c.prepare(ctx, alone)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(filepath.Dir(c.socket), socketFile)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, errors.Join(err, e.close())
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.lock = l
	e.server = e.newServer()
	e.wait.Go(func() error {
		e.serve(e.server, listener)
		return nil
	})
	return e, nil
}

// Target is the gRPC target to dial.
func (c *Cluster) Target() string { return "unix://" + c.socket }

// Dial opens a connection to the sandbox's vtctld. Where the process that serves it is ending, Dial waits until another
// one, or this one, has taken its place. The error is that nobody can, or that ctx ended before.
func (c *Cluster) Dial(ctx context.Context) (net.Conn, error) {
	for {
		conn, err := c.dialHolder(ctx)
		if err == nil {
			return conn, nil
		}
		c.mu.Lock()
		failed, closed := c.failed, c.closed
		c.mu.Unlock()
		if failed != nil || closed {
			return nil, cmp.Or(failed, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("sandbox %s: process %s holds it and does not answer: %w", c.root, holder(c.root), err)
		case <-time.After(pollForHolder):
		}
	}
}

// dialHolder is Dial for a process that answers now.
func (c *Cluster) dialHolder(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", c.socket)
}

// Close ends serving; streams stand still until the sandbox is opened again. The last to close it takes away the spare
// shards that nobody has used.
func (c *Cluster) Close() error {
	if c.stop != nil {
		c.stop()
	}
	errs := []error{c.wait.Wait()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if c.engine != nil {
		if c.users.alone() {
			errs = append(errs, c.engine.dropSpares(c.engine.ctx, nil))
		}
		errs = append(errs, c.engine.close())
	}
	return errors.Join(append(errs, c.users.leave())...)
}

// serving is the engine if this Cluster serves.
func (c *Cluster) serving() *engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine
}

// Serve answers the same gRPC service on listener until ctx ends or the listener fails. If another process serves the
// sandbox, connections are passed on to it.
func (c *Cluster) Serve(ctx context.Context, listener net.Listener) error {
	if e := c.serving(); e != nil {
		server := e.newServer()
		defer server.Stop()
		stop, stopToo := context.AfterFunc(ctx, server.Stop), context.AfterFunc(e.ctx, server.Stop)
		defer stop()
		defer stopToo()
		if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) && ctx.Err() == nil && e.ctx.Err() == nil {
			return err
		}
		return nil
	}
	return c.splice(ctx, listener)
}
