package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// A commit costs by the pages it touches: a task and a ledger entry in big trees are four pages each, which takes half
// as long again as a bare commit. So the tasks and ledger entries that a checkpoint writes go to the small bucket recent
// first, all in one value, and every 64th transaction moves all of recent home at once. A record in recent takes the
// place of the one at home, and of one that came before it.
const (
	recentTransactions = 64
	recentSize         = 4096 // bytes; a transaction that writes more moves everything home itself
)

// recentHead is what stands before a record in a value of recent: the first letter of its home bucket, the length of
// its key there in 2 bytes, and of its value in 4.
const recentHead = 1 + 2 + 4

// recentKey tells the records in recent apart: the first letter of the home bucket (of those that are used all differ) and the key there.
func recentKey(name, key []byte) []byte {
	return append([]byte{name[0]}, key...)
}

// putRecent writes a record of containers or ledger; encode appends its value.
func (r *records) putRecent(name, key []byte, encode func(dst []byte) ([]byte, error)) error {
	start := len(r.written)
	text := append(append(r.written, name[0], byte(len(key)>>8), byte(len(key)), 0, 0, 0, 0), key...) // bbolt has no keys over 32 KiB
	value := len(text)
	text, err := encode(text)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(text[start+3:], uint32(len(text)-value))
	r.written = text
	if r.overlay != nil {
		r.overlay[string(recentKey(name, key))] = text[value:len(text):len(text)]
	}
	return nil
}

// loadRecent reads recent, and what this transaction wrote, once per transaction, if the bucket name is one whose
// records may be there.
func (r *records) loadRecent(name []byte) (err error) {
	defer r.guard(&err)
	if r.overlay != nil || !bytes.Equal(name, bucketContainers) && !bytes.Equal(name, bucketLedger) {
		return nil
	}
	bucket, err := r.bucket(bucketRecent)
	if err != nil {
		return err
	}
	overlay := map[string][]byte{}
	cursor := bucket.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		text, err := unsealBytes(key, value)
		if err == nil {
			err = readRecent(overlay, bytes.Clone(text)) // a copy, because writing may move the pages
		}
		if err != nil {
			return r.damagedRecord(bucketRecent, key, err)
		}
	}
	r.overlay = overlay
	return readRecent(overlay, r.written)
}

// readRecent takes a value of recent apart.
func readRecent(overlay map[string][]byte, text []byte) error {
	for len(text) > 0 {
		if len(text) < recentHead {
			return errors.New("it ends within a record")
		}
		value := recentHead + int(binary.BigEndian.Uint16(text[1:]))
		end := value + int(binary.BigEndian.Uint32(text[3:]))
		if len(text) < end {
			return errors.New("it ends within a record")
		}
		overlay[string(recentKey(text[:1], text[recentHead:value]))] = text[value:end:end]
		text = text[end:]
	}
	return nil
}

// settle writes what this transaction has put off: to recent, or home with all of recent if it is time.
func (r *records) settle() error {
	if r.meta.Serial%recentTransactions != 0 && len(r.written) <= recentSize {
		if len(r.written) == 0 {
			return nil
		}
		key := numberKey(r.meta.Serial)
		return r.putBytes(bucketRecent, key, binary.BigEndian.AppendUint32(r.written, sumBytes(key, r.written)))
	}
	if err := r.loadRecent(bucketContainers); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(r.overlay)) {
		name := bucketContainers
		if key[0] == bucketLedger[0] {
			name = bucketLedger
		}
		if err := r.putBytes(name, []byte(key[1:]), r.overlay[key]); err != nil {
			return err
		}
	}
	if err := r.tx.DeleteBucket(bucketRecent); err != nil {
		return err
	}
	_, err := r.tx.CreateBucket(bucketRecent)
	return err
}

// merged walks the records of a bucket and those in recent together, in the order of their keys.
type merged struct {
	home       *bolt.Cursor
	prefix     []byte
	key, value []byte   // at home, the next; the key is nil at the end
	recent     []string // keys in overlay, those that are to come
	overlay    map[string][]byte
}

func (r *records) merge(home *bolt.Bucket, name, prefix []byte) *merged {
	m := &merged{home: home.Cursor(), prefix: prefix, overlay: r.overlay}
	start := string(recentKey(name, prefix))
	for key := range r.overlay {
		if strings.HasPrefix(key, start) {
			m.recent = append(m.recent, key)
		}
	}
	slices.Sort(m.recent)
	m.set(m.home.Seek(prefix))
	return m
}

func (m *merged) set(key, value []byte) {
	if !bytes.HasPrefix(key, m.prefix) {
		key = nil
	}
	m.key, m.value = key, value
}

// next is the next record; its key is nil at the end.
func (m *merged) next() (key, value []byte) {
	order := -1
	if len(m.recent) > 0 {
		order = 1
		if m.key != nil {
			order = strings.Compare(string(m.key), m.recent[0][1:])
		}
	}
	key, value = m.key, m.value
	if order >= 0 {
		key, value = []byte(m.recent[0][1:]), m.overlay[m.recent[0]]
		m.recent = m.recent[1:]
	}
	if order <= 0 && m.key != nil {
		m.set(m.home.Next())
	}
	return key, value
}
