package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"shardform/internal/state/boltcheck"
)

// checkAgainAfter is how long a file that others write to is taken to be whole since it was last walked: a reader that
// asks all the time does not hold up the writer with a full check each time. Meta pages and size are checked always.
const checkAgainAfter = time.Second

// identity tells whether a file is as we left it.
type identity struct {
	when  time.Time // that it was found whole
	info  os.FileInfo
	size  int64
	mtime time.Time
	txid  uint64
}

// vouchesFor reports whether the file that was a when it was found whole, and is b now, need not be walked again.
func (a identity) vouchesFor(b identity) bool {
	if a.info == nil || !os.SameFile(a.info, b.info) || b.txid < a.txid || b.size < a.size {
		return false
	}
	same := a.size == b.size && a.mtime.Equal(b.mtime) && a.txid == b.txid
	return same || b.txid > a.txid && b.when.Sub(a.when) < checkAgainAfter
}

// identify reads what f is now, its meta pages checked.
func identify(f *os.File) (identity, error) {
	id, _, err := inspect(f)
	return id, err
}

func inspect(f *os.File) (identity, boltcheck.Meta, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, boltcheck.Meta{}, err
	}
	meta, err := boltcheck.ReadMeta(f, info.Size())
	return identity{when: time.Now(), info: info, size: info.Size(), mtime: info.ModTime(), txid: meta.Txid}, meta, err
}

// openToRead opens the file for one View; nil if there is no file yet.
func (b *Bolt) openToRead(ctx context.Context) (*handle, error) {
	exists, err := b.checkPlace()
	if err != nil || !exists {
		return nil, err
	}
	f, err := b.lockFile(ctx, false, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := b.openChecked(f, false)
	if err != nil {
		return nil, err
	}
	return b.schema.ready(b, h, false)
}

// openToWrite opens the file for a burst of Updates, or makes one without a name if there is none yet.
func (b *Bolt) openToWrite(ctx context.Context, gaveWay bool) (*handle, error) {
	exists, err := b.checkPlace()
	if err != nil {
		return nil, err
	}
	if exists {
		f, err := b.lockFile(ctx, true, gaveWay)
		if err == nil {
			if err := b.keep(f); err != nil {
				_ = f.Close()
				return nil, err
			}
			h, err := b.openChecked(f, true)
			if err != nil {
				return nil, err
			}
			return b.schema.ready(b, h, true)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return b.create()
}

// checkPlace looks at what is at the path: exists is false if nothing is.
func (b *Bolt) checkPlace() (exists bool, err error) {
	if err := b.checkFolder(); err != nil {
		return false, err
	}
	info, err := os.Stat(b.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, b.unopenable(err)
	case info.IsDir():
		return false, b.complain("state path is a directory", fmt.Sprintf("expected a file at %s", b.path), "give the path of a file in the state block", nil)
	case !info.Mode().IsRegular():
		return false, b.complain("state path is no regular file", fmt.Sprintf("expected a file at %s, found %s", b.path, info.Mode()), "give the path of a file in the state block", nil)
	}
	return true, nil
}

// checkFolder complains of a folder that is not there or that cannot lock.
func (b *Bolt) checkFolder() error {
	folder := filepath.Dir(b.path)
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return b.complain("folder of the state file does not exist", fmt.Sprintf("expected the folder %s for %s", folder, b.path), "make the folder, or correct the path in the state block", err)
	}
	if err != nil {
		return b.unopenable(err)
	}
	if !info.IsDir() {
		return b.complain("folder of the state file is no folder", fmt.Sprintf("%s is a file, expected a folder", folder), "correct the path in the state block", nil)
	}
	if kind := networkFileSystem(filepath.Dir(b.realPath())); kind != "" {
		return b.complain("state file is on a network file system",
			fmt.Sprintf("%s is on %s, where file locks do not keep two machines apart and mapped files go stale", folder, kind),
			"keep the state on a local disk of the machine that runs shardform", nil)
	}
	return nil
}

// openChecked hands the locked f to bbolt once it is known to be whole: in full the first time and whenever somebody
// else changed it. It closes f if it fails.
func (b *Bolt) openChecked(f *os.File, write bool) (*handle, error) {
	id, meta, err := inspect(f)
	if err == nil {
		b.mu.Lock()
		known := b.checked.vouchesFor(id)
		b.mu.Unlock()
		if !known {
			if err = boltcheck.Check(f, meta); err == nil {
				b.mu.Lock()
				b.checked = id
				b.mu.Unlock()
			}
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, b.unreadable(err)
	}
	db, err := openDB(f, !write)
	if err != nil {
		_ = f.Close()
		return nil, b.unreadable(err)
	}
	return &handle{db: db, file: f}, nil
}

// mapAhead is how much address space a writer maps from the start, whatever the file's size. Each time a file outgrows
// its map, bbolt copies all that the transaction has written so far: creating 100,000 tasks would do that eleven times.
const mapAhead = 256 << 20

// openDB opens a file that is locked already, so that bbolt, which asks for its lock every 50 ms, gets it at once.
func openDB(f *os.File, readOnly bool) (db *bolt.DB, err error) {
	defer guard(&err)
	options := &bolt.Options{
		Timeout:      time.Second,
		ReadOnly:     readOnly,
		FreelistType: bolt.FreelistArrayType, // takes the lowest pages, which lie together more often and so are written sooner
		NoStatistics: true,
		OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return f, nil },
	}
	if !readOnly {
		options.InitialMmapSize = mapAhead
	}
	if db, err = bolt.Open(f.Name(), fileMode, options); err != nil {
		return nil, err
	}
	return db, nil
}

// growth is how many bytes a file of the given size grows by at once. bbolt syncs the file each time; what is not used
// of them takes no place on the disk.
func growth(size int64) int {
	return int(min(max(size/4, 64<<10), 16<<20))
}
