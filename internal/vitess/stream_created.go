package vitess

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"shardform/internal/diag"
)

// StreamsCreated tells when the youngest of the workflow's streams was created, in whole seconds of its tablet's MySQL,
// by this machine's clock. Each stream's primary is asked for the log row that its creation left: GetWorkflows shows that row too,
// but its time in MySQL's own time zone read as UTC. The rows outlive restarts and reparents, and the streams' being
// stopped and started; only those of streams that are there count, as rows of deleted ones stay for ever. A tablet that
// failed to write that row only logs it; then the youngest row of the stream counts, which is no older. A stream without
// any is an error: there is no other trace of its age.
func (c *Client) StreamsCreated(ctx context.Context, keyspace string, w *Workflow) (time.Time, error) {
	what := fmt.Sprintf("read when the streams of workflow %s.%s were created", keyspace, w.Name)
	var created time.Time
	for _, shard := range w.Targets {
		tablet, err := c.primary(ctx, keyspace, shard.Name, what)
		if err != nil {
			return time.Time{}, err
		}
		query := streamsCreatedQuery(w.Name)
		rows, err := c.fetch(ctx, tablet, what, query)
		if err != nil {
			return time.Time{}, err
		}
		seconds := map[int64]int64{}
		for _, r := range rows {
			seconds[r.int("id")] = cmp.Or(r.int("created"), r.int("youngest"))
		}
		for _, st := range w.Streams {
			if st.Target != shard.Name {
				continue
			}
			at := seconds[st.ID]
			if at <= 0 {
				return time.Time{}, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + what,
					Detail: fmt.Sprintf("the log of tablet %s has no row of stream %d on %s/%s", aliasOf(tablet), st.ID, keyspace, shard.Name),
					Hint:   "look at what is there:\n" + CommandExecuteFetchAsDBA(aliasOf(tablet), query)}
			}
			if t := time.Unix(at, 0).UTC().Add(c.clocks.ahead(aliasOf(tablet))); t.After(created) {
				created = t
			}
		}
	}
	return created, nil
}

// streamsCreatedQuery asks for max(unix_timestamp(…)), not unix_timestamp(max(…)): the latter goes by local time and is an
// hour off in the hour that a clock shows twice.
func streamsCreatedQuery(workflow string) string {
	return "select v.id as id, max(case when l.type = 'Stream Created' then unix_timestamp(l.created_at) end) as created, max(unix_timestamp(l.created_at)) as youngest" +
		" from _vt.vreplication_log l join _vt.vreplication v on v.id = l.vrepl_id where v.workflow = " + literal(workflow) + " group by v.id"
}

// VDiffCreated asks the primary of each target for its own record of the VDiff. VDiffShow has that time too, but in MySQL's
// time zone; and the time at which it started is another one once it was resumed.
func (c *Client) VDiffCreated(ctx context.Context, keyspace string, w *Workflow, uuid string) (time.Time, error) {
	what := fmt.Sprintf("read when VDiff %s of workflow %s.%s was created", uuid, keyspace, w.Name)
	var created time.Time
	for _, shard := range w.Targets {
		tablet, err := c.primary(ctx, keyspace, shard.Name, what)
		if err != nil {
			return time.Time{}, err
		}
		query := "select unix_timestamp(created_at) as created from _vt.vdiff where vdiff_uuid = " + literal(uuid)
		rows, err := c.fetch(ctx, tablet, what, query)
		if err != nil {
			return time.Time{}, err
		}
		if len(rows) != 1 || rows[0].int("created") <= 0 {
			return time.Time{}, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot " + what, Detail: fmt.Sprintf("tablet %s of %s/%s has no record of it", aliasOf(tablet), keyspace, shard.Name),
				Hint: "look at what is there:\n" + CommandExecuteFetchAsDBA(aliasOf(tablet), query)}
		}
		if t := time.Unix(rows[0].int("created"), 0).UTC().Add(c.clocks.ahead(aliasOf(tablet))); created.IsZero() || t.Before(created) {
			created = t
		}
	}
	return created, nil
}
