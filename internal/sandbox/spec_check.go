package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	vschemapb "vitess.io/vitess/go/vt/proto/vschema"

	"shardform/internal/keyrange"
	"shardform/internal/sandbox/sandboxspec"
)

var objectName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// checkSpec refuses a description that no sandbox can be made from, before anything is written.
func checkSpec(spec sandboxspec.Sandbox) error {
	if spec.Path == "" {
		return errors.New("the sandbox has no path")
	}
	var errs []error
	for i, ks := range spec.Keyspaces {
		if !objectName.MatchString(ks.Name) {
			errs = append(errs, fmt.Errorf("keyspace name %q: a name has 1 to 64 letters, digits, \"-\" and \"_\"", ks.Name))
		}
		if slices.ContainsFunc(spec.Keyspaces[:i], func(o sandboxspec.Keyspace) bool { return o.Name == ks.Name }) {
			errs = append(errs, fmt.Errorf("keyspace %s is there twice", ks.Name))
		}
		if _, err := keyrange.ParseLayout(ks.Shards); err != nil {
			errs = append(errs, fmt.Errorf("keyspace %s: shards: %w", ks.Name, err))
		}
		v, err := parseVSchema(ks.VSchema)
		if err != nil {
			errs = append(errs, fmt.Errorf("keyspace %s: %w", ks.Name, err))
		} else if v.Sharded {
			for _, err := range unplaced(v, false) {
				errs = append(errs, fmt.Errorf("keyspace %s: the sandbox does not implement %w", ks.Name, err))
			}
		}
		if _, err := parseSchema(ks.Schema); err != nil {
			errs = append(errs, fmt.Errorf("keyspace %s: %w", ks.Name, err))
		}
	}
	for _, ks := range slices.Sorted(maps.Keys(spec.Spare)) {
		for _, s := range spec.Spare[ks] {
			if _, err := keyrange.ParseShard(s); err != nil {
				errs = append(errs, fmt.Errorf("keyspace %s: %w", ks, err))
			}
		}
	}
	return errors.Join(append(errs, checkFaults(spec.Faults))...)
}

// parseVSchema reads a vschema's JSON text; an empty text is an unsharded vschema without tables.
func parseVSchema(text string) (*vschemapb.Keyspace, error) {
	v := &vschemapb.Keyspace{}
	if strings.TrimSpace(text) == "" {
		return v, nil
	}
	if err := protojson.Unmarshal([]byte(text), v); err != nil {
		// protobuf puts no-break spaces into its texts at random, so that nobody compares them.
		return nil, fmt.Errorf("vschema: %s", strings.ReplaceAll(err.Error(), "\u00a0", " "))
	}
	return v, nil
}
