package state

import (
	"bytes"

	bolt "go.etcd.io/bbolt"
)

// A commit costs by the pages it touches: a task and a ledger entry in big trees are four pages each, which takes half
// as long again as a bare commit. So what a checkpoint writes goes to the small bucket recent first, and every 16th
// transaction moves all of it home at once. A record in recent takes the place of the one at home.
const (
	recentTransactions = 16
	recentPuts         = 64   // of one transaction, which is then no checkpoint and moves everything home itself
	recentSize         = 1024 // bytes; larger records go home at once
)

// recentKey is the key in recent of a record at home in the bucket name: its first letter (all that are used differ) and its key there.
func recentKey(name, key []byte) []byte {
	return append([]byte{name[0]}, key...)
}

// putRecent writes a record of containers or ledger.
func (r *records) putRecent(name, key, value []byte) (err error) {
	defer r.guard(&err)
	if len(value) > recentSize {
		recent, err := r.bucket(bucketRecent)
		if err != nil {
			return err
		}
		if err := recent.Delete(recentKey(name, key)); err != nil {
			return err
		}
		return r.putBytes(name, key, value)
	}
	r.recentPuts++
	return r.putBytes(bucketRecent, recentKey(name, key), value)
}

// settle moves recent home if it is time.
func (r *records) settle() error {
	if r.meta.Serial%recentTransactions != 0 && r.recentPuts < recentPuts {
		return nil
	}
	recent, err := r.bucket(bucketRecent)
	if err != nil {
		return err
	}
	cursor := recent.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		name := bucketContainers
		if key[0] == bucketLedger[0] {
			name = bucketLedger
		}
		if err := r.putBytes(name, bytes.Clone(key[1:]), bytes.Clone(value)); err != nil {
			return err
		}
	}
	if err := r.tx.DeleteBucket(bucketRecent); err != nil {
		return err
	}
	_, err = r.tx.CreateBucket(bucketRecent)
	return err
}

// merged walks the records of a bucket and of recent together, in the order of their keys.
type merged struct {
	home, recent             *bolt.Cursor
	homeKey, homeValue       []byte
	recentKey, recentValue   []byte
	homePrefix, recentPrefix []byte
}

func merge(home, recent *bolt.Bucket, name, prefix []byte) *merged {
	m := &merged{home: home.Cursor(), recent: recent.Cursor(), homePrefix: prefix, recentPrefix: recentKey(name, prefix)}
	m.setHome(m.home.Seek(m.homePrefix))
	m.setRecent(m.recent.Seek(m.recentPrefix))
	return m
}

func (m *merged) setHome(key, value []byte) {
	if !bytes.HasPrefix(key, m.homePrefix) {
		key = nil
	}
	m.homeKey, m.homeValue = key, value
}

func (m *merged) setRecent(key, value []byte) {
	if key == nil || !bytes.HasPrefix(key, m.recentPrefix) {
		m.recentKey = nil
		return
	}
	m.recentKey, m.recentValue = key[1:], value
}

// next is the next record; its key is nil at the end.
func (m *merged) next() (key, value []byte) {
	order := bytes.Compare(m.homeKey, m.recentKey)
	switch {
	case m.recentKey == nil || m.homeKey != nil && order < 0:
		key, value = m.homeKey, m.homeValue
	default:
		key, value = m.recentKey, m.recentValue
	}
	if m.recentKey != nil && (m.homeKey == nil || order >= 0) {
		m.setRecent(m.recent.Next())
	}
	if m.homeKey != nil && (key == nil || bytes.Equal(m.homeKey, key)) {
		m.setHome(m.home.Next())
	}
	return key, value
}
