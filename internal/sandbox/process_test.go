package sandbox

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"shardform/internal/keyrange"
	"shardform/internal/sandbox/sandboxspec"
)

// roleVariable makes the test binary play another process: one that serves a sandbox, or one that writes to its files.
const roleVariable = "SANDBOX_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "serve":
		exit(playServer(os.Stdin, os.Stdout))
	case "seed on small disks":
		exit(playSmallDisks(os.Stdin, os.Stdout))
	case "write":
		exit(playWriter(os.Args[1], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// playServer serves the sandbox that the first line describes until it is killed or its input ends.
func playServer(in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	var spec sandboxspec.Sandbox
	if err := json.NewDecoder(r).Decode(&spec); err != nil {
		return err
	}
	c, err := Open(context.Background(), spec, Options{})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "open")
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	return c.Close()
}

// playWriter inserts, updates and deletes customers with their orders, plain SQL on the shards' files, and on each write
// looks for the shard that serves the row. When its input ends it prints the rows that have to be there.
func playWriter(root string, in io.Reader, out io.Writer) error {
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, in)
		close(ended)
	}()
	vindex, err := keyrange.NewVindex("xxhash")
	if err != nil {
		return err
	}
	w := &outsideWriter{root: root, files: map[string]*sql.DB{}, vindex: vindex, rows: map[int64]string{}}
	for n := int64(0); ; n++ {
		select {
		case <-ended:
			return json.NewEncoder(out).Encode(w.rows)
		default:
		}
		if n == 20 {
			fmt.Fprintln(out, "writing")
		}
		if err := w.write(n); err != nil {
			return err
		}
	}
}

type outsideWriter struct {
	root   string
	files  map[string]*sql.DB
	vindex keyrange.Vindex
	rows   map[int64]string
}

const firstOutside = int64(1_000_000)

func (w *outsideWriter) write(n int64) error {
	id, value := firstOutside+n, fmt.Sprintf("v%d", n)
	if n%3 == 1 { // change a row that was written before
		id = firstOutside + n/2
	}
	old, exists := w.rows[id]
	statements := []string{
		fmt.Sprintf(`INSERT INTO customer (id, name, email) VALUES (%d, '%s', 'm%d@example.com')`, id, value, n),
		fmt.Sprintf(`INSERT INTO corder (customer_id, corder_id, price) VALUES (%d, %d, 1.5)`, id, id),
	}
	remove := exists && n%7 == 0
	switch {
	case remove:
		statements = []string{fmt.Sprintf(`DELETE FROM customer WHERE id = %d AND name = '%s'`, id, old), fmt.Sprintf(`DELETE FROM corder WHERE customer_id = %d`, id)}
	case exists:
		statements = []string{fmt.Sprintf(`UPDATE customer SET name = '%s' WHERE id = %d AND name = '%s'`, value, id, old)}
	case n%5 == 0:
		statements[0] = strings.Replace(statements[0], "INSERT", "INSERT OR REPLACE", 1)
	}
	if err := w.onServing(id, statements); err != nil {
		return err
	}
	if remove {
		delete(w.rows, id)
	} else {
		w.rows[id] = value
	}
	return nil
}

// onServing runs statements in one transaction on the shard that takes them.
func (w *outsideWriter) onServing(id int64, statements []string) error {
	key, err := w.vindex.Map(id)
	if err != nil {
		return err
	}
	var last error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		entries, err := os.ReadDir(w.root + "/ks")
		if err != nil {
			return err
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), suffix)
			if !ok {
				continue
			}
			shard, err := keyrange.ParseShard(name)
			if err != nil || !shard.Range.Contains(key) {
				continue
			}
			if last = w.try(name, statements); last == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("no shard takes row %d: %w", id, last)
}

func (w *outsideWriter) try(shard string, statements []string) error {
	db := w.files[shard]
	if db == nil {
		var err error
		if db, err = sql.Open("sqlite", fileURI(shardPath(w.root, "ks", shard))+"?mode=rw&_pragma=busy_timeout(2000)&_txlock=immediate"); err != nil {
			return err
		}
		w.files[shard] = db
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	for _, s := range statements {
		done, err := tx.Exec(s)
		if err != nil {
			tx.Rollback()
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			tx.Rollback()
			return fmt.Errorf("%s changed %d rows: a row is lost or doubled (%w)", s, n, err)
		}
	}
	return tx.Commit()
}

// process is another process that plays a role.
type process struct {
	*exec.Cmd
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

func play(t *testing.T, role string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: cmd, t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return p
}

func (p *process) line() string {
	p.t.Helper()
	text, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("reading from the other process: %v", err)
	}
	return strings.TrimSpace(text)
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.t.Helper()
	if err := p.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	p.Wait() // it says "killed"
}

// serveElsewhere lets another process serve the sandbox.
func serveElsewhere(t *testing.T, spec sandboxspec.Sandbox) *process {
	t.Helper()
	p := play(t, "serve")
	if err := json.NewEncoder(p.in).Encode(spec); err != nil {
		t.Fatal(err)
	}
	if got := p.line(); got != "open" {
		t.Fatalf("the server said %q", got)
	}
	return p
}

// writeElsewhere lets another process write to the sandbox, and waits until it has begun.
func writeElsewhere(t *testing.T, root string) *process {
	t.Helper()
	p := play(t, "write", root)
	if got := p.line(); got != "writing" {
		t.Fatalf("the writer said %q", got)
	}
	return p
}

// end stops the writer and gives the rows that it wrote: name by id.
func (p *process) end() map[int64]string {
	p.t.Helper()
	p.in.Close()
	var rows map[int64]string
	if err := json.NewDecoder(p.out).Decode(&rows); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		p.t.Fatal(err)
	}
	return rows
}
