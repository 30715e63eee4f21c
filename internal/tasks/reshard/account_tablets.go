package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// shardTablets are the tablets of one shard that may be asked for its rows.
type shardTablets struct {
	primary string
	aliases []string // the first one is asked
}

// tabletsOf are a shard's tablets in the order in which the workflow reads them.
func tabletsOf(v *vitess.SegmentView, shard keyrange.Shard) *shardTablets {
	record := v.Shard(shard) // 0 and - may stand for one another
	if record == nil {
		return &shardTablets{}
	}
	return &shardTablets{record.PrimaryAlias, vitess.CopyTablets(v.Tablets, record.Name, copyOptions(v))}
}

func copyOptions(v *vitess.SegmentView) vitess.WorkflowOptions {
	switch {
	case v.Workflow != nil:
		return v.Workflow.Options
	case v.Reverse != nil:
		return v.Reverse.Options
	}
	return vitess.WorkflowOptions{}
}

// ask calls read with a tablet of the shard that has everything that its primary had a moment ago: neither rows nor counts
// of an earlier time account for anything. A tablet that does not answer, that lags, or of which read fails is passed over
// for the next one, which is asked first from then on. The error is that of the last tablet, when each was asked once.
func (a *accounting) ask(ctx context.Context, shard, doing string, read func(tablet string) error) error {
	t := a.tablets[shard]
	if len(t.aliases) == 0 || t.primary == "" {
		return temporary(failed(fmt.Sprintf("no tablet of %s/%s can count its rows", a.keyspace, shard), "expected a primary, and one of the types that the workflow copies from", ""))
	}
	var err error
	for range t.aliases {
		tablet := t.aliases[0]
		if err = a.current(ctx, t, tablet); err == nil {
			err = read(tablet)
		}
		if err == nil || errors.Is(err, vitess.ErrNotScanned) {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		if t.aliases = append(slices.Clone(t.aliases[1:]), tablet); len(t.aliases) > 1 {
			a.saying.Lock()
			a.say("%s %s/%s: tablet %s is passed over: %v", doing, a.keyspace, shard, tablet, err)
			a.saying.Unlock()
		}
	}
	return a.unread(ctx, doing, err)
}

// current fails unless the tablet answers soon, and has what its primary has.
func (a *accounting) current(ctx context.Context, t *shardTablets, tablet string) error {
	position, err := a.cluster.Position(ctx, t.primary)
	if err != nil || tablet == t.primary {
		return err
	}
	follows, err := a.cluster.Follows(ctx, tablet, position)
	if err == nil && !follows {
		err = fmt.Errorf("after %s it does not have what its primary %s had: its replication lags, or is stopped", vitess.FollowLimit, t.primary)
	}
	return err
}
