package reshard

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/vitess"
)

// undone is the error of a call that did not do its work, as v shows it (nil: it could not be read). A call that was kept
// out by the lock of the workflow is a situation of its own: the server of another call died and has left it, for up to 24
// hours, or still works. As long as that may be it is tried again.
func (s *scene) undone(v *vitess.SegmentView, summary string, acted error, hint string) *diag.Diagnostic {
	lock := lockBehind(acted)
	if lock == nil {
		return wrap(summary, acted, hint, true)
	}
	d := s.lockedOut(v, lock)
	d.Detail += "\n" + acted.Error()
	d.Cause, d.Temporary = acted, !lock.Dead(s.now())
	return d
}

// lockedOut is the error of a workflow that somebody else has locked. What serves comes first.
func (s *scene) lockedOut(v *vitess.SegmentView, lock *vitess.Lock) *diag.Diagnostic {
	hint := "If that server was killed or cannot be reached any more, nothing but this removes the lock within 24 hours; then apply again."
	if len(lock.Commands) > 0 {
		hint += fmt.Sprintf(" The etcd is that of the global topology (vtctld's --topo-global-server-address):\n%s", strings.Join(lock.Commands, "\n"))
	} else {
		hint += fmt.Sprintf(" Delete it from the global topology: internal/named_locks/%s", lock.Name)
	}
	seen := s.now().Sub(lock.Seen).Truncate(time.Second)
	return refused(fmt.Sprintf("%s; workflow %s is locked", s.serving(v), lock.Name),
		fmt.Sprintf("%s on %s took the lock at %s by its own clock, and has held it for the %s since it was first seen here. It died, or still works: a server whose caller has gone ends within two minutes",
			lock.Action, lock.Host, lock.Since.UTC().Format(time.RFC3339), spell.Duration(seen)), hint)
}

// lockBehind is the lock that kept a call out; nil if that is not why it failed.
func lockBehind(acted error) *vitess.Lock {
	var locked *vitess.LockedError
	if errors.As(acted, &locked) {
		return locked.Lock
	}
	return nil
}
