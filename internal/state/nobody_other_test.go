//go:build !linux

package state_test

import (
	"os"
	"testing"
)

// asNobody runs fn, which has to be without the rights of root: permissions mean nothing to root.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Fatal("run the tests as another user than root")
	}
	fn()
}
