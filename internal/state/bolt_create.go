package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	bolt "go.etcd.io/bbolt"
)

const fileMode fs.FileMode = 0o600

// errMadeByAnother says that another process made the file while this one was about to.
var errMadeByAnother = errors.New("made by another process")

// create makes a state without records in a file that has no name until the first transaction is in it: a process that
// is killed before leaves nothing, and nobody ever finds half a file.
func (b *Bolt) create() (*handle, error) {
	f, link, err := unnamedFile(b.path)
	if err != nil {
		return nil, b.unopenable(err)
	}
	db, err := openDB(f, false)
	if err != nil {
		_ = f.Close()
		return nil, b.unwritable(err)
	}
	h := &handle{db: db, file: f, publish: link}
	if err := initialize(db, b.schema.format); err != nil {
		h.discard()
		return nil, b.unwritable(err)
	}
	return h, nil
}

// initialize makes the buckets. The transaction is not counted: the serial stays 0 until the first Update.
func initialize(db *bolt.DB, format int) (err error) {
	defer guard(&err)
	db.AllocSize = growth(0)
	return db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		r := &records{tx: tx, meta: metaRecord{Meta: Meta{Format: format, Lineage: uuid.NewString()}}}
		return r.storeMeta()
	})
}

// publish gives a new file its name. errMadeByAnother: it lost the race, and nothing of it is left.
func (b *Bolt) publish(h *handle) error {
	if h.publish == nil {
		return nil
	}
	if err := b.keep(h.file); err != nil { // before anybody can find it
		return err
	}
	if err := h.publish(); errors.Is(err, fs.ErrExist) {
		return errMadeByAnother
	} else if err != nil {
		return b.unwritable(err)
	}
	b.mu.Lock()
	h.publish = nil
	b.mu.Unlock()
	return syncFolder(filepath.Dir(b.path))
}

// syncFolder makes a new name durable. A folder that cannot be synced (some file systems) is no failure: the
// transaction itself is on disk.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return nil
	}
	_ = d.Sync()
	return d.Close()
}

// temporaryFile is unnamedFile where the system has no files without names: one with a temporary name.
func temporaryFile(path string) (*os.File, func() error, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return nil, nil, err
	}
	name := f.Name()
	return f, func() error {
		defer func() { _ = os.Remove(name) }()
		return os.Link(name, path)
	}, nil
}
