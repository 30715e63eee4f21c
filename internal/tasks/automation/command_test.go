package automation_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/diag"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestCommandLinesAreTheOriginals(t *testing.T) {
	cloneOptions := "chunk_count=2 min_rows_per_chunk=3 write_query_max_rows=4 write_query_max_size=5 min_healthy_rdonly_tablets=6 max_tps=7 max_replication_lag=8"
	cloneFlags := "--chunk_count=2 --min_rows_per_chunk=3 --write_query_max_rows=4 --write_query_max_size=5 --min_healthy_rdonly_tablets=6 --max_tps=7 --max_replication_lag=8"
	for _, c := range []struct{ task, parameters, want string }{
		{"CopySchemaShardTask", "source_keyspace_and_shard=ks/0 dest_keyspace_and_shard=ks/-80 vtctld_endpoint=c:1",
			"vtctl@c:1 CopySchemaShard ks/0 ks/-80"},
		{"CopySchemaShardTask", "source_keyspace_and_shard=ks/0 dest_keyspace_and_shard=ks/-80 vtctld_endpoint=c:1 tables=a,b exclude_tables=c",
			"vtctl@c:1 CopySchemaShard --tables=a,b --exclude_tables=c ks/0 ks/-80"},
		{"SplitCloneTask", "keyspace=ks source_shard=0 vtworker_endpoint=w:1", "vtworker@w:1 SplitClone ks/0"},
		{"SplitCloneTask", "keyspace=ks source_shard=0 vtworker_endpoint=w:1 online=true offline=false exclude_tables=x " + cloneOptions,
			"vtworker@w:1 SplitClone --online=true --offline=false --exclude_tables=x " + cloneFlags + " ks/0"},
		{"SplitCloneTask", "keyspace=ks source_shard=0 vtworker_endpoint=w:1 online= offline= exclude_tables= chunk_count= max_tps=7",
			"vtworker@w:1 SplitClone --max_tps=7 ks/0"},
		{"SplitDiffTask", "keyspace=ks dest_shard=-80 vtworker_endpoint=w:1", "vtworker@w:1 SplitDiff ks/-80"},
		{"SplitDiffTask", "keyspace=ks dest_shard=-80 vtworker_endpoint=w:1 exclude_tables=x min_healthy_rdonly_tablets=1",
			"vtworker@w:1 SplitDiff --exclude_tables=x --min_healthy_rdonly_tablets=1 ks/-80"},
		{"WaitForFilteredReplicationTask", "keyspace=ks shard=-80 max_delay=30s vtctld_endpoint=c:1", "vtctl@c:1 WaitForFilteredReplication -max_delay 30s ks/-80"},
		{"MigrateServedTypesTask", "keyspace=ks source_shard=0 type=rdonly vtctld_endpoint=c:1", "vtctl@c:1 MigrateServedTypes ks/0 rdonly"},
		{"MigrateServedTypesTask", "keyspace=ks source_shard=0 type=replica vtctld_endpoint=c:1 cells=a,b reverse=true",
			"vtctl@c:1 MigrateServedTypes --cells=a,b --reverse=true ks/0 replica"},
		{"MigrateServedFromTask", "dest_keyspace=ks shard=0 type=master vtctld_endpoint=c:1", "vtctl@c:1 MigrateServedFrom ks/0 master"},
		{"MigrateServedFromTask", "dest_keyspace=ks shard=0 type=rdonly vtctld_endpoint=c:1 cells=a reverse=false",
			"vtctl@c:1 MigrateServedFrom --cells=a --reverse=false ks/0 rdonly"},
		{"RebuildKeyspaceGraphTask", "keyspace=ks vtctld_endpoint=c:1", "vtctl@c:1 RebuildKeyspaceGraph ks"},
		{"RebuildKeyspaceGraph", "keyspace=ks vtctld_endpoint=c:1 cells=a,b", "vtctl@c:1 RebuildKeyspaceGraph --cells=a,b ks"},
		{"VerticalSplitCloneTask", "dest_keyspace=ks shard=0 tables=a,b vtworker_endpoint=w:1", "vtworker@w:1 VerticalSplitClone --tables=a,b ks/0"},
		{"VerticalSplitCloneTask", "dest_keyspace=ks shard=0 tables=a vtworker_endpoint=w:1 online=true offline=false " + cloneOptions,
			"vtworker@w:1 VerticalSplitClone --tables=a --online=true --offline=false " + strings.Replace(cloneFlags, "min_healthy_rdonly_tablets", "min_healthy_tablets", 1) + " ks/0"},
		{"VerticalSplitDiffTask", "dest_keyspace=ks shard=0 vtworker_endpoint=w:1", "vtworker@w:1 VerticalSplitDiff ks/0"},
		{"VerticalSplitDiffTask", "dest_keyspace=ks shard=0 vtworker_endpoint=w:1 min_healthy_rdonly_tablets=2",
			"vtworker@w:1 VerticalSplitDiff --min_healthy_rdonly_tablets=2 ks/0"},
	} {
		legacy := &fakeLegacy{}
		r := newRig(legacy)
		emitted, output, err := r.run(t, t.Context(), c.task, parametersOf(c.parameters))
		command := strings.Fields(c.want)
		if err != nil || len(emitted) > 0 || output != "output of "+command[1] {
			t.Errorf("%s: output %q, emitted %v, error %v", c.task, output, emitted, err)
		}
		if diff := cmp.Diff([]string{c.want}, legacy.sent); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.task, c.parameters, diff)
		}
		commands := r.task(t, c.task).(tasks.Commander).Commands(t.Context(), parametersOf(c.parameters))
		program, server, _ := strings.Cut(command[0], "@")
		if want := program + "client -server " + server + " " + strings.Join(command[1:], " "); commands[len(commands)-1] != want {
			t.Errorf("%s: by hand %q, want %q", c.task, commands, want)
		}
		if program == "vtworker" && commands[0] != "vtworkerclient -server w:1 Reset" {
			t.Errorf("%s: by hand %q", c.task, commands)
		}
	}
}

func TestParametersAreTheOriginals(t *testing.T) {
	cloneOptions := "chunk_count min_rows_per_chunk write_query_max_rows write_query_max_size min_healthy_rdonly_tablets max_tps max_replication_lag"
	want := map[string][2]string{
		"CopySchemaShardTask":            {"source_keyspace_and_shard dest_keyspace_and_shard vtctld_endpoint", "tables exclude_tables"},
		"SplitCloneTask":                 {"keyspace source_shard vtworker_endpoint", "online offline exclude_tables " + cloneOptions + " vtctld_endpoint"},
		"SplitDiffTask":                  {"keyspace dest_shard vtworker_endpoint", "exclude_tables min_healthy_rdonly_tablets"},
		"WaitForFilteredReplicationTask": {"keyspace shard max_delay vtctld_endpoint", ""},
		"MigrateServedTypesTask":         {"keyspace source_shard type vtctld_endpoint", "cells reverse"},
		"MigrateServedFromTask":          {"dest_keyspace shard type vtctld_endpoint", "cells reverse"},
		"RebuildKeyspaceGraphTask":       {"keyspace vtctld_endpoint", "cells"},
		"RebuildKeyspaceGraph":           {"keyspace vtctld_endpoint", "cells"},
		"VerticalSplitCloneTask":         {"dest_keyspace shard tables vtworker_endpoint", "online offline " + cloneOptions + " vtctld_endpoint"},
		"VerticalSplitDiffTask":          {"dest_keyspace shard vtworker_endpoint", "min_healthy_rdonly_tablets"},
		"HorizontalReshardingTask":       {"keyspace source_shard_list dest_shard_list vtctld_endpoint vtworker_endpoint", "exclude_tables min_healthy_rdonly_tablets"},
		"VerticalSplitTask":              {"source_keyspace dest_keyspace shard_list tables vtctld_endpoint vtworker_endpoint", "min_healthy_rdonly_tablets"},
	}
	got := map[string][2]string{}
	for _, spec := range registry.Specs() {
		got[spec.Name] = [2]string{strings.Join(spec.RequiredParameters(), " "), strings.Join(spec.OptionalParameters(), " ")}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARequiredParameterWithoutAValueIsRefused(t *testing.T) {
	for _, spec := range registry.Specs() {
		p := map[string]string{}
		for _, name := range spec.RequiredParameters() {
			p[name] = "x"
		}
		first, last := spec.RequiredParameters()[0], spec.RequiredParameters()[len(spec.RequiredParameters())-1]
		p[first], p[last] = "", ""
		err := registry.Check(spec.Name, p)
		if err == nil || err.Error() != "required parameters are empty: ["+first+" "+last+"]" {
			t.Errorf("%s: %v", spec.Name, err)
		}
	}
}

func TestATaskThatIsCutShortMayBeRunAgain(t *testing.T) {
	for _, spec := range registry.Specs() {
		task := newRig(&fakeLegacy{}).task(t, spec.Name)
		_, expands := task.(tasks.Expander)
		if r, ok := task.(interface{ Repeatable() bool }); !expands && (!ok || !r.Repeatable()) {
			t.Errorf("%s is left to the operator", spec.Name)
		}
	}
}

var wait = parametersOf("keyspace=ks shard=-80 max_delay=30s vtctld_endpoint=c:1")
var migrate = parametersOf("keyspace=ks source_shard=0 type=master vtctld_endpoint=c:1")
var cloning = parametersOf("keyspace=ks source_shard=0 vtworker_endpoint=w:1")

func TestErrorsSayWhatTheirTaskKnowsOfThem(t *testing.T) {
	for name, c := range map[string]struct {
		task       string
		parameters map[string]string
		code       codes.Code
		text       string
		temporary  bool
		hint       string
	}{
		"negative delay":   {"WaitForFilteredReplicationTask", wait, codes.Unknown, "last seen delay should never be negative. tablet: x delay: -1s", true, "nothing has been replicated"},
		"another answer":   {"WaitForFilteredReplicationTask", wait, codes.Unknown, "no healthy tablets", false, "as it was"},
		"a look broke off": {"WaitForFilteredReplicationTask", wait, codes.Unavailable, "EOF", true, "as it was"},
		"a move broke off": {"MigrateServedTypesTask", migrate, codes.Unavailable, "EOF", false, "as it was"},
		"moved already":    {"MigrateServedTypesTask", migrate, codes.Unknown, "neither Shard '0' nor … Or did you already migrate the MASTER type?", false, "GetSrvKeyspace"},
		"cloned already":   {"SplitCloneTask", cloning, codes.Unknown, "destination shard -80 has filtered replication already enabled from a previous resharding", false, "the clone is complete"},
	} {
		t.Run(name, func(t *testing.T) {
			cause := status.Error(c.code, c.text)
			_, output, err := newRig(&fakeLegacy{answer: func(context.Context, vitess.LegacyCommand) (string, error) {
				return "some output", &diag.Diagnostic{Severity: diag.Error, Summary: "it failed", Detail: c.text, Hint: "as it was", Cause: cause}
			}}).run(t, t.Context(), c.task, c.parameters)
			var d *diag.Diagnostic
			if !errors.As(err, &d) || d.Temporary != c.temporary || !strings.Contains(d.Hint, c.hint) || !errors.Is(err, cause) {
				t.Errorf("%+v", err)
			}
			if output != "some output" {
				t.Errorf("output %q", output)
			}
		})
	}
}

// blocked is a server that never answers by itself. entered gets a value when a command is there.
func blocked(entered chan<- struct{}) *fakeLegacy {
	return &fakeLegacy{answer: func(ctx context.Context, _ vitess.LegacyCommand) (string, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return "so far", errors.Join(ctx.Err(), context.Cause(ctx))
	}}
}

func TestStopping(t *testing.T) {
	t.Run("the first request ends what only waits", func(t *testing.T) {
		entered := make(chan struct{}, 1)
		r := newRig(blocked(entered))
		go func() { <-entered; close(r.stop) }()
		_, output, err := r.run(t, t.Context(), "WaitForFilteredReplicationTask", wait)
		if !errors.Is(err, tasks.ErrStopped) || output != "so far" {
			t.Errorf("output %q, error %v", output, err)
		}
	})
	t.Run("the end of the context ends a clone", func(t *testing.T) {
		entered := make(chan struct{}, 1)
		r := newRig(blocked(entered))
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-entered; cancel() }()
		if _, output, err := r.run(t, ctx, "SplitCloneTask", cloning); !errors.Is(err, context.Canceled) || output != "so far" {
			t.Errorf("output %q, error %v", output, err)
		}
	})
	t.Run("nothing ends a move that was sent", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(nil)
		r.legacy = &fakeLegacy{answer: func(inner context.Context, _ vitess.LegacyCommand) (string, error) {
			close(r.stop)
			cancel()
			_, limited := inner.Deadline()
			if !limited {
				t.Error("nothing ends it at all")
			}
			return "moved", inner.Err()
		}}
		if _, output, err := r.run(t, ctx, "MigrateServedTypesTask", migrate); err != nil || output != "moved" {
			t.Errorf("output %q, error %v", output, err)
		}
	})
	t.Run("an ended context sends nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, p := range map[string]map[string]string{"MigrateServedTypesTask": migrate, "SplitCloneTask": cloning, "WaitForFilteredReplicationTask": wait} {
			legacy := &fakeLegacy{}
			_, _, err := newRig(legacy).run(t, ctx, name, p)
			if !errors.Is(err, tasks.ErrStopped) || diag.ExitOf(err) != diag.ExitStopped || len(legacy.sent) > 0 {
				t.Errorf("%s: sent %q, error %v", name, legacy.sent, err)
			}
		}
	})
}

func TestLinesArePassedOnAndWaitingHeedsRequestsToStop(t *testing.T) {
	r := newRig(nil)
	r.legacy = &fakeLegacy{answer: func(ctx context.Context, c vitess.LegacyCommand) (string, error) {
		c.Line("one")
		close(r.stop)
		return "", c.Pause(ctx, 0)
	}}
	_, _, err := r.run(t, t.Context(), "SplitCloneTask", cloning)
	if !errors.Is(err, tasks.ErrStopped) || len(r.lines) != 1 || r.lines[0] != "one" {
		t.Errorf("lines %q, error %v", r.lines, err)
	}
}

func TestWithoutAWayToLegacyServersATaskSaysSo(t *testing.T) {
	task, err := registry.NewTask("SplitCloneTask", &tasks.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := task.Run(t.Context(), cloning); err == nil || !strings.Contains(err.Error(), "no way to reach legacy servers") {
		t.Errorf("error %v", err)
	}
	broken := errors.New("no such certificate")
	task, _ = registry.NewTask("SplitCloneTask", &tasks.Env{Legacy: func() (vitess.Legacy, error) { return nil, broken }})
	if _, _, err := task.Run(t.Context(), cloning); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
