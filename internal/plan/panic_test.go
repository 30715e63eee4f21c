package plan

import (
	"context"
	"strings"
	"testing"

	"shardform/internal/diag"
	"shardform/internal/vitess"
)

// brokenReader panics where a keyspace is read, which happens in a goroutine for each.
type brokenReader struct{ *fakeReader }

func (brokenReader) Snapshot(context.Context, string) (*vitess.Snapshot, error) { panic("a bug") }

func TestAPanicWhileKeyspacesAreReadIsADiagnostic(t *testing.T) {
	broken := func(context.Context, string) (vitess.Reader, error) { return brokenReader{}, nil }
	list := complaints(t, Inputs{Config: wanted(t, "-80", "80-"), Clusters: broken})
	if len(list) != 1 || list[0].Summary != "panic: a bug" || !strings.Contains(list[0].Detail, "brokenReader") || diag.ExitOf(list) != diag.ExitFailed {
		t.Errorf("%v", list)
	}
}
