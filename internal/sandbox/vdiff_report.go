package sandbox

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
)

// diffReport is the report on one table, in the JSON form that the real server's has.
type diffReport struct {
	TableName       string
	ProcessedRows   int64
	MatchingRows    int64
	MismatchedRows  int64
	ExtraRowsSource int64
	ExtraRowsTarget int64

	ExtraRowsSourceDiffs []*rowDiff      `json:"ExtraRowsSourceSample,omitempty"`
	ExtraRowsTargetDiffs []*rowDiff      `json:"ExtraRowsTargetSample,omitempty"`
	MismatchedRowsDiffs  []*mismatchDiff `json:"MismatchedRowsSample,omitempty"`
}

type rowDiff struct {
	Row   map[string]string `json:"Row,omitempty"`
	Query string            `json:"Query,omitempty"`
}

type mismatchDiff struct {
	Source *rowDiff `json:"Source,omitempty"`
	Target *rowDiff `json:"Target,omitempty"`
}

func (r *diffReport) differs() bool {
	return r.MismatchedRows > 0 || r.ExtraRowsSource > 0 || r.ExtraRowsTarget > 0
}

// vdiff is a VDiff of one workflow on one of its target shards.
type vdiff struct {
	id                        int64
	uuid, ks, workflow, shard string
	state, lastError          string
	options                   *tabletmanagerdatapb.VDiffOptions
	created                   int64
	started, completed        *int64 // seconds
}

// The states of a VDiff and of each of its tables.
const (
	vdiffPending   = "pending"
	vdiffStarted   = "started"
	vdiffStopped   = "stopped"
	vdiffError     = "error"
	vdiffCompleted = "completed"
)

func (tx topoTx) vdiffs(where string, args ...any) ([]*vdiff, error) {
	return collect(tx.Tx, func(scan func(...any) error) (*vdiff, error) {
		d := &vdiff{options: &tabletmanagerdatapb.VDiffOptions{}}
		var options string
		err := scan(&d.id, &d.uuid, &d.ks, &d.workflow, &d.shard, &d.state, &options, &d.created, &d.started, &d.completed, &d.lastError)
		if err != nil {
			return nil, err
		}
		return d, protojson.Unmarshal([]byte(options), d.options)
	}, `SELECT id, uuid, keyspace, workflow, shard, state, options, created_at, started_at, completed_at, last_error FROM vdiff WHERE `+where, args...)
}

// wantsTable reports whether the options select a table; none named is all of them.
func (d *vdiff) wantsTable(name string) bool {
	names := d.options.GetCoreOptions().GetTables()
	return names == "" || slices.Contains(strings.Split(names, ","), name)
}

// truncated ends the values that a report cuts short.
const truncated = "...[TRUNCATED]"

// sample is a row as a report shows it: the key whole, other values cut where the options say so.
func (d *vdiff) sample(t *rowSQL, row []any) *rowDiff {
	o := d.options.GetReportOptions()
	shown := &rowDiff{Row: map[string]string{}}
	for i, c := range t.table.Columns {
		isKey := slices.Contains(t.key, i)
		if o.GetOnlyPks() && !isKey {
			continue
		}
		limit := int(o.GetRowDiffColumnTruncateAt())
		if isKey {
			limit = 0
		}
		shown.Row[c.Name] = shorten(row[i], limit)
	}
	if o.GetDebugQuery() {
		var where []string
		for _, i := range t.key {
			where = append(where, showName(t.table.Columns[i].Name)+"="+quoteText(text(row[i])))
		}
		shown.Query = "select " + strings.Join(t.table.names(), ", ") + " from " + t.table.Name + " where " + strings.Join(where, " and ") + ";"
	}
	return shown
}

func shorten(v any, limit int) string {
	b, binary := v.([]byte)
	if !binary {
		b = []byte(text(v))
	}
	end := ""
	if limit > 0 && len(b) >= limit+len(truncated)+20 {
		b, end = b[:limit], truncated
	}
	if binary {
		return "0x" + hex.EncodeToString(b) + end
	}
	return string(b) + end
}

// room reports whether one more sample is wanted beside n.
func (d *vdiff) room(n int) bool {
	most := d.options.GetReportOptions().GetMaxSampleRows()
	return most == 0 || int64(n) < most
}

func isUUID(s string) bool { return uuid.Validate(s) == nil }
