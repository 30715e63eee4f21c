package reshard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"shardform/internal/vitess"
)

// fakeRows are the rows of the tables, by SHARD/TABLE. A table that is not in it is empty.
type fakeRows struct {
	mu      sync.Mutex
	rows    map[string][]int64 // customer_id of each row
	counted []string           // ALIAS TABLE of each count
	hooks   []func()           // called before one count each; writes come in so
	down    map[string]bool    // tablets that do not answer: vtctld waits for them until the deadline
	stale   map[string][]int64 // by ALIAS TABLE: what a replica has whose replication is stopped
	broken  map[string]bool    // tablets that answer, but not what is asked of tables
	dying   map[string]bool    // tablets of which only the first page of a table can be read
	tooLong bool               // a count takes longer than one query may
	unread  bool               // no table can be read page by page
}

func (r *fakeRows) clone() *fakeRows {
	c := &fakeRows{
		counted: slices.Clone(r.counted), down: maps.Clone(r.down), broken: maps.Clone(r.broken), dying: maps.Clone(r.dying),
		tooLong: r.tooLong, unread: r.unread, rows: maps.Clone(r.rows), stale: maps.Clone(r.stale),
	}
	for _, rows := range []map[string][]int64{c.rows, c.stale} {
		for name, ids := range rows {
			rows[name] = slices.Clone(ids)
		}
	}
	return c
}

func (c *fakeCluster) fill(shard, table string, ids ...int64) {
	if c.rows == nil {
		c.rows = map[string][]int64{}
	}
	c.rows[shard+"/"+table] = append(c.rows[shard+"/"+table], ids...)
}

func (c *fakeCluster) shardOf(tablet string) string {
	for _, t := range c.tablets {
		if t.Alias == tablet {
			return t.Shard
		}
	}
	return ""
}

// CountRows implements vitess.Cluster.
func (c *fakeCluster) CountRows(_ context.Context, tablet, table string) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.unanswered(tablet, vitess.QueryLimit); err != nil {
		return 0, err
	}
	c.counted = append(c.counted, tablet+" "+table)
	if len(c.hooks) > 0 {
		hook := c.hooks[0]
		c.hooks = c.hooks[1:]
		hook()
	}
	if c.tooLong {
		return 0, fmt.Errorf("%w: errno 3024", vitess.ErrQueryLimit)
	}
	return int64(len(c.rowsOn(tablet, table))), nil
}

// unanswered is the error of a tablet that is asked something that may take so long.
func (c *fakeCluster) unanswered(tablet string, limit time.Duration) error {
	switch {
	case c.down[tablet]:
		c.clock.Time = c.clock.Time.Add(limit)
		return errInjected
	case c.broken[tablet] && limit == vitess.QueryLimit:
		return errInjected
	}
	return nil
}

func (c *fakeCluster) rowsOn(tablet, table string) []int64 {
	if rows, is := c.stale[tablet+" "+table]; is {
		return rows
	}
	return c.rows[c.shardOf(tablet)+"/"+table]
}

// Position implements vitess.Cluster: the tablet that was asked is the position.
func (c *fakeCluster) Position(_ context.Context, tablet string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return tablet, c.unanswered(tablet, vitess.FollowLimit)
}

// Follows implements vitess.Cluster.
func (c *fakeCluster) Follows(_ context.Context, tablet, position string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shardOf(position) != c.shardOf(tablet) {
		return false, fmt.Errorf("%s is no position of %s", position, tablet)
	}
	for one := range c.stale {
		if alias, _, _ := strings.Cut(one, " "); alias == tablet {
			c.clock.Time = c.clock.Time.Add(vitess.FollowLimit)
			return false, nil
		}
	}
	return true, c.unanswered(tablet, vitess.FollowLimit)
}

// ScanKeys implements vitess.Cluster. Its pages have two rows.
func (c *fakeCluster) ScanKeys(_ context.Context, tablet, table string, key []string, column string) (vitess.KeyScan, error) {
	if c.unread {
		return nil, fmt.Errorf("%w: a float", vitess.ErrNotScanned)
	}
	if column != "customer_id" {
		return nil, fmt.Errorf("no column %s", column)
	}
	if err := c.unanswered(tablet, vitess.QueryLimit); err != nil {
		return nil, err
	}
	s := &fakeScan{dying: c.dying[tablet]}
	for _, id := range c.rowsOn(tablet, table) {
		s.rows = append(s.rows, vitess.KeyRow{Key: []vitess.KeyValue{{Column: key[0], SQL: fmt.Sprint(id), Text: fmt.Sprint(id)}}, Value: id})
	}
	return s, nil
}

type fakeScan struct {
	rows        []vitess.KeyRow
	dying, read bool
}

func (s *fakeScan) Next(context.Context) ([]vitess.KeyRow, error) {
	if s.dying && s.read {
		return nil, errInjected
	}
	s.read = true
	n := min(2, len(s.rows))
	page := s.rows[:n]
	s.rows = s.rows[n:]
	return page, nil
}
