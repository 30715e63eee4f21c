package cli

import (
	"os"

	"golang.org/x/term"

	"shardform/internal/ui"
)

// ProcessStreams are the process's own standard streams.
func ProcessStreams() ui.Streams {
	s := ui.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTerminal: term.IsTerminal(int(os.Stdin.Fd())), OutTerminal: term.IsTerminal(int(os.Stdout.Fd())), ErrTerminal: term.IsTerminal(int(os.Stderr.Fd()))}
	if width, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil {
		s.Width = width
	}
	return s
}
