package state

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// What every checkpoint writes is encoded by hand: encoding/json takes several times as long, and a checkpoint is
// measured against a bare commit. The text is the same to the byte; the tests compare the two.

// encodeTask appends json.Marshal of the task's taskRecord, its times in UTC.
func encodeTask(dst []byte, task Task) ([]byte, error) {
	dst = appendString(append(dst, `{"name":`...), task.Name)
	dst = appendStrings(dst, `,"parameters":`, task.Parameters)
	dst = appendStrings(dst, `,"sensitive":`, task.Sensitive)
	dst = appendString(append(dst, `,"id":`...), task.ID)
	dst = appendText(dst, `,"output":`, task.Output)
	dst = appendText(dst, `,"error":`, task.Error)
	if task.Attempts != 0 {
		dst = strconv.AppendInt(append(dst, `,"attempts":`...), int64(task.Attempts), 10)
	}
	var err error
	if !task.Started.IsZero() {
		if dst, err = appendTime(append(dst, `,"started":`...), task.Started); err != nil {
			return nil, err
		}
	}
	if !task.Ended.IsZero() {
		if dst, err = appendTime(append(dst, `,"ended":`...), task.Ended); err != nil {
			return nil, err
		}
	}
	dst = appendText(dst, `,"announced":`, task.Announced)
	if task.Observed {
		dst = append(dst, `,"observed":true`...)
	}
	if task.Process != nil { // few have one
		text, err := json.Marshal(task.Process)
		if err != nil {
			return nil, err
		}
		dst = append(append(dst, `,"process":`...), text...)
	}
	dst = appendString(append(dst, `,"address":`...), task.Address.String())
	dst = appendString(append(dst, `,"state":`...), task.State.String())
	return append(dst, '}'), nil
}

// encodeEntry appends json.Marshal of entry, its time in UTC, without its hash.
func encodeEntry(dst []byte, entry LedgerEntry) ([]byte, error) {
	dst = strconv.AppendUint(append(dst, `{"sequence":`...), entry.Sequence, 10)
	dst, err := appendTime(append(dst, `,"time":`...), entry.Time)
	if err != nil {
		return nil, err
	}
	dst = appendString(append(dst, `,"run":`...), entry.Run)
	if !entry.Address.IsZero() {
		dst = appendString(append(dst, `,"address":`...), entry.Address.String())
	}
	dst = appendString(append(dst, `,"event":`...), entry.Event)
	dst = appendText(dst, `,"detail":`, entry.Detail)
	dst = appendString(append(dst, `,"previous":`...), entry.Previous)
	return append(dst, '}'), nil
}

// appendText appends a member that is left out when it is empty.
func appendText(dst []byte, member, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(append(dst, member...), s)
}

// appendStrings appends a member that is an object of strings, sorted, and left out when it is empty.
func appendStrings(dst []byte, member string, m map[string]string) []byte {
	if len(m) == 0 {
		return dst
	}
	dst = append(dst, member...)
	start := byte('{')
	var few [8]string
	names := few[:0]
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		dst = appendString(append(dst, start), name)
		dst = appendString(append(dst, ':'), m[name])
		start = ','
	}
	return append(dst, '}')
}

// appendString leaves all that needs an escape, or a look at its encoding, to encoding/json.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // of a string it never fails
			return append(dst, text...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func appendTime(dst []byte, t time.Time) ([]byte, error) {
	if t = utc(t); t.Year() < 0 || t.Year() > 9999 {
		_, err := t.MarshalJSON() // says what is wrong
		return nil, err
	}
	return append(t.AppendFormat(append(dst, '"'), time.RFC3339Nano), '"'), nil
}
