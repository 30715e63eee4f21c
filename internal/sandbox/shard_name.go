package sandbox

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// parseShardName gives the key range of a shard's name, nil if the name is no range. The errors are the topology server's.
func parseShardName(name string) (*topodatapb.KeyRange, error) {
	if err := checkObjectName(name); err != nil {
		return nil, err
	}
	if !strings.Contains(name, "-") {
		return nil, nil
	}
	start, end, _ := strings.Cut(name, "-")
	if strings.Contains(end, "-") {
		return nil, fmt.Errorf("invalid shardId, can only contain one '-': %v", name)
	}
	kr := &topodatapb.KeyRange{}
	var err error
	if kr.Start, err = hex.DecodeString(start); err != nil {
		return nil, err
	}
	if kr.End, err = hex.DecodeString(end); err != nil {
		return nil, err
	}
	if len(kr.End) > 0 && string(kr.Start) >= string(kr.End) {
		return nil, fmt.Errorf("out of order keys: %x is not strictly smaller than %x", kr.Start, kr.End)
	}
	return kr, nil
}

func checkObjectName(name string) error {
	switch {
	case name == "":
		return errors.New("empty name")
	case len(name) > 64:
		return fmt.Errorf("name %v is too long", name)
	}
	for _, c := range name {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return fmt.Errorf("invalid character %c in name %v", c, name)
		}
	}
	return nil
}
