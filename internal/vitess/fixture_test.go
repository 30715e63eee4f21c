package vitess

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"shardform/internal/keyrange"
)

// at is when the fixtures' streams were last updated.
var at = time.Date(2026, 11, 23, 14, 57, 58, 0, time.UTC)

func layout(t *testing.T, names ...string) keyrange.Layout {
	t.Helper()
	var shards []keyrange.Shard
	for _, name := range names {
		s, err := keyrange.ParseShard(name)
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, s)
	}
	return keyrange.NewLayout(shards)
}

func segment(t *testing.T, sources, targets string) keyrange.Segment {
	t.Helper()
	return keyrange.Segment{Sources: layout(t, strings.Split(sources, ",")...), Targets: layout(t, strings.Split(targets, ",")...)}
}

var (
	partitionText = regexp.MustCompile(`(PRIMARY|REPLICA|RDONLY):((?:[^{} ]+ )*[^{} ]+)?\s*((?:\{ctl [^}]+\})*)`)
	controlText   = regexp.MustCompile(`\{ctl (\S+) disabled=true\}`)
	recordText    = regexp.MustCompile(`(\S+) primary_serving=(true|false)`)
)

// state is a snapshot of keyspace ks from the notation of the recorded server answers, one cell after the other with
// ";" between them: "PRIMARY:0 REPLICA:-80 80- {ctl 0 disabled=true} … | 0 primary_serving=true | …".
func state(t *testing.T, text string, workflows ...Workflow) *Snapshot {
	t.Helper()
	s := &Snapshot{Keyspace: "ks", Exists: true, Workflows: workflows}
	serving, records, _ := strings.Cut(text, "|")
	for i, cell := range strings.Split(serving, ";") {
		c := CellServing{Cell: fmt.Sprintf("zone%d", i+1), Partitions: map[TabletType]Partition{}}
		// The regexp would take the next type's name for a shard: put a mark before each.
		cell = regexp.MustCompile(`(PRIMARY|REPLICA|RDONLY):`).ReplaceAllString(cell, "\n$0")
		for _, line := range strings.Split(cell, "\n") {
			m := partitionText.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				continue
			}
			p := Partition{Shards: layout(t, strings.Fields(m[2])...)}
			for _, control := range controlText.FindAllStringSubmatch(m[3], -1) {
				p.Disabled = append(p.Disabled, control[1])
			}
			c.Partitions[TabletType(m[1])] = p
		}
		s.Cells = append(s.Cells, c.Cell)
		s.Serving = append(s.Serving, c)
	}
	for _, m := range recordText.FindAllStringSubmatch(records, -1) {
		s.Shards = append(s.Shards, Shard{Shard: layout(t, m[1])[0], PrimaryServing: m[2] == "true", PrimaryAlias: "zone1-0000000100"})
	}
	return s
}

// workflow is a Reshard of keyspace ks with streams like "-80<-0 Running" or "-80<-0 Stopped FROZEN": target, source,
// state, message.
func workflow(t *testing.T, name string, streams ...string) Workflow {
	t.Helper()
	w := Workflow{Name: name, Type: TypeReshard, SourceKeyspace: "ks"}
	sources, targets := map[string]bool{}, map[string]bool{}
	for i, text := range streams {
		route, rest, _ := strings.Cut(text, " ")
		target, source, _ := strings.Cut(route, "<-")
		state, message, _ := strings.Cut(rest, " ")
		s := Stream{ID: int64(i + 1), Target: target, Source: source, State: state, Message: message, Position: "MySQL56/1-97", Updated: at}
		sources[source], targets[target] = true, true
		w.Streams = append(w.Streams, s)
	}
	w.Sources, w.Targets = layoutOf(sources), layoutOf(targets)
	return w
}

// untouched makes the workflow's streams ones that have never run.
func untouched(w Workflow) Workflow {
	for i := range w.Streams {
		w.Streams[i].Position = ""
	}
	return w
}

// ours gives the workflow the name that shardform uses for the segment.
func ours(t *testing.T, w Workflow, sources, targets string) Workflow {
	w.Name = WorkflowName("ks", segment(t, sources, targets))
	return w
}
