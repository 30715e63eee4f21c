package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shardform/internal/sandbox/sandboxspec"
)

// Reset deletes the sandbox and seeds it anew before it returns. It refuses while a holder serves the sandbox.
func Reset(ctx context.Context, spec sandboxspec.Sandbox) (err error) {
	c, err := newCluster(spec, Options{})
	if err != nil {
		return err
	}
	l, err := tryLock(c.root)
	if errors.Is(err, errHeld) {
		return fmt.Errorf("reset sandbox %s: process %s is using it; let it end first", c.root, holder(c.root))
	}
	if err != nil {
		return fmt.Errorf("reset sandbox %s: %w", c.root, err)
	}
	defer func() { err = errors.Join(err, l.release()) }()
	if err := clearSandbox(ctx, c.root, spec); err != nil {
		return fmt.Errorf("reset sandbox %s: %w", c.root, err)
	}
	e, err := c.prepare(ctx, false)
	if err != nil {
		return fmt.Errorf("reset sandbox %s: %w", c.root, err)
	}
	return e.close()
}

// clearSandbox removes a seeded sandbox's files. The list of folders is written first: if this is interrupted, the next
// to come finishes it.
func clearSandbox(ctx context.Context, root string, spec sandboxspec.Sandbox) error {
	path := filepath.Join(root, topoFile)
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil
	}
	folders, err := keyspaceDirs(ctx, path)
	if err != nil && !isDamaged(err) {
		return err
	}
	if err != nil { // what the description has is all that is known
		for _, ks := range spec.Keyspaces {
			folders = append(folders, fileName(ks.Name))
		}
	}
	if err := os.WriteFile(filepath.Join(root, seedingFile), []byte(strings.Join(folders, "\n")), 0o644); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return removeDatabase(path)
}

// keyspaceDirs are the directories of the keyspaces in a topology.
func keyspaceDirs(ctx context.Context, path string) (folders []string, err error) {
	topo, err := openTopology(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, topo.db.close()) }()
	err = topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		for _, ks := range names {
			folders = append(folders, fileName(ks))
		}
		return err
	})
	return folders, err
}
