package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/addr"
	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

var (
	digestA = strings.Repeat("a", 64)
	digestB = strings.Repeat("b", 64)
)

func TestApprove(t *testing.T) {
	waits := func(step addr.Address, digest string) func(*state.Operation) {
		return func(op *state.Operation) {
			op.Waiting = &state.Waiting{Task: step.WithTask("approve"), Gate: "approval", Digest: digest}
		}
	}
	held := func(op *state.Operation) {
		op.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE
		waits(split.WithContainer("hold"), digestB)(op)
		op.Waiting.Instance = 2
	}
	done := func(op *state.Operation) { op.State = automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE }
	gate := split.WithContainer("switch_primary")
	for _, tt := range []struct {
		name        string
		begun       bool
		edit        func(*state.Operation)
		at          addr.Address
		digest      string
		step        addr.Address // that is approved; zero: refused
		opens, gate bool
		ahead       bool
		instance    int // 0: 1
		exit        diag.Exit
		says        string
	}{
		{name: "a gate", begun: true, edit: waits(gate, ""), at: gate, digest: digestA, step: gate, opens: true, gate: true},
		{name: "its task", begun: true, edit: waits(gate, ""), at: gate.WithTask("approve"), digest: digestA, step: gate, opens: true, gate: true},
		{name: "a gate that does not wait", begun: true, at: gate, digest: digestA, exit: diag.ExitRefused, says: "shardform approve " + gate.String() + " --plan " + digestA + " --config here.hcl --ahead"},
		{name: "a gate while another waits", begun: true, edit: waits(split.WithContainer("create"), ""), at: gate, digest: digestA, exit: diag.ExitRefused, says: "has not come to it"},
		{name: "a gate while the window of its step is waited for", begun: true, edit: func(op *state.Operation) {
			op.Waiting = &state.Waiting{Task: gate.WithTask("window"), Gate: "window"}
		}, at: gate, digest: digestA, exit: diag.ExitRefused, says: "has not come to it"},
		{name: "a gate ahead", begun: true, ahead: true, at: gate, digest: digestA, step: gate, opens: true, gate: true},
		{name: "a step to be done anew", begun: true, at: split.WithContainer("switch_rdonly"), digest: digestA, step: split.WithContainer("switch_rdonly"), opens: true},
		{name: "an operation that is not begun", at: split.WithContainer("create"), digest: digestA, exit: diag.ExitRefused, says: "--ahead"},
		{name: "an operation that is not begun, ahead", ahead: true, at: split.WithContainer("create"), digest: digestA, step: split.WithContainer("create")},
		{name: "an operation that is not begun, to be done anew", at: split.WithContainer("switch_rdonly"), digest: digestA, exit: diag.ExitRefused, says: "--ahead"},
		{name: "a held operation that does not wait", begun: true, edit: done, at: split.WithContainer("hold"), digest: digestB, exit: diag.ExitRefused, says: "--ahead"},
		{name: "a held operation ahead, by its next digest", begun: true, ahead: true, edit: done, at: split.WithContainer("hold"), digest: digestB, step: split.WithContainer("hold"), instance: 2},
		{name: "a held operation that waits", begun: true, edit: held, at: split.WithContainer("hold"), digest: digestB, step: split.WithContainer("hold"), instance: 2},
		{name: "a held operation that waits with another digest", begun: true, edit: held, at: split.WithContainer("hold"), digest: digestA, exit: diag.ExitRefused,
			says: "shardform approve " + split.WithContainer("hold").String() + " --plan " + digestB + " --config here.hcl"},
		{name: "another digest", begun: true, edit: waits(gate, ""), at: gate, digest: digestB, exit: diag.ExitRefused, says: "shardform approve " + gate.String() + " --plan " + digestA + " --config here.hcl"},
		{name: "another digest ahead", begun: true, ahead: true, at: gate, digest: digestB, exit: diag.ExitRefused, says: digestA + " --config here.hcl --ahead"},
		{name: "the same operation, to be begun anew", begun: true, ahead: true, edit: done, at: gate, digest: digestA, step: gate, instance: 2},
		{name: "a step that the operation does not have", begun: true, ahead: true, at: split.WithContainer("switch_replica"), digest: digestA, exit: diag.ExitFailed, says: "these do: " + gate.String()},
		{name: "a step that is misspelled", ahead: true, at: split.WithContainer("switch_primry"), digest: digestA, exit: diag.ExitFailed, says: "did you mean " + gate.String()},
		{name: "a step without a gate", begun: true, at: split.WithContainer("finish"), digest: digestA, exit: diag.ExitFailed, says: "these do: " + gate.String()},
		{name: "a step that never has one", at: split.WithContainer("copy"), digest: digestA, exit: diag.ExitFailed, says: "create, switch_rdonly, switch_replica, switch_primary, finish"},
		{name: "another task", at: gate.WithTask("window"), digest: digestA, exit: diag.ExitFailed, says: gate.String()},
		{name: "an operation", at: split, digest: digestA, exit: diag.ExitFailed, says: "is no step"},
		{name: "an operation block", at: addr.Operation("o").WithContainer("create"), digest: digestA, exit: diag.ExitFailed, says: "waits for no approval"},
		{name: "a digest cut off", at: gate, digest: digestA[:63], exit: diag.ExitFailed, says: "64 hexadecimal digits"},
		{name: "no digest", at: gate, digest: strings.Repeat("g", 64), exit: diag.ExitFailed, says: "64 hexadecimal digits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			if tt.begun {
				f.begun(tt.edit)
			}
			before := len(f.ledger())
			unlock, err := f.store.Lock(t.Context(), state.Holder{User: "apply"}, 0) // an apply is running
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unlock() }()
			o := f.options()
			o.ConfigPath = "here.hcl"
			result, err := Approve(t.Context(), tt.at, tt.digest, "ann", tt.ahead, o)
			var recorded []state.Approval
			f.view(func(r state.Reader) (err error) {
				recorded, err = r.Approvals()
				return err
			})
			if tt.step.IsZero() {
				if diag.ExitOf(err) != tt.exit || len(recorded) != 0 || len(f.ledger()) != before {
					t.Fatalf("exit %d, want %d; recorded %v; %v", diag.ExitOf(err), tt.exit, recorded, err)
				}
				if d := diag.All(err)[0]; !strings.Contains(d.Summary+"\n"+d.Detail+"\n"+d.Hint, tt.says) {
					t.Errorf("it says %+v, want %q", d, tt.says)
				}
				return
			}
			if err != nil || result.Address != tt.step || result.Begun != tt.opens || result.Gate != tt.gate {
				t.Fatalf("%+v, %v", result, err)
			}
			if len(recorded) != 1 || recorded[0].Address != tt.step || recorded[0].Digest != tt.digest || recorded[0].Instance != max(1, tt.instance) || recorded[0].By != "ann" || recorded[0].Who.User != "ops" || recorded[0].At.IsZero() {
				t.Errorf("recorded as %+v", recorded)
			}
			if diff := cmp.Diff([]string{"approved " + tt.step.Last(), "run_ended"}, f.ledger()[before:]); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryApprovalIsAdded(t *testing.T) {
	f := newFixture(t)
	f.begun(nil)
	for _, by := range []string{"ann", "ann", "ben"} {
		if _, err := Approve(t.Context(), split.WithContainer("switch_rdonly"), digestA, by, false, f.options()); err != nil {
			t.Fatal(err)
		}
	}
	f.view(func(r state.Reader) error {
		all, err := r.Approvals()
		if len(all) != 3 || all[2].By != "ben" {
			t.Errorf("recorded %+v", all)
		}
		return err
	})
}
