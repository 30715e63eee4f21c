package sandbox

import (
	"errors"
	"fmt"
	"slices"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// servedTypes are the tablet types that a serving graph has a partition for, in its order.
var servedTypes = [...]topodatapb.TabletType{topodatapb.TabletType_PRIMARY, topodatapb.TabletType_REPLICA, topodatapb.TabletType_RDONLY}

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

// rebuildKeyspace makes the serving graph anew from the shard records. It refuses while a control stops a query service.
func (tx topoTx) rebuildKeyspace(ks string) error {
	old, err := tx.srvKeyspace(ks)
	if err != nil && !isNoNode(err) {
		return err
	}
	for _, p := range old.GetPartitions() {
		for _, control := range p.ShardTabletControls {
			if control.QueryServiceDisabled {
				return fmt.Errorf("can't rebuild serving keyspace while a migration is on going. TabletControls is set for partition %v", p)
			}
		}
	}
	shards, err := tx.shards(ks)
	if err != nil {
		return err
	}
	fresh := &topodatapb.SrvKeyspace{}
	for _, kind := range servedTypes {
		p := &topodatapb.SrvKeyspace_KeyspacePartition{ServedType: kind}
		for _, s := range shards {
			if s.IsPrimaryServing {
				p.ShardReferences = append(p.ShardReferences, reference(s))
			}
		}
		if len(p.ShardReferences) > 0 {
			fresh.Partitions = append(fresh.Partitions, p)
		}
	}
	if err := orderAndCheck(fresh); err != nil {
		return err
	}
	return tx.put(srvKeyspaceNode(ks), fresh)
}

func reference(s *shardInfo) *topodatapb.ShardReference {
	return &topodatapb.ShardReference{Name: s.name, KeyRange: s.KeyRange}
}

// orderAndCheck puts every partition into key order and refuses one that does not cover the key space just once.
func orderAndCheck(s *topodatapb.SrvKeyspace) error {
	for _, p := range s.Partitions {
		refs := p.ShardReferences
		if len(refs) == 0 {
			return fmt.Errorf("keyspace partition for %v in cell %v has no shards", p.ServedType, cell)
		}
		slices.SortFunc(refs, func(a, b *topodatapb.ShardReference) int { return compareRanges(a.KeyRange, b.KeyRange) })
		if len(refs[0].GetKeyRange().GetStart()) != 0 {
			return fmt.Errorf("keyspace partition for %v in cell %v does not start with min key", p.ServedType, cell)
		}
		if last := refs[len(refs)-1]; len(last.GetKeyRange().GetEnd()) != 0 {
			return fmt.Errorf("keyspace partition for %v in cell %v does not end with max key", p.ServedType, cell)
		}
		for i := range refs[:len(refs)-1] {
			if (refs[i].KeyRange == nil) != (refs[i+1].KeyRange == nil) {
				return fmt.Errorf("shards with inconsistent KeyRanges for %v in cell %v. shards: %v, %v", p.ServedType, cell, refs[i], refs[i+1])
			}
			this, next := rangeOf(refs[i].KeyRange), rangeOf(refs[i+1].KeyRange)
			if string(this.End()) != string(next.Start()) {
				return fmt.Errorf("non-contiguous KeyRange values for %v in cell %v at shard %v to %v: %x != %x", p.ServedType, cell, i, i+1, this.End(), next.Start())
			}
		}
	}
	return nil
}

// validateSrvKeyspace checks the stored serving graph in each of the cells, all if none is given.
func (tx topoTx) validateSrvKeyspace(ks string, cells []string) error {
	if err := checkCells(cells); err != nil {
		return err
	}
	s, err := tx.srvKeyspace(ks)
	if err != nil {
		return err
	}
	return orderAndCheck(s)
}

// checkCells refuses a cell that is not the sandbox's.
func checkCells(cells []string) error {
	for _, c := range cells {
		if c != cell {
			return &noNodeError{path: "cells/" + c + "/CellInfo"}
		}
	}
	return nil
}

// setQueryService writes a control for each of the shards into the partition of a type; the partition's order of
// controls is the order in which they came.
func (tx topoTx) setQueryService(ks string, shards []*shardInfo, kind topodatapb.TabletType, disabled bool) error {
	for _, shard := range shards {
		for _, c := range shard.TabletControls {
			if len(c.DeniedTables) > 0 {
				return fmt.Errorf("cannot safely alter DisableQueryService as DeniedTables is set for shard %v", shard)
			}
		}
	}
	s, err := tx.srvKeyspace(ks)
	if isNoNode(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if p := partition(s, kind); p != nil {
		for _, shard := range shards {
			i := slices.IndexFunc(p.ShardTabletControls, func(c *topodatapb.ShardTabletControl) bool { return sameRange(c.KeyRange, shard.KeyRange) })
			if i < 0 {
				i = len(p.ShardTabletControls)
				p.ShardTabletControls = append(p.ShardTabletControls, &topodatapb.ShardTabletControl{Name: shard.name, KeyRange: shard.KeyRange})
			}
			p.ShardTabletControls[i].QueryServiceDisabled = disabled
		}
	}
	return tx.put(srvKeyspaceNode(ks), s)
}

// migrateServedType moves a type from some shards to others. Moving PRIMARY ends the migration: all controls go, of
// every type.
func (tx topoTx) migrateServedType(ks string, add, remove []*shardInfo, kind topodatapb.TabletType) error {
	s, err := tx.srvKeyspace(ks)
	if isNoNode(err) {
		return nil
	}
	if err != nil {
		return err
	}
	has := func(shards []*shardInfo, kr *topodatapb.KeyRange) bool {
		return slices.ContainsFunc(shards, func(s *shardInfo) bool { return sameRange(s.KeyRange, kr) })
	}
	for _, p := range s.Partitions {
		if kind == topodatapb.TabletType_PRIMARY {
			p.ShardTabletControls = nil
		}
		if p.ServedType != kind {
			continue
		}
		refs := slices.DeleteFunc(slices.Clone(p.ShardReferences), func(r *topodatapb.ShardReference) bool { return has(remove, r.KeyRange) })
		for _, shard := range add {
			if !slices.ContainsFunc(p.ShardReferences, func(r *topodatapb.ShardReference) bool { return sameRange(r.KeyRange, shard.KeyRange) }) {
				refs = append(refs, reference(shard))
			}
		}
		p.ShardReferences = refs
	}
	if err := orderAndCheck(s); err != nil {
		return errors.New("partial result: " + err.Error())
	}
	return tx.put(srvKeyspaceNode(ks), s)
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
