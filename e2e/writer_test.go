//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// seed writes n customers and n orders through vtgate.
func seed(t *testing.T, gate *sql.DB, n int64) ledger {
	t.Helper()
	const batch = 1000
	told := make(ledger, 2*n)
	for first := int64(1); first <= n; first += batch {
		var customers, orders []string
		for i := first; i < first+batch && i <= n; i++ {
			email, name := fmt.Sprintf("c%d@example.com", i), fmt.Sprintf("name %d", i)
			customers = append(customers, fmt.Sprintf("(%d,'%s','%s')", i, email, name))
			told[customerKey(i)] = []string{customerRow(email, name)}
			customer, sku, price := i*7919%n+1, fmt.Sprintf("sku%d", i%97), i*13%1000
			orders = append(orders, fmt.Sprintf("(%d,%d,'%s',%d)", i, customer, sku, price))
			told[orderKey(i, customer)] = []string{orderRow(sku, price)}
		}
		for _, statement := range []string{
			"insert into customer(customer_id, email, name) values " + strings.Join(customers, ","),
			"insert into corder(order_id, customer_id, sku, price) values " + strings.Join(orders, ","),
		} {
			if _, err := gate.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("seeding: %v", err)
			}
		}
	}
	return told
}

// load is a writer and readers that work through vtgate until they are stopped.
type load struct {
	mayFail bool // servers are killed under way: reads may end in an error, but find no less than there is
	writer  writer
	reads   []*reader
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// load writes to the keyspace, one statement after another, and reads from its primaries and its replicas. The ledger is
// the writer's until finish has returned.
func (k *keyspace) load(t *testing.T) *load {
	t.Helper()
	return k.loadEvery(t, 15*time.Millisecond)
}

// denseLoad is a load three times as dense, for what is about the load itself: it is most of what a small scenario costs.
func (k *keyspace) denseLoad(t *testing.T) *load {
	t.Helper()
	return k.loadEvery(t, 5*time.Millisecond)
}

// loadEvery is a load that pauses so long between two writes, and twice as long between two reads.
func (k *keyspace) loadEvery(t *testing.T, pause time.Duration) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop, writer: writer{pause: pause, gate: k.cluster.gate(t, k.target), told: k.told, seeded: k.rows, next: 1_000_000, generated: k.tables.increment}}
	l.done.Go(func() { l.writer.run(ctx) })
	targets := []string{k.target}
	if !k.alone {
		targets = append(targets, k.name+"@replica")
	}
	for _, target := range targets {
		r := &reader{pause: 2 * pause, gate: k.cluster.gate(t, target), target: target, seeded: k.rows}
		l.reads = append(l.reads, r)
		l.done.Go(func() { r.run(ctx) })
	}
	t.Cleanup(func() { stop(); l.done.Wait() }) // before the connections are closed
	return l
}

// finish stops the load and fails the test for what went wrong under way.
func (l *load) finish(t *testing.T) {
	t.Helper()
	l.stop()
	l.done.Wait()
	w := &l.writer
	t.Logf("writer: %d statements committed, %d ended in an error, longest gap between two commits %v", w.committed.Load(), len(w.failed), w.gap)
	for _, err := range w.failed[:min(5, len(w.failed))] {
		t.Logf("  %v", err)
	}
	if w.committed.Load() < 20 {
		t.Errorf("the writer committed %d statements: that is no load", w.committed.Load())
	}
	for _, r := range l.reads {
		t.Logf("reader of %s: %d reads, %d ended in an error, %d met vtgate's race, longest %v", r.target, r.answered, len(r.failed), r.raced, r.longest)
		for _, err := range r.failed[:min(5, len(r.failed))] {
			t.Logf("  %v", err)
		}
		if r.answered < 20 && !l.mayFail {
			t.Errorf("reader of %s: %d reads: that is no load", r.target, r.answered)
		}
		if len(r.failed) > 0 && !l.mayFail {
			t.Errorf("reader of %s: %d reads ended in an error: no read may fail", r.target, len(r.failed))
		}
		if r.lagged > 0 {
			t.Logf("reader of %s: %d reads did not find a customer at first: %s", r.target, r.lagged, r.lagging)
		}
		if len(r.missing) > 0 {
			t.Errorf("reader of %s: %d reads did not find a customer who was there all the time: %v", r.target, len(r.missing), r.missing[:min(5, len(r.missing))])
		}
	}
}

// waitForCommits waits until the writer has committed so many more statements.
func (l *load) waitForCommits(t *testing.T, more int64) {
	t.Helper()
	want := l.writer.committed.Load() + more
	waitFor(t, fmt.Sprintf("%d more statements to be committed", more), func(context.Context) (bool, error) {
		return l.writer.committed.Load() >= want, nil
	})
}

// writer inserts, updates and deletes and remembers what was committed. Its fields but committed are its own until it has stopped.
type writer struct {
	pause     time.Duration // between two statements
	gate      *sql.DB
	told      ledger
	seeded    int64 // customers 1 to seeded are there
	next      int64 // number of the next order
	generated bool  // the database chooses order ids
	committed atomic.Int64
	failed    []error
	gap       time.Duration // the longest between two commits
	last      time.Time
}

func (w *writer) run(ctx context.Context) {
	pause := time.NewTicker(w.pause)
	defer pause.Stop()
	for ctx.Err() == nil {
		customer := rand.Int64N(w.seeded) + 1
		sku, price := fmt.Sprintf("load%d", w.next), w.next%1000
		order := w.order(customer, sku, price)
		switch w.next % 4 {
		case 0:
			w.write(order, orderRow(sku, price+5000), "update corder set price = ? where order_id = ? and customer_id = ?", price+5000, order.id, customer)
		case 1:
			w.write(order, absent, "delete from corder where order_id = ? and customer_id = ?", order.id, customer)
		case 2:
			email, name := fmt.Sprintf("c%d@example.com", customer), fmt.Sprintf("renamed %d", w.next)
			w.write(customerKey(customer), customerRow(email, name), "update customer set name = ? where customer_id = ?", name, customer)
		}
		w.next++
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// order inserts an order. Where the database chooses the ids and does not tell which it chose, the key is unnumbered.
func (w *writer) order(customer int64, sku string, price int64) key {
	k, row := orderKey(w.next, customer), orderRow(sku, price)
	if !w.generated {
		w.write(k, row, "insert into corder(order_id, customer_id, sku, price) values (?, ?, ?, ?)", w.next, customer, sku, price)
		return k
	}
	const statement = "insert into corder(customer_id, sku, price) values (?, ?, ?)"
	result, err := w.gate.Exec(statement, customer, sku, price)
	if err == nil {
		k.id, err = result.LastInsertId()
	}
	if err != nil {
		k = unnumbered(w.next, customer)
	}
	w.note(k, []string{absent}, row, err)
	return k
}

// write sends a statement that leaves row under k. It is not cut off when the load stops: then nobody would know whether
// it was committed. A key of which that is not known is not written again.
func (w *writer) write(k key, row, statement string, args ...any) {
	before, known := w.told[k]
	if len(before) > 1 {
		return
	}
	if !known {
		before = []string{absent}
	}
	_, err := w.gate.Exec(statement, args...)
	w.note(k, before, row, err)
}

// note remembers what became of a statement.
func (w *writer) note(k key, before []string, row string, err error) {
	if err != nil {
		w.told[k] = []string{before[0], row}
		w.failed = append(w.failed, err)
		return
	}
	w.told[k] = []string{row}
	w.committed.Add(1)
	now := time.Now()
	if !w.last.IsZero() {
		w.gap = max(w.gap, now.Sub(w.last))
	}
	w.last = now
}

// gateRace is vtgate's error when a primary begins to serve between two looks of the same query (its tabletgateway.go): it
// is no outage, whoever moves the traffic.
const gateRace = "primary is serving but initially found no available tablet"

// reader looks up seeded customers, which are never deleted. Its fields are its own until it has stopped.
type reader struct {
	pause    time.Duration // between two reads
	gate     *sql.DB
	target   string
	seeded   int64
	answered int
	longest  time.Duration // of one read
	failed   []error
	raced    int      // reads that ended in gateRace
	missing  []string // customers that a read did not find, how often each was there, and when
	lagging  string   // the customer that a replica may not have got yet, see late
	lagged   int      // reads of replicas that found a customer only when they were repeated
}

// late takes a read of a replica that did not find a customer for a missing one only if the customer is still not there
// after some seconds: replication to replicas is asynchronous, and Vitess switches reads without looking at it.
func (r *reader) late(ctx context.Context, customer int64, count int, start time.Time) {
	found := fmt.Sprintf("%d was there %d times at %s", customer, count, start.UTC().Format(time.TimeOnly))
	if !strings.HasSuffix(r.target, "@replica") || count > 1 {
		r.missing = append(r.missing, found)
		return
	}
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for again := range 100 {
		if err := r.gate.QueryRowContext(ctx, "select count(*) from customer where customer_id = ?", customer).Scan(&count); err == nil && count == 1 {
			r.lagged, r.lagging = r.lagged+1, fmt.Sprintf("%s, and once at read %d after it", found, again+1)
			return
		}
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
	r.missing = append(r.missing, found+", and for 10 s after it")
}

func (r *reader) run(ctx context.Context) {
	pause := time.NewTicker(r.pause)
	defer pause.Stop()
	for ctx.Err() == nil {
		customer := rand.Int64N(r.seeded) + 1
		start := time.Now()
		var count int
		err := r.gate.QueryRowContext(ctx, "select count(*) from customer where customer_id = ?", customer).Scan(&count)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && strings.Contains(err.Error(), gateRace):
			r.raced++
		case err != nil:
			r.failed = append(r.failed, err)
		default:
			r.answered++
			r.longest = max(r.longest, time.Since(start))
			if count != 1 {
				r.late(ctx, customer, count, start)
			}
		}
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}
