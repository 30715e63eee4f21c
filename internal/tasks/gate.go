package tasks

import (
	"fmt"
	"strings"
	"time"

	"shardform/internal/addr"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
)

// Gate says what a gate waits for.
type Gate string

// The gates. An approval is given by a person, a window opens by the calendar, a soak ends by the clock.
const (
	GateApproval Gate = "approval"
	GateWindow   Gate = "window"
	GateSoak     Gate = "soak"
)

// Gatekeeper is a task that only waits until something holds. It never sleeps: its Run returns *GateClosed at once, so
// that neither a process nor a connection is kept for it, and the next apply asks again.
type Gatekeeper interface{ Gate() Gate }

// GateClosed is what a gate's Run returns while it is closed. Nothing is wrong and nothing is in flight.
type GateClosed struct {
	Gate    Gate
	Reason  string    // one line: what it waits for
	Opens   time.Time // when it opens by itself; zero: somebody has to open it
	Command string    // opens it, ready to be typed; "" where only time does
}

func (e *GateClosed) Error() string {
	if e.Opens.IsZero() {
		return e.Reason
	}
	return fmt.Sprintf("%s (opens %s)", e.Reason, e.Opens.UTC().Format(time.RFC3339))
}

// Exit is what a run that ends at the gate tells its caller: a soak is part of a plan that goes well.
func (e *GateClosed) Exit() diag.Exit {
	if e.Gate == GateSoak {
		return diag.ExitOK
	}
	return diag.ExitWaiting
}

// Approval is a person's consent to one step of exactly one operation.
type Approval struct {
	By string // a label, not a login
	At time.Time
}

// Ahead is the flag of ApproveCommand for a step whose gate does not wait.
const Ahead = " --ahead"

// ApproveCommand is the command line that approves a step, a container's address, for the operation with that digest.
// config is the path of the configuration; "" and "." are where the command looks by itself. It is for a gate that waits;
// else Ahead follows.
func ApproveCommand(step addr.Address, digest, config string) string {
	return fmt.Sprintf("shardform approve %s --plan %s", spell.ShellWord(step.String()), spell.ShellWord(digest)) + configFlag(config)
}

// ResumeCommand is the command line that lets a paused operation go on, config as for ApproveCommand.
func ResumeCommand(operation addr.Address, config string) string {
	return "shardform resume " + spell.ShellWord(operation.String()) + configFlag(config)
}

// RollbackCommand is the command line that takes an open operation back, with more arguments; config as for ApproveCommand.
func RollbackCommand(operation addr.Address, config string, args ...string) string {
	return strings.Join(append([]string{"shardform rollback", spell.ShellWord(operation.String())}, args...), " ") + configFlag(config)
}

// ApplyCommand is the command line that applies with a flag that takes an operation, such as --replace; config as for
// ApproveCommand.
func ApplyCommand(flag string, operation addr.Address, config string) string {
	command := "shardform apply " + flag + " " + spell.ShellWord(operation.String())
	if config != "" && config != "." {
		command += " " + spell.ShellWord(config)
	}
	return command
}

func configFlag(config string) string {
	if config == "" || config == "." {
		return ""
	}
	return " --config " + spell.ShellWord(config)
}
