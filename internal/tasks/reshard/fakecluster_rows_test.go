package reshard

import (
	"context"
	"fmt"
	"sync"

	"shardform/internal/vitess"
)

// fakeRows are the rows of the tables, by SHARD/TABLE. A table that is not in it is empty.
type fakeRows struct {
	mu      sync.Mutex
	rows    map[string][]int64 // customer_id of each row
	counted []string           // ALIAS TABLE of each count
	hooks   []func()           // called before one count each; writes come in so
	down    map[string]bool    // tablets that do not answer
	tooLong bool               // a count takes longer than one query may
	unread  bool               // no table can be read page by page
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
	if c.down[tablet] {
		return 0, errInjected
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
	return int64(len(c.rows[c.shardOf(tablet)+"/"+table])), nil
}

// ScanKeys implements vitess.Cluster. Its pages have two rows.
func (c *fakeCluster) ScanKeys(_ context.Context, tablet, table string, key []string, column string) (vitess.KeyScan, error) {
	if c.unread {
		return nil, fmt.Errorf("%w: a float", vitess.ErrNotScanned)
	}
	if column != "customer_id" {
		return nil, fmt.Errorf("no column %s", column)
	}
	s := &fakeScan{}
	for _, id := range c.rows[c.shardOf(tablet)+"/"+table] {
		s.rows = append(s.rows, vitess.KeyRow{Key: []vitess.KeyValue{{Column: key[0], SQL: fmt.Sprint(id), Text: fmt.Sprint(id)}}, Value: id})
	}
	return s, nil
}

type fakeScan struct{ rows []vitess.KeyRow }

func (s *fakeScan) Next(context.Context) ([]vitess.KeyRow, error) {
	n := min(2, len(s.rows))
	page := s.rows[:n]
	s.rows = s.rows[n:]
	return page, nil
}
