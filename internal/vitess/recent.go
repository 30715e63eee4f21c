package vitess

import "time"

// recent is what the last Snapshot of each keyspace gave.
type recent struct {
	writes    int // calls that were sent and that returned: what was read before one of them tells nothing
	snapshots map[string]recentSnapshot
}

type recentSnapshot struct {
	*Snapshot
	begun  time.Time
	writes int
}

// Recent is what Snapshot gave last for the keyspace, nil unless its reading began within the given time and this client
// has changed nothing since. Callers share it and may not change it.
func (c *Client) Recent(keyspace string, within time.Duration) *Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.recent.snapshots[keyspace]
	if !known || last.writes != c.recent.writes || time.Since(last.begun) > within {
		return nil
	}
	return last.Snapshot
}

// remember keeps a snapshot whose reading began when so many writes had been made.
func (c *Client) remember(s *Snapshot, begun time.Time, writes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recent.snapshots == nil {
		c.recent.snapshots = map[string]recentSnapshot{}
	}
	c.recent.snapshots[s.Keyspace] = recentSnapshot{s, begun, writes}
}

// written notes that a write begins or ends.
func (c *Client) written() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent.writes++
}

// writes is how often that was noted.
func (c *Client) writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.writes
}
