package state

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// metaRecord is the bucket meta: all texts, so that any bbolt tool shows them. It stays small, so that bbolt keeps it
// inside of the root page, which every commit writes anyway.
type metaRecord struct {
	Meta
	LastOperation uint64 // number of the newest operation there ever was
	Entries       uint64 // ledger entries
	Head          string // hash of the newest ledger entry
}

// metaText is one key of meta.
type metaText struct{ key, text string }

// texts are the keys of meta in their order, but for the checksum.
func (m metaRecord) texts() []metaText {
	return []metaText{
		{"format", strconv.Itoa(m.Format)},
		{"last_operation", strconv.FormatUint(m.LastOperation, 10)},
		{"ledger", strconv.FormatUint(m.Entries, 10) + " " + m.Head},
		{"lineage", m.Lineage},
		{"serial", strconv.FormatUint(m.Serial, 10)},
	}
}

// storedMeta is the bucket meta as it stands in the file.
type storedMeta struct {
	record metaRecord
	texts  []metaText
}

const metaSum = "crc32c"

// sumTexts is the checksum over all keys of meta but its own.
func sumTexts(texts []metaText) string {
	line := make([]byte, 0, 256)
	for _, t := range texts {
		line = append(append(append(append(line, t.key...), '='), t.text...), '\n')
	}
	return fmt.Sprintf("%08x", crc32.Checksum(line, castagnoli))
}

// loadMeta reads meta once per transaction, unless stored has it.
func (r *records) loadMeta() (err error) {
	defer r.guard(&err)
	if r.stored != nil {
		r.meta = r.stored.record
		return nil
	}
	return r.parseMeta()
}

func (r *records) parseMeta() error {
	bucket := r.tx.Bucket(bucketMeta)
	if bucket == nil {
		return r.damaged("the bucket meta is missing", nil)
	}
	var texts []metaText
	var m metaRecord
	var sum, entries string
	var errs [4]error
	cursor := bucket.Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		key, text := string(k), string(v)
		switch key {
		case metaSum:
			sum = text
			continue
		case "format":
			m.Format, errs[0] = strconv.Atoi(text)
		case "lineage":
			m.Lineage = text
		case "serial":
			m.Serial, errs[1] = strconv.ParseUint(text, 10, 64)
		case "last_operation":
			m.LastOperation, errs[2] = strconv.ParseUint(text, 10, 64)
		case "ledger":
			entries, m.Head, _ = strings.Cut(text, " ")
			m.Entries, errs[3] = strconv.ParseUint(entries, 10, 64)
		}
		texts = append(texts, metaText{key, text})
	}
	if found := sumTexts(texts); found != sum {
		return r.damaged(fmt.Sprintf("checksum of the bucket meta: expected %q, found %q", sum, found), nil)
	}
	if err := cmp.Or(errs[:]...); err != nil {
		return r.damaged("bucket meta: "+err.Error(), err)
	}
	r.meta = m
	return nil
}

// countTransaction raises the serial, the last thing in every transaction. It fails if a write did.
func (r *records) countTransaction() (err error) {
	defer r.guard(&err)
	if r.failed != nil {
		return r.failed
	}
	r.meta.Serial++
	if err := r.settle(); err != nil {
		return err
	}
	return r.storeMeta()
}

// storeMeta writes the keys of meta that are not in the file as they are to be.
func (r *records) storeMeta() error {
	texts := r.meta.texts()
	bucket := r.tx.Bucket(bucketMeta)
	for i, t := range append(texts, metaText{metaSum, sumTexts(texts)}) {
		if r.stored != nil && i < len(texts) && r.stored.texts[i] == t {
			continue
		}
		if err := bucket.Put([]byte(t.key), []byte(t.text)); err != nil {
			return err
		}
	}
	r.stored = &storedMeta{record: r.meta, texts: texts}
	return nil
}

// bucket is nil while there is no file.
func (r *records) bucket(name []byte) (*bolt.Bucket, error) {
	if r.tx == nil {
		return nil, nil
	}
	b := r.tx.Bucket(name)
	if b == nil {
		return nil, r.damaged(fmt.Sprintf("the bucket %s is missing", name), nil)
	}
	b.FillPercent = fillPercent(name)
	return b, nil
}

// fillPercent is how full pages get when they split: those that are only appended to all the way; those whose records
// grow when their tasks end leave room for that.
func fillPercent(name []byte) float64 {
	switch string(name) {
	case string(bucketContainers):
		return 0.7
	case string(bucketOutputs):
		return bolt.DefaultFillPercent
	}
	return 1
}
