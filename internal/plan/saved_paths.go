package plan

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"shardform/internal/config"
)

// relativeTo is path as seen from folder to, so that a checkout can move with the plan file in it. An absolute path is
// kept, unless it lies in the configuration's folder.
func relativeTo(to, configDir, path string) string {
	if path == "" {
		return ""
	}
	absTo, err1 := filepath.Abs(to)
	absPath, err2 := filepath.Abs(path)
	absConfig, err3 := filepath.Abs(configDir)
	if err1 != nil || err2 != nil || err3 != nil {
		return path
	}
	if filepath.IsAbs(path) && !within(absConfig, absPath) {
		return path
	}
	rel, err := filepath.Rel(absTo, absPath)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// within reports whether path is dir or lies in it; both are absolute.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// rebased is m with every path changed.
func (m SavedMeta) rebased(change func(string) string) SavedMeta {
	m.Config, m.Dir, m.State = change(cmp.Or(m.Config, ".")), change(cmp.Or(m.Dir, ".")), change(m.State)
	m.VarFiles = slices.Clone(m.VarFiles)
	for i := range m.VarFiles {
		m.VarFiles[i] = change(m.VarFiles[i])
	}
	return m
}

// rebasedClusters are copies of clusters with every path changed.
func rebasedClusters(clusters []config.Cluster, change func(string) string) []config.Cluster {
	changed := slices.Clone(clusters)
	for i := range changed {
		c := &changed[i]
		if c.TLS != nil {
			t := *c.TLS
			for _, p := range []*string{&t.CA, &t.Cert, &t.Key} {
				if *p != "" {
					*p = change(*p)
				}
			}
			c.TLS = &t
		}
		if c.Sandbox == nil {
			continue
		}
		s := *c.Sandbox
		s.Path = change(s.Path)
		s.Keyspaces = slices.Clone(s.Keyspaces)
		for j := range s.Keyspaces {
			s.Keyspaces[j].Loads = slices.Clone(s.Keyspaces[j].Loads)
			for l := range s.Keyspaces[j].Loads {
				s.Keyspaces[j].Loads[l].CSV = change(s.Keyspaces[j].Loads[l].CSV)
			}
		}
		c.Sandbox = &s
	}
	return changed
}
