package keyrange

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// appendText appends the bytes of value as MySQL sends them, which is what Vitess hashes: NULL has none.
func appendText(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return b, nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	case float64:
		return appendFloat(b, v), nil
	case string:
		return append(b, v...), nil
	case []byte:
		return append(b, v...), nil
	}
	return nil, fmt.Errorf("cannot place a value of Go type %T: expected nil, int64, uint64, float64, string or []byte", value)
}

// appendFloat writes a float as Vitess does in MySQL's manner: an exponent only from 1e15 up and below 1e-15, and no
// plus sign before it.
func appendFloat(b []byte, f float64) []byte {
	format := byte('f')
	if size := math.Abs(f); size >= 1e15 || size < 1e-15 {
		format = 'g'
	}
	digits := strconv.AppendFloat(nil, f, format, -1, 64)
	return append(b, bytes.Replace(digits, []byte("e+"), []byte("e"), 1)...)
}

// toUint64 reads value as an unsigned decimal number; blanks and tabs around it do not matter. Anything else has no
// destination: NULL, negative numbers, fractions, other text.
func toUint64(value any) (uint64, error) {
	switch v := value.(type) {
	case nil:
		return 0, fmt.Errorf("%w: NULL is no number", ErrNoDestination)
	case uint64:
		return v, nil
	case int64:
		if v < 0 {
			return 0, fmt.Errorf("%w: %d is negative", ErrNoDestination, v)
		}
		return uint64(v), nil
	}
	text, err := appendText(nil, value)
	if err != nil {
		return 0, err
	}
	// ParseUint takes the very texts that Vitess's own parser takes in base 10: digits only, no sign, no underscores.
	n, err := strconv.ParseUint(strings.Trim(string(text), " \t"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no unsigned 64-bit number", ErrNoDestination, text)
	}
	return n, nil
}
