//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// serving is what SrvKeyspace says in the tests' one cell: the shards that each tablet type is served by, in key order,
// and the shards whose query service a control has disabled.
type serving struct {
	Primary, Replica, Rdonly []string
	Disabled                 []string // such as "PRIMARY 0"
}

// serving reads the keyspace's serving state.
func (k *keyspace) serving(t *testing.T) serving {
	t.Helper()
	type srvKeyspace struct {
		Partitions []struct {
			Type   int `json:"served_type"`
			Shards []struct {
				Name string
			} `json:"shard_references"`
			Controls []struct {
				Name     string
				Disabled bool `json:"query_service_disabled"`
			} `json:"shard_tablet_controls"`
		}
	}
	var cells map[string]srvKeyspace
	if k.legacy {
		var one srvKeyspace
		k.read(t, &one, "GetSrvKeyspace", "zone1", k.name)
		cells = map[string]srvKeyspace{"zone1": one}
	} else {
		k.read(t, &cells, "GetSrvKeyspaces", k.name)
	}
	if len(cells) != 1 {
		t.Fatalf("GetSrvKeyspaces %s: %d cells, expected one", k.name, len(cells))
	}
	var s serving
	for _, cell := range cells {
		for _, p := range cell.Partitions {
			name, shards := "PRIMARY", &s.Primary
			switch p.Type {
			case 2:
				name, shards = "REPLICA", &s.Replica
			case 3:
				name, shards = "RDONLY", &s.Rdonly
			}
			for _, shard := range p.Shards {
				*shards = append(*shards, shard.Name)
			}
			for _, control := range p.Controls {
				if control.Disabled {
					s.Disabled = append(s.Disabled, name+" "+control.Name)
				}
			}
		}
	}
	slices.Sort(s.Disabled)
	return s
}

// workflow is a VReplication workflow of a keyspace.
type workflow struct {
	Name, Type     string
	Source, Target []string
	Streams        []stream // by shard
}

// stream is one stream of a workflow, from the shard Source to Shard. It is at work when State is Running, but may not have
// begun to copy, or not have copied all, while Copied is false.
type stream struct {
	Shard, Source, State, Message string
	Copied                        bool
}

// workflows lists the keyspace's workflows by name.
func (k *keyspace) workflows(t *testing.T) []workflow {
	t.Helper()
	var list struct {
		Workflows []struct {
			Name           string
			Type           string `json:"workflow_type"`
			Source, Target struct{ Shards []string }
			ShardStreams   map[string]struct {
				Streams []struct {
					Shard, State, Message, Position string

					Source     struct{ Shard string } `json:"binlog_source"`
					CopyStates []any                  `json:"copy_states"`
				}
			} `json:"shard_streams"`
		}
	}
	k.read(t, &list, "GetWorkflows", "--show-all", k.name)
	var found []workflow
	for _, w := range list.Workflows {
		workflow := workflow{Name: w.Name, Type: w.Type, Source: w.Source.Shards, Target: w.Target.Shards}
		for _, at := range slices.Sorted(maps.Keys(w.ShardStreams)) {
			for _, s := range w.ShardStreams[at].Streams {
				workflow.Streams = append(workflow.Streams, stream{s.Shard, s.Source.Shard, s.State, s.Message, s.Position != "" && len(s.CopyStates) == 0})
			}
		}
		found = append(found, workflow)
	}
	slices.SortFunc(found, func(a, b workflow) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// shards lists the names of all the keyspace's shard records, serving or not.
func (k *keyspace) shards(t *testing.T) []string {
	t.Helper()
	var found struct{ Shards map[string]any }
	k.read(t, &found, "FindAllShardsInKeyspace", k.name)
	return slices.Sorted(maps.Keys(found.Shards))
}

// read decodes what a vtctldclient command prints.
func (c cluster) read(t *testing.T, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.vtctl(t, args...)), into); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}
