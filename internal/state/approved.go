package state

import (
	"slices"

	"shardform/internal/addr"
)

// Approved is the newest approval of a step, a container's address, for exactly the operation with that digest.
func Approved(r Reader, step addr.Address, digest string) (approval Approval, ok bool, err error) {
	all, err := r.Approvals()
	if err != nil {
		return Approval{}, false, err
	}
	for _, a := range slices.Backward(all) {
		if a.Address == step && a.Digest == digest {
			return a, true, nil
		}
	}
	return Approval{}, false, nil
}
