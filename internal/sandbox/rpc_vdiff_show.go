package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// VDiffShow answers with one comparison, the last, or the list of all, by target shard.
func (e *engine) VDiffShow(ctx context.Context, req *vtctldatapb.VDiffShowRequest) (*vtctldatapb.VDiffShowResponse, error) {
	targets, err := e.vdiffTargets(ctx, req.TargetKeyspace, req.Workflow, nil)
	if err != nil {
		return nil, err
	}
	resp := &vtctldatapb.VDiffShowResponse{TabletResponses: map[string]*tabletmanagerdatapb.VDiffResponse{}}
	var errs []error
	for _, t := range targets {
		one := &tabletmanagerdatapb.VDiffResponse{}
		resp.TabletResponses[t.name] = one
		errs = append(errs, e.topo.view(ctx, func(tx topoTx) error { return showVDiff(tx, req, t, one) }))
	}
	if err := aggregate(errs); err != nil {
		return nil, err
	}
	return resp, nil
}

func showVDiff(tx topoTx, req *vtctldatapb.VDiffShowRequest, t *shardInfo, resp *tabletmanagerdatapb.VDiffResponse) error {
	all, err := tx.vdiffs(`keyspace = ? AND shard = ? AND workflow = ? ORDER BY id DESC LIMIT 100`, t.keyspace, t.name, req.Workflow)
	if err != nil {
		return err
	}
	switch req.Arg {
	case "all":
		resp.Output, err = listVDiffs(all)
		return err
	case "last":
		if len(all) == 0 {
			return nil
		}
		resp.VdiffUuid = all[0].uuid
		resp.Output, err = summarize(tx, all[0])
		return err
	}
	id, err := uuid.Parse(req.Arg)
	if err != nil {
		return fmt.Errorf("action argument %s not supported", req.Arg)
	}
	for _, d := range all {
		if d.uuid == id.String() {
			resp.VdiffUuid = d.uuid
			resp.Output, err = summarize(tx, d)
			return err
		}
	}
	return fmt.Errorf("no vdiff found for UUID %s keyspace %s and workflow %s on tablet %s", id, req.TargetKeyspace, req.Workflow, aliasText(t.PrimaryAlias))
}

// timestamp is a time as MySQL would send it, nil for NULL.
func timestamp(seconds *int64) any {
	if seconds == nil {
		return nil
	}
	return time.Unix(*seconds, 0).UTC().Format(timeFormat)
}

// shownError is the last error, NULL for one that never ran.
func (d *vdiff) shownError() any {
	if d.lastError == "" && d.started == nil && d.state != vdiffError {
		return nil
	}
	return d.lastError
}

func listVDiffs(all []*vdiff) (*querypb.QueryResult, error) {
	r := newResult("id", querypb.Type_INT64, "vdiff_uuid", querypb.Type_VARCHAR, "workflow", querypb.Type_VARBINARY, "keyspace", querypb.Type_VARBINARY,
		"shard", querypb.Type_VARCHAR, "db_name", querypb.Type_VARBINARY, "state", querypb.Type_VARBINARY, "options", querypb.Type_JSON,
		"created_at", querypb.Type_TIMESTAMP, "started_at", querypb.Type_TIMESTAMP, "liveness_timestamp", querypb.Type_TIMESTAMP,
		"completed_at", querypb.Type_TIMESTAMP, "last_error", querypb.Type_VARBINARY)
	for _, d := range all {
		options, err := json.Marshal(d.options) // under the names of the fields, as the real server keeps them
		if err != nil {
			return nil, err
		}
		addRow(r, d.id, d.uuid, d.workflow, d.ks, d.shard, dbName(d.ks), d.state, string(options), timestamp(&d.created), timestamp(d.started), nil, timestamp(d.completed), d.shownError())
	}
	return r, nil
}

// summarize is the comparison joined with its tables, one row each; a comparison that has no tables yet is one row.
func summarize(tx topoTx, d *vdiff) (*querypb.QueryResult, error) {
	r := newResult("vdiff_state", querypb.Type_VARBINARY, "last_error", querypb.Type_VARBINARY, "table_name", querypb.Type_VARBINARY, "uuid", querypb.Type_VARCHAR,
		"table_state", querypb.Type_VARBINARY, "table_rows", querypb.Type_INT64, "started_at", querypb.Type_TIMESTAMP, "rows_compared", querypb.Type_INT64,
		"completed_at", querypb.Type_TIMESTAMP, "has_mismatch", querypb.Type_INT64, "report", querypb.Type_JSON)
	found, err := collect(tx.Tx, func(scan func(...any) error) ([]any, error) { return scanRow(scan, 6) },
		`SELECT table_name, state, table_rows, rows_compared, mismatch, report FROM vdiff_table WHERE vdiff_id = ? ORDER BY table_name`, d.id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		found = [][]any{{nil, nil, nil, nil, int64(0), nil}}
	}
	for _, t := range found {
		if t[5] == "{}" {
			t[5] = nil
		}
		addRow(r, d.state, d.shownError(), t[0], d.uuid, t[1], t[2], timestamp(d.started), t[3], timestamp(d.completed), t[4], t[5])
	}
	return r, nil
}

// newResult makes an empty result from pairs of column name and type.
func newResult(columns ...any) *querypb.QueryResult {
	r := &querypb.QueryResult{}
	for i := 0; i < len(columns); i += 2 {
		r.Fields = append(r.Fields, &querypb.Field{Name: columns[i].(string), Type: columns[i+1].(querypb.Type)})
	}
	return r
}

// addRow adds a row in MySQL's text form; a length of -1 is NULL.
func addRow(r *querypb.QueryResult, values ...any) {
	row := &querypb.Row{}
	for _, v := range values {
		if v == nil {
			row.Lengths = append(row.Lengths, -1)
			continue
		}
		var t string
		switch v := v.(type) {
		case int64:
			t = strconv.FormatInt(v, 10)
		default:
			t = text(v)
		}
		row.Lengths = append(row.Lengths, int64(len(t)))
		row.Values = append(row.Values, t...)
	}
	r.Rows = append(r.Rows, row)
}
