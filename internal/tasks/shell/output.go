package shell

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
)

// output passes a command's output on line by line and keeps its head and its tail. It is safe to be read while it is
// written.
type output struct {
	line func(string) // each line without its end, valid UTF-8

	mu         sync.Mutex
	head, tail []byte // the tail is a queue of at most 2*half bytes, of which the last half count
	half       int
	total      int64
}

// lineLimit bounds what is held of a line that does not end; it is passed on in pieces.
const lineLimit = 64 << 10

func newOutput(limit int, line func(string)) *output { return &output{line: line, half: limit / 2} }

// readFrom reads r to its end or first error.
func (o *output) readFrom(r io.Reader) {
	var pending []byte
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		o.keep(buffer[:n])
		pending = append(pending, buffer[:n]...)
		for {
			end := bytes.IndexByte(pending, '\n')
			if end < 0 && len(pending) < lineLimit {
				break
			}
			if end < 0 {
				o.pass(pending[:lineLimit])
				pending = pending[lineLimit:]
				continue
			}
			o.pass(pending[:end])
			pending = pending[end+1:]
		}
		if err != nil {
			if len(pending) > 0 {
				o.pass(pending)
			}
			return
		}
	}
}

func (o *output) pass(line []byte) {
	o.line(strings.ToValidUTF8(strings.TrimSuffix(string(line), "\r"), "\uFFFD"))
}

func (o *output) keep(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total += int64(len(p))
	n := min(len(p), o.half-len(o.head))
	o.head = append(o.head, p[:n]...)
	o.tail = append(o.tail, p[n:]...)
	if len(o.tail) > 2*o.half {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-o.half:]...)
	}
}

// String is what was kept, as valid UTF-8, and between head and tail how much was not.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	tail := o.tail[max(0, len(o.tail)-o.half):]
	cut := o.total - int64(len(o.head)+len(tail))
	if cut == 0 {
		return strings.ToValidUTF8(string(o.head)+string(tail), "\uFFFD")
	}
	return fmt.Sprintf("%s\n[… %d bytes of output were cut here …]\n%s",
		strings.ToValidUTF8(string(o.head), "\uFFFD"), cut, strings.ToValidUTF8(string(tail), "\uFFFD"))
}
