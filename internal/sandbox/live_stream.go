package sandbox

import (
	"context"
	"strings"
)

// liveStream is a stream with how far it is.
type liveStream struct {
	*stream
	progress
	sourceUUID string
	copying    []copyState
	updated    int64 // seconds
}

type copyState struct{ table, lastPK string }

// shown is the state that clients see.
func (s *liveStream) shown() string {
	if strings.Contains(strings.ToLower(s.message), "error") {
		return stateError
	}
	if s.state == stateRunning && !s.copied {
		return stateCopying
	}
	return s.state
}

func (s *liveStream) position() string {
	if !s.found && s.startPos == copyFirst {
		return ""
	}
	return gtid(s.sourceUUID, s.pos)
}

// live adds to streams how far they are.
func (e *engine) live(ctx context.Context, all []*stream) ([]*liveStream, error) {
	out := make([]*liveStream, len(all))
	for i, s := range all {
		l := &liveStream{stream: s, updated: s.timeUpdated}
		dst, err := e.file(ctx, s.keyspace, s.shard)
		if err != nil {
			return nil, err
		}
		if err := dst.view(ctx, l.read); err != nil {
			return nil, err
		}
		if l.sourceUUID, err = e.sourceUUID(ctx, s); err != nil {
			return nil, err
		}
		e.mu.Lock()
		if r := e.runners[s.id]; r != nil {
			l.updated = max(l.updated, r.beat.Load())
		}
		e.mu.Unlock()
		out[i] = l
	}
	return out, nil
}

func (e *engine) sourceUUID(ctx context.Context, s *stream) (string, error) {
	var missing bool
	err := e.topo.view(ctx, func(tx topoTx) error {
		_, err := tx.shard(s.source.Keyspace, s.source.Shard)
		missing = isNoNode(err)
		if missing {
			return nil
		}
		return err
	})
	if err != nil || missing {
		return strings.Repeat("0", 8) + "-0000-0000-0000-" + strings.Repeat("0", 12), err
	}
	src, err := e.file(ctx, s.source.Keyspace, s.source.Shard)
	if err != nil {
		return "", err
	}
	return src.uuid(ctx)
}
