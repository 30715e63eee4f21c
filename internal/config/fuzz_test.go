package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad: no input panics, a configuration comes exactly if there is no error, every complaint of a file has a place
// in it, and what is formatted once stays and means the same.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.hcl*")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	examples, _ := filepath.Glob("../../examples/*.hcl")
	for _, name := range append(files, examples...) {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, isJSON(name))
	}
	f.Fuzz(func(t *testing.T, text []byte, json bool) {
		name := "x.hcl"
		if json {
			name = "x.hcl.json"
		}
		path := writeFile(t, t.TempDir(), name, string(text))
		opts := Options{Tasks: testTasks(), Version: "0.1.0"}
		if loadAnything(t, path, opts) == nil {
			return
		}
		once, diags := Format(text, path)
		if len(diags) > 0 {
			t.Fatalf("loads but cannot be formatted: %v", diags)
		}
		if twice, _ := Format(once, path); string(twice) != string(once) {
			t.Errorf("formatting is not stable: %q, then %q", once, twice)
		}
		if err := os.WriteFile(path, once, 0o600); err != nil {
			t.Fatal(err)
		}
		if again, diags := Load(path, opts); again == nil {
			t.Errorf("does not load when formatted: %v", diags)
		}
	})
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// loadAnything loads a plan file that may hold anything and checks what holds for all of them.
func loadAnything(t *testing.T, path string, opts Options) *Config {
	config, diags := Load(path, opts)
	if (config == nil) != diags.HasErrors() {
		t.Fatalf("configuration %v with diagnostics %v", config, diags)
	}
	for _, d := range diags {
		if d.Summary == "" || strings.HasSuffix(d.Summary, ".") {
			t.Errorf("summary %q", d.Summary)
		}
		if d.Place == nil || d.Place.File != path && !isFile(d.Place.File) {
			t.Errorf("%q has no place in the file, nor in one that it names", d.Summary)
		}
	}
	if config == nil {
		return nil
	}
	for _, o := range config.Outputs {
		o.Evaluate(map[string]Observed{})
	}
	return config
}
