//go:build crash

package crash

import (
	"encoding/hex"
	"path"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
)

// record is a record of a sandbox's topology.
type record struct {
	path string // cell first
	json string
}

// recordsOf reads the records of the sandbox in dir, in order of their paths.
func (p program) recordsOf(dir string) (all []record) {
	p.t.Helper()
	for _, row := range p.query(filepath.Join(dir, "sandbox/topo.sqlite"), "SELECT cell || '/' || path, hex(value) FROM record ORDER BY cell, path") {
		where, value, _ := strings.Cut(row, "|")
		m, known := map[string]proto.Message{
			"CellInfo": &topodatapb.CellInfo{}, "Keyspace": &topodatapb.Keyspace{}, "Shard": &topodatapb.Shard{}, "Tablet": &topodatapb.Tablet{},
			"SrvKeyspace": &topodatapb.SrvKeyspace{}, "ShardReplication": &topodatapb.ShardReplication{},
			"VSchema": &vschemapb.Keyspace{}, "SrvVSchema": &vschemapb.SrvVSchema{},
		}[path.Base(where)]
		if !known {
			p.t.Fatalf("the sandbox has a record %s", where)
		}
		bytes, err := hex.DecodeString(value)
		if err == nil {
			err = proto.Unmarshal(bytes, m)
		}
		if err != nil {
			p.t.Fatalf("record %s: %v", where, err)
		}
		all = append(all, record{where, protojson.Format(m)})
	}
	return all
}
