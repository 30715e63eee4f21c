package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/tasks/legacyreshard"
	"shardform/internal/tasks/reshard"
)

// approveTask is what the gate in a step is called.
const approveTask = "approve"

// consentStep is the step that may be approved again where traffic was switched back by hand, also without a gate.
const consentStep = "switch_rdonly"

// ApproveResult says what an approval opened.
type ApproveResult struct {
	state.Approval
	Begun bool // the operation is open in the state; else the approval waits for the one that has this digest
	Gate  bool // the step has a gate that it opens; else it lets a step be done anew that somebody undid by hand
}

// Approve gives the consent of by, a label, to the step at an address (a container or the approve task in it) for exactly
// the operation with this digest: 64 hexadecimal digits. It needs no lock and no cluster. An operation that is open with
// another digest is refused with the one that it has, and so is, unless ahead is set, a step at which no operation of this
// digest is recorded as waiting.
func Approve(ctx context.Context, at addr.Address, digest, by string, ahead bool, o Options) (*ApproveResult, error) {
	step, err := stepOf(at, digest)
	if err != nil {
		return nil, err
	}
	c := newCommand(&o, digest)
	result := &ApproveResult{Approval: state.Approval{Address: step, Digest: digest, By: by, Who: o.Who, At: c.clock.Now()}}
	return result, c.end(ctx, step, "approved", fmt.Sprintf("by %s, for operation digest %s", by, digest), diag.ExitOK, func(w state.Writer) error {
		if err := result.check(w, o.ConfigPath, ahead); err != nil {
			return err
		}
		return w.PutApproval(result.Approval)
	})
}

// stepOf is the container that an approval is for.
func stepOf(at addr.Address, digest string) (addr.Address, error) {
	wrong := func(summary, hint string) error {
		return &diag.Diagnostic{Severity: diag.Error, Summary: summary, Address: at.String(), Hint: hint}
	}
	guarded := slices.Concat(reshard.ApprovalSteps, legacyreshard.GuardedSteps)
	known := append([]string{"hold"}, guarded...)
	steps := strings.Join(guarded, ", ")
	switch {
	case at.Kind() != addr.KindKeyspace:
		return addr.Address{}, wrong(fmt.Sprintf("%s waits for no approval", at), "only steps of a keyspace's reshard do: "+steps)
	case at.Level() < addr.LevelContainer:
		return addr.Address{}, wrong(fmt.Sprintf("%s is no step", at), fmt.Sprintf("an approval is for one step of an operation, as plan shows it: keyspace.NAME/SOURCES:TARGETS/STEP, where STEP is one of %s", steps))
	case at.Level() == addr.LevelTask && at.Last() != approveTask:
		return addr.Address{}, wrong(fmt.Sprintf("%s is no gate for an approval", at), fmt.Sprintf("name its step, %s, or %s", at.Container(), at.Container().WithTask(approveTask)))
	case !slices.Contains(known, at.Container().Last()):
		hint := "steps that may are " + steps
		if meant := spell.Nearest(at.Container().Last(), known); meant != "" {
			hint = fmt.Sprintf("did you mean %s? %s", at.WithContainer(meant), hint)
		}
		return addr.Address{}, wrong(fmt.Sprintf("%s waits for no approval", at), hint)
	case !isDigest(digest):
		return addr.Address{}, wrong(fmt.Sprintf("%q is no digest of an operation", digest), "plan shows it behind `digest`: 64 hexadecimal digits")
	}
	return at.Container(), nil
}

func isDigest(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// check compares the approval with what is recorded.
func (a *ApproveResult) check(r state.Reader, config string, ahead bool) error {
	latest, _, err := r.Latest(a.Address)
	if err != nil {
		return err
	}
	begun := latest.ID != "" && isOpen(latest)
	if a.Instance = latest.Instance; !begun {
		a.Instance++ // the one that comes
	}
	asked := askedFor(latest, a.Address)
	switch {
	case begun && latest.Digest != a.Digest && a.Address.Last() == consentStep:
		// The configuration was edited, and the plan of that is blocked by traffic that somebody switched back: no apply
		// records it before this approval. It is for the instance that replaces the open one.
		a.Instance, a.Begun = latest.Instance+1, true
		return nil
	case begun && latest.Digest != a.Digest, !begun && asked != "" && asked != a.Digest && !ahead:
		expected := cmp.Or(asked, latest.Digest)
		summary, command := fmt.Sprintf("the open operation %s has another digest", latest.Address), tasks.ApproveCommand(a.Address, expected, config)
		switch {
		case asked == "":
			command += tasks.Ahead
		case !begun:
			summary = fmt.Sprintf("the operation that waits at %s has another digest", a.Address)
		}
		return a.refused(summary,
			fmt.Sprintf("expected: %s\nfound: %s", expected, a.Digest),
			"nothing was approved. Look at what it does now (shardform plan), then, if that is right:\n"+command)
	case !begun && asked != a.Digest && !ahead:
		return a.early("no operation is open there", config)
	case !begun:
		return nil
	}
	a.Begun = true
	containers, err := r.Containers(latest.ID)
	if err != nil {
		return err
	}
	return a.checkGate(containers, asked == a.Digest || ahead, config)
}

// askedFor returns the digest of the operation that is recorded as waiting for the approval of a step, "" if none is.
func askedFor(latest state.Operation, step addr.Address) string {
	w := latest.Waiting
	if w == nil || w.Gate != string(tasks.GateApproval) || w.Task.Container() != step {
		return ""
	}
	return cmp.Or(w.Digest, latest.Digest)
}

// checkGate returns an error if the open operation has no gate in the step, or one that does not wait where now is not set.
func (a *ApproveResult) checkGate(containers []state.Container, now bool, config string) error {
	var gates []string
	var known, passed bool
	for _, c := range containers {
		known = known || c.Address == a.Address
		i := slices.IndexFunc(c.Tasks, func(t state.Task) bool { return t.Address.Last() == approveTask })
		if i < 0 {
			continue
		}
		gates = append(gates, c.Address.String())
		if c.Address == a.Address {
			a.Gate, passed = true, isDone(c.Tasks[i])
		}
	}
	consent := known && a.Address.Last() == consentStep && (!a.Gate || passed)
	switch {
	case a.Gate && now, consent:
		return nil
	case a.Gate && passed:
		return a.early("the open operation has passed it", config)
	case a.Gate:
		return a.early("the open operation has not come to it", config)
	}
	hint := "no step of it does"
	if len(gates) > 0 {
		hint = "these do: " + strings.Join(gates, ", ")
	}
	return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("%s waits for no approval", a.Address), Address: a.Address.String(), Hint: hint}
}

// early is the error of an approval that nothing waits for.
func (a *ApproveResult) early(why, config string) error {
	return a.refused(fmt.Sprintf("%s does not wait for an approval now", a.Address), why+"; nothing was approved",
		"apply prints the command when it waits there. To approve it ahead of that:\n"+tasks.ApproveCommand(a.Address, a.Digest, config)+tasks.Ahead)
}

func (a *ApproveResult) refused(summary, detail, hint string) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: summary, Address: a.Address.String(), Detail: detail, Hint: hint, Exit: diag.ExitRefused}
}
