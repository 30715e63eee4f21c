package plan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"shardform/internal/config"
	"shardform/internal/diag"
)

// IsSaved reports whether the file at path looks like a saved plan, whole or not.
func IsSaved(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() { // opening a named pipe would wait for its other end
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, len(savedMagic))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == savedMagic
}

// CheckFile returns an error if a plan may not be saved at path: only a saved plan is replaced, and a name that a
// configuration is read from is not made.
func CheckFile(path string) error {
	refused := func(found string) error {
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("the plan cannot be saved in %s", path),
			Detail: fmt.Sprintf("expected a new file, or a saved plan to replace; found %s; nothing was written", found), Hint: "give --out another name, for example customer.plan"}
	}
	info, err := os.Stat(path)
	switch {
	case config.IsRead(path):
		return refused("a name that plan files or variable files have")
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			return refused("a symbolic link that leads nowhere")
		}
		return nil
	case err != nil:
		return refused(err.Error())
	case info.IsDir():
		return refused("a directory")
	case !info.Mode().IsRegular():
		return refused("something that is not a regular file (" + info.Mode().Type().String() + ")")
	case !IsSaved(path):
		return refused("a file that is not a saved plan")
	}
	return nil
}

// checkState returns an error if path is where the state is to be made.
func checkState(path, state string) error {
	for _, name := range []string{state, state + ".lock"} {
		a, err1 := filepath.Abs(path)
		b, err2 := filepath.Abs(name)
		if err1 == nil && err2 == nil && a == b {
			return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("the plan cannot be saved in %s", path),
				Detail: "the state of this configuration is kept there; nothing was written", Hint: "give --out another name, for example customer.plan"}
		}
	}
	return nil
}
