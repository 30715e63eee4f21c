package automation

import (
	"errors"
	"fmt"
	"strings"

	"shardform/internal/tasks"
)

// The parameters that name servers. In plan files they default to those of the operation's cluster.
const (
	vtctldEndpoint   = "vtctld_endpoint"
	vtworkerEndpoint = "vtworker_endpoint"
)

// parameters are a task's, by name. One that is empty counts as absent, as in the original.
type parameters map[string]string

// options are the given ones of names as flags, in that order.
func (p parameters) options(names ...string) []string {
	var flags []string
	for _, name := range names {
		if p[name] != "" {
			flags = append(flags, fmt.Sprintf("--%s=%s", name, p[name]))
		}
	}
	return flags
}

// shard is KEYSPACE/SHARD of two parameters.
func (p parameters) shard(keyspace, shard string) string { return p[keyspace] + "/" + p[shard] }

// with is the parameters of a task: the pairs of name and value, and those of p that are given.
func (p parameters) with(given []string, pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	for _, name := range given {
		if p[name] != "" {
			out[name] = p[name]
		}
	}
	return out
}

// filled complains about required parameters without a value: a command line with a hole means something else.
func (p parameters) filled(spec *tasks.Spec) error {
	var empty []string
	for _, name := range spec.RequiredParameters() {
		if p[name] == "" {
			empty = append(empty, name)
		}
	}
	if len(empty) > 0 {
		return fmt.Errorf("required parameters are empty: [%s]", strings.Join(empty, " "))
	}
	return nil
}

// list is the elements of a parameter, which are separated by commas.
func (p parameters) list(name string) ([]string, error) {
	elements := strings.Split(p[name], ",")
	seen := map[string]bool{}
	for i, e := range elements {
		elements[i] = strings.TrimSpace(e)
		switch e = elements[i]; {
		case e == "":
			return nil, fmt.Errorf("parameter %s: element %d of %q is empty", name, i+1, p[name])
		case seen[e]:
			return nil, fmt.Errorf("parameter %s: %s is in %q twice", name, e, p[name])
		}
		seen[e] = true
	}
	return elements, nil
}

// disjoint complains about what is in both lists.
func disjoint(a, b []string, what string) error {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return errors.New(what + ": " + x)
			}
		}
	}
	return nil
}

// required and optional document parameters that several tasks have.
func required(name, doc string) tasks.Parameter {
	return tasks.Parameter{Name: name, Kind: tasks.String, Required: true, Doc: doc}
}

func optional(name string, kind tasks.Kind, doc string) tasks.Parameter {
	return tasks.Parameter{Name: name, Kind: kind, Doc: doc}
}

func vtctld() tasks.Parameter {
	return required(vtctldEndpoint, "gRPC address of the vtctld, HOST:PORT")
}

// observedBy is the vtctld of a command that is sent to a vtworker.
func observedBy() tasks.Parameter {
	return optional(vtctldEndpoint, tasks.String, "gRPC address of the vtctld, HOST:PORT: where an interrupted clone is looked at before it is sent again")
}

func vtworker() tasks.Parameter {
	return required(vtworkerEndpoint, "gRPC address of the vtworker, HOST:PORT")
}

func excludeTables() tasks.Parameter {
	return optional("exclude_tables", tasks.String, "tables to leave out, separated by commas; /RE/ is a regular expression")
}

func minHealthyRdonlyTablets() tasks.Parameter {
	return optional("min_healthy_rdonly_tablets", tasks.Int, "how many healthy RDONLY tablets a shard must have before one is used")
}

func cells() tasks.Parameter {
	return optional("cells", tasks.String, "cells to change, separated by commas; default: all of them")
}

// cloneNames are the options that both kinds of clone pass on, in the order of the original.
var cloneNames = []string{
	"chunk_count", "min_rows_per_chunk", "write_query_max_rows", "write_query_max_size", "min_healthy_rdonly_tablets", "max_tps", "max_replication_lag",
}

func onlineOffline() []tasks.Parameter {
	return []tasks.Parameter{
		optional("online", tasks.Bool, "whether to copy while the source tablets serve, before the offline phase; vtworker's default: true"),
		optional("offline", tasks.Bool, "whether to copy from RDONLY tablets that are taken out of serving, so that all is consistent; vtworker's default: true"),
	}
}

func cloneOptions() []tasks.Parameter {
	return []tasks.Parameter{
		optional("chunk_count", tasks.Int, "into how many pieces a table is cut"),
		optional("min_rows_per_chunk", tasks.Int, "rows that a piece has at least"),
		optional("write_query_max_rows", tasks.Int, "rows in one INSERT at most"),
		optional("write_query_max_size", tasks.Int, "bytes in one INSERT at most"),
		minHealthyRdonlyTablets(),
		optional("max_tps", tasks.Int, "write transactions a second on a destination shard at most"),
		optional("max_replication_lag", tasks.Int, "seconds of replication lag on the destination above which the copy slows down"),
	}
}
