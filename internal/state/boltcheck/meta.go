// Package boltcheck finds out whether a bbolt file may be read: that it is one, that it is whole, and that every page,
// key and free list entry is where the format says. It reads with plain reads only, never through a memory map, so a
// torn or hostile file costs an error and not the process. It never writes, and knows nothing of what the keys mean.
package boltcheck

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// ErrForeign says that a file is not a bbolt database at all.
var ErrForeign = errors.New("not a bbolt file")

// Damage says where a file is not what bbolt wrote. Page counts from 0.
type Damage struct {
	Page uint64
	What string
}

func (d *Damage) Error() string { return fmt.Sprintf("page %d: %s", d.Page, d.What) }

// Truncated says that a file is shorter than the pages in use. Sizes are in bytes.
type Truncated struct{ Size, Need int64 }

func (t *Truncated) Error() string {
	return fmt.Sprintf("%d bytes long, its pages need %d", t.Size, t.Need)
}

// Meta is the newest of a file's two meta pages.
type Meta struct {
	PageSize  int    // bytes
	Txid      uint64 // counts transactions
	Root      uint64 // page of the bucket of buckets
	Freelist  uint64 // page of the free list, noFreelist if it is not kept
	HighWater uint64 // pages in use: the first page number that never was
}

// Sizes and constants of bbolt's file format, version 2 (go.etcd.io/bbolt/internal/common). All numbers are in the
// byte order of the machine that wrote the file.
const (
	pageHeader    = 16 // id u64, flags u16, count u16, overflow u32
	metaSize      = 64 // what follows the page header of a meta page, its checksum included
	magic         = 0xED0CDAED
	formatVersion = 2
	noFreelist    = ^uint64(0)

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10
)

var order = binary.NativeEndian

// ReadMeta reads both meta pages of a file of size bytes. Both have to be good: they are smaller than a disk sector
// and so never half written, and reading on with the older one would forget an acknowledged transaction.
// Errors: ErrForeign, *Truncated, *Damage, or what r answers.
func ReadMeta(r io.ReaderAt, size int64) (Meta, error) {
	head := make([]byte, pageHeader+metaSize)
	if _, err := r.ReadAt(head, 0); errors.Is(err, io.EOF) {
		return Meta{}, fmt.Errorf("%w: %d bytes are too few", ErrForeign, size)
	} else if err != nil {
		return Meta{}, err
	}
	first, err0 := parseMeta(head, 0)
	pageSize := first.PageSize
	if err0 != nil {
		if pageSize = findSecond(r); pageSize == 0 {
			if order.Uint32(head[pageHeader:]) == magic {
				return Meta{}, err0
			}
			return Meta{}, ErrForeign
		}
	}
	if need := int64(2 * pageSize); size < need {
		return Meta{}, &Truncated{Size: size, Need: need}
	}
	if _, err := r.ReadAt(head, int64(pageSize)); err != nil {
		return Meta{}, err
	}
	second, err1 := parseMeta(head, 1)
	if err := errors.Join(err0, err1); err != nil {
		return Meta{}, err
	}
	newest, older := first, second
	if second.Txid > first.Txid {
		newest, older = second, first
	}
	if first.PageSize != second.PageSize || newest.Txid-older.Txid != 1 {
		return Meta{}, &Damage{Page: 1, What: fmt.Sprintf("meta pages disagree: page sizes %d and %d, transactions %d and %d",
			first.PageSize, second.PageSize, first.Txid, second.Txid)}
	}
	if newest.HighWater > uint64(1<<62/newest.PageSize) {
		return Meta{}, &Damage{What: fmt.Sprintf("%d pages in use are more than a file holds", newest.HighWater)}
	}
	if need := int64(newest.HighWater) * int64(newest.PageSize); size < need {
		return Meta{}, &Truncated{Size: size, Need: need}
	}
	for _, id := range []uint64{newest.Root, newest.Freelist} {
		if (id < 2 || id >= newest.HighWater) && id != noFreelist || newest.Root == noFreelist {
			return Meta{}, &Damage{What: fmt.Sprintf("meta points to page %d of %d", id, newest.HighWater)}
		}
	}
	return newest, nil
}

// findSecond looks for the second meta page at all page sizes; 0 if there is none. It tells a damaged file from a foreign one.
func findSecond(r io.ReaderAt) int {
	buf := make([]byte, pageHeader+metaSize)
	for size := 1 << 10; size <= 1<<16; size <<= 1 {
		if _, err := r.ReadAt(buf, int64(size)); err != nil {
			return 0
		}
		if m, err := parseMeta(buf, 1); err == nil && m.PageSize == size {
			return size
		}
	}
	return 0
}

func parseMeta(page []byte, id uint64) (Meta, error) {
	body := page[pageHeader:]
	h := fnv.New64a()
	_, _ = h.Write(body[:metaSize-8])
	m := Meta{
		PageSize: int(order.Uint32(body[8:])), Root: order.Uint64(body[16:]), Freelist: order.Uint64(body[32:]),
		HighWater: order.Uint64(body[40:]), Txid: order.Uint64(body[48:]),
	}
	var what string
	switch version := order.Uint32(body[4:]); {
	case order.Uint32(body) != magic:
		what = "no meta page: the magic number is missing"
	case h.Sum64() != order.Uint64(body[metaSize-8:]):
		what = "the meta page's checksum is wrong"
	case version != formatVersion:
		what = fmt.Sprintf("bbolt format %d, expected %d", version, formatVersion)
	case m.PageSize < 1<<10 || m.PageSize > 1<<16 || m.PageSize&(m.PageSize-1) != 0:
		what = fmt.Sprintf("a page size of %d bytes", m.PageSize)
	case order.Uint64(page) != id || order.Uint16(page[8:]) != flagMeta:
		what = "the meta page's header is wrong"
	default:
		return m, nil
	}
	return Meta{}, &Damage{Page: id, What: what}
}
