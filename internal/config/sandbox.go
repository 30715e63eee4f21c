package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/sandbox/sandboxspec"
)

var sandboxSchema = &schema{
	what:  "sandbox block",
	attrs: []string{"path", "spare"},
	blocks: []header{
		{kind: "keyspace", labels: []string{"name"}, many: true},
		{kind: "fault", labels: []string{"name"}, many: true},
	},
}

var sandboxKeyspaceSchema = &schema{
	what:  "sandbox's keyspace block",
	attrs: []string{"shards", "vschema", "schema", "spare"},
	needs: []string{"shards"},
	blocks: []header{
		{kind: "load", labels: []string{"table"}, many: true},
		{kind: "generate", labels: []string{"table"}, many: true},
	},
}

var loadSchema = &schema{what: "load block", attrs: []string{"csv"}, needs: []string{"csv"}}

var generateSchema = &schema{what: "generate block", attrs: []string{"rows"}, needs: []string{"rows"}}

var faultSchema = &schema{what: "fault block", attrs: []string{"rpc", "at", "nth", "error", "latency"}, needs: []string{"rpc"}}

// grpcCodes are the codes that a fault may answer with.
var grpcCodes = []string{"CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// defaultSandboxPath is where a sandbox lives that names no path.
const defaultSandboxPath = "sandbox"

func (l *loader) sandbox(b *block) *sandboxspec.Sandbox {
	s := &sandboxspec.Sandbox{}
	spare := true
	without := map[string]bool{} // keyspaces that asked for no spare shards
	seen := map[string]hcl.Range{}
	c := l.read(b, sandboxSchema, func(nested *block) {
		if l.repeated(seen, nested, " in a sandbox") {
			return
		}
		if nested.kind == "fault" {
			s.Faults = append(s.Faults, l.fault(nested))
			return
		}
		ks, wanted := l.sandboxKeyspace(s, nested)
		s.Keyspaces = append(s.Keyspaces, ks)
		without[ks.Name] = !wanted
	})
	path := defaultSandboxPath
	l.name(c, "path", &path)
	s.Path = within(l.dir, path)
	at := b.header
	if c.attrs["path"] != nil {
		at = c.attrs["path"].expr.Range()
	}
	l.sandboxPath(s.Path, at)
	l.boolean(c, "spare", &spare)
	for _, ks := range s.Keyspaces {
		if spare && !without[ks.Name] {
			l.spare[s] = append(l.spare[s], ks.Name)
		}
	}
	return s
}

// repeated complains about a block of a kind and label that was seen before.
func (l *loader) repeated(seen map[string]hcl.Range, b *block, where string) bool {
	id := b.kind + "." + b.labels[0]
	before, dup := seen[id]
	if dup {
		l.errorAt(b.header, fmt.Sprintf("duplicate %s %q%s", b.kind, b.labels[0], where), "the first one is at "+l.where(before), "")
		return true
	}
	seen[id] = b.header
	return false
}

// sandboxPath refuses two sandboxes in one folder: they would take each other's shards for their own.
func (l *loader) sandboxPath(path string, at hcl.Range) {
	path = filepath.Clean(path)
	if before, taken := l.sandboxPaths[path]; taken {
		l.errorAt(at, fmt.Sprintf("another sandbox has the folder %s", path), "it is the one at "+l.where(before), "give each sandbox a path of its own")
		return
	}
	l.sandboxPaths[path] = at
}

func (l *loader) sandboxKeyspace(s *sandboxspec.Sandbox, b *block) (ks sandboxspec.Keyspace, spare bool) {
	ks.Name, spare = b.labels[0], true
	l.objectName(ks.Name, b.labelsAt[0], "keyspace")
	seen := map[string]hcl.Range{}
	var fills []fill
	c := l.read(b, sandboxKeyspaceSchema, func(nested *block) {
		if l.repeated(seen, nested, "") {
			return
		}
		if nested.kind == "generate" {
			g := sandboxspec.Generate{Table: nested.labels[0]}
			l.whole(l.read(nested, generateSchema, nil), "rows", 0, &g.Rows)
			ks.Generates = append(ks.Generates, g)
			fills = append(fills, fill{table: g.Table, at: nested.labelsAt[0]})
			return
		}
		load := sandboxspec.Load{Table: nested.labels[0]}
		if c := l.read(nested, loadSchema, nil); l.name(c, "csv", &load.CSV) {
			load.CSV = within(l.dir, load.CSV)
			if info, err := os.Stat(load.CSV); err != nil || !info.Mode().IsRegular() {
				l.errorAt(c.attrs["csv"].expr.Range(), fmt.Sprintf("there is no file %q", load.CSV), "relative paths start at the folder of the plan file", "")
				load.CSV = ""
			}
		}
		ks.Loads = append(ks.Loads, load)
		fills = append(fills, fill{table: load.Table, at: nested.labelsAt[0], csv: load.CSV})
	})
	if layout, _, ok := l.layout(c, "shards"); ok {
		ks.Shards = layout.Names()
	}
	vschema := l.vschema(c, &ks.VSchema)
	if l.text(c, "schema", &ks.Schema) {
		schema := l.document(c.attrs["schema"].expr, ks.Schema)
		ks.Schema = schema.text
		l.checks = append(l.checks, func() { l.checkSandboxSchema(s, ks.Name, schema, fills) })
	}
	if vschema != nil {
		l.checks = append(l.checks, func() { l.checkVSchema(vschema, l.schemas[s][ks.Name]) })
	}
	l.boolean(c, "spare", &spare)
	if c.attrs["schema"] == nil && (len(ks.Loads) > 0 || len(ks.Generates) > 0) && !b.broken && len(b.lost) == 0 {
		l.errorAt(b.header, fmt.Sprintf("keyspace %q has rows but no schema", ks.Name), "load and generate fill tables that the schema makes", `add: schema = file("….sql")`)
	}
	return ks, spare
}

func (l *loader) fault(b *block) sandboxspec.Fault {
	f := sandboxspec.Fault{Name: b.labels[0], At: "before", Nth: 1}
	c := l.read(b, faultSchema, nil)
	l.name(c, "rpc", &f.RPC)
	l.oneOf(c, "at", []string{"before", "after", "during"}, &f.At)
	l.whole(c, "nth", 0, &f.Nth)
	l.oneOf(c, "error", grpcCodes, &f.Error)
	l.duration(c, "latency", false, &f.Latency)
	if c.attrs["error"] == nil && c.attrs["latency"] == nil && !b.broken && len(b.lost) == 0 {
		l.errorAt(b.header, fmt.Sprintf("fault %q does nothing", f.Name), "it has neither error nor latency", "")
	}
	return f
}

// fillSpare lists the shards that keyspace blocks want of a sandbox, to be made when absent.
func (l *loader) fillSpare() {
	for i := range l.config.Clusters {
		s := l.config.Clusters[i].Sandbox
		if s == nil {
			continue
		}
		for _, ks := range l.config.Keyspaces {
			if ks.Cluster != l.config.Clusters[i].Name || !slices.Contains(l.spare[s], ks.Name) {
				continue
			}
			if s.Spare == nil {
				s.Spare = map[string][]string{}
			}
			s.Spare[ks.Name] = ks.Shards.Names()
		}
	}
}
