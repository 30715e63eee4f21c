package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// A ledger entry is stored as JSON whose last member is the SHA-256 over everything before it, the hash of the entry
// before included. meta has the number of entries and the newest hash, so neither a changed, a left-out nor a cut-off
// entry goes unseen.
const (
	hashStart = `,"hash":"`
	hashEnd   = `"}`
	hashSize  = len(hashStart) + 2*sha256.Size + len(hashEnd)
)

func (r *records) Append(entry LedgerEntry) (err error) {
	defer r.note(&err)
	entry.Sequence, entry.Previous = r.meta.Entries+1, r.meta.Head
	err = r.putRecent(bucketLedger, numberKey(entry.Sequence), func(dst []byte) ([]byte, error) {
		text, err := encodeEntry(dst, entry)
		if err != nil {
			return nil, fmt.Errorf("recording in the ledger: %w", err)
		}
		text = text[:len(text)-1]
		sum := sha256.Sum256(text[len(dst):])
		entry.Hash = hex.EncodeToString(sum[:])
		return append(append(append(text, hashStart...), entry.Hash...), hashEnd...), nil
	})
	if err != nil {
		return err
	}
	r.meta.Entries, r.meta.Head = entry.Sequence, entry.Hash
	return nil
}

func (r *records) Ledger(run string) (entries []LedgerEntry, err error) {
	ofRun, err := json.Marshal(run)
	if err != nil {
		return nil, err
	}
	var count uint64
	head := ""
	err = r.scan(bucketLedger, nil, func(key, value []byte) error {
		n := len(value) - hashSize
		if n < 0 || string(value[n:n+len(hashStart)]) != hashStart || !bytes.HasSuffix(value, []byte(hashEnd)) {
			return errors.New("it does not end with its hash")
		}
		sum := sha256.Sum256(value[:n])
		hash := string(value[n+len(hashStart) : len(value)-len(hashEnd)])
		if hex.EncodeToString(sum[:]) != hash {
			return errors.New("its hash is wrong")
		}
		previous := []byte(`,"previous":"` + head + `"`)
		if count++; keyNumber(key) != count || !bytes.HasSuffix(value[:n], previous) {
			return fmt.Errorf("the chain is broken: it does not follow entry %d", count-1)
		}
		head = hash
		if run != "" && !bytes.Contains(value, ofRun) {
			return nil
		}
		var entry LedgerEntry
		if err := json.Unmarshal(value, &entry); err != nil {
			return err
		}
		if run == "" || entry.Run == run {
			entries = append(entries, entry)
		}
		return nil
	})
	if err == nil && (count != r.meta.Entries || head != r.meta.Head) {
		err = r.damaged(fmt.Sprintf("the ledger has %d entries, %d were written", count, r.meta.Entries), nil)
	}
	return entries, err
}
