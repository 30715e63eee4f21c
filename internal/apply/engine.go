package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/event"
	"shardform/internal/failpoint"
	"shardform/internal/redact"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// checkpointPatience is how long a checkpoint may wait for others who have the state open. No signal shortens it: what
// was done must be written down.
const checkpointPatience = time.Minute

// engine is what all operations of a run share.
type engine struct {
	store    state.Store
	registry *tasks.Registry
	clusters *clusters
	legacy   func(cluster string) (vitess.Legacy, error)
	clock    tasks.Clock
	run      string
	dir      string
	config   string // its path, for commands that are shown
	report   *reporter
	stop     *stopper
	hit      func(name string)
	hide     *redact.Redactor // secrets; nil hides nothing
	// serving is the Scheduler's way: what does not succeed ends the operation for good. An apply keeps it open.
	serving bool
}

// storeError marks an error of the state: no operation may go on without checkpoints.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// checkpoint writes one transaction of the given kind (a failpoint's name). Ending ctx does not cut it short.
func (e *engine) checkpoint(ctx context.Context, kind string, fn func(w state.Writer) error) error {
	e.hit(failpoint.Checkpoint(kind) + "_before")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkpointPatience)
	defer cancel()
	if err := e.store.Update(ctx, fn); err != nil {
		return storeError{err}
	}
	e.hit(failpoint.Checkpoint(kind) + "_after")
	return nil
}

// ledger is an entry of this run.
func (e *engine) ledger(a addr.Address, event, detail string) state.LedgerEntry {
	return state.LedgerEntry{Time: e.clock.Now(), Run: e.run, Address: a, Event: event, Detail: detail}
}

// idleEnv is for tasks that are asked about themselves and never run.
func (e *engine) idleEnv() *tasks.Env {
	return &tasks.Env{
		Cluster: func(string) (vitess.Cluster, error) {
			return nil, errors.New("no cluster is reached before a task runs")
		},
		Clock:    e.clock,
		Progress: func(string, *event.Progress) {},
		Output:   func(string) {},
		Stop:     e.stop.requested,
		Dir:      e.dir,
	}
}

// clusters remembers the clusters that were reached, so that tasks share their connections.
type clusters struct {
	dial func(ctx context.Context, name string) (vitess.Cluster, error)

	mu    sync.Mutex
	known map[string]vitess.Cluster
}

func newClusters(dial func(ctx context.Context, name string) (vitess.Cluster, error)) *clusters {
	return &clusters{dial: dial, known: map[string]vitess.Cluster{}}
}

func (c *clusters) get(ctx context.Context, name string) (vitess.Cluster, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cluster, ok := c.known[name]; ok {
		return cluster, nil
	}
	if c.dial == nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("no cluster %q: this run has no clusters", name)}
	}
	cluster, err := c.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	c.known[name] = cluster
	return cluster, nil
}
