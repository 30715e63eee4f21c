package vitess

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"

	"shardform/internal/keyrange"
)

// The records of a topology as the Get commands of vtctl print them. v0.10 has enums as numbers and 64-bit numbers in
// quotes; names changed over the versions (master to primary, blacklisted to denied), and all of them are read.

type legacyShard struct {
	MasterServing  bool         `json:"is_master_serving"`
	PrimaryServing bool         `json:"is_primary_serving"`
	MasterAlias    *legacyAlias `json:"master_alias"`
	PrimaryAlias   *legacyAlias `json:"primary_alias"`
	KeyRange       *legacyRange `json:"key_range"`
	SourceShards   []struct {
		UID      uint32   `json:"uid"`
		Keyspace string   `json:"keyspace"`
		Shard    string   `json:"shard"`
		Tables   []string `json:"tables"`
	} `json:"source_shards"`
	TabletControls []struct {
		Type        legacyType `json:"tablet_type"`
		Frozen      bool       `json:"frozen"`
		Blacklisted []string   `json:"blacklisted_tables"`
		Denylisted  []string   `json:"denylisted_tables"`
		Denied      []string   `json:"denied_tables"`
	} `json:"tablet_controls"`
}

type legacyAlias struct {
	Cell string `json:"cell"`
	UID  uint32 `json:"uid"`
}

type legacyRange struct {
	Start []byte `json:"start"`
	End   []byte `json:"end"`
}

type legacyReference struct {
	Name     string       `json:"name"`
	KeyRange *legacyRange `json:"key_range"`
	Disabled bool         `json:"query_service_disabled"`
}

type legacySrvKeyspace struct {
	Partitions []struct {
		Type     legacyType        `json:"served_type"`
		Shards   []legacyReference `json:"shard_references"`
		Controls []legacyReference `json:"shard_tablet_controls"`
	} `json:"partitions"`
}

type legacyKeyspace struct {
	ServedFroms []struct {
		Type     legacyType `json:"tablet_type"`
		Cells    []string   `json:"cells"`
		Keyspace string     `json:"keyspace"`
	} `json:"served_froms"`
}

type legacySchema struct {
	Tables []struct {
		Name       string    `json:"name"`
		Create     string    `json:"schema"`
		Type       string    `json:"type"`
		Columns    []string  `json:"columns"`
		PrimaryKey []string  `json:"primary_key_columns"`
		Bytes      legacyInt `json:"data_length"`
		Rows       legacyInt `json:"row_count"`
	} `json:"table_definitions"`
}

// legacyType is a tablet type, as a number or a name.
type legacyType TabletType

// UnmarshalJSON implements json.Unmarshaler.
func (t *legacyType) UnmarshalJSON(text []byte) error {
	name := strings.Trim(string(text), `"`)
	number, known := topodatapb.TabletType_value[name]
	if n, err := strconv.ParseInt(name, 10, 32); err == nil {
		number, known = int32(n), true
	}
	if !known {
		return fmt.Errorf("%s is no tablet type", text)
	}
	*t = legacyType(topodatapb.TabletType(number).String())
	return nil
}

// legacyInt is a number, in quotes or not.
type legacyInt int64

// UnmarshalJSON implements json.Unmarshaler.
func (i *legacyInt) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	*i = legacyInt(n)
	return err
}

func (a *legacyAlias) text() string {
	if a == nil {
		return ""
	}
	return aliasOf(&topodatapb.TabletAlias{Cell: a.Cell, Uid: a.UID})
}

func (r *legacyRange) shard(name string) keyrange.Shard {
	if r == nil {
		return shardOf(name, nil)
	}
	return shardOf(name, &topodatapb.KeyRange{Start: r.Start, End: r.End})
}

func (s *legacyShard) model(name string) Shard {
	shard := Shard{Shard: s.KeyRange.shard(name), PrimaryServing: s.MasterServing || s.PrimaryServing, PrimaryAlias: s.MasterAlias.text() + s.PrimaryAlias.text()}
	for _, from := range s.SourceShards {
		shard.Sources = append(shard.Sources, SourceShard{UID: from.UID, Keyspace: from.Keyspace, Shard: from.Shard, Tables: from.Tables})
	}
	slices.SortFunc(shard.Sources, func(a, b SourceShard) int { return strings.Compare(a.Keyspace+"/"+a.Shard, b.Keyspace+"/"+b.Shard) })
	for _, control := range s.TabletControls {
		t := TabletType(control.Type)
		shard.Frozen = shard.Frozen || t == Primary && control.Frozen
		if denied := slices.Concat(control.Blacklisted, control.Denylisted, control.Denied); len(denied) > 0 {
			if shard.Denied == nil {
				shard.Denied = map[TabletType][]string{}
			}
			shard.Denied[t] = append(shard.Denied[t], denied...)
		}
	}
	return shard
}

func (s *legacySrvKeyspace) model() map[TabletType]Partition {
	partitions := map[TabletType]Partition{}
	for _, p := range s.Partitions {
		var shards, disabled []keyrange.Shard
		for _, r := range p.Shards {
			shards = append(shards, r.KeyRange.shard(r.Name))
		}
		for _, control := range p.Controls {
			if control.Disabled {
				disabled = append(disabled, control.KeyRange.shard(control.Name))
			}
		}
		partition := Partition{Shards: keyrange.NewLayout(shards)}
		if len(disabled) > 0 {
			partition.Disabled = keyrange.NewLayout(disabled).Names()
		}
		partitions[TabletType(p.Type)] = partition
	}
	return partitions
}

// readRecord reads what a command printed. null is what v0.10 prints for nothing.
func readRecord(command, printed string, record any) error {
	if err := json.Unmarshal([]byte(printed), record); err != nil {
		return fmt.Errorf("reading the answer to vtctl %s: %w", command, err)
	}
	return nil
}
