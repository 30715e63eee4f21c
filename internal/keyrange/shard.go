package keyrange

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// maxNameLength is the longest object name the topology server takes, in bytes.
const maxNameLength = 64

// Shard is a shard's name and the key range that it stands for.
type Shard struct {
	Name  string // as written; hexadecimal digits of key ranges in lower case, as Vitess stores them
	Range Range  // the whole key space if Name has no "-"
}

// NameError says what is wrong with one shard name.
type NameError struct {
	Name    string // as written
	Summary string // what is wrong, on one line
	Hint    string // what would be right
}

func (e *NameError) Error() string { return e.Summary + "; " + e.Hint }

// ParseShard reads a shard name by the rules of Vitess's ValidateShardName: letters, digits, "-" and "_", at most 64
// bytes; with a "-" it is START-END in whole bytes of hexadecimal, start below end; without one it is any name and
// stands for the whole key space. Beyond Vitess it refuses ranges that hold no id (80-8000). The error is a *NameError.
func ParseShard(name string) (Shard, error) {
	if err := checkObjectName(name); err != nil {
		return Shard{}, err
	}
	if !strings.Contains(name, "-") {
		return Shard{Name: name}, nil
	}
	parts := strings.Split(name, "-")
	if len(parts) != 2 {
		return Shard{}, tooManyDashes(name, parts)
	}
	start, err := parseBound(name, "start", parts[0])
	if err != nil {
		return Shard{}, err
	}
	end, err := parseBound(name, "end", parts[1])
	if err != nil {
		return Shard{}, err
	}
	shard := Shard{Name: strings.ToLower(name), Range: NewRange(start, end)}
	if shard.Range.IsEmpty() || len(end) > 0 && string(start) >= string(end) {
		return Shard{}, outOfOrder(shard, parts)
	}
	return shard, nil
}

func checkObjectName(name string) error {
	if name == "" {
		return &NameError{name, "the shard name is empty", `write a key range such as "-80", or "-" for the whole key space`}
	}
	if len(name) > maxNameLength {
		return &NameError{name, fmt.Sprintf("shard name %q is %d bytes long", name, len(name)),
			fmt.Sprintf("Vitess takes at most %d", maxNameLength)}
	}
	for i, c := range name {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			continue
		}
		hint := `a name has only letters, digits, "-" and "_"`
		if trimmed := strings.TrimSpace(name); trimmed != name {
			hint += fmt.Sprintf(": write %q", trimmed)
		}
		return &NameError{name, fmt.Sprintf("shard name %q has the character %q at position %d", name, c, i+1), hint}
	}
	return nil
}

func tooManyDashes(name string, bounds []string) error {
	e := &NameError{name, fmt.Sprintf(`shard name %q has %d dashes`, name, len(bounds)-1),
		`a key range is START-END with one "-", such as "40-80"`}
	spelled := make([]string, 0, len(bounds)-1)
	for i := range len(bounds) - 1 {
		shard, err := ParseShard(bounds[i] + "-" + bounds[i+1])
		if err != nil || shard.Range.IsWhole() {
			return e
		}
		spelled = append(spelled, fmt.Sprintf("%q", shard.Name))
	}
	e.Hint = "list the shards one by one: " + strings.Join(spelled, ", ")
	return e
}

func parseBound(name, which, digits string) ([]byte, error) {
	id, err := hex.DecodeString(digits)
	var invalid hex.InvalidByteError
	switch {
	case err == nil:
		return id, nil
	case errors.As(err, &invalid):
		return nil, &NameError{name, fmt.Sprintf("shard name %q: %s %q has %q, which is no hexadecimal digit", name, which, digits, rune(invalid)),
			`bounds are written with 0-9 and a-f, two digits a byte, such as "40-80"`}
	}
	return nil, &NameError{name, fmt.Sprintf("shard name %q: %s %q has an odd number of digits", name, which, digits),
		fmt.Sprintf("bounds are whole bytes of two hexadecimal digits: write %q or %q", digits+"0", "0"+digits)}
}

func outOfOrder(shard Shard, bounds []string) error {
	r := shard.Range
	if r.start == r.end {
		return &NameError{shard.Name, fmt.Sprintf("shard name %q is an empty range", shard.Name),
			"start and end are the same id (trailing zero bytes do not count): the end has to be higher than the start"}
	}
	return &NameError{shard.Name, fmt.Sprintf("shard name %q ends before it starts", shard.Name),
		fmt.Sprintf("write %q", strings.ToLower(bounds[1]+"-"+bounds[0]))}
}

// String is the name.
func (s Shard) String() string { return s.Name }

// MarshalText is the name. A shard whose range is not the one that its name says cannot be written: reading it back
// would give another shard.
func (s Shard) MarshalText() ([]byte, error) {
	parsed, err := ParseShard(s.Name)
	if err != nil {
		return nil, err
	}
	if parsed != s {
		return nil, fmt.Errorf("shard %q has the range %s, its name says %s", s.Name, s.Range, parsed.Range)
	}
	return []byte(s.Name), nil
}

// UnmarshalText is ParseShard.
func (s *Shard) UnmarshalText(text []byte) error {
	parsed, err := ParseShard(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
