package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

// schema is the format that a Bolt speaks and how older ones become it.
type schema struct {
	format     int
	migrations map[int]migration // by the format that they start from
}

// migration turns a file of one format into one of the next, except for the format number in meta.
type migration func(*bolt.Tx) error

// currentSchema is format 1, the first one.
func currentSchema() schema { return schema{format: Format} }

// ready gives h back if its format is ours. An older file is migrated: in place, after a copy, to write it; in a
// temporary copy to read it. Anything else is refused and h closed.
func (s schema) ready(b *Bolt, h *handle, write bool) (*handle, error) {
	format, serial, err := readFormat(h.db)
	if err == nil && format == s.format {
		return h, nil
	}
	if err == nil && format < s.format {
		if write {
			err = s.migrateInPlace(b, h, format, serial)
		} else {
			return s.migratedCopy(b, h, format)
		}
	} else if err == nil {
		err = b.complain("state file has a newer format", fmt.Sprintf("it has format %d, this program knows formats up to %d; the file was not changed", format, s.format),
			"use the shardform version that wrote it, or a newer one (shardform version)", nil)
	} else if errors.Is(err, errNotOurs) {
		err = b.foreign(err.Error())
	} else {
		err = b.unreadable(err)
	}
	if err != nil {
		h.discard()
		return nil, err
	}
	return h, nil
}

var errNotOurs = errors.New("a bbolt file of another program")

// readFormat reads what has to stay where it is in all formats: the keys format and serial of the bucket meta.
func readFormat(db *bolt.DB) (format int, serial string, err error) {
	defer guard(&err)
	err = db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			return fmt.Errorf("%w, without a bucket meta", errNotOurs)
		}
		text := string(meta.Get([]byte("format")))
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%w, with format %q in the bucket meta", errNotOurs, text)
		}
		format, serial = n, string(meta.Get([]byte("serial")))
		return nil
	})
	return format, serial, err
}

// migrate takes db from one format to ours in one transaction.
func (s schema) migrate(db *bolt.DB, from int) (err error) {
	defer guard(&err)
	return db.Update(func(tx *bolt.Tx) error {
		for format := from; format < s.format; format++ {
			step, ok := s.migrations[format]
			if !ok {
				return fmt.Errorf("no way from format %d to %d is known", format, format+1)
			}
			if err := step(tx); err != nil {
				return fmt.Errorf("format %d to %d: %w", format, format+1, err)
			}
		}
		r := &records{tx: tx}
		if err := r.parseMeta(); err != nil {
			return err
		}
		r.meta.Format = s.format
		return r.storeMeta()
	})
}

// migrateInPlace leaves a copy of the file beside it and migrates it.
func (s schema) migrateInPlace(b *Bolt, h *handle, from int, serial string) error {
	backup := fmt.Sprintf("%s.format%d-serial%s", b.path, from, serial)
	if err := copyFile(h.file, backup); err != nil {
		return b.complain("state file cannot be migrated", fmt.Sprintf("copying format %d to %s first: %v", from, backup, err), "the file was not changed; check free space and permissions", err)
	}
	if err := s.migrate(h.db, from); err != nil {
		return b.complain("state file cannot be migrated", fmt.Sprintf("from format %d to %d: %v; the file was not changed", from, s.format, err),
			"a copy as it was is in "+backup, err)
	}
	return nil
}

// migratedCopy opens a migrated copy for reading, which goes when the handle does, and closes h.
func (s schema) migratedCopy(b *Bolt, h *handle, from int) (*handle, error) {
	defer h.discard()
	folder, err := os.MkdirTemp("", "shardform-")
	if err != nil {
		return nil, b.unopenable(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	name := filepath.Join(folder, "state")
	if err := copyFile(h.file, name); err != nil {
		return nil, b.unopenable(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, b.unopenable(err)
	}
	db, err := openDB(f, false)
	if err != nil {
		_ = f.Close()
		return nil, b.unreadable(err)
	}
	copied := &handle{db: db, file: f}
	if err := s.migrate(db, from); err != nil {
		copied.discard()
		return nil, b.complain("state file cannot be read", fmt.Sprintf("migrating a copy from format %d to %d: %v", from, s.format, err), "use the shardform version that wrote it", err)
	}
	return copied, nil
}

// copyFile copies a file durably; a copy of the same name, left by an attempt that was cut off, is replaced.
func copyFile(from *os.File, to string) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".new-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(tmp, io.NewSectionReader(from, 0, info.Size()))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), to)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
