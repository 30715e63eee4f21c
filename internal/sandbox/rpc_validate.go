package sandbox

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// unsupported is the answer to a call, or a form of one, that a sandbox does not know.
func unsupported(what string) error {
	return status.Errorf(codes.Unimplemented, "the sandbox does not implement %s", what)
}

// ValidateKeyspace checks every shard of a keyspace. What is wrong is in the results, not an error.
func (e *engine) ValidateKeyspace(ctx context.Context, req *vtctldatapb.ValidateKeyspaceRequest) (*vtctldatapb.ValidateKeyspaceResponse, error) {
	resp := &vtctldatapb.ValidateKeyspaceResponse{ResultsByShard: map[string]*vtctldatapb.ValidateShardResponse{}}
	names, err := e.shardNames(ctx, req.Keyspace)
	switch {
	case err != nil:
		resp.Results = append(resp.Results, fmt.Sprintf("TopologyServer.GetShardNames(%v) failed: %v", req.Keyspace, err))
	case len(names) == 0:
		resp.Results = append(resp.Results, fmt.Sprintf("no shards found in keyspace %v", req.Keyspace))
	}
	for _, name := range names {
		one, err := e.ValidateShard(ctx, &vtctldatapb.ValidateShardRequest{Keyspace: req.Keyspace, Shard: name, PingTablets: req.PingTablets})
		if err != nil {
			return nil, err
		}
		resp.ResultsByShard[name] = one
	}
	return resp, nil
}

func (e *engine) shardNames(ctx context.Context, ks string) ([]string, error) {
	var names []string
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		names, err = tx.shardNames(ks)
		return err
	})
	return names, err
}

// ValidateShard checks that a shard has one primary and that its record names it.
func (e *engine) ValidateShard(ctx context.Context, req *vtctldatapb.ValidateShardRequest) (*vtctldatapb.ValidateShardResponse, error) {
	resp := &vtctldatapb.ValidateShardResponse{}
	complain := func(format string, args ...any) { resp.Results = append(resp.Results, fmt.Sprintf(format, args...)) }
	var s *shardInfo
	var tablets []*topodatapb.Tablet
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		if s, err = tx.shard(req.Keyspace, req.Shard); err == nil {
			tablets, err = tx.shardTablets(req.Keyspace, req.Shard)
		}
		return err
	})
	if err != nil {
		complain("TopologyServer.GetShard(%v, %v) failed: %v", req.Keyspace, req.Shard, err)
		return resp, nil
	}
	var primary *topodatapb.TabletAlias
	for _, t := range tablets {
		if t.Type == topodatapb.TabletType_PRIMARY {
			primary = t.Alias
		}
	}
	switch {
	case primary == nil:
		complain("no primary for shard %v/%v", req.Keyspace, req.Shard)
	case aliasText(primary) != aliasText(s.PrimaryAlias):
		complain("primary mismatch for shard %v/%v: found %v, expected %v", s.keyspace, s.name, aliasText(primary), aliasText(s.PrimaryAlias))
	case req.PingTablets:
		if err := e.refresh(ctx, s); err != nil {
			complain("Ping(%v) failed: %v", aliasText(primary), err)
		}
	}
	return resp, nil
}

// ValidateSchemaKeyspace compares the tables of a keyspace's shards, or of those that the request names.
func (e *engine) ValidateSchemaKeyspace(ctx context.Context, req *vtctldatapb.ValidateSchemaKeyspaceRequest) (*vtctldatapb.ValidateSchemaKeyspaceResponse, error) {
	resp := &vtctldatapb.ValidateSchemaKeyspaceResponse{ResultsByShard: map[string]*vtctldatapb.ValidateShardResponse{}}
	names := req.Shards
	if len(names) == 0 {
		var err error
		if names, err = e.shardNames(ctx, req.Keyspace); err != nil {
			resp.Results = append(resp.Results, fmt.Sprintf("TopologyServer.GetShardNames(%v) failed: %v", req.Keyspace, err))
			return resp, nil
		}
	}
	if len(names) == 0 {
		resp.Results = append(resp.Results, fmt.Sprintf("no shards in keyspace %v", req.Keyspace))
		return resp, nil
	}
	if req.IncludeVschema {
		v, err := e.ValidateVSchema(ctx, &vtctldatapb.ValidateVSchemaRequest{Keyspace: req.Keyspace, Shards: names, ExcludeTables: req.ExcludeTables, IncludeViews: req.IncludeViews})
		if err != nil {
			return nil, err
		}
		if resp.Results, resp.ResultsByShard = v.Results, v.ResultsByShard; len(resp.Results) > 0 {
			return resp, nil
		}
	}
	var first map[string]string
	var firstName string
	for _, name := range names {
		one := &vtctldatapb.ValidateShardResponse{}
		resp.ResultsByShard[name] = one
		primary, err := e.primaryName(ctx, req.Keyspace, name)
		if err != nil {
			one.Results = append(one.Results, err.Error())
			resp.Results = append(resp.Results, err.Error())
			continue
		}
		shown, err := e.shownTables(ctx, req.Keyspace, name, req.ExcludeTables)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first, firstName = shown, primary
			continue
		}
		for _, diff := range schemaDiff(firstName, first, primary, shown) {
			one.Results = append(one.Results, diff)
			resp.Results = append(resp.Results, diff)
		}
	}
	return resp, nil
}

// primaryName is the alias of a shard's primary; its errors are the results of a validation.
func (e *engine) primaryName(ctx context.Context, ks, shard string) (string, error) {
	var s *shardInfo
	err := e.topo.view(ctx, func(tx topoTx) (err error) {
		s, err = tx.shard(ks, shard)
		return err
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("GetShard(%v, %v) failed: %w", ks, shard, err)
	case s.PrimaryAlias == nil:
		return "", fmt.Errorf("no primary in shard %v/%v", ks, shard)
	}
	return aliasText(s.PrimaryAlias), nil
}

// shownTables are a shard's tables by name, as MySQL would show them.
func (e *engine) shownTables(ctx context.Context, ks, shard string, exclude []string) (map[string]string, error) {
	all, err := e.primaryTables(ctx, ks, shard)
	if err != nil {
		return nil, err
	}
	shown := map[string]string{}
	for _, t := range all {
		wanted, err := selected(t.Name, nil, exclude)
		if err != nil {
			return nil, err
		}
		if wanted {
			shown[t.Name] = t.show()
		}
	}
	return shown, nil
}

func schemaDiff(left string, a map[string]string, right string, b map[string]string) []string {
	var diffs []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		text := a[name]
		switch other, ok := b[name]; {
		case !ok:
			diffs = append(diffs, fmt.Sprintf("%s has an extra table named %s", left, name))
		case other != text:
			diffs = append(diffs, fmt.Sprintf("schemas differ on table %s:\n%s: %s\n differs from:\n%s: %s", name, left, text, right, other))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[name]; !ok {
			diffs = append(diffs, fmt.Sprintf("%s has an extra table named %s", right, name))
		}
	}
	return diffs
}

// ValidateVSchema checks that the vschema has every table of the shards that the request names; of none if it names none.
func (e *engine) ValidateVSchema(ctx context.Context, req *vtctldatapb.ValidateVSchemaRequest) (*vtctldatapb.ValidateVSchemaResponse, error) {
	resp := &vtctldatapb.ValidateVSchemaResponse{ResultsByShard: map[string]*vtctldatapb.ValidateShardResponse{}}
	v, err := e.GetVSchema(ctx, &vtctldatapb.GetVSchemaRequest{Keyspace: req.Keyspace})
	if err != nil {
		resp.Results = append(resp.Results, fmt.Sprintf("TopologyServer.GetVSchema(%v) failed: %v", req.Keyspace, err))
		return resp, nil
	}
	for _, shard := range req.Shards {
		one := &vtctldatapb.ValidateShardResponse{}
		resp.ResultsByShard[shard] = one
		shown, err := e.shownTables(ctx, req.Keyspace, shard, req.ExcludeTables)
		if err != nil {
			return nil, err
		}
		var missing []string
		for _, name := range slices.Sorted(maps.Keys(shown)) {
			if v.VSchema.Tables[name] == nil {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			text := fmt.Sprintf("%v/%v has tables that are not in the vschema: %v", req.Keyspace, shard, missing)
			one.Results = append(one.Results, text)
			resp.Results = append(resp.Results, text)
		}
	}
	return resp, nil
}
