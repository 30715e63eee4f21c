package plan_test

import (
	"maps"
	"slices"
	"testing"

	"shardform/internal/addr"
	"shardform/internal/plan"
	"shardform/internal/state"
)

// listOf is a list of containers of a task each for each of the given names.
func listOf(containers ...[]string) []plan.Container {
	list := make([]plan.Container, len(containers))
	for i, names := range containers {
		list[i].Address = addr.Operation("o").WithContainer(names[0])
		for _, name := range names[1:] {
			list[i].Tasks = append(list[i].Tasks, plan.Task{Address: list[i].Address.WithTask(name), Name: "echo", Parameters: map[string]string{"text": name}})
		}
	}
	return list
}

// recordOf is what the state has of such a list.
func recordOf(list []plan.Container) []state.Container {
	recorded := make([]state.Container, len(list))
	for i, c := range list {
		recorded[i] = state.Container{Address: c.Address, Concurrency: c.Concurrency}
		for _, t := range c.Tasks {
			task := state.Task{Address: t.Address, Name: t.Name, Parameters: maps.Clone(t.Parameters)}
			for _, name := range t.Sensitive {
				task.Sensitive = map[string]string{name: state.HashSensitive("secret")}
			}
			recorded[i].Tasks = append(recorded[i].Tasks, task)
		}
	}
	return recorded
}

func TestDifferenceTo(t *testing.T) {
	base := func() []plan.Container {
		list := listOf([]string{"c1", "a", "b"}, []string{"c2", "c"})
		list[0].Tasks[1].Sensitive = []string{"password"}
		return list
	}
	for name, tt := range map[string]struct {
		recorded func(r []state.Container) []state.Container // an edit of the record of the base
		wanted   func(w []plan.Container) []plan.Container   // an edit of the base
		digest   string                                      // of the record; "" is another than that of the operation
		at       string                                      // of the difference, below operation.o/; "": none
	}{
		"the same": {},
		"concurrency": {wanted: func(w []plan.Container) []plan.Container {
			w[0].Concurrency = 7
			return w
		}},
		"no parameters and none": {
			recorded: func(r []state.Container) []state.Container {
				r[0].Tasks[0].Parameters = nil
				return r
			},
			wanted: func(w []plan.Container) []plan.Container {
				w[0].Tasks[0].Parameters = map[string]string{}
				return w
			},
		},
		"a parameter": {at: "c1/a", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[0].Parameters["text"] = "other"
			return w
		}},
		"a parameter that is new": {at: "c1/a", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[0].Parameters["more"] = ""
			return w
		}},
		"an address that earlier versions did not record": {wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[0].Parameters["vtctld_endpoint"] = "vtctld:15999"
			return w
		}},
		"another address": {at: "c1/a",
			recorded: func(r []state.Container) []state.Container {
				r[0].Tasks[0].Parameters["vtctld_endpoint"] = "old:15999"
				return r
			},
			wanted: func(w []plan.Container) []plan.Container {
				w[0].Tasks[0].Parameters["vtctld_endpoint"] = "vtctld:15999"
				return w
			}},
		"the name of a task with the same parameters": {at: "c1/a", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[0].Name = "shell"
			return w
		}},
		"the address of a task with the same parameters": {at: "c1/x", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[0].Address = w[0].Address.WithTask("x")
			return w
		}},
		"a sensitive name": {at: "c1/b", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[1].Sensitive = []string{"token"}
			return w
		}},
		"a sensitive name more": {at: "c1/a", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[0].Sensitive = []string{"password"}
			return w
		}},
		"a sensitive name less": {at: "c1/b", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks[1].Sensitive = nil
			return w
		}},
		"the order of tasks": {at: "c1/b", wanted: func(w []plan.Container) []plan.Container {
			slices.Reverse(w[0].Tasks)
			return w
		}},
		"the order of containers": {at: "c2", wanted: func(w []plan.Container) []plan.Container {
			slices.Reverse(w)
			return w
		}},
		"a task less": {at: "c1/b", wanted: func(w []plan.Container) []plan.Container {
			w[0].Tasks = w[0].Tasks[:1]
			return w
		}},
		"a task more": {at: "c2/d", wanted: func(w []plan.Container) []plan.Container {
			w[1].Tasks = append(w[1].Tasks, plan.Task{Address: w[1].Address.WithTask("d"), Name: "echo"})
			return w
		}},
		"a container less": {at: "c2", wanted: func(w []plan.Container) []plan.Container { return w[:1] }},
		"a container more": {at: "c3", wanted: func(w []plan.Container) []plan.Container {
			return append(w, listOf([]string{"c3", "d"})...)
		}},
		"a container that nobody wants":   {at: "c2", recorded: withEmitted},
		"a container that a task emitted": {digest: "digest", recorded: withEmitted},
	} {
		t.Run(name, func(t *testing.T) {
			recorded, wanted := recordOf(base()), base()
			if tt.recorded != nil {
				recorded = tt.recorded(recorded)
			}
			if tt.wanted != nil {
				wanted = tt.wanted(wanted)
			}
			op := plan.Operation{Address: addr.Operation("o"), Digest: "digest", Containers: wanted}
			at := ""
			if d := op.DifferenceTo(state.Operation{Digest: tt.digest}, recorded); d != nil {
				at = d.At.String()
			}
			if want := map[bool]string{true: "operation.o/" + tt.at}[tt.at != ""]; at != want {
				t.Errorf("differs at %q, want %q", at, want)
			}
		})
	}
}

func withEmitted(r []state.Container) []state.Container {
	return slices.Insert(r, 1, recordOf(listOf([]string{"c1.a.1", "echo"}))...)
}
