package state

import (
	"slices"

	"shardform/internal/addr"
)

// Approved is the newest approval of a step, a container's address, for exactly this instance of its operation with
// exactly this digest.
func Approved(all []Approval, step addr.Address, instance int, digest string) (approval Approval, ok bool) {
	for _, a := range slices.Backward(all) {
		if a.Address == step && a.Instance == instance && a.Digest == digest {
			return a, true
		}
	}
	return Approval{}, false
}
