// Package addr has the one type that names things: blocks of a configuration, the operations they expand into, the
// containers of an operation and the tasks of a container. Plan, state, logs and the command line all use the same
// string form, which is parsed here and nowhere else.
package addr

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// Level says how deep an address reaches.
type Level int

// The levels, from a block of the configuration down to one task.
const (
	LevelBlock Level = iota + 1
	LevelOperation
	LevelContainer
	LevelTask
)

// Kinds of block that have addresses.
const (
	KindKeyspace   = "keyspace"
	KindMoveTables = "move_tables"
	KindOperation  = "operation"
)

// Address names a block, an operation, a container or a task. It is an immutable, comparable value; the zero value
// names nothing.
//
// String forms:
//
//	keyspace.customer                               the block
//	keyspace.customer/-:-80,80-                     the operation that reshards one segment (sources:targets)
//	keyspace.customer/vschema                       an operation on the keyspace that is not a reshard
//	keyspace.customer/-:-80,80-/switch_primary      a container
//	keyspace.customer/-:-80,80-/finish/complete     a task
//	move_tables.orders                              the block, which is also its one operation
//	operation.nightly                               likewise
//	operation.nightly/schema                        a container
//	operation.nightly/schema/low                    a task
type Address struct {
	kind, name, operation, container, task string
}

var partRE = regexp.MustCompile(`^[A-Za-z0-9_.,:+@-]+$`)
var nameRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// ValidName reports whether s may be the label of a block that has an address: an HCL identifier.
func ValidName(s string) bool { return nameRE.MatchString(s) }

// ValidPart reports whether s may be the label of a container or a task.
func ValidPart(s string) bool { return partRE.MatchString(s) }

// Keyspace is the address of a keyspace block.
func Keyspace(name string) Address { return Address{kind: KindKeyspace, name: name} }

// Operation is the address of an operation block, which is the operation itself too.
func Operation(name string) Address { return Address{kind: KindOperation, name: name} }

// MoveTables is the address of a move_tables block, which is the operation itself too.
func MoveTables(name string) Address { return Address{kind: KindMoveTables, name: name} }

// WithOperation is the address of the operation called part ("-:-80,80-", "vschema") of a keyspace block.
// On any other block it returns the address unchanged: the block is its operation.
func (a Address) WithOperation(part string) Address {
	if a.kind != KindKeyspace {
		return a
	}
	return Address{kind: a.kind, name: a.name, operation: part}
}

// WithContainer is the address of a container below a's operation.
func (a Address) WithContainer(part string) Address {
	return Address{kind: a.kind, name: a.name, operation: a.operation, container: part}
}

// WithTask is the address of a task below a's container.
func (a Address) WithTask(part string) Address {
	a.task = part
	return a
}

// Parse reads the string form. The error says which part is wrong and what is expected.
func Parse(s string) (Address, error) {
	head, rest, deeper := strings.Cut(s, "/")
	kind, name, ok := strings.Cut(head, ".")
	if !ok || (kind != KindKeyspace && kind != KindMoveTables && kind != KindOperation) {
		return Address{}, fmt.Errorf("address %q: expected keyspace.NAME, move_tables.NAME or operation.NAME first, found %q", s, head)
	}
	if !ValidName(name) {
		return Address{}, fmt.Errorf("address %q: %q is not a block name (letters, digits, _ and -, starting with a letter or _)", s, name)
	}
	a := Address{kind: kind, name: name}
	if !deeper {
		return a, nil
	}
	parts := strings.Split(rest, "/")
	slots := []*string{&a.container, &a.task}
	if kind == KindKeyspace {
		slots = []*string{&a.operation, &a.container, &a.task}
	}
	if len(parts) > len(slots) {
		return Address{}, fmt.Errorf("address %q: %d parts after %s, expected at most %d", s, len(parts), head, len(slots))
	}
	for i, p := range parts {
		if !ValidPart(p) {
			return Address{}, fmt.Errorf("address %q: part %q is empty or has a character outside A-Z a-z 0-9 _ . , : + @ -", s, p)
		}
		*slots[i] = p
	}
	return a, nil
}

// String is the form that Parse reads; "" for the zero value.
func (a Address) String() string {
	if a.kind == "" {
		return ""
	}
	s := a.kind + "." + a.name
	for _, p := range []string{a.operation, a.container, a.task} {
		if p != "" {
			s += "/" + p
		}
	}
	return s
}

// Level says what a names; 0 for the zero value.
func (a Address) Level() Level {
	switch {
	case a.kind == "":
		return 0
	case a.task != "":
		return LevelTask
	case a.container != "":
		return LevelContainer
	case a.operation != "" || a.kind != KindKeyspace:
		return LevelOperation
	}
	return LevelBlock
}

// Kind is "keyspace", "move_tables" or "operation".
func (a Address) Kind() string { return a.kind }

// Name is the label of the block.
func (a Address) Name() string { return a.name }

// Last is the innermost part: what a task, container or operation is called on its own.
func (a Address) Last() string {
	return cmp.Or(a.task, a.container, a.operation, a.name)
}

// Block is the address of the block that a belongs to.
func (a Address) Block() Address { return Address{kind: a.kind, name: a.name} }

// Operation is the address of the operation that a belongs to; for a keyspace block the block itself.
func (a Address) Operation() Address {
	return Address{kind: a.kind, name: a.name, operation: a.operation}
}

// Container is the address of the container that a belongs to.
func (a Address) Container() Address {
	a.task = ""
	return a
}

// Compare orders addresses by their string forms.
func Compare(a, b Address) int { return strings.Compare(a.String(), b.String()) }

// IsZero reports whether a names nothing.
func (a Address) IsZero() bool { return a == Address{} }

// Contains reports whether b is a or lies below a.
func (a Address) Contains(b Address) bool {
	if a.kind != b.kind || a.name != b.name {
		return false
	}
	for _, p := range [][2]string{{a.operation, b.operation}, {a.container, b.container}, {a.task, b.task}} {
		if p[0] == "" {
			continue
		}
		if p[0] != p[1] {
			return false
		}
	}
	return true
}

// MarshalText and UnmarshalText put the string form into JSON and other text formats.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote; the empty text is the zero value.
func (a *Address) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Address{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}
