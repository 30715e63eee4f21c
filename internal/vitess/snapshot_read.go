package vitess

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"shardform/internal/parallel"
)

// snapshotTries is how often a snapshot is read again because a switch went on meanwhile.
const snapshotTries = 3

// Snapshot reads one keyspace by a handful of RPCs at the same time, then reads the shard records and the SrvKeyspaces
// once more: if they changed, all is read again, up to three times. So workflows and serving state belong together
// unless a switch goes on and on; a decision made upon what is left of that race is checked by the server's own locks
// and observed again afterwards.
func (c *Client) Snapshot(ctx context.Context, keyspace string) (*Snapshot, error) {
	for try := 1; ; try++ {
		begun, writes := time.Now(), c.writes()
		s, err := c.snapshotOnce(ctx, keyspace)
		if err != nil || !s.Exists {
			return s, err
		}
		again := &Snapshot{}
		if err := c.readServing(ctx, keyspace, again); err != nil {
			return nil, err
		}
		if reflect.DeepEqual(s.Shards, again.Shards) && reflect.DeepEqual(s.Serving, again.Serving) || try == snapshotTries {
			s.Shards = c.dropLostPrimaries(ctx, keyspace, s.Shards, s.Tablets)
			c.remember(s, begun, writes)
			return s, nil
		}
	}
}

func (c *Client) snapshotOnce(ctx context.Context, keyspace string) (*Snapshot, error) {
	s := &Snapshot{Keyspace: keyspace}
	var exists bool
	var noWorkflows, noTablets error
	group, ctx := parallel.WithContext(ctx)
	group.Go(func() error {
		names, err := c.Keyspaces(ctx)
		exists = slices.Contains(names, keyspace)
		return err
	})
	group.Go(func() error { return c.readServing(ctx, keyspace, s) })
	group.Go(func() (err error) {
		s.Workflows, err = c.Workflows(ctx, keyspace)
		return unlessMissing(err, &noWorkflows)
	})
	group.Go(func() (err error) {
		s.VSchema, err = c.VSchema(ctx, keyspace)
		return err
	})
	group.Go(func() (err error) {
		s.Tablets, err = c.tablets(ctx, keyspace, false)
		return unlessMissing(err, &noTablets)
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if !exists {
		return &Snapshot{Keyspace: keyspace, Cells: s.Cells}, nil
	}
	// Something that is missing although there are shards was deleted while we read: not the same as none.
	if err := errors.Join(noWorkflows, noTablets); err != nil && len(s.Shards) > 0 {
		return nil, cmp.Or(noWorkflows, noTablets)
	}
	s.Exists = true
	return s, nil
}

// unlessMissing puts an error about a missing topology node aside and returns any other.
func unlessMissing(err error, aside *error) error {
	if missing(err) {
		*aside = err
		return nil
	}
	return err
}

// absentIsEmpty drops the error that a topology node is not there.
func absentIsEmpty(err error) error {
	var aside error
	return unlessMissing(err, &aside)
}

// readServing reads what a switch changes: the shard records and the SrvKeyspaces.
func (c *Client) readServing(ctx context.Context, keyspace string, s *Snapshot) error {
	group, ctx := parallel.WithContext(ctx)
	group.Go(func() (err error) {
		s.Shards, err = c.shards(ctx, keyspace)
		return absentIsEmpty(err)
	})
	group.Go(func() (err error) {
		s.Cells, s.Serving, err = c.serving(ctx, keyspace)
		return absentIsEmpty(err)
	})
	return group.Wait()
}
