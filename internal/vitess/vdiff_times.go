package vitess

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// instantKey names a timestamp of a VDiff as a shard's primary printed it.
type instantKey struct {
	uuid, shard, text string
}

// mysqlTime is how MySQL prints a timestamp, in the time zone of the session.
const mysqlTime = "2006-01-02 15:04:05"

// vdiffInstants finds out which moments the timestamps of a VDiff are. They are printed in the time zone of each
// primary's MySQL, which vtctld does not tell; read as UTC they may be hours off, and with them the age of a result. So
// the primaries are asked once for each new timestamp. Where they cannot be (a server without ExecuteFetchAsDBA: a
// sandbox) UTC is taken.
func (c *Client) vdiffInstants(ctx context.Context, keyspace, uuid string, summary vdiffShow) (func(shard, text string) time.Time, error) {
	for shard, rows := range summary {
		if len(rows) == 0 || c.knowInstants(uuid, shard, rows[0]) {
			continue
		}
		what := fmt.Sprintf("read the times of VDiff %s on %s/%s", uuid, keyspace, shard)
		tablet, err := c.primary(ctx, keyspace, shard, what)
		if err != nil {
			return nil, err
		}
		answer, err := c.fetch(ctx, tablet, what, "select started_at, unix_timestamp(started_at) as started, completed_at, "+
			"unix_timestamp(completed_at) as completed from _vt.vdiff where vdiff_uuid = "+literal(uuid))
		if err := unlessUnknown(err); err != nil {
			return nil, err
		}
		for _, r := range answer {
			c.learnInstant(instantKey{uuid, shard, r["started_at"]}, r["started"])
			c.learnInstant(instantKey{uuid, shard, r["completed_at"]}, r["completed"])
		}
	}
	return func(shard, text string) time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		if at, ok := c.instants[instantKey{uuid, shard, text}]; ok {
			return at
		}
		at, err := time.Parse(mysqlTime, text)
		if err != nil {
			return time.Time{}
		}
		return at
	}, nil
}

func (c *Client) knowInstants(uuid, shard string, r row) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, column := range []string{"started_at", "completed_at"} {
		if text := r[column]; text != "" {
			if _, ok := c.instants[instantKey{uuid, shard, text}]; !ok {
				return false
			}
		}
	}
	return true
}

func (c *Client) learnInstant(key instantKey, unix string) {
	seconds, err := strconv.ParseFloat(unix, 64)
	if key.text == "" || err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instants[key] = time.Unix(int64(seconds), 0).UTC()
}
