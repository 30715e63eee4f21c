// Package transcript keeps what a command says, however much and for however long: every line is passed on when it is
// there, and of all of them the head and the tail are kept. It is for the tasks whose commands run elsewhere; it may not
// know what a command is.
package transcript

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"shardform/internal/redact"
)

// lineLimit bounds what is held of a line that does not end, in bytes; it is passed on in pieces.
const lineLimit = 64 << 10

// Transcript is an io.Writer of a command's output. One goroutine writes, any may read what is kept.
type Transcript struct {
	line func(string)
	half int // bytes kept of head and of tail
	hide *redact.Stream

	pending []byte // of the last line, which has not ended

	mu         sync.Mutex // guards what follows
	head, tail []byte     // the tail is a queue of at most 2*half bytes, of which the last half count
	bytes      int64      // written
	lines      int64      // ended
}

// New makes a transcript that keeps limit bytes, give or take the line that says what is missing. line gets every line
// when it ends, without its end and as valid UTF-8; nil: nobody does. Neither has anything that hide hides, which may be nil.
func New(limit int, line func(string), hide *redact.Redactor) *Transcript {
	if line == nil {
		line = func(string) {}
	}
	return &Transcript{line: line, half: limit / 2, hide: hide.Stream()}
}

// Write never fails and keeps nothing of p itself.
func (t *Transcript) Write(p []byte) (int, error) {
	t.take(t.hide.Next(p, false))
	return len(p), nil
}

func (t *Transcript) take(p []byte) {
	t.keep(p)
	t.pending = append(t.pending, p...)
	rest := t.pending
	for {
		if end := bytes.IndexByte(rest, '\n'); end >= 0 && end <= lineLimit {
			t.pass(rest[:end])
			rest = rest[end+1:]
			continue
		}
		if len(rest) <= lineLimit {
			break
		}
		end := wholeRunes(rest[:lineLimit])
		t.pass(rest[:end])
		rest = rest[end:]
	}
	t.pending = append(t.pending[:0], rest...)
}

// End passes on the last line, if it lacks an end.
func (t *Transcript) End() {
	t.take(t.hide.Next(nil, true))
	if len(t.pending) > 0 {
		t.pass(t.pending)
		t.pending = nil
	}
}

func (t *Transcript) pass(line []byte) { t.line(valid(bytes.TrimSuffix(line, []byte{'\r'}))) }

func (t *Transcript) keep(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes += int64(len(p))
	t.lines += int64(bytes.Count(p, []byte{'\n'}))
	n := min(len(p), t.half-len(t.head))
	t.head = append(t.head, p[:n]...)
	p = p[n:]
	t.tail = append(t.tail, p[max(0, len(p)-2*t.half):]...)
	if len(t.tail) > 2*t.half {
		t.tail = append(t.tail[:0], t.tail[len(t.tail)-t.half:]...)
	}
}

// String is what was kept, as valid UTF-8. Where something is missing, a line between head and tail says how much, and
// both end and begin with whole lines, if they have any.
func (t *Transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	head, tail := t.head, t.tail[max(0, len(t.tail)-t.half):]
	if t.bytes == int64(len(head)+len(tail)) {
		return valid(bytes.Join([][]byte{head, tail}, nil))
	}
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
		head = head[:end+1]
	} else {
		head = head[:wholeRunes(head)]
	}
	if end := bytes.IndexByte(tail, '\n'); end >= 0 && end+1 < len(tail) {
		tail = tail[end+1:]
	}
	newline := []byte{'\n'}
	missing := t.lines - int64(bytes.Count(head, newline)+bytes.Count(tail, newline))
	note := fmt.Sprintf("[… %d lines, %d bytes, of output were cut here …]\n", missing, t.bytes-int64(len(head)+len(tail)))
	if len(head) > 0 && !bytes.HasSuffix(head, newline) {
		note = "\n" + note
	}
	return valid(head) + note + valid(tail)
}

// wholeRunes is how much of p is left without a character that p ends in the midst of.
func wholeRunes(p []byte) int {
	for i := len(p) - 1; i >= max(0, len(p)-utf8.UTFMax); i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return len(p)
			}
			return i
		}
	}
	return len(p)
}

func valid(p []byte) string { return strings.ToValidUTF8(string(p), "\uFFFD") }
