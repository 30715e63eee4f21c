package plan

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/keyrange"
	"shardform/internal/vitess"
)

// Observation is what a plan took from a keyspace that makes it stale when it changes: what serves, which workflows
// there are, the vschema. Not in it: rows, states of streams, tablets, shards that serve nothing.
type Observation struct {
	Cluster   string             `json:"cluster"`
	Keyspace  string             `json:"keyspace"`
	Writes    []string           `json:"writes"` // shards whose records say that they serve writes
	Serving   []ObservedServing  `json:"serving"`
	Workflows []ObservedWorkflow `json:"workflows,omitempty"`
	VSchema   string             `json:"vschema,omitempty"` // fingerprint
}

// ObservedServing is what one cell serves a tablet type from.
type ObservedServing struct {
	Cell     string   `json:"cell"`
	Type     string   `json:"type"`
	Shards   []string `json:"shards"`
	Disabled []string `json:"disabled,omitempty"`
}

// ObservedWorkflow is a workflow, however far it is.
type ObservedWorkflow struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	From    string   `json:"from"` // source keyspace
	Sources []string `json:"sources"`
	Targets []string `json:"targets"`
	Frozen  bool     `json:"frozen,omitempty"`
}

// observationOf is what counts of a snapshot.
func observationOf(cluster string, s *vitess.Snapshot) Observation {
	o := Observation{Cluster: cluster, Keyspace: s.Keyspace, VSchema: vschemaFingerprint(s.VSchema), Writes: s.ServingShards().Names(), Serving: []ObservedServing{}}
	for _, cell := range s.Serving {
		for _, t := range vitess.ServingTypes {
			if p, ok := cell.Partitions[t]; ok {
				o.Serving = append(o.Serving, ObservedServing{Cell: cell.Cell, Type: string(t), Shards: p.Shards.Names(), Disabled: slices.Sorted(slices.Values(p.Disabled))})
			}
		}
	}
	for i := range s.Workflows {
		w := &s.Workflows[i]
		o.Workflows = append(o.Workflows, ObservedWorkflow{Name: w.Name, Type: w.Type, From: w.SourceKeyspace, Sources: w.Sources.Names(), Targets: w.Targets.Names(), Frozen: w.Frozen()})
	}
	slices.SortFunc(o.Workflows, func(a, b ObservedWorkflow) int { return cmp.Compare(a.Name, b.Name) })
	return o
}

// fingerprint is equal for equal observations.
func (o Observation) fingerprint() string {
	text, err := json.Marshal(o)
	if err != nil {
		panic("plan: an observation is plain data: " + err.Error())
	}
	f := newFingerprint()
	f.text(string(text))
	return f.sum()
}

// observations notes what was seen of the keyspaces that operations change.
func (m *maker) observations(context.Context) error {
	seen := map[addr.Address]bool{}
	for _, d := range m.drafts {
		if d.keyspace == nil {
			continue
		}
		o := observationOf(d.Cluster, d.keyspace.snapshot)
		d.Observed = o.fingerprint()
		if !seen[d.keyspace.Address] {
			seen[d.keyspace.Address] = true
			m.plan.Keyspaces = append(m.plan.Keyspaces, o)
		}
	}
	slices.SortFunc(m.plan.Keyspaces, func(a, b Observation) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Keyspace, b.Keyspace))
	})
	return nil
}

// changes says what is different now, apart from what touches the given ranges and from a vschema that is one of known:
// that is explained by a run of the plan itself. Each line says what was seen then and what is there now.
func (o Observation) changes(now Observation, own []keyrange.Range, known []string) []string {
	var changed []string
	differ := func(what, then, now string) {
		if then != now {
			changed = append(changed, fmt.Sprintf("%s: then %s, now %s", what, cmp.Or(then, "none"), cmp.Or(now, "none")))
		}
	}
	differ("shards that serve writes", outside(o.Writes, own), outside(now.Writes, own))
	then, since := o.serving(own), now.serving(own)
	for _, key := range sortedKeys(then, since) {
		differ(key, then[key], since[key])
	}
	then, since = o.workflows(own), now.workflows(own)
	for _, key := range sortedKeys(then, since) {
		differ(key, then[key], since[key])
	}
	if o.VSchema != now.VSchema && !slices.Contains(known, now.VSchema) {
		changed = append(changed, "the vschema is another")
	}
	return changed
}

// outside joins the names of the shards that have no ids in own.
func outside(names []string, own []keyrange.Range) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return inRanges(name, own) }), ",")
}

// inRanges reports whether a shard has ids in one of the ranges. A name that is no shard name is in none.
func inRanges(name string, own []keyrange.Range) bool {
	shard, err := keyrange.ParseShard(name)
	return err == nil && slices.ContainsFunc(own, shard.Range.Intersects)
}

func (o Observation) serving(own []keyrange.Range) map[string]string {
	texts := map[string]string{}
	for _, s := range o.Serving {
		text := outside(s.Shards, own)
		if disabled := outside(s.Disabled, own); disabled != "" {
			text += " (disabled: " + disabled + ")"
		}
		if text != "" {
			texts[fmt.Sprintf("%s in cell %s", s.Type, s.Cell)] = text
		}
	}
	return texts
}

func (o Observation) workflows(own []keyrange.Range) map[string]string {
	texts := map[string]string{}
	for _, w := range o.Workflows {
		if slices.ContainsFunc(slices.Concat(w.Sources, w.Targets), func(name string) bool { return inRanges(name, own) }) {
			continue
		}
		text := fmt.Sprintf("%s from %s/%s to %s", w.Type, w.From, strings.Join(w.Sources, ","), strings.Join(w.Targets, ","))
		if w.Frozen {
			text += ", frozen"
		}
		texts["workflow "+w.Name] = text
	}
	return texts
}

// sortedKeys are the keys of either map.
func sortedKeys(a, b map[string]string) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
