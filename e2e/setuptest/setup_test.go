//go:build e2e && linux

// Package setuptest tests the scripts that prepare the end-to-end tests, without a cluster and without the network.
package setuptest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// place is where a script runs in a test: directories of its own, and commands that stand in for the system's.
type place struct {
	t        *testing.T
	dir, bin string
	env      []string
}

// newPlace has a port range in which nothing listens, and a cache that is complete, so that a script has nothing to download.
func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	for path := dir; path != filepath.Dir(os.TempDir()) && path != os.TempDir(); path = filepath.Dir(path) { // the servers' user has to get there
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := &place{t: t, dir: dir, bin: filepath.Join(dir, "bin")}
	p.env = append(os.Environ(), "PATH="+p.bin+":"+os.Getenv("PATH"), "SHARDFORM_E2E_VITESS=modern", "SHARDFORM_E2E_PORT=11000", "SHARDFORM_E2E_PATIENCE=60",
		"SHARDFORM_E2E_CACHE="+filepath.Join(dir, "cache"), "SHARDFORM_E2E_DATA="+p.data(), "SHARDFORM_E2E_MEMORY_MB=1", "SHARDFORM_E2E_DISK_MB=1",
		"SHARDFORM_E2E_MIRROR=http://127.0.0.1:1/debian", "SHARDFORM_E2E_USER=nobody")
	for _, file := range []string{"servers/ready", "vitess-v0.24.0/bin/vtctld", "vitess-v0.24.0/bin/vttablet", "vitess-v0.24.0/bin/mysqlctl",
		"vitess-v0.24.0/bin/vtgate", "vitess-v0.24.0/bin/vtctldclient"} {
		p.write(filepath.Join(dir, "cache", file), "")
	}
	if err := os.MkdirAll(p.data(), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.data(), 0o777); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) data() string { return filepath.Join(p.dir, "data") }

// write makes an executable file, and the directories that it is in.
func (p *place) write(path, content string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

// command puts a shell script in place of a command of the system.
func (p *place) command(name, script string) {
	p.t.Helper()
	p.write(filepath.Join(p.bin, name), "#!/bin/sh\n"+script+"\n")
}

func (p *place) set(name, value string) { p.env = append(p.env, name+"="+value) }

// without leaves the system's commands on the PATH but for those of these names.
func (p *place) without(names ...string) {
	p.t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin", filepath.Dir(goProgram(p.t))} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			link := filepath.Join(p.bin, entry.Name())
			if err := os.MkdirAll(p.bin, 0o755); err != nil {
				p.t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(dir, entry.Name()), link); err != nil && !errors.Is(err, os.ErrExist) {
				p.t.Fatal(err)
			}
		}
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(p.bin, name)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.set("PATH", p.bin)
}

func goProgram(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// run runs a script of the directory e2e and returns what it wrote, and how it ended.
func (p *place) run(args ...string) (output string, state *os.ProcessState) {
	p.t.Helper()
	cmd := exec.Command("bash", args...)
	cmd.Dir = ".."
	cmd.Env = p.env
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%v: %v", args, err)
	}
	return string(text), cmd.ProcessState
}

func TestDoctorFindsNothingWrong(t *testing.T) {
	output, state := newPlace(t).run("doctor.sh")
	if state.ExitCode() != 0 || !strings.Contains(output, "nothing keeps the tests of a modern cluster from running") {
		t.Errorf("exit code %d\n%s", state.ExitCode(), output)
	}
	if cpu := state.UserTime() + state.SystemTime(); cpu > 4*time.Second {
		t.Errorf("the doctor needed %s of processor time: it is to answer within two seconds", cpu)
	}
}

// breakages are what the doctor has to find, each made in a place of its own and all of them in one.
var breakages = []struct {
	name string
	do   func(p *place)
	want []string // in what it writes; PID is this process
}{
	{"memory", func(p *place) { p.set("SHARDFORM_E2E_MEMORY_MB", "99999999") }, []string{"MB of memory are free, 99999999 are needed", "-parallel 1"}},
	{"disk", func(p *place) { p.set("SHARDFORM_E2E_DISK_MB", "999999999") }, []string{"MB are free on the disk of", "999999999 are needed", "make room"}},
	{"port", func(p *place) {
		p.set("SHARDFORM_E2E_PORT", "21000")
		listener, err := net.Listen("tcp", "127.0.0.1:22345")
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { listener.Close() })
	}, []string{"port 22345 is in use by process PID", "21000 to 23999", "set SHARDFORM_E2E_PORT"}},
	{"architecture", func(p *place) { p.command("dpkg", "echo m68k") }, []string{"no pinned packages for the architecture m68k", "make e2e-pin"}},
	{"old Go", func(p *place) {
		p.command("go", `case $1 in version) echo go version go1.20.3 linux/amd64 ;; *) echo local ;; esac`)
	}, []string{"Go 1.20.3 is older than the 1.", "install Go"}},
	{"packages", func(p *place) { p.without("flock", "tar") }, []string{"missing: flock, tar", "apt-get install tar util-linux"}},
	{"keys of the archive", func(p *place) { p.set("KEYRINGS", p.dir) }, []string{"the keys of Debian's archive", "apt-get install debian-archive-keyring"}},
	{"user", func(p *place) {
		if os.Getuid() == 0 {
			p.set("SHARDFORM_E2E_USER", "root")
		} else {
			p.set("SHARDFORM_E2E_DATA", "/proc/data")
		}
	}, []string{map[bool]string{true: "MySQL refuses to run as root", false: "cannot write to /proc"}[os.Getuid() == 0]}},
	{"mirror", func(p *place) {
		if err := os.Remove(filepath.Join(p.dir, "cache/servers/ready")); err != nil {
			p.t.Fatal(err)
		}
	}, []string{"the Debian mirror http://127.0.0.1:1/debian cannot be read", "set SHARDFORM_E2E_MIRROR"}},
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	for _, broken := range breakages {
		t.Run(broken.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			broken.do(p)
			p.wrong(1, broken.want...)
		})
	}
}

func TestDoctorNamesAllThatIsWrongAtOnce(t *testing.T) {
	p := newPlace(t)
	var want []string
	count := 0
	for _, broken := range breakages {
		if broken.name == "packages" { // it would take the commands back that others have put in place
			continue
		}
		broken.do(p)
		want = append(want, broken.want...)
		count++
	}
	p.wrong(count, want...)
}

// wrong checks that the doctor fails, finds so many things, and says all of that.
func (p *place) wrong(count int, texts ...string) {
	p.t.Helper()
	output, state := p.run("doctor.sh")
	if found := strings.Count(output, "\n  - "); state.ExitCode() != 1 || found != count {
		p.t.Errorf("exit code %d and %d things, expected 1 and %d\n%s", state.ExitCode(), found, count, output)
	}
	for _, text := range texts {
		if text = strings.ReplaceAll(text, "PID", fmt.Sprint(os.Getpid())); !strings.Contains(output, text) {
			p.t.Errorf("the doctor does not say %q\n%s", text, output)
		}
	}
}

// A process that an earlier run has left is told by its environment.
func TestDoctorNamesAClusterThatIsLeft(t *testing.T) {
	p := newPlace(t)
	left := exec.Command("sleep", "60")
	left.Env = []string{"VTDATAROOT=" + p.data()}
	if os.Getuid() == 0 { // as the servers' user
		left.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = left.Process.Kill()
		_ = left.Wait()
	})
	p.wrong(1, "a cluster of an earlier run is up in "+p.data()+": 1 processes", fmt.Sprintf("the first one %d", left.Process.Pid),
		"SHARDFORM_E2E_VITESS=modern SHARDFORM_E2E_DATA="+p.data()+" e2e/cluster.sh down")

	lock, err := os.Create(filepath.Join(p.data(), "lock"))
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	p.wrong(1, "a run of the tests is using "+p.data(), "SHARDFORM_E2E_PORT for a second run")
}

// fetch runs fetch_packages of packages.sh, with a mirror that has these files, and returns what it wrote, whether it succeeded, and
// the list of what was fetched.
func (p *place) fetch(pins string, files map[string]string) (output string, ok bool, fetched string) {
	p.t.Helper()
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, there := files[strings.TrimPrefix(r.URL.Path, "/debian/")]
		if !there {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, content)
	}))
	defer mirror.Close()
	file, into := filepath.Join(p.dir, "pins.txt"), filepath.Join(p.dir, "fetched")
	p.write(file, pins)
	if err := os.MkdirAll(into, 0o755); err != nil {
		p.t.Fatal(err)
	}
	p.set("SHARDFORM_E2E_PINS", file)
	p.set("SHARDFORM_E2E_MIRROR", mirror.URL+"/debian")
	output, state := p.run("-euc", `eval "$(./cluster.sh env)"
say() { echo "$*"; }
die() { echo "$*" >&2; exit 1; }
. ./packages.sh
fetch_packages "$0"`, into)
	list, err := os.ReadFile(filepath.Join(into, "packages.txt"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	return output, state.Success(), string(list)
}

// pin is the line of a pin file for a package.
func pin(name, version, content string) string {
	return fmt.Sprintf("%s %s %x pool/%s_%s.deb\n", name, version, sha256.Sum256([]byte(content)), name, version)
}

func TestPinnedPackagesAreFetched(t *testing.T) {
	server, library := pin("server", "9.7-1", "the server"), pin("library", "1.0-1", "the library")
	output, ok, fetched := newPlace(t).fetch("# pins\ndeb "+library+"deb "+server, map[string]string{"pool/server_9.7-1.deb": "the server", "pool/library_1.0-1.deb": "the library"})
	if !ok || fetched != library+server {
		t.Errorf("fetched %q\n%s", fetched, output)
	}
}

func TestAnotherFileUnderAPinnedVersionIsRefused(t *testing.T) {
	pins := "deb " + pin("server", "9.7-1", "the server")
	output, ok, fetched := newPlace(t).fetch(pins, map[string]string{"pool/server_9.7-1.deb": "another server"})
	if ok || fetched != "" || !strings.Contains(output, "is not the file that was pinned: SHA-256") || !strings.Contains(output, "make e2e-pin") {
		t.Errorf("expected a refusal, fetched %q\n%s", fetched, output)
	}
}

// apt stands in for apt-get and apt-cache, with an index that offers these lines; a package that it downloads is an empty file.
func (p *place) apt(offered ...string) {
	p.t.Helper()
	var names, stanzas strings.Builder
	for _, line := range offered {
		field := strings.Fields(line)
		fmt.Fprintln(&names, field[0])
		fmt.Fprintf(&stanzas, "Package: %s\nVersion: %s\nFilename: %s\nSHA256: %s\n\n", field[0], field[1], field[3], field[2])
	}
	p.write(filepath.Join(p.dir, "names"), names.String())
	p.write(filepath.Join(p.dir, "stanzas"), stanzas.String())
	p.command("apt-cache", `case "$*" in *depends*) cat `+p.dir+`/names ;; *) cat `+p.dir+`/stanzas ;; esac`)
	p.command("apt-get", `case "$*" in *download*) touch $(sed s/$/.deb/ `+p.dir+`/names) ;; esac`)
}

func TestAMirrorThatHasMovedOnIsWarnedOf(t *testing.T) {
	server, library := pin("server", "9.7-1", "the server"), pin("library", "1.0-1", "the library")
	newer := pin("server", "9.7-2", "a newer server")
	files := map[string]string{"pool/library_1.0-1.deb": "the library"} // the old server is gone
	for _, test := range []struct {
		name    string
		offered []string
		strict  bool
		fetched string
		want    []string
	}{
		{"what is offered is taken", []string{library, newer}, false, library + newer,
			[]string{"warning:", "has moved on from the pinned versions (1 packages)", "server 9.7-1 -> 9.7-2", "make e2e-pin"}},
		{"unless that is forbidden", []string{library, newer}, true, "",
			[]string{"has moved on from the pinned versions (1 packages)", "server 9.7-1 -> 9.7-2", "make e2e-pin"}},
		{"also under a new name", []string{library, newer, pin("addition", "1.0-1", "an addition")}, false, pin("addition", "1.0-1", "an addition") + library + newer,
			[]string{"has moved on from the pinned versions (2 packages)", "server 9.7-1 -> 9.7-2", "addition (not pinned) -> 1.0-1"}},
		{"another file under a pinned version is refused", []string{pin("library", "1.0-1", "another library"), newer}, false, "",
			[]string{"another SHA-256 for library 1.0-1", "make e2e-pin"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			p.apt(test.offered...)
			if test.strict {
				p.set("SHARDFORM_E2E_STRICT", "1")
			}
			output, ok, fetched := p.fetch("deb "+library+"deb "+server, files)
			if ok != (test.fetched != "") || fetched != test.fetched {
				t.Errorf("success %v, fetched %q, expected %q\n%s", ok, fetched, test.fetched, output)
			}
			for _, text := range test.want {
				if !strings.Contains(output, text) {
					t.Errorf("the output lacks %q\n%s", text, output)
				}
			}
		})
	}
}

func TestAMirrorThatCannotBeReadIsNamed(t *testing.T) {
	p := newPlace(t)
	p.command("apt-get", "echo E: no index; exit 100")
	output, ok, _ := p.fetch("deb "+pin("server", "9.7-1", "the server"), nil)
	if ok || !strings.Contains(output, "the package index of Debian sid cannot be read from http://127.0.0.1:") {
		t.Errorf("success %v\n%s", ok, output)
	}
}
