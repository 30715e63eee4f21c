//go:build crash

package crash

import (
	"os"
	"path/filepath"
	"strings"
)

// fingerprint is equal for two directories from which the program goes on alike: the whole state, ledger included, and every
// table of every file of the sandbox are the same but for what variable matches. The program and the sandbox decide nothing
// by that: identities are only compared with each other, and of times only the age of a VDiff, the lag of a stream, timeouts
// and soaks count; the kills of one test are minutes apart at most, and soaks are waited for. A new process has nothing but
// what is on the disk, as the one before was killed. So it is enough to see once how it goes on from one fingerprint.
func (p program) fingerprint(dir string) string {
	p.t.Helper()
	dir = p.copyOf(dir) // reading a database that was not closed writes next to it
	defer os.RemoveAll(dir)
	var b strings.Builder
	if _, err := os.Stat(filepath.Join(dir, "shardform.db")); err == nil {
		b.WriteString(p.must(dir, "state", "pull").stdout)
	}
	files, err := filepath.Glob(filepath.Join(dir, "sandbox", "*", "*.sqlite"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(dir, "sandbox/topo.sqlite")) {
		b.WriteString("\n" + filepath.Base(file))
		for _, row := range p.query(file, `SELECT name, sql FROM sqlite_master ORDER BY type, name`) {
			b.WriteString("\n" + row)
		}
		for _, table := range p.query(file, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`) {
			b.WriteString("\n" + table + "\n" + strings.Join(p.query(file, `SELECT * FROM "`+table+`" ORDER BY 1`), "\n"))
		}
	}
	return withoutVariable(b.String())
}
