package automation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"

	"shardform/internal/diag"
	"shardform/internal/vitess"
	"shardform/internal/vitess/legacytest"
)

func TestAWholeReshardingOverRealStreams(t *testing.T) {
	idle := true
	ctl := legacytest.Vtctld(t, func(_ context.Context, args []string, send func(*logutilpb.Event)) error {
		if args[0] == "WaitForFilteredReplication" && idle {
			idle = false
			return errors.New("last seen delay should never be negative. tablet: zone1-200 delay: -1s")
		}
		send(legacytest.Info("did " + args[0]))
		return nil
	})
	worker := legacytest.Vtworker(t, (&legacytest.Worker{Run: func(_ context.Context, args []string, send func(*logutilpb.Event)) error {
		send(legacytest.Console("did " + args[0]))
		return nil
	}}).Handle)
	legacy, err := vitess.NewLegacy(vitess.LegacyConfig{RetryPause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(legacy)
	emitted, _, err := r.run(t, t.Context(), "HorizontalReshardingTask", map[string]string{
		"keyspace": "ks", "source_shard_list": "0", "dest_shard_list": "-80,80-", "vtctld_endpoint": ctl.Address, "vtworker_endpoint": worker.Address,
	})
	if err != nil {
		t.Fatal(err)
	}
	temporary := 0
	for _, container := range emitted {
		for _, task := range container.ParallelTasks {
			_, output, err := r.run(t, t.Context(), task.Name, task.Parameters)
			if diag.IsTemporary(err) {
				temporary++
				_, output, err = r.run(t, t.Context(), task.Name, task.Parameters)
			}
			if err != nil || !strings.Contains(output, "did ") {
				t.Errorf("%s: output %q, error %v", task.Name, output, err)
			}
		}
	}
	if temporary != 1 {
		t.Errorf("%d temporary errors", temporary)
	}
	var sent []string
	for _, c := range ctl.Commands() {
		sent = append(sent, strings.Join(c, " "))
	}
	for _, c := range worker.Commands() {
		sent = append(sent, strings.Join(c, " "))
	}
	if diff := cmp.Diff([]string{
		"CopySchemaShard ks/0 ks/-80", "CopySchemaShard ks/0 ks/80-",
		"WaitForFilteredReplication -max_delay 30s ks/-80", "WaitForFilteredReplication -max_delay 30s ks/-80", "WaitForFilteredReplication -max_delay 30s ks/80-",
		"MigrateServedTypes ks/0 rdonly", "MigrateServedTypes ks/0 replica", "MigrateServedTypes ks/0 master",
		"Reset", "SplitClone ks/0", "Reset", "SplitDiff ks/-80", "Reset", "SplitDiff ks/80-",
	}, sent); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := strings.Count(strings.Join(r.lines, "\n"), "did "); got != 10 {
		t.Errorf("%d lines were passed on:\n%s", got, strings.Join(r.lines, "\n"))
	}
}
