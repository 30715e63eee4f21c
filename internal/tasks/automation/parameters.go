package automation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"shardform/internal/keyrange"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
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

// yes reports whether a parameter of kind Bool is given as true, in any spelling that the servers read.
func (p parameters) yes(name string) bool {
	is, _ := strconv.ParseBool(p[name])
	return is
}

// check returns what is wrong with the values: required ones that are empty, or else all that cannot be what they stand for.
// One that is empty counts as absent.
func (p parameters) check(spec *tasks.Spec) error {
	if err := p.filled(spec); err != nil {
		return err
	}
	var wrong tasks.ParameterErrors
	for _, known := range spec.Parameters {
		text := p[known.Name]
		if text == "" {
			continue
		}
		if err := checkValue(known, text); err != nil {
			wrong = append(wrong, tasks.WrongParameter(known.Name, err))
		}
	}
	return wrong.Err()
}

func checkValue(p tasks.Parameter, text string) error {
	switch p.Name {
	case vtctldEndpoint, vtworkerEndpoint:
		return vitess.CheckAddress(text)
	case "source_shard", "dest_shard", "shard":
		_, err := keyrange.ParseShard(text)
		return err
	case "source_keyspace_and_shard", "dest_keyspace_and_shard":
		keyspace, shard, _ := strings.Cut(text, "/")
		if _, err := keyrange.ParseShard(shard); keyspace == "" || err != nil {
			return fmt.Errorf("expected KEYSPACE/SHARD, found %q", text)
		}
		return nil
	case "type":
		if !slices.ContainsFunc(ServedTypes, func(t string) bool { return strings.EqualFold(t, text) }) {
			return fmt.Errorf("expected one of %s, found %q", strings.Join(ServedTypes, ", "), text)
		}
		return nil
	}
	if p.Kind == tasks.Bool { // vtctl and vtworker read more spellings than plan files have
		if _, err := strconv.ParseBool(text); err != nil {
			return fmt.Errorf("expected true or false, found %q", text)
		}
		return nil
	}
	return p.Check(text)
}

// list is the elements of a parameter, which are separated by commas.
func (p parameters) list(name string) ([]string, error) {
	elements := strings.Split(p[name], ",")
	seen := map[string]bool{}
	for i, e := range elements {
		elements[i] = strings.TrimSpace(e)
		switch e = elements[i]; {
		case e == "":
			return nil, tasks.WrongParameter(name, fmt.Errorf("element %d of %q is empty", i+1, p[name]))
		case seen[e]:
			return nil, tasks.WrongParameter(name, fmt.Errorf("%s is in %q twice", e, p[name]))
		}
		seen[e] = true
	}
	return elements, nil
}

// shards is list for names of shards. Beside key ranges only "0" is one: the name of the shard of a keyspace that is not
// sharded, by which Vitess tells a list of them from a word.
func (p parameters) shards(name string) ([]string, keyrange.Layout, error) {
	elements, err := p.list(name)
	if err != nil {
		return nil, nil, err
	}
	layout, err := keyrange.ParseShards(elements)
	for _, e := range elements {
		if err == nil && e != "0" && !strings.Contains(e, "-") {
			err = fmt.Errorf("%q is not a key range; expected shards such as -80,80-, or 0 for the shard of a keyspace that is not sharded", e)
		}
	}
	if err != nil {
		return nil, nil, tasks.WrongParameter(name, err)
	}
	return elements, layout, nil
}

// together joins errors to one list of those of parameters. Without any it is the first of the others, which are about
// several parameters.
func together(errs ...error) error {
	var wrong tasks.ParameterErrors
	var other error
	for _, err := range errs {
		var one *tasks.ParameterError
		var several tasks.ParameterErrors
		switch {
		case errors.As(err, &several):
			wrong = append(wrong, several...)
		case errors.As(err, &one):
			wrong = append(wrong, one)
		case other == nil:
			other = err
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return other
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
