// Package ui shows plans, progress and state: on a terminal, as lines, and as a JSON stream. It renders the values that
// other packages hand it and computes nothing of its own about clusters, so that text and JSON cannot drift apart.
package ui

import (
	"fmt"
	"io"
	"time"

	"charm.land/lipgloss/v2"
)

// Streams are where a command reads and writes. Results go to Out, everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// InTerminal, OutTerminal and ErrTerminal say which of them a person looks at.
	InTerminal, OutTerminal, ErrTerminal bool
	// Width is the terminal's width in columns; 0 where there is none.
	Width int
}

// Style colours text for one stream. The zero value leaves text as it is.
type Style struct{ color bool }

// NewStyle makes a style that colours if color is true.
func NewStyle(color bool) Style { return Style{color: color} }

func (s Style) render(style lipgloss.Style, text string) string {
	if !s.color || text == "" {
		return text
	}
	return style.Render(text)
}

// Bold and the colours return text, coloured if the style colours.
func (s Style) Bold(text string) string { return s.render(lipgloss.NewStyle().Bold(true), text) }

// Red is for errors and what destroys.
func (s Style) Red(text string) string {
	return s.render(lipgloss.NewStyle().Foreground(lipgloss.Red), text)
}

// Green is for what is added and what went well.
func (s Style) Green(text string) string {
	return s.render(lipgloss.NewStyle().Foreground(lipgloss.Green), text)
}

// Yellow is for changes and warnings.
func (s Style) Yellow(text string) string {
	return s.render(lipgloss.NewStyle().Foreground(lipgloss.Yellow), text)
}

// Cyan is for what is taken up or adopted.
func (s Style) Cyan(text string) string {
	return s.render(lipgloss.NewStyle().Foreground(lipgloss.Cyan), text)
}

// Faint is for what matters less.
func (s Style) Faint(text string) string { return s.render(lipgloss.NewStyle().Faint(true), text) }

// Count is n with thousands separated: 20,000.
func Count(n int64) string {
	s := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Plural is a number of things: 1 operation, 2 operations.
func Plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return Count(int64(n)) + " " + thing
}

// Duration is d rounded to what a reader cares for: 0.4s, 12s, 3m20s, 26h4m.
func Duration(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	m := d.Round(time.Minute)
	return fmt.Sprintf("%dh%dm", int(m.Hours()), int(m.Minutes())%60)
}
