package reshard

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"shardform/internal/keyrange"
	"shardform/internal/parallel"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// custody says whose rows are about to be deleted and where they have to be as well.
type custody struct {
	from, to  keyrange.Layout
	fromLeads bool // writes go to from
	follows   bool // streams carry changes from one side to the other, so that counts can be equal
	// start is the command that starts the streams where they do not run although they should; "" where there are none to
	// wait for.
	start string
}

// Rows on the wrong shard are filtered out by copy and VDiff alike, so that nothing shows that they would be deleted with
// their shard. Counts show it where no rows are written. Where they differ, the rows are looked for by their keyspace ids,
// which no write disturbs; of a vindex that is not computed here only a difference that stays is told from writes. Without
// streams that run counts say nothing, as rows that one side lacks make up for rows on the wrong shard of the other.
const (
	countTries     = 2                // rounds of counts before rows are looked for
	constantRounds = 3                // equal differences that are no writes
	constantEvery  = 30 * time.Second // between two of them
	countsAtOnce   = 16
)

// account checks that every row of c.from is on c.to, and returns what was found, and which of it is to be warned of. Rows
// that are not, and that the parameter accept_missing does not name, are an error of exit 6.
func (s *scene) account(ctx context.Context, v *vitess.SegmentView, c custody) (found, warning string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopping := parallel.Start(func() error { // a query of minutes does not outlive the wish to stop
		select {
		case <-s.env.Stop:
			cancel(tasks.ErrStopped)
		case <-ctx.Done():
		}
		return nil
	})
	defer func() {
		cancel(nil)
		<-stopping.Done()
	}()
	a := &accounting{scene: s, custody: c, meter: meter{clock: s.env.Clock}, tablets: map[string]*shardTablets{}, differences: map[string]int64{}, accepted: map[string]int64{}}
	for table, text := range s.Map("accept_missing") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return "", "", failed(fmt.Sprintf("accept_missing: %q is not a number of rows of table %s", text, table), "", "")
		}
		a.accepted[table] = n
	}
	for _, shard := range slices.Concat(c.from, c.to) {
		a.tablets[shard.Name] = tabletsOf(v, shard)
	}
	found, err = a.run(ctx, v)
	return found, a.unaccounted, err
}

// accounting is one check under way.
type accounting struct {
	*scene
	custody
	vschema     *vitess.VSchema
	meter       meter
	tablets     map[string]*shardTablets // by shard
	saying      sync.Mutex               // shards are asked at once
	accepted    map[string]int64         // rows that may be missing, by table
	differences map[string]int64         // by table: how many rows fewer are on the other side
	unclear     []vitess.TableSchema
	lost        []lostRows
	rows        int64 // of tables with equal counts
	differing   []string
	notes       []string
	unaccounted string // a note on tables that no check is made of; "" for none
}

// lostRows are rows that only the shard has that is to be deleted. shard is "" where they could only be counted.
type lostRows struct {
	table, shard, tablet string
	count                int64
	samples              []vitess.KeyRow
}

func (a *accounting) run(ctx context.Context, v *vitess.SegmentView) (string, error) {
	tables, err := a.tables(ctx, v)
	if err != nil {
		return "", err
	}
	for i, t := range tables {
		if a.meter.due() {
			a.env.Progress(fmt.Sprintf("counting the rows of %s, table %d of %d", t.Name, i+1, len(tables)), a.meter.measure(a.rows, 0))
		}
		n := int64(unknown)
		if a.follows {
			var equal bool
			if n, equal, err = a.compare(ctx, t.Name); err != nil {
				return "", err
			}
			if equal {
				a.rows += n
				continue
			}
		}
		a.differing = append(a.differing, t.Name)
		if err := a.locate(ctx, t, n); errors.Is(err, vitess.ErrNotScanned) {
			a.unclear = append(a.unclear, t)
		} else if err != nil {
			return "", err
		}
	}
	if err := a.settleUnclear(ctx); err != nil {
		return "", err
	}
	if err := a.judge(); err != nil {
		return "", err
	}
	return a.verdict(len(tables)), nil
}

// tables are those with streams, as the first shard has them. The others are noted.
func (a *accounting) tables(ctx context.Context, v *vitess.SegmentView) ([]vitess.TableSchema, error) {
	var err error
	if a.vschema, err = vitess.ParseVSchema(v.VSchema); err != nil {
		return nil, failed("the cluster's vschema cannot be read", err.Error(), vitess.CommandGetVSchema(a.keyspace))
	}
	group, reading := parallel.WithContext(ctx)
	known := a.gatherTables(reading, v, func(doing string, ask func() error) {
		group.Go(func() error {
			if err := ask(); err != nil {
				return a.unread(ctx, doing, err)
			}
			return nil
		})
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, shard := range slices.Concat(a.from, a.to) {
		if _, read := known[shard.Name]; !read {
			return nil, temporary(failed(fmt.Sprintf("the tables of %s/%s were not read", a.keyspace, shard.Name), "expected a shard with a primary", vitess.CommandValidateKeyspace(a.keyspace, true)))
		}
	}
	var tables []vitess.TableSchema
	var left []string
	for _, t := range known[a.from[0].Name] {
		if !isCopiedTable(t) {
			continue
		}
		if a.vschema.Tables[t.Name].Type == "reference" {
			left = append(left, t.Name+" (a reference table)")
			continue
		}
		absent := ""
		for _, shard := range slices.Concat(a.from, a.to) {
			if !slices.ContainsFunc(known[shard.Name], func(o vitess.TableSchema) bool { return o.Name == t.Name }) {
				absent = shard.Name
			}
		}
		if absent != "" {
			left = append(left, fmt.Sprintf("%s (not on %s)", t.Name, absent))
			continue
		}
		tables = append(tables, t)
	}
	if len(left) > 0 {
		a.notes = append(a.notes, "not counted: "+strings.Join(left, ", "))
	}
	return tables, nil
}

// unknown is the number of rows of a table that one query cannot count, and a difference to it. It is less than any other.
const unknown = math.MinInt64

// compare counts a table on both sides. Counts are equal only where the side that is written to had that many rows before
// and after the other side was counted: otherwise rows written meanwhile could make up for missing ones.
func (a *accounting) compare(ctx context.Context, table string) (rows int64, equal bool, err error) {
	leading, following := a.to, a.from
	if a.fromLeads {
		leading, following = a.from, a.to
	}
	for range countTries {
		before, err := a.count(ctx, leading, table)
		if err != nil {
			return 0, false, err
		}
		there, err := a.count(ctx, following, table)
		if err != nil {
			return 0, false, err
		}
		from, to := there, before
		if a.fromLeads {
			from, to = before, there
		}
		rows = from
		if from == unknown || to == unknown {
			a.differences[table] = unknown
			return unknown, false, nil
		}
		a.differences[table] = from - to
		if before != there {
			continue
		}
		after, err := a.count(ctx, leading, table)
		if err != nil || after == before {
			return before, err == nil, err
		}
	}
	return rows, false, nil
}

// count sums up a table's rows over shards: unknown where a query would take too long.
func (a *accounting) count(ctx context.Context, shards keyrange.Layout, table string) (total int64, err error) {
	err = a.poll(ctx, quick(), func() (bool, error) {
		counts := make([]int64, len(shards))
		group, asking := parallel.WithContext(ctx)
		group.SetLimit(countsAtOnce)
		for i, shard := range shards {
			group.Go(func() error {
				return a.ask(asking, shard.Name, fmt.Sprintf("counting the rows of table %s of", table), func(tablet string) (err error) {
					if counts[i], err = a.cluster.CountRows(asking, tablet, table); errors.Is(err, vitess.ErrQueryLimit) {
						counts[i], err = unknown, nil
					}
					return err
				})
			})
		}
		if err := group.Wait(); err != nil {
			return false, err
		}
		total = 0
		for _, n := range counts {
			if n == unknown {
				total = unknown
				break
			}
			total += n
		}
		return true, nil
	})
	return total, err
}

// settleUnclear tells missing rows from writes where rows cannot be looked for: writes change the difference, missing rows
// do not.
func (a *accounting) settleUnclear(ctx context.Context) error {
	if !a.follows {
		return a.withoutStreams()
	}
	for round := 1; round < constantRounds && len(a.unclear) > 0; round++ {
		a.say("the numbers of rows of %s differ; counting again in %s", tableNames(a.unclear), constantEvery)
		if err := a.env.Clock.Sleep(ctx, a.env.Stop, constantEvery); err != nil {
			return err
		}
		left := a.unclear[:0]
		for _, t := range a.unclear {
			before := a.differences[t.Name]
			_, equal, err := a.compare(ctx, t.Name)
			if err != nil {
				return err
			}
			if now := a.differences[t.Name]; !equal && now != 0 && (now == before || now == unknown) {
				left = append(left, t)
			}
		}
		a.unclear = left
	}
	for _, t := range a.unclear {
		a.lost = append(a.lost, lostRows{table: t.Name, count: a.differences[t.Name]})
	}
	return nil
}

// withoutStreams fails where streams that do not run for now would tell whether rows are missing that cannot be placed here.
// Where there are no such streams the tables are noted.
func (a *accounting) withoutStreams() error {
	if len(a.unclear) == 0 || !slices.ContainsFunc(a.from, func(shard keyrange.Shard) bool { return !carriesAll(shard, carriedFrom(shard, a.to)) }) {
		return nil
	}
	names := tableNames(a.unclear)
	if a.start != "" {
		return temporary(failed(fmt.Sprintf("the rows of %s on %s/%s are not accounted for: streams do not run", names, a.keyspace, a.from),
			"their rows cannot be placed here, so that only counts tell whether some would be lost; expected streams that run and keep the counts equal",
			"nothing was deleted. Start the streams, or leave this check out by count_rows = false in the verify block:\n"+a.start))
	}
	a.unaccounted = fmt.Sprintf("the rows of %s are not accounted for: they cannot be placed here, and no streams run that would keep the counts equal", names)
	a.notes = append(a.notes, a.unaccounted)
	return nil
}

func tableNames(tables []vitess.TableSchema) string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}

func (a *accounting) verdict(tables int) string {
	if !a.follows {
		text := fmt.Sprintf("no row of %s lies outside of %s by its keyspace id: %d of %d tables were looked at, and not counted, as no streams run", a.from, a.to, tables-len(a.unclear), tables)
		return strings.Join(append([]string{text}, a.notes...), "; ")
	}
	text := fmt.Sprintf("every row of %s is on %s: counted %s of %d tables on both sides", a.from, a.to, rowsOf(a.rows, 0), tables)
	if len(a.differing) > 0 {
		text = fmt.Sprintf("every row of %s is on %s: %d of %d tables have as many rows on both sides, the numbers differ by writes in %s", a.from, a.to,
			tables-len(a.differing), tables, strings.Join(a.differing, ", "))
	}
	return strings.Join(append([]string{text}, a.notes...), "; ")
}
