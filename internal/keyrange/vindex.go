package keyrange

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// ErrNoDestination is wrapped by Map's error for a value that Vitess gives no keyspace id, so that a row with it cannot
// be on any shard.
var ErrNoDestination = errors.New("the value has no keyspace id")

// Vindex is a functional, unique vindex: it places a row by its column's value alone.
type Vindex interface {
	// Name is the vindex type, as a vschema has it.
	Name() string

	// Map is the keyspace id of a column value as a database driver gives it: nil, int64, uint64, float64, string or
	// []byte; 8 bytes, or 16 for binary_md5. The error wraps ErrNoDestination where Vitess gives no destination.
	Map(value any) ([]byte, error)
}

// NewVindex is the vindex of a type. The error for a type that is not built lists those that are.
func NewVindex(kind string) (Vindex, error) {
	kinds := vindexes()
	if i := slices.IndexFunc(kinds, func(v vindex) bool { return v.kind == kind }); i >= 0 {
		return kinds[i], nil
	}
	names := make([]string, len(kinds))
	for i, v := range kinds {
		names[i] = v.kind
	}
	return nil, fmt.Errorf("vindex type %q is not supported; supported are %s", kind, strings.Join(names, ", "))
}

type vindex struct {
	kind string
	fn   func(value any) ([]byte, error)
}

func (v vindex) Name() string { return v.kind }

func (v vindex) Map(value any) ([]byte, error) {
	id, err := v.fn(value)
	if err != nil {
		return nil, fmt.Errorf("vindex %s: %w", v.kind, err)
	}
	return id, nil
}

func vindexes() []vindex {
	return []vindex{
		{"binary_md5", binaryMD5},
		{"hash", desHash(newDES())},
		{"numeric", numeric},
		{"xxhash", xxHash},
	}
}

func binaryMD5(value any) ([]byte, error) {
	text, err := appendText(nil, value)
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(text)
	return sum[:], nil
}

func xxHash(value any) ([]byte, error) {
	text, err := appendText(nil, value)
	if err != nil {
		return nil, err
	}
	return binary.LittleEndian.AppendUint64(nil, xxhash.Sum64(text)), nil
}

func numeric(value any) ([]byte, error) {
	n, err := toUint64(value)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint64(nil, n), nil
}

// newDES has the all-zero key that Vitess's hash vindex encrypts with.
func newDES() cipher.Block {
	block, err := des.NewCipher(make([]byte, des.BlockSize))
	if err != nil {
		panic("keyrange: DES refuses a key of its own size: " + err.Error())
	}
	return block
}

// desHash differs from numeric in more than the encryption: a negative integer counts as the unsigned one of the same
// bits, though a negative number in a string has no destination.
func desHash(block cipher.Block) func(any) ([]byte, error) {
	return func(value any) ([]byte, error) {
		n, err := uint64(0), error(nil)
		if signed, ok := value.(int64); ok {
			n = uint64(signed)
		} else if n, err = toUint64(value); err != nil {
			return nil, err
		}
		id := binary.BigEndian.AppendUint64(nil, n)
		block.Encrypt(id, id)
		return id, nil
	}
}
