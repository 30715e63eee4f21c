package plan

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"shardform/internal/addr"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// Live is what the cluster shows of an open reshard at one moment.
type Live struct {
	Workflow   string        // "" if there is none
	State      string        // of its streams: Error or Copying if one is, Running, Stopped, FROZEN, or "mixed"
	Unfinished bool          // tables are left to be copied, also where the streams are stopped
	RowsCopied int64         // by all streams together
	RowsTotal  int64         // over the source shards, an estimate
	Lag        time.Duration // negative where unknown, as while copying
	Reads      string        // which read types serve from the targets: "none", "RDONLY", "RDONLY, REPLICA"
	Writes     string        // which side serves writes: "sources", "targets", "stopped"
	Errors     []string      // stream errors
	Paused     bool          // by shardform pause
	At         time.Time
}

// Copying reports whether rows are still copied.
func (l Live) Copying() bool { return l.State == vitess.StateCopying }

// ObserveLive reads what `status` shows of the reshard at an operation's address. ok is false where the address is no
// reshard.
func ObserveLive(ctx context.Context, reader vitess.Reader, operation addr.Address, keyspace string, now time.Time) (live Live, ok bool, err error) {
	segment, err := keyrange.ParseSegment(operation.Operation().Last())
	if operation.Kind() != addr.KindKeyspace || err != nil {
		return Live{}, false, nil
	}
	snapshot, err := reader.Snapshot(ctx, keyspace)
	if err != nil {
		return Live{}, false, err
	}
	view := snapshot.View(segment)
	live = Live{At: now, Lag: -1, Errors: view.Errors(), Reads: readsOf(view), Writes: writesOf(view)}
	if view.Workflow == nil {
		return live, true, nil
	}
	live.Workflow, live.State, live.Paused = view.Workflow.Name, streamsState(view.Workflow), view.Paused()
	if lag, known := view.Lag(now); known {
		live.Lag = lag
	}
	var sources [][]vitess.TableSchema
	for _, shard := range view.SourcesPresent() {
		tables, err := reader.TableSizes(ctx, keyspace, shard.Name)
		if err != nil {
			return Live{}, false, err
		}
		sources = append(sources, tables)
	}
	progress := view.Progress(sources...)
	live.RowsCopied, live.RowsTotal, live.Unfinished = progress.RowsCopied, progress.RowsTotal, len(progress.TablesLeft) > 0
	return live, true, nil
}

func streamsState(w *vitess.Workflow) string {
	var states []string
	for _, s := range w.Streams {
		one := s.State
		if s.Frozen() {
			one = "FROZEN"
		}
		if !slices.Contains(states, one) {
			states = append(states, one)
		}
	}
	for _, decides := range []string{vitess.StateError, vitess.StateCopying} {
		if slices.Contains(states, decides) {
			return decides
		}
	}
	if len(states) > 1 {
		return "mixed"
	}
	return strings.Join(states, "")
}

func readsOf(view *vitess.SegmentView) string {
	var switched []string
	for _, t := range []vitess.TabletType{vitess.Rdonly, vitess.Replica} {
		if view.Reads(t) != vitess.NotSwitched {
			switched = append(switched, string(t))
		}
	}
	return cmp.Or(strings.Join(switched, ", "), "none")
}

func writesOf(view *vitess.SegmentView) string {
	if _, _, _, stopped := view.MidFlight(); stopped {
		return "stopped"
	}
	if view.Writes() == vitess.AllSwitched {
		return "targets"
	}
	return "sources"
}
