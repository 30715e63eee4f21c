package keyrange

import "fmt"

// maxEvenShards is how far Vitess's GenerateShardRanges goes: two bytes a bound.
const maxEvenShards = 1 << 16

// Even is n shards of equal width, as near as bounds of one byte (n up to 256) or two bytes allow, named as Vitess's
// GenerateShardRanges names them: 3 gives -55,55-aa,aa-. n is from 1 to 65,536.
func Even(n int) (Layout, error) {
	digits := 2
	if n > 256 {
		digits = 4
	}
	return even(n, digits)
}

// even takes the number of hexadecimal digits a bound has.
func even(n, digits int) (Layout, error) {
	switch {
	case n <= 0:
		return nil, fmt.Errorf("cannot make %d even shards: at least 1 is needed", n)
	case n > maxEvenShards:
		return nil, fmt.Errorf("cannot make %d even shards: %d is the most that bounds of two bytes can tell apart", n, maxEvenShards)
	}
	ids := 1 << (4 * digits)
	if n > ids {
		return nil, fmt.Errorf("cannot make %d even shards: bounds of %d hexadecimal digits tell only %d apart", n, digits, ids)
	}
	digitsOf := func(i int) string {
		if i == 0 || i == n {
			return ""
		}
		return fmt.Sprintf("%0*x", digits, i*ids/n)
	}
	names := make([]string, n)
	for i := range n {
		names[i] = digitsOf(i) + "-" + digitsOf(i+1)
	}
	return ParseLayout(names)
}
