package legacytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
)

// Vtctl is the Handler of the world's vtctld.
func (w *World) Vtctl(_ context.Context, args []string, send func(*logutilpb.Event)) error {
	return w.run(args, send, map[string]func(options map[string]string, args []string) (printed any, err error){
		"GetKeyspaces": func(map[string]string, []string) (any, error) {
			return strings.Join(sortedKeys(w.keyspaces), "\n"), nil
		},
		"GetCellInfoNames":           func(map[string]string, []string) (any, error) { return strings.Join(w.Cells, "\n"), nil },
		"GetKeyspace":                w.getKeyspace,
		"FindAllShardsInKeyspace":    w.findAllShards,
		"GetShard":                   w.getShard,
		"GetSrvKeyspace":             w.getSrvKeyspace,
		"GetSchema":                  w.getSchema,
		"CopySchemaShard":            w.copySchemaShard,
		"WaitForFilteredReplication": w.waitForFilteredReplication,
		"MigrateServedTypes":         w.migrateServedTypes,
		"MigrateServedFrom":          w.migrateServedFrom,
		"RebuildKeyspaceGraph":       func(map[string]string, []string) (any, error) { return nil, nil },
	})
}

// Vtworker is what the world's vtworker runs: see Worker.
func (w *World) Vtworker(_ context.Context, args []string, send func(*logutilpb.Event)) error {
	return w.run(args, send, map[string]func(options map[string]string, args []string) (printed any, err error){
		"SplitClone": w.splitClone, "SplitDiff": w.diff, "VerticalSplitClone": w.verticalSplitClone, "VerticalSplitDiff": w.diff,
	})
}

func (w *World) run(args []string, send func(*logutilpb.Event), commands map[string]func(map[string]string, []string) (any, error)) error {
	do := commands[args[0]]
	if do == nil {
		return errors.New("unknown command: " + args[0])
	}
	if w.Before != nil {
		if err := w.Before(args); err != nil {
			return err
		}
	}
	send(Info(args[0] + " begins"))
	options, rest := flags(args[1:])
	w.mu.Lock()
	printed, err := do(options, rest)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	switch printed := printed.(type) {
	case nil:
	case string:
		send(Console(printed + "\n"))
	default:
		text, err := json.MarshalIndent(printed, "", "  ")
		if err != nil {
			return err
		}
		send(Console(string(text) + "\n"))
	}
	if w.After != nil {
		return w.After(args)
	}
	return nil
}

// flags are --name=value and -name as Go's flag package reads them; -max_delay takes the next argument.
func flags(args []string) (options map[string]string, rest []string) {
	options = map[string]string{}
	for i := 0; i < len(args); i++ {
		name, value, _ := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch {
		case len(rest) > 0 || !strings.HasPrefix(args[i], "-") || strings.Contains(args[i], "/"):
			rest = append(rest, args[i])
		case name == "max_delay":
			i++
			options[name] = args[i]
		default:
			options[name] = value
		}
	}
	return options, rest
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// noNode is how a topology says that something is not there.
func noNode(path string) error { return errors.New("node doesn't exist: " + path) }

func (w *World) keyspace(name string) (*worldKeyspace, error) {
	if k := w.keyspaces[name]; k != nil {
		return k, nil
	}
	return nil, noNode("keyspaces/" + name + "/Keyspace")
}

func (w *World) shard(path string) (*worldKeyspace, *worldShard, error) {
	keyspace, shard, _ := strings.Cut(path, "/")
	k, err := w.keyspace(keyspace)
	if err != nil {
		return nil, nil, err
	}
	if s := k.shards[shard]; s != nil {
		return k, s, nil
	}
	return nil, nil, noNode("keyspaces/" + path + "/Shard")
}

// number is a tablet type as v0.10 prints it.
var number = map[string]int{"master": 1, "replica": 2, "rdonly": 3}

type object = map[string]any

func (w *World) getKeyspace(_ map[string]string, args []string) (any, error) {
	k, err := w.keyspace(args[0])
	if err != nil {
		return nil, err
	}
	froms := []object{}
	for _, t := range types {
		if from := k.servedFrom[t]; from != "" {
			froms = append(froms, object{"tablet_type": number[t], "cells": []string{}, "keyspace": from})
		}
	}
	return object{"sharding_column_name": "", "served_froms": froms}, nil
}

func (w *World) findAllShards(_ map[string]string, args []string) (any, error) {
	k, err := w.keyspace(args[0])
	if err != nil {
		return nil, err
	}
	shards := object{}
	for name, s := range k.shards {
		shards[name] = s.record()
	}
	return shards, nil
}

func (w *World) getShard(_ map[string]string, args []string) (any, error) {
	_, s, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	return s.record(), nil
}

func (s *worldShard) record() object {
	sources, controls := []object{}, []object{}
	for _, from := range s.sources {
		sources = append(sources, object{"uid": from.uid, "keyspace": from.keyspace, "shard": from.shard, "tables": from.tables})
	}
	for _, t := range types {
		if frozen := t == "master" && s.frozen; frozen || len(s.denied[t]) > 0 {
			controls = append(controls, object{"tablet_type": number[t], "blacklisted_tables": s.denied[t], "frozen": frozen})
		}
	}
	return object{"master_alias": object{"cell": "zone1", "uid": s.uid}, "key_range": s.keyRange(), "is_master_serving": s.serving,
		"source_shards": sources, "tablet_controls": controls}
}

func (s *worldShard) keyRange() any {
	if s.Range.IsWhole() {
		return nil
	}
	return object{"start": s.Range.Start(), "end": s.Range.End()}
}

func (w *World) getSrvKeyspace(_ map[string]string, args []string) (any, error) {
	k, err := w.keyspace(args[1])
	if err != nil {
		return nil, err
	}
	if k.serving[args[0]] == nil {
		return nil, errors.New("cannot marshal data: jsonpb error: Marshal called with nil")
	}
	partitions := []object{}
	for _, t := range types {
		p := k.serving[args[0]][t]
		references, controls := []object{}, []object{}
		for _, name := range p.shards {
			references = append(references, object{"name": name, "key_range": k.shards[name].keyRange()})
		}
		for _, name := range p.disabled {
			controls = append(controls, object{"name": name, "key_range": k.shards[name].keyRange(), "query_service_disabled": true})
		}
		partitions = append(partitions, object{"served_type": number[t], "shard_references": references, "shard_tablet_controls": controls})
	}
	return object{"partitions": partitions}, nil
}

func (w *World) getSchema(_ map[string]string, args []string) (any, error) {
	for _, k := range w.keyspaces {
		for _, s := range k.shards {
			if fmt.Sprintf("zone1-%010d", s.uid) != args[0] {
				continue
			}
			tables := []object{}
			for _, name := range sortedKeys(s.tables) {
				tables = append(tables, object{"name": name, "schema": s.tables[name], "type": "BASE TABLE", "columns": []string{"id"},
					"primary_key_columns": []string{"id"}, "data_length": "16384", "row_count": "1000"})
			}
			return object{"table_definitions": tables}, nil
		}
	}
	return nil, noNode("tablets/" + args[0])
}

func (w *World) copySchemaShard(options map[string]string, args []string) (any, error) {
	_, from, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	_, to, err := w.shard(args[1])
	if err != nil {
		return nil, err
	}
	for name, create := range from.tables {
		if list := options["tables"]; list != "" && !contains(strings.Split(list, ","), name) || contains(strings.Split(options["exclude_tables"], ","), name) {
			continue
		}
		if there, is := to.tables[name]; is && there != create {
			return nil, fmt.Errorf("creating a table failed. Most likely some tables already exist on the destination and differ from the source: %s", name)
		}
		to.tables[name] = create
	}
	return nil, nil
}

func (w *World) waitForFilteredReplication(_ map[string]string, args []string) (any, error) {
	_, s, err := w.shard(args[0])
	if err != nil {
		return nil, err
	}
	if len(s.sources) == 0 {
		return nil, fmt.Errorf("shard %s has no source shard", args[0])
	}
	return "Filtered replication on tablet has caught up.", nil
}
