package sandboxspec

import (
	"bufio"
	"encoding/csv"
	"io"
)

// Rows returns a reader of the file of a Load, whose first record names the columns. A byte order mark is skipped. A
// record that it returns is overwritten by the next.
func Rows(file io.Reader) *csv.Reader {
	buffered := bufio.NewReader(file)
	if start, _ := buffered.Peek(len(byteOrderMark)); string(start) == byteOrderMark {
		_, _ = buffered.Discard(len(byteOrderMark))
	}
	r := csv.NewReader(buffered)
	r.ReuseRecord = true
	return r
}

const byteOrderMark = "\ufeff"
