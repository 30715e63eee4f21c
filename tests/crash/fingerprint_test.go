//go:build crash

package crash

import (
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// killedApart is killed without the folders from which the program goes on as from one that was yielded already.
func (p testProgram) killedApart(from string, exits []int, args ...string) iter.Seq2[string, string] {
	return func(yield func(point, dir string) bool) {
		p.t.Helper()
		points, futures := 0, map[string]string{}
		for point, dir := range p.killed(from, exits, args...) {
			points++
			likeness := p.likeness(dir)
			if other, ok := futures[likeness]; ok {
				p.t.Logf("%s leaves the same behind as %s", point, other)
				continue
			}
			futures[likeness] = point
			if !yield(point, dir) {
				return
			}
		}
		p.t.Logf("%s: %d crash points, %d of which leave different things behind", strings.Join(args, " "), points, len(futures))
		if points < 2 {
			p.t.Errorf("%s comes by %d crash points only", strings.Join(args, " "), points)
		}
	}
}

// likeness is equal for two folders from which the program goes on alike: the whole state, ledger included, and every
// table of every file of the sandbox are the same but for passing parts. The program and the sandbox do nothing by these:
// identities are only compared with each other, and of times only the age of a VDiff, the lag of a stream, timeouts and
// soaks count; the kills of one test are minutes apart at most, and soaks are waited for. What lies on the disk is all that
// a new process has, as the one before was killed. So folders of one likeness have one future, and it is enough to see it
// once.
func (p testProgram) likeness(dir string) string {
	p.t.Helper()
	dir = p.copyOf(dir) // reading a database that was not closed writes beside it
	defer os.RemoveAll(dir)
	var b strings.Builder
	if _, err := os.Stat(filepath.Join(dir, "shardform.db")); err == nil {
		r := p.run(dir, "", "state", "pull")
		if r.exit != 0 {
			p.t.Fatalf("state pull: exit %d\n%s", r.exit, r.stderr)
		}
		b.WriteString(r.stdout)
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
	return lasting(b.String())
}
