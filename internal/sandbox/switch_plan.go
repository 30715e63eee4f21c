package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// byUID shows shards in the order of their primaries' numbers.
func byUID(shards []*shardInfo, show func(*shardInfo) string) string {
	shards = slices.Clone(shards)
	slices.SortFunc(shards, func(a, b *shardInfo) int { return int(a.PrimaryAlias.Uid) - int(b.PrimaryAlias.Uid) })
	shown := make([]string, len(shards))
	for i, shard := range shards {
		shown[i] = show(shard)
	}
	return strings.Join(shown, ",")
}

// planWrites says what a switch of writes would do, in the real server's words.
func (s *trafficSwitch) planWrites(ctx context.Context, journalled bool) error {
	say := func(format string, args ...any) { s.plan = append(s.plan, fmt.Sprintf(format, args...)) }
	tablet := func(shard *shardInfo) string { return fmt.Sprintf("tablet:%d", shard.PrimaryAlias.Uid) }
	primary := func(shard *shardInfo) string {
		return fmt.Sprintf("shard:%s;tablet:%d", shard.name, shard.PrimaryAlias.Uid)
	}
	ks := s.m.keyspace
	say("Lock keyspace %s", ks)
	if !journalled {
		positions := map[string]string{}
		for _, source := range s.m.sources {
			f, err := s.file(ctx, ks, source.name)
			if err != nil {
				return err
			}
			pos, err := f.position(ctx)
			if err != nil {
				return err
			}
			var id string
			if err := f.read.QueryRowContext(ctx, `SELECT uuid FROM _sf_shard`).Scan(&id); err != nil {
				return err
			}
			positions[source.name] = "MySQL56/" + gtid(id, pos)
		}
		say("Stop writes on keyspace %s for tables [/.*]: [%s]", ks, byUID(s.m.sources, func(shard *shardInfo) string {
			return fmt.Sprintf("keyspace:%s;shard:%s;position:%s", ks, shard.name, positions[shard.name])
		}))
		say("Wait for vreplication on stopped streams to catchup for up to %v", s.timeout)
		say("Create reverse vreplication workflow %s", reverseName(s.m.workflow))
	}
	say("Create journal entries on source databases")
	say("Enable writes on keyspace %s for tables [/.*]", ks)
	say("Switch routing from keyspace %s to keyspace %s", ks, ks)
	say("IsPrimaryServing will be set to false for: [%s]", byUID(s.m.sources, primary))
	say("IsPrimaryServing will be set to true for: [%s]", byUID(s.m.targets, primary))
	say("Switch writes completed, freeze and delete vreplication streams on: [%s]", byUID(s.m.targets, tablet))
	if s.req.EnableReverseReplication {
		say("Start reverse vreplication streams on: [%s]", byUID(s.m.sources, tablet))
	}
	say("Mark vreplication streams frozen on: [%s]", byUID(s.m.targets, func(shard *shardInfo) string {
		return fmt.Sprintf("keyspace:%s;shard:%s;tablet:%d;workflow:%s;dbname:%s", ks, shard.name, shard.PrimaryAlias.Uid, s.m.workflow, dbName(ks))
	}))
	say("Unlock keyspace %s", ks)
	return nil
}
