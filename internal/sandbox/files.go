package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	topoFile   = "topo.sqlite"
	lockFile   = "lock"
	usersFile  = "users"
	socketFile = "vtctld.sock"
	// seedingFile stands while the sandbox is seeded; it lists the folders to clear if that was interrupted, one a line.
	seedingFile = "seeding"
	suffix      = ".sqlite"
)

// fileName turns a keyspace or shard name into a file name that no system misreads: everything but letters, digits,
// dash, underscore and inner dots is spelled %XX.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func shardPath(root, keyspace, shard string) string {
	return filepath.Join(root, fileName(keyspace), fileName(shard)+suffix)
}

// removeDatabase removes a SQLite file and what SQLite keeps beside it. The log goes first: left alone it would be read
// into the next file of that name.
func removeDatabase(path string) error {
	for _, p := range []string{path + "-wal", path + "-shm", path} {
		if err := os.Remove(p); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// removeShardFiles removes every shard file in a keyspace's folder, and the folder if nothing else is in it.
func removeShardFiles(folder string) error {
	entries, err := os.ReadDir(folder)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		base := strings.TrimSuffix(strings.TrimSuffix(e.Name(), "-wal"), "-shm")
		if strings.HasSuffix(base, suffix) {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
	}
	if err := os.Remove(folder); err != nil && !os.IsNotExist(err) && len(entries) == 0 {
		return err
	}
	return nil
}
