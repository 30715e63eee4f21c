package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/addr"
)

// Approvals came to format 1 later: their bucket is made by the first of them, so that a file without one stays as it
// was, and the programs of before pass over it. Its sequence is the number of approvals: what was cut off at the end
// is missed.

func (r *records) PutApproval(approval Approval) (err error) {
	defer r.note(&err)
	if approval.Address.Level() != addr.LevelContainer || approval.Digest == "" || approval.Instance < 1 {
		return r.wrong(approval.Address, "not an approval of a step",
			fmt.Sprintf("recording an approval, found the address %q, the digest %q and the instance %d", approval.Address, approval.Digest, approval.Instance))
	}
	approval.At, approval.Who.Since = utc(approval.At), utc(approval.Who.Since)
	key, err := r.nextApproval()
	if err != nil {
		return err
	}
	return r.put(bucketApprovals, key, approval)
}

// nextApproval counts one approval more and gives its key.
func (r *records) nextApproval() (key []byte, err error) {
	defer r.guard(&err)
	bucket, err := r.tx.CreateBucketIfNotExists(bucketApprovals)
	if err != nil {
		return nil, err
	}
	n, err := bucket.NextSequence()
	return numberKey(n), err
}

func (r *records) Approvals() (approvals []Approval, err error) {
	want, err := r.approvalCount()
	if err != nil || want == 0 {
		return nil, err
	}
	err = r.scan(bucketApprovals, nil, func(key, value []byte) error {
		var approval Approval
		if err := unseal(key, value, &approval); err != nil {
			return err
		}
		approvals = append(approvals, approval)
		if keyNumber(key) != uint64(len(approvals)) {
			return errors.New("the one before it is missing")
		}
		return nil
	})
	if err == nil && uint64(len(approvals)) != want {
		err = r.damaged(fmt.Sprintf("there are %d approvals, %d were written", len(approvals), want), nil)
	}
	return approvals, err
}

// approvalCount is how many approvals were written. That the bucket is missing is only believed where no other stands
// in its place: a damaged name must not take approvals away in silence.
func (r *records) approvalCount() (n uint64, err error) {
	defer r.guard(&err)
	if r.tx == nil {
		return 0, nil
	}
	if bucket := r.tx.Bucket(bucketApprovals); bucket != nil {
		if bucket.Sequence() == 0 {
			return 0, r.damaged("the bucket approvals says that it is empty", nil)
		}
		return bucket.Sequence(), nil
	}
	return 0, r.tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		if !slices.ContainsFunc(buckets, func(known []byte) bool { return bytes.Equal(known, name) }) {
			return r.damaged(fmt.Sprintf("the bucket %q is none of a state", name), nil)
		}
		return nil
	})
}
