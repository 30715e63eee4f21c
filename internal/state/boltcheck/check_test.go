package boltcheck_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"shardform/internal/sample"
	"shardform/internal/state/boltcheck"
)

// check runs both steps on a file.
func check(tb testing.TB, path string) error {
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		tb.Fatal(err)
	}
	meta, err := boltcheck.ReadMeta(f, info.Size())
	if err != nil {
		return err
	}
	return boltcheck.Check(f, meta)
}

// Whatever bbolt writes has to pass, or a good file would be refused: any puts, deletes, nested buckets, with and
// without a free list, with pages of any size.
func TestWhatBboltWritesPasses(t *testing.T) {
	folder := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(folder, fmt.Sprint(n))
		db, err := bolt.Open(path, 0o600, &bolt.Options{
			NoSync: true, NoFreelistSync: rapid.Bool().Draw(rt, "without free list"),
			PageSize: rapid.SampledFrom([]int{1024, 4096, 16384}).Draw(rt, "page size"),
		})
		if err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(0, 12).Draw(rt, "transactions") {
			if err := db.Update(func(tx *bolt.Tx) error { return write(rt, tx) }); err != nil {
				rt.Fatal(err)
			}
			if err := check(t, path); err != nil {
				rt.Fatalf("a good file is refused: %v", err)
			}
		}
		if err := db.Close(); err != nil {
			rt.Fatal(err)
		}
		if err := check(t, path); err != nil {
			rt.Fatalf("a good file is refused: %v", err)
		}
	})
}

// write does one kind of thing to one bucket, up to three levels deep.
func write(rt *rapid.T, tx *bolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists([]byte(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "bucket")))
	for depth := rapid.IntRange(0, 2).Draw(rt, "depth"); depth > 0 && err == nil; depth-- {
		b, err = b.CreateBucketIfNotExists([]byte("nested"))
	}
	if err != nil {
		return err
	}
	from, count := rapid.IntRange(0, 300).Draw(rt, "from"), rapid.IntRange(1, 300).Draw(rt, "count")
	size := rapid.SampledFrom([]int{0, 10, 100, 3000, 20_000}).Draw(rt, "size")
	remove := rapid.Bool().Draw(rt, "remove")
	for i := from; i < from+count; i++ {
		key := fmt.Appendf(nil, "key%05d", i)
		if remove {
			err = b.Delete(key)
		} else {
			err = b.Put(key, make([]byte, size))
		}
		if err != nil {
			return err
		}
		if size > 1000 && i > from+20 {
			break
		}
	}
	return nil
}

func TestALongFreeListPasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, PageSize: 1024, InitialMmapSize: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		return errors.Join(err, b.Put([]byte("k"), make([]byte, 70_000*1024)))
	})
	err = errors.Join(err, db.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("b")) }), db.Close())
	if err != nil {
		t.Fatal(err)
	}
	if err := check(t, path); err != nil {
		t.Errorf("a free list of more than 65,535 pages is refused: %v", err)
	}
}

// file makes the bytes of a small good file.
func file(tb testing.TB) []byte {
	path := filepath.Join(tb.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: 1024, NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range 3 {
		err = errors.Join(err, db.Update(func(tx *bolt.Tx) error {
			for j := range 60 {
				b, err := tx.CreateBucketIfNotExists(fmt.Appendf(nil, "bucket%d", j%3))
				if err == nil && j%3 < 2 {
					err = b.Put(fmt.Appendf(nil, "key%d", j*i), make([]byte, 50*(j%4)))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
	if err := errors.Join(err, db.Close()); err != nil {
		tb.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func checkBytes(text []byte) error {
	r := bytes.NewReader(text)
	meta, err := boltcheck.ReadMeta(r, int64(len(text)))
	if err != nil {
		return err
	}
	return boltcheck.Check(r, meta)
}

// A file that passes can be read to its end by bbolt without a panic or a fault, whatever was done to it.
func TestWhatPassesCanBeRead(t *testing.T) {
	good := file(t)
	if err := checkBytes(good); err != nil {
		t.Fatal(err)
	}
	seeds := make([]uint64, 4000)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	seeds = sample.Of(t, 0.25, seeds, func(seed uint64) string { return fmt.Sprint(seed) })
	path := filepath.Join(t.TempDir(), "db")
	passed, refused := 0, 0
	for _, seed := range seeds {
		random := rand.New(rand.NewPCG(3, seed))
		text := bytes.Clone(good)
		for range 1 + random.IntN(3) {
			at := random.IntN(len(text))
			if random.IntN(2) == 0 {
				at = at/1024*1024 + random.IntN(96) // headers and first elements
			}
			text[at] = byte(random.IntN(256))
		}
		if checkBytes(text) != nil {
			refused++
			continue
		}
		passed++
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatalf("passed, but bbolt cannot open it: %v", err)
		}
		err = db.View(func(tx *bolt.Tx) error {
			return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
				if b == nil {
					return nil
				}
				return b.ForEach(func(k, v []byte) error { _, _ = bytes.Clone(k), bytes.Clone(v); return nil })
			})
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d changed files passed and %d were refused", passed, refused)
	if passed < len(seeds)/40 || refused < len(seeds)/40 {
		t.Errorf("%d changed files passed and %d were refused: the test shows nothing", passed, refused)
	}
}

func TestComplaintsSayWhatIsWrong(t *testing.T) {
	good := file(t)
	var truncated *boltcheck.Truncated
	if err := checkBytes(good[:3000]); !errors.As(err, &truncated) || truncated.Size != 3000 || truncated.Need%1024 != 0 {
		t.Errorf("truncated: %v", err)
	}
	for what, text := range map[string][]byte{"nothing": nil, "text": []byte(strings.Repeat("text ", 1000)), "few bytes": good[:50]} {
		if err := checkBytes(text); !errors.Is(err, boltcheck.ErrForeign) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for at, want := range map[int]string{
		16:        "page 0: no meta page: the magic number is missing",
		70:        "page 0: the meta page's checksum is wrong",
		1024 + 70: "page 1: the meta page's checksum is wrong",
		1024 + 8:  "page 1: the meta page's header is wrong",
		0:         "page 0: the meta page's header is wrong",
		1024 + 17: "page 1: no meta page: the magic number is missing",
	} {
		text := bytes.Clone(good)
		text[at] ^= 0xff
		var damage *boltcheck.Damage
		if err := checkBytes(text); !errors.As(err, &damage) || err.Error() != want {
			t.Errorf("byte %d: %v, want %s", at, err, want)
		}
	}
}

// BenchmarkCheck walks a file of 100,000 records.
func BenchmarkCheck(b *testing.B) {
	path := filepath.Join(b.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("b"))
		for i := 0; i < 100_000 && err == nil; i++ {
			err = bucket.Put(fmt.Appendf(nil, "key%08d", i), make([]byte, 300))
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := check(b, path); err != nil {
			b.Fatal(err)
		}
	}
}

// A count that is too small hides elements, and one that is too large invents them: of any page, inline buckets included.
func TestAWrongCountOfElementsIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counts")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for name, n := range map[string]int{"tree": 300, "page": 9, "inline": 3} {
			b, err := tx.CreateBucket([]byte(name))
			if err != nil {
				return err
			}
			for i := range n {
				if err := b.Put(fmt.Appendf(nil, "%s%04d", name, i), make([]byte, 100)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(t, path); err != nil {
		t.Fatal(err)
	}
	var counts []int // where a count stands that matters
	page := os.Getpagesize()
	for start := 2 * page; start < len(text); start += page {
		if flags := text[start+8]; text[start+10] > 0 && (flags == 1 || flags == 2) && inUse(t, path, text, start) {
			counts = append(counts, start+10)
		}
	}
	name := bytes.Index(text, []byte("inline\x00")) // behind it the root page and sequence of the bucket, then its page
	counts = append(counts, name+len("inline")+16+10)
	if len(counts) < 5 {
		t.Fatalf("only %d counts found", len(counts))
	}
	for _, at := range counts {
		for _, wrong := range []int{0, 1, int(text[at]) - 1, int(text[at]) + 1} {
			if wrong == int(text[at]) {
				continue
			}
			damaged := bytes.Clone(text)
			damaged[at] = byte(wrong)
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := check(t, path); err == nil {
				t.Errorf("%d elements instead of %d in the page at byte %d go unnoticed", wrong, text[at], at-10)
			}
		}
	}
}

// inUse reports whether the page at start is one that the check reads: it says so when the page's number is wrong.
func inUse(t *testing.T, path string, text []byte, start int) bool {
	damaged := bytes.Clone(text)
	damaged[start] ^= 0xFF
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	return check(t, path) != nil
}
