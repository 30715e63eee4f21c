package vtctld

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
	"vitess.io/vitess/go/vt/topo"
)

// factory makes a connection to the topology of each cell.
type factory struct {
	records Records
	step    Step
	locks   *locks
}

func (f *factory) HasGlobalReadOnlyCell(string, string) bool { return false }

// Create implements topo.Factory. All cells are in one place, so the address says nothing.
func (f *factory) Create(cell, _, _ string) (topo.Conn, error) {
	return &conn{cell: cell, factory: f}, nil
}

// conn is the topology of one cell.
type conn struct {
	cell string
	*factory
}

// version is a record's version as topo.Conn has it.
type version int64

func (v version) String() string { return strconv.FormatInt(int64(v), 10) }

func ifVersion(v topo.Version) (int64, error) {
	switch v := v.(type) {
	case nil:
		return AnyVersion, nil
	case version:
		return int64(v), nil
	}
	return 0, fmt.Errorf("%v is not a version of this topology", v)
}

// topoError turns an error of Records into the one that callers of a topo.Conn know.
func topoError(err error, path string) error {
	code := topo.ErrorCode(-1)
	switch {
	case errors.Is(err, ErrNoRecord):
		code = topo.NoNode
	case errors.Is(err, ErrRecordExists):
		code = topo.NodeExists
	case errors.Is(err, ErrVersion):
		code = topo.BadVersion
	case errors.Is(err, context.DeadlineExceeded):
		code = topo.Timeout
	case errors.Is(err, context.Canceled):
		code = topo.Interrupted
	default:
		return err
	}
	return topo.NewError(code, path)
}

// ListDir implements topo.Conn.
func (c *conn) ListDir(ctx context.Context, dir string, full bool) ([]topo.DirEntry, error) {
	records, err := c.under(ctx, dir)
	if err != nil {
		return nil, err
	}
	var entries []topo.DirEntry
	for _, r := range records {
		name, _, isDir := strings.Cut(r.Path, "/")
		if n := len(entries); n > 0 && entries[n-1].Name == name {
			continue
		}
		entry := topo.DirEntry{Name: name}
		if full && !isDir {
			entry.Type = topo.TypeFile
		}
		entries = append(entries, entry)
	}
	topo.DirEntriesSortByName(entries)
	return entries, nil
}

// under returns the records of a directory, their paths relative to it. A directory is there as long as a record is in it.
func (c *conn) under(ctx context.Context, dir string) ([]Record, error) {
	prefix := strings.Trim(dir, "/")
	if prefix != "" {
		prefix += "/"
	}
	records, err := c.records.Records(ctx, c.cell, prefix)
	if err != nil {
		return nil, topoError(err, dir)
	}
	if len(records) == 0 && prefix != "" {
		return nil, topo.NewError(topo.NoNode, dir)
	}
	for i := range records {
		records[i].Path = strings.TrimPrefix(records[i].Path, prefix)
	}
	return records, nil
}

// Create implements topo.Conn.
func (c *conn) Create(ctx context.Context, name string, contents []byte) (topo.Version, error) {
	return c.put(ctx, name, contents, Absent)
}

// Update implements topo.Conn.
func (c *conn) Update(ctx context.Context, name string, contents []byte, v topo.Version) (topo.Version, error) {
	before, err := ifVersion(v)
	if err != nil {
		return nil, err
	}
	return c.put(ctx, name, contents, before)
}

func (c *conn) put(ctx context.Context, name string, contents []byte, before int64) (topo.Version, error) {
	contents, err := canonical(name, contents)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", name, err)
	}
	if err := c.step(ctx, "topology"); err != nil {
		return nil, err
	}
	v, err := c.records.Put(ctx, c.cell, strings.Trim(name, "/"), contents, before)
	if err != nil {
		return nil, topoError(err, name)
	}
	return version(v), nil
}

// canonical spells a record whose message has maps as every other run does: equal sandboxes are to be equal files.
func canonical(name string, contents []byte) ([]byte, error) {
	var m proto.Message
	switch path.Base(name) {
	case topo.VSchemaFile:
		m = &vschemapb.Keyspace{}
	case topo.SrvVSchemaFile:
		m = &vschemapb.SrvVSchema{}
	default:
		return contents, nil
	}
	if err := proto.Unmarshal(contents, m); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Get implements topo.Conn.
func (c *conn) Get(ctx context.Context, name string) ([]byte, topo.Version, error) {
	r, err := c.records.Record(ctx, c.cell, strings.Trim(name, "/"))
	if err != nil {
		return nil, nil, topoError(err, name)
	}
	return r.Value, version(r.Version), nil
}

// List implements topo.Conn.
func (c *conn) List(ctx context.Context, prefix string) ([]topo.KVInfo, error) {
	path, rooted := strings.CutPrefix(prefix, "/")
	records, err := c.records.Records(ctx, c.cell, path)
	if err != nil {
		return nil, topoError(err, prefix)
	}
	if len(records) == 0 {
		return nil, topo.NewError(topo.NoNode, prefix)
	}
	all := make([]topo.KVInfo, len(records))
	for i, r := range records {
		if rooted {
			r.Path = "/" + r.Path
		}
		all[i] = topo.KVInfo{Key: []byte(r.Path), Value: r.Value, Version: version(r.Version)}
	}
	return all, nil
}

// Delete implements topo.Conn.
func (c *conn) Delete(ctx context.Context, name string, v topo.Version) error {
	before, err := ifVersion(v)
	if err != nil {
		return err
	}
	if err := c.step(ctx, "topology"); err != nil {
		return err
	}
	if err := c.records.Remove(ctx, c.cell, strings.Trim(name, "/"), before); err != nil {
		return topoError(err, name)
	}
	return nil
}

// Close implements topo.Conn.
func (c *conn) Close() {}

// What follows is part of topo.Conn, and no call of vtctld's service comes to it.

func notImplemented(what string) error {
	return topo.NewError(topo.NoImplementation, what+" on the topology of a sandbox")
}

// GetVersion implements topo.Conn.
func (c *conn) GetVersion(context.Context, string, int64) ([]byte, error) {
	return nil, notImplemented("GetVersion")
}

// Watch implements topo.Conn.
func (c *conn) Watch(context.Context, string) (*topo.WatchData, <-chan *topo.WatchData, error) {
	return nil, nil, notImplemented("Watch")
}

// WatchRecursive implements topo.Conn.
func (c *conn) WatchRecursive(context.Context, string) ([]*topo.WatchDataRecursive, <-chan *topo.WatchDataRecursive, error) {
	return nil, nil, notImplemented("WatchRecursive")
}

// NewLeaderParticipation implements topo.Conn.
func (c *conn) NewLeaderParticipation(string, string) (topo.LeaderParticipation, error) {
	return nil, notImplemented("NewLeaderParticipation")
}
