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
	if err := clearSandbox(ctx, c.root); err != nil {
		return fmt.Errorf("reset sandbox %s: %w", c.root, err)
	}
	e, err := c.prepare(ctx)
	if err != nil {
		return fmt.Errorf("reset sandbox %s: %w", c.root, err)
	}
	return e.close()
}

// clearSandbox removes a seeded sandbox's files. The list of folders is written first: if this is interrupted, the next
// to come finishes it.
func clearSandbox(ctx context.Context, root string) error {
	path := filepath.Join(root, topoFile)
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil
	}
	topo, err := openTopology(path)
	if err != nil {
		return err
	}
	var folders []string
	err = topo.view(ctx, func(tx topoTx) error {
		names, err := tx.keyspaces()
		for _, ks := range names {
			folders = append(folders, fileName(ks))
		}
		return err
	})
	if err := errors.Join(err, topo.db.close()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, seedingFile), []byte(strings.Join(folders, "\n")), 0o644); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return removeDatabase(path)
}
