package sandbox

import (
	"slices"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

func (tx topoTx) srvKeyspace(ks string) (*topodatapb.SrvKeyspace, error) {
	s := &topodatapb.SrvKeyspace{}
	err := tx.get(srvKeyspaceNode(ks), s)
	if isNoNode(err) {
		err = &noNodeError{path: "keyspaces/" + ks + "/SrvKeyspace"} // as the cell's own server calls it
	}
	return s, err
}

func partition(s *topodatapb.SrvKeyspace, kind topodatapb.TabletType) *topodatapb.SrvKeyspace_KeyspacePartition {
	for _, p := range s.GetPartitions() {
		if p.ServedType == kind {
			return p
		}
	}
	return nil
}

// writable reports whether a shard takes writes: its primary serves and no control stops it.
func writable(s *shardInfo, srv *topodatapb.SrvKeyspace) bool {
	if !s.IsPrimaryServing {
		return false
	}
	for _, c := range partition(srv, topodatapb.TabletType_PRIMARY).GetShardTabletControls() {
		if c.QueryServiceDisabled && sameRange(c.KeyRange, s.KeyRange) {
			return false
		}
	}
	return true
}

// deniedTables are the tables that a shard's primary does not serve, in order.
func deniedTables(s *shardInfo) (names []string) {
	for _, c := range s.TabletControls {
		if c.TabletType == topodatapb.TabletType_PRIMARY {
			names = append(names, c.DeniedTables...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// servingTypes are the types whose partition names the shard.
func servingTypes(srv *topodatapb.SrvKeyspace, shard string) []topodatapb.TabletType {
	var types []topodatapb.TabletType
	for _, p := range srv.GetPartitions() {
		if slices.ContainsFunc(p.ShardReferences, func(r *topodatapb.ShardReference) bool { return r.Name == shard }) {
			types = append(types, p.ServedType)
		}
	}
	return types
}
