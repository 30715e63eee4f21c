package vitess

import (
	"fmt"
	"io"
	"time"

	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"
)

// CreateLoggerEventToBufferFunction gives a function that writes events to output, each with a newline behind it:
// what goes to the console as it stands, everything else as a line of a log, "Lmmdd hh:mm:ss.uuuuuu file:line] value"
// with the time in UTC.
func CreateLoggerEventToBufferFunction(output io.Writer) func(*logutilpb.Event) {
	return func(event *logutilpb.Event) { fmt.Fprintln(output, eventText(event)) }
}

func eventText(e *logutilpb.Event) string {
	var letter byte
	switch e.GetLevel() {
	case logutilpb.Level_CONSOLE:
		return e.GetValue()
	case logutilpb.Level_WARNING:
		letter = 'W'
	case logutilpb.Level_ERROR:
		letter = 'E'
	default:
		letter = 'I'
	}
	at := time.Unix(e.GetTime().GetSeconds(), int64(e.GetTime().GetNanoseconds())).UTC()
	return fmt.Sprintf("%c%s %s:%d] %s", letter, at.Format("0102 15:04:05.000000"), e.GetFile(), e.GetLine(), e.GetValue())
}

// ownEvent is a line of ours among those of a server.
func ownEvent(now time.Time, level logutilpb.Level, format string, args ...any) *logutilpb.Event {
	return &logutilpb.Event{
		Time:  &vttimepb.Time{Seconds: now.Unix(), Nanoseconds: int32(now.Nanosecond())},
		Level: level, File: "shardform", Value: fmt.Sprintf(format, args...),
	}
}
