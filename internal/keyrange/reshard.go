package keyrange

import (
	"errors"
	"fmt"
	"strings"
)

// CheckReshard reports why Vitess would refuse to reshard sources into targets by their ranges (ValidateForReshard, the
// same texts): a range on both sides, a side that does not form one contiguous range, sides that differ.
func CheckReshard(sources, targets Layout) error {
	wanted := make(map[Range]bool, len(targets))
	for _, s := range targets {
		wanted[s.Range] = true
	}
	for _, s := range sources {
		if wanted[s.Range] {
			return fmt.Errorf("same keyrange is present in source and target: %s", spell(s, s))
		}
	}
	from, err := combine(sources)
	if err != nil {
		return err
	}
	to, err := combine(targets)
	if err != nil {
		return err
	}
	if from != to {
		src, dst := sources.ordered(), targets.ordered()
		return fmt.Errorf("source and target keyranges don't match: %s vs %s",
			spell(src[0], src[len(src)-1]), spell(dst[0], dst[len(dst)-1]))
	}
	return nil
}

func combine(l Layout) (Range, error) {
	if len(l) == 0 {
		return Range{}, errors.New("there are no shards to combine")
	}
	union, ok := l.Union()
	if !ok {
		return Range{}, errors.New("shards don't form a contiguous keyrange")
	}
	return union, nil
}

// spell is the range from first to last with the bounds as their names have them: Vitess does not strip zero bytes when
// it prints.
func spell(first, last Shard) string {
	if first.Range.start == "" && last.Range.end == "" {
		return "-"
	}
	start, _, _ := strings.Cut(first.Name, "-")
	_, end, _ := strings.Cut(last.Name, "-")
	return start + "-" + end
}
