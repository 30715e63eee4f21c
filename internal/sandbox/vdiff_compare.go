package sandbox

import (
	"bytes"
	"cmp"
	"iter"
	"strings"
)

// comparison compares the rows of one table and keeps count.
type comparison struct {
	vdiff  *vdiff
	stmts  *rowSQL
	report *diffReport
}

// order says which of two rows comes first by key; a side that has no more rows comes last.
func (c *comparison) order(src []any, okS bool, dst []any, okD bool) int {
	switch {
	case !okD:
		return -1
	case !okS:
		return 1
	}
	return compareKeys(c.stmts, src, dst)
}

func (c *comparison) extraSource(row []any) {
	c.report.ProcessedRows++
	c.report.ExtraRowsSource++
	if c.vdiff.room(len(c.report.ExtraRowsSourceDiffs)) {
		c.report.ExtraRowsSourceDiffs = append(c.report.ExtraRowsSourceDiffs, c.vdiff.sample(c.stmts, row))
	}
}

func (c *comparison) extraTarget(row []any) {
	c.report.ProcessedRows++
	c.report.ExtraRowsTarget++
	if c.vdiff.room(len(c.report.ExtraRowsTargetDiffs)) {
		c.report.ExtraRowsTargetDiffs = append(c.report.ExtraRowsTargetDiffs, c.vdiff.sample(c.stmts, row))
	}
}

func (c *comparison) both(src, dst []any) {
	c.report.ProcessedRows++
	for i := range src {
		if compareValues(src[i], dst[i]) != 0 {
			c.report.MismatchedRows++
			if c.vdiff.room(len(c.report.MismatchedRowsDiffs)) {
				c.report.MismatchedRowsDiffs = append(c.report.MismatchedRowsDiffs, &mismatchDiff{Source: c.vdiff.sample(c.stmts, src), Target: c.vdiff.sample(c.stmts, dst)})
			}
			return
		}
	}
	c.report.MatchingRows++
}

func compareKeys(stmts *rowSQL, a, b []any) int {
	for _, i := range stmts.key {
		if order := compareValues(a[i], b[i]); order != 0 {
			return order
		}
	}
	return 0
}

// compareValues orders values as SQLite does: NULL, numbers, texts, blobs.
func compareValues(a, b any) int {
	if order := cmp.Compare(storageClass(a), storageClass(b)); order != 0 {
		return order
	}
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
		return cmp.Compare(float64(a), b.(float64))
	case float64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, float64(b))
		}
		return cmp.Compare(a, b.(float64))
	case string:
		return strings.Compare(a, b.(string))
	case []byte:
		return bytes.Compare(a, b.([]byte))
	}
	return 0
}

func storageClass(v any) int {
	switch v.(type) {
	case nil:
		return 0
	case int64, float64:
		return 1
	case string:
		return 2
	}
	return 3
}

// mergeRows merges rows that are each in the order of the keys. Reference rows, which every source has, come once.
func mergeRows(stmts *rowSQL, sources []iter.Seq[[]any]) iter.Seq[[]any] {
	if len(sources) == 1 {
		return sources[0]
	}
	return func(yield func([]any) bool) {
		type head struct {
			row  []any
			ok   bool
			next func() ([]any, bool)
		}
		heads := make([]*head, len(sources))
		for i, s := range sources {
			next, stop := iter.Pull(s)
			defer stop()
			h := &head{next: next}
			h.row, h.ok = next()
			heads[i] = h
		}
		var last []any
		for {
			var first *head
			for _, h := range heads {
				if h.ok && (first == nil || compareKeys(stmts, h.row, first.row) < 0) {
					first = h
				}
			}
			if first == nil {
				return
			}
			if row := first.row; last == nil || compareKeys(stmts, last, row) != 0 {
				if !yield(row) {
					return
				}
				last = row
			}
			first.row, first.ok = first.next()
		}
	}
}
