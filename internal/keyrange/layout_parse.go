package keyrange

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// LayoutError is one problem of a list of shard names.
type LayoutError struct {
	Index   int    // the element to blame, from 0; -1 if it is the list
	Summary string // what is wrong, on one line
	Hint    string // what would be right
}

func (e *LayoutError) Error() string {
	if e.Index < 0 {
		return e.Summary + "; " + e.Hint
	}
	return fmt.Sprintf("element %d: %s; %s", e.Index+1, e.Summary, e.Hint)
}

// LayoutErrors are the problems in err, in the order of their elements; nil if it has none.
func LayoutErrors(err error) []*LayoutError {
	switch e := err.(type) {
	case *LayoutError:
		return []*LayoutError{e}
	case interface{ Unwrap() []error }:
		var all []*LayoutError
		for _, part := range e.Unwrap() {
			all = append(all, LayoutErrors(part)...)
		}
		return all
	case interface{ Unwrap() error }:
		return LayoutErrors(e.Unwrap())
	}
	return nil
}

// ParseLayout reads shard names in key order that cover the whole key space, each id once. Only a shard that is alone
// may have a name that is no key range. The error has every problem there is (see LayoutErrors): an empty list,
// malformed names, duplicates, a shard of the whole key space beside others, wrong order, overlaps and gaps.
func ParseLayout(names []string) (Layout, error) {
	if len(names) == 0 {
		return nil, &LayoutError{-1, "the layout has no shards", `list at least one: "-" is the whole key space in one shard`}
	}
	p := layoutParser{names: names}
	p.readNames()
	p.checkAlone()
	p.checkOrder()
	p.checkCover()
	if len(p.errs) > 0 {
		slices.SortStableFunc(p.errs, func(a, b *LayoutError) int { return cmp.Compare(a.Index, b.Index) })
		errs := make([]error, len(p.errs))
		for i, e := range p.errs {
			errs[i] = e
		}
		return nil, errors.Join(errs...)
	}
	return p.layout(), nil
}
