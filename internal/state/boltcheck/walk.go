package boltcheck

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxDepth bounds the height of a tree with its buckets: eight levels of branches hold more than a file can.
const maxDepth = 32

// Check reads every page in use and holds it against the format: each page is reached once or free, says its own
// number and kind, keeps its elements inside itself, its keys in order and within what the pages above promise.
// It costs about 1 µs per page in the page cache and memory for one page per level and one byte per page.
// Errors: *Damage, or what r answers.
func Check(r io.ReaderAt, m Meta) error {
	w := &walker{r: r, meta: m, seen: make([]byte, m.HighWater)}
	w.seen[0], w.seen[1] = reached, reached
	if err := w.freelist(); err != nil {
		return err
	}
	if err := w.tree(m.Root, 0, nil, nil); err != nil {
		return err
	}
	if m.Freelist == noFreelist {
		return nil // whatever was not reached is free
	}
	if i := bytes.IndexByte(w.seen, unseen); i >= 0 {
		return &Damage{Page: uint64(i), What: "neither in use nor free"}
	}
	return nil
}

const (
	unseen byte = iota
	reached
	free
)

type walker struct {
	r       io.ReaderAt
	meta    Meta
	seen    []byte   // by page
	buffers [][]byte // by depth: keys of the levels above stay valid while one below is read
}

// load reads a page with its overflow pages and marks them reached.
func (w *walker) load(id uint64, depth int) ([]byte, error) {
	if id < 2 || id >= w.meta.HighWater {
		return nil, &Damage{Page: id, What: fmt.Sprintf("pointed to, but only pages 2 to %d are in use", w.meta.HighWater-1)}
	}
	if depth >= maxDepth {
		return nil, &Damage{Page: id, What: "nested too deep"}
	}
	for len(w.buffers) <= depth {
		w.buffers = append(w.buffers, make([]byte, w.meta.PageSize))
	}
	buf := w.buffers[depth][:w.meta.PageSize]
	offset := int64(id) * int64(w.meta.PageSize)
	if err := readFull(w.r, buf, offset); err != nil {
		return nil, err
	}
	if got := order.Uint64(buf); got != id {
		return nil, &Damage{Page: id, What: fmt.Sprintf("says that it is page %d", got)}
	}
	pages := uint64(order.Uint32(buf[12:])) + 1
	if pages > w.meta.HighWater-id {
		return nil, &Damage{Page: id, What: fmt.Sprintf("claims %d pages, more than are in use", pages)}
	}
	if pages > 1 {
		whole := make([]byte, pages*uint64(w.meta.PageSize))
		copy(whole, buf)
		if err := readFull(w.r, whole[len(buf):], offset+int64(len(buf))); err != nil {
			return nil, err
		}
		w.buffers[depth], buf = whole, whole
	}
	for p := id; p < id+pages; p++ {
		switch w.seen[p] {
		case reached:
			return nil, &Damage{Page: p, What: "used twice"}
		case free:
			return nil, &Damage{Page: p, What: "in use and free"}
		}
		w.seen[p] = reached
	}
	return buf, nil
}

func readFull(r io.ReaderAt, buf []byte, offset int64) error {
	if _, err := r.ReadAt(buf, offset); errors.Is(err, io.EOF) {
		return &Truncated{Size: offset, Need: offset + int64(len(buf))}
	} else if err != nil {
		return fmt.Errorf("reading %d bytes at %d: %w", len(buf), offset, err)
	}
	return nil
}

func (w *walker) freelist() error {
	id := w.meta.Freelist
	if id == noFreelist {
		return nil
	}
	page, err := w.load(id, 0)
	if err != nil {
		return err
	}
	if order.Uint16(page[8:]) != flagFreelist {
		return &Damage{Page: id, What: "no free list page"}
	}
	count, entries := uint64(order.Uint16(page[10:])), page[pageHeader:]
	if count == 0xFFFF { // too many for the header: the first entry is the count
		count, entries = order.Uint64(entries), entries[8:]
	}
	if count > uint64(len(entries)/8) {
		return &Damage{Page: id, What: fmt.Sprintf("%d free pages do not fit into the list", count)}
	}
	for ; count > 0; count, entries = count-1, entries[8:] {
		p := order.Uint64(entries)
		if p < 2 || p >= w.meta.HighWater || w.seen[p] != unseen {
			return &Damage{Page: id, What: fmt.Sprintf("page %d is free twice, in use, or was never there", p)}
		}
		w.seen[p] = free
	}
	return nil
}

// tree checks the pages from id down. Its keys are at least low, and less than high unless that is nil.
func (w *walker) tree(id uint64, depth int, low, high []byte) error {
	page, err := w.load(id, depth)
	if err != nil {
		return err
	}
	switch order.Uint16(page[8:]) {
	case flagLeaf:
		return w.leaf(page, id, depth, low, high)
	case flagBranch:
		return w.branch(page, id, depth, low, high)
	}
	return &Damage{Page: id, What: fmt.Sprintf("neither branch nor leaf (flags %#x)", order.Uint16(page[8:]))}
}

func (w *walker) branch(page []byte, id uint64, depth int, low, high []byte) error {
	e := elements{page: page, id: id, low: low, high: high}
	if e.count() == 0 {
		return &Damage{Page: id, What: "an empty branch"}
	}
	for i := range e.count() {
		key, _, err := e.at(i, 0, 4, 0)
		if err != nil {
			return err
		}
		next := high
		if i+1 < e.count() {
			if next, _, err = e.at(i+1, 0, 4, 0); err != nil {
				return err
			}
		}
		if err := w.tree(order.Uint64(page[pageHeader+16*i+8:]), depth+1, key, next); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaf(page []byte, id uint64, depth int, low, high []byte) error {
	e := elements{page: page, id: id, low: low, high: high}
	if err := e.checkEmpty(); err != nil {
		return err
	}
	for i := range e.count() {
		_, value, err := e.at(i, 4, 8, 12)
		if err != nil {
			return err
		}
		switch flags := order.Uint32(page[pageHeader+16*i:]); flags {
		case 0:
		case 1:
			if err := w.bucket(value, id, depth); err != nil {
				return err
			}
		default:
			return &Damage{Page: id, What: fmt.Sprintf("element %d has flags %#x", i, flags)}
		}
	}
	return nil
}

// bucket checks what stands in the place of a value: root page and sequence, then, if the root is 0, a page of its own.
func (w *walker) bucket(value []byte, id uint64, depth int) error {
	if len(value) < 16 {
		return &Damage{Page: id, What: fmt.Sprintf("a bucket of %d bytes", len(value))}
	}
	if root := order.Uint64(value); root != 0 {
		return w.tree(root, depth+1, nil, nil)
	}
	inline := value[16:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != flagLeaf || order.Uint64(inline) != 0 || order.Uint32(inline[12:]) != 0 {
		return &Damage{Page: id, What: "a bucket without a page"}
	}
	e := elements{page: inline, id: id}
	if err := e.checkEmpty(); err != nil {
		return err
	}
	for i := range e.count() {
		if _, _, err := e.at(i, 4, 8, 12); err != nil {
			return err
		}
		if order.Uint32(inline[pageHeader+16*i:]) != 0 {
			return &Damage{Page: id, What: "a bucket inside an inline bucket"}
		}
	}
	return nil
}

// elements reads the keys and values of one page, which follow its header in 16 bytes each.
type elements struct {
	page      []byte
	id        uint64
	low, high []byte
	last      []byte // key before the next one
	next      int    // index whose order and place are checked next
	end       uint64 // where the element before it ends
}

func (e *elements) count() int { return int(order.Uint16(e.page[10:])) }

// checkEmpty finds elements in a page that says that it has none: bbolt writes zeros behind the header.
func (e *elements) checkEmpty() error {
	if e.count() == 0 && len(bytes.Trim(e.page[pageHeader:], "\x00")) > 0 {
		return &Damage{Page: e.id, What: "says that it is empty, and is not"}
	}
	return nil
}

// at reads element i, whose position, key size and value size stand at these offsets (value size 0: there is none).
func (e *elements) at(i, pos, ksize, vsize int) (key, value []byte, err error) {
	start := pageHeader + 16*i
	if start+16 > len(e.page) {
		return nil, nil, &Damage{Page: e.id, What: fmt.Sprintf("%d elements do not fit", e.count())}
	}
	from := uint64(start) + uint64(order.Uint32(e.page[start+pos:]))
	middle := from + uint64(order.Uint32(e.page[start+ksize:]))
	to := middle
	if vsize != 0 {
		to += uint64(order.Uint32(e.page[start+vsize:]))
	}
	if to > uint64(len(e.page)) || from < uint64(pageHeader+16*e.count()) {
		return nil, nil, &Damage{Page: e.id, What: fmt.Sprintf("element %d lies outside of the page", i)}
	}
	key, value = e.page[from:middle], e.page[middle:to]
	if i < e.next {
		return key, value, nil
	}
	// bbolt leaves no gaps: where there is one, the count is wrong and elements are missing.
	if want := max(e.end, uint64(pageHeader+16*e.count())); from != want {
		return nil, nil, &Damage{Page: e.id, What: fmt.Sprintf("element %d of %d is at byte %d, expected at %d", i, e.count(), from, want)}
	}
	e.next, e.end = i+1, to
	switch {
	case len(key) == 0:
		err = &Damage{Page: e.id, What: fmt.Sprintf("element %d has no key", i)}
	case i > 0 && bytes.Compare(e.last, key) >= 0,
		i == 0 && e.low != nil && bytes.Compare(e.low, key) > 0,
		e.high != nil && bytes.Compare(key, e.high) >= 0:
		err = &Damage{Page: e.id, What: fmt.Sprintf("key %d is out of order", i)}
	}
	e.last = key
	return key, value, err
}
