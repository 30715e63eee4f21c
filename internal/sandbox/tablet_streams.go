package sandbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/prototext"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	querypb "vitess.io/vitess/go/vt/proto/query"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	"vitess.io/vitess/go/vt/sqlparser"
)

// What vtctld writes to a tablet's _vt database: streams, by statements of SQL, and journals.

// insertIntoSidecar adds streams or journals.
func (t tablets) insertIntoSidecar(ctx context.Context, tablet *topodatapb.Tablet, s *sqlparser.Insert) (*querypb.QueryResult, error) {
	refused := unsupported(fmt.Sprintf("the query %q", sqlparser.String(s)))
	rows, is := s.Rows.(sqlparser.Values)
	if !is || s.OnDup != nil || bool(s.Ignore) || s.Action != sqlparser.InsertAct {
		return nil, refused
	}
	var add func(tx topoTx, row map[string]string) error
	switch sqlparser.String(s.Table.Expr) {
	case "_vt.vreplication":
		add = func(tx topoTx, row map[string]string) error { return t.insertStream(tx, tablet, row) }
	case "_vt.resharding_journal":
		add = func(tx topoTx, row map[string]string) error {
			_, err := tx.Exec(`INSERT INTO journal (id, keyspace, shard, val) VALUES (?, ?, ?, ?)`, row["id"], tablet.Keyspace, tablet.Shard, row["val"])
			return err
		}
	default:
		return nil, refused
	}
	t.change.Lock()
	defer t.change.Unlock()
	err := t.topo.update(ctx, func(tx topoTx) error {
		for _, values := range rows {
			row := map[string]string{}
			for i, value := range values {
				text, err := literal(value)
				if err != nil {
					return err
				}
				row[s.Columns[i].Lowered()] = text
			}
			if err := add(tx, row); err != nil {
				return err
			}
		}
		return tx.usedSpares(tablet.Keyspace, []string{tablet.Shard})
	})
	if err != nil {
		return nil, err
	}
	return &querypb.QueryResult{RowsAffected: uint64(len(rows))}, t.startStreams(ctx)
}

// literal is the value of a constant.
func literal(e sqlparser.Expr) (string, error) {
	switch e := e.(type) {
	case *sqlparser.Literal:
		if e.Type == sqlparser.StrVal || e.Type == sqlparser.IntVal {
			return e.Val, nil
		}
	case sqlparser.BoolVal:
		if e {
			return "1", nil
		}
		return "0", nil
	}
	return "", unsupported("the value " + sqlparser.String(e))
}

func (t tablets) insertStream(tx topoTx, tablet *topodatapb.Tablet, row map[string]string) error {
	s := &stream{
		keyspace: tablet.Keyspace, shard: tablet.Shard, workflow: row["workflow"], source: &binlogdatapb.BinlogSource{},
		cells: row["cell"], deferSecondaryKeys: row["defer_secondary_keys"] == "1", options: cmp.Or(row["options"], "{}"), state: row["state"],
		startPos: copyFirst, timeUpdated: t.now().Unix(),
	}
	if err := prototext.Unmarshal([]byte(row["source"]), s.source); err != nil {
		return fmt.Errorf("the source of a stream: %w", err)
	}
	s.tabletTypes, s.preference = parseTypes(row["tablet_types"])
	var err error
	if row["pos"] != "" {
		if s.startPos, err = parsePosition(row["pos"]); err != nil {
			return err
		}
	}
	for column, to := range map[string]*int32{"workflow_type": &s.kind, "workflow_sub_type": &s.subKind} {
		n, err := strconv.ParseInt(row[column], 10, 32)
		if err != nil {
			return fmt.Errorf("%s of a stream: %w", column, err)
		}
		*to = int32(n)
	}
	return tx.addStream(s, t.now())
}

// CreateVReplicationWorkflow implements vtctld.Tablets: one stream for each source, which begins by copying when it is started.
func (t tablets) CreateVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.CreateVReplicationWorkflowRequest) (*tabletmanagerdatapb.CreateVReplicationWorkflowResponse, error) {
	if len(req.BinlogSource) == 0 {
		return nil, errors.New("invalid request, no binlog source specified")
	}
	t.change.Lock()
	defer t.change.Unlock()
	cells := strings.Join(req.Cells, ",")
	preference := tabletmanagerdatapb.TabletSelectionPreference_ANY
	if req.TabletSelectionPreference == tabletmanagerdatapb.TabletSelectionPreference_INORDER {
		preference = req.TabletSelectionPreference
	}
	err := t.topo.update(ctx, func(tx topoTx) error {
		for _, source := range req.BinlogSource {
			s := &stream{
				keyspace: tablet.Keyspace, shard: tablet.Shard, workflow: req.Workflow, source: source,
				kind: int32(req.WorkflowType), subKind: int32(req.WorkflowSubType), cells: cmp.Or(cells, tablet.Alias.Cell),
				tabletTypes: req.TabletTypes, preference: preference, deferSecondaryKeys: req.DeferSecondaryKeys, options: cmp.Or(req.Options, "{}"),
				state: stateStopped, startPos: copyFirst, timeUpdated: t.now().Unix(),
			}
			if err := tx.addStream(s, t.now()); err != nil {
				return err
			}
		}
		return tx.usedSpares(tablet.Keyspace, []string{tablet.Shard})
	})
	return &tabletmanagerdatapb.CreateVReplicationWorkflowResponse{Result: &querypb.QueryResult{RowsAffected: uint64(len(req.BinlogSource))}}, err
}

// inOrder is in front of tablet types that are to be tried in their order.
const inOrder = "in_order:"

// parseTypes reads a list of tablet types as a stream's record has it.
func parseTypes(text string) (types []topodatapb.TabletType, preference tabletmanagerdatapb.TabletSelectionPreference) {
	text, ordered := strings.CutPrefix(text, inOrder)
	if ordered {
		preference = tabletmanagerdatapb.TabletSelectionPreference_INORDER
	}
	for name := range strings.SplitSeq(text, ",") {
		if v, known := topodatapb.TabletType_value[strings.ToUpper(strings.TrimSpace(name))]; known {
			types = append(types, topodatapb.TabletType(v))
		}
	}
	return types, preference
}

// parsePosition reads a position of a shard's log as gtid spells it, with the flavor or without.
func parsePosition(text string) (int64, error) {
	text = strings.TrimPrefix(text, flavor)
	_, span, _ := strings.Cut(text, ":")
	if i := strings.LastIndexByte(span, '-'); i >= 0 {
		span = span[i+1:]
	}
	n, err := strconv.ParseInt(span, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a position of a shard", text)
	}
	return n - 1, nil
}

// updateSidecar sets the state or the message of streams.
func (t tablets) updateSidecar(ctx context.Context, tablet *topodatapb.Tablet, s *sqlparser.Update) (*querypb.QueryResult, error) {
	refused := unsupported(fmt.Sprintf("the query %q", sqlparser.String(s)))
	if len(s.TableExprs) != 1 || sqlparser.String(s.TableExprs[0]) != "_vt.vreplication" || s.OrderBy != nil || s.Limit != nil || s.With != nil {
		return nil, refused
	}
	var set streamChange
	columns := map[string]**string{"state": &set.state, "message": &set.message, "cell": &set.cells, "tablet_types": &set.types, "options": &set.options}
	for _, e := range s.Exprs {
		name := e.Name.Name.Lowered()
		if _, isNull := e.Expr.(*sqlparser.NullVal); isNull && name == "stop_pos" {
			continue // no stream of a sandbox has one
		}
		if columns[name] == nil {
			return nil, refused
		}
		value, err := literal(e.Expr)
		if err != nil {
			return nil, err
		}
		*columns[name] = &value
	}
	t.change.Lock()
	defer t.change.Unlock()
	selected, err := t.selectedStreams(ctx, tablet, s.Where)
	if err != nil {
		return nil, err
	}
	return t.setStreams(ctx, selected, set)
}

// streamChange is what is to become of streams; nil leaves it.
type streamChange struct{ state, message, cells, types, options *string }

func changed(before string, to *string) string {
	if to == nil {
		return before
	}
	return *to
}

// setStreams changes streams, and ends or starts what runs them.
func (t tablets) setStreams(ctx context.Context, all []*stream, set streamChange) (*querypb.QueryResult, error) {
	result := &querypb.QueryResult{}
	err := t.topo.update(ctx, func(tx topoTx) error {
		for _, s := range all {
			before := s.settings()
			if set.types != nil {
				s.tabletTypes, s.preference = parseTypes(*set.types)
			}
			s.cells, s.options = changed(s.cells, set.cells), changed(s.options, set.options)
			if err := tx.saveSettings(s); err != nil {
				return err
			}
			if err := tx.setStream(s, changed(s.state, set.state), changed(s.message, set.message), t.now()); err != nil {
				return err
			}
			if s.settings() != before {
				result.RowsAffected++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := t.stopStreams(ctx, streamIDs(all)...); err != nil {
		return nil, err
	}
	return result, t.startStreams(ctx)
}

// UpdateVReplicationWorkflows implements vtctld.Tablets.
func (t tablets) UpdateVReplicationWorkflows(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.UpdateVReplicationWorkflowsRequest) (*tabletmanagerdatapb.UpdateVReplicationWorkflowsResponse, error) {
	if req.StopPosition != nil {
		return nil, unsupported("a position at which streams stop")
	}
	var set streamChange
	if req.State != nil {
		state := req.State.String()
		set.state = &state
	}
	set.message = req.Message
	t.change.Lock()
	defer t.change.Unlock()
	all, err := t.streamsOn(ctx, tablet)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *stream) bool {
		return len(req.IncludeWorkflows) > 0 && !slices.Contains(req.IncludeWorkflows, s.workflow) || slices.Contains(req.ExcludeWorkflows, s.workflow)
	})
	result, err := t.setStreams(ctx, all, set)
	return &tabletmanagerdatapb.UpdateVReplicationWorkflowsResponse{Result: result}, err
}

// DeleteVReplicationWorkflow implements vtctld.Tablets.
func (t tablets) DeleteVReplicationWorkflow(ctx context.Context, tablet *topodatapb.Tablet, req *tabletmanagerdatapb.DeleteVReplicationWorkflowRequest) (*tabletmanagerdatapb.DeleteVReplicationWorkflowResponse, error) {
	t.change.Lock()
	defer t.change.Unlock()
	all, err := t.streamsOn(ctx, tablet)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *stream) bool { return s.workflow != req.Workflow })
	return &tabletmanagerdatapb.DeleteVReplicationWorkflowResponse{Result: &querypb.QueryResult{RowsAffected: uint64(len(all))}}, t.removeStreams(ctx, tablet, all)
}

// ValidateVReplicationPermissions implements vtctld.Tablets: a sandbox has no users.
func (t tablets) ValidateVReplicationPermissions(context.Context, *topodatapb.Tablet, *tabletmanagerdatapb.ValidateVReplicationPermissionsRequest) (*tabletmanagerdatapb.ValidateVReplicationPermissionsResponse, error) {
	return &tabletmanagerdatapb.ValidateVReplicationPermissionsResponse{User: "sandbox", Ok: true}, nil
}

// pollForPosition is how often a call that waits for a position looks whether it is reached.
const pollForPosition = 5 * time.Millisecond

// VReplicationWaitForPos implements vtctld.Tablets.
func (t tablets) VReplicationWaitForPos(ctx context.Context, tablet *topodatapb.Tablet, id int32, pos string) error {
	wanted, err := parsePosition(pos)
	if err != nil {
		return err
	}
	for {
		all, err := t.streamsOn(ctx, tablet)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(s *stream) bool { return s.id != int64(id) })
		if len(all) == 0 {
			return fmt.Errorf("vreplication stream %d not found", id)
		}
		s := all[0]
		f, err := t.file(ctx, s.keyspace, s.shard)
		if err != nil {
			return err
		}
		var at progress
		if err := f.view(ctx, func(tx *sql.Tx) (err error) { at, err = s.progress(tx); return err }); err != nil {
			return err
		}
		// Streams back that never ran are behind although no row was written: on a real tablet, freezing the streams forward
		// has written to the source's own records after their position was taken.
		neverRan := !at.found && s.startPos != copyFirst
		if at.copied && at.pos >= wanted && !(neverRan && s.state == stateStopped) {
			return nil
		}
		if s.state == stateStopped {
			uuid, err := t.sourceUUID(ctx, s)
			if err != nil {
				return err
			}
			return fmt.Errorf("replication has stopped at %v before reaching position %v, message: %s", gtid(uuid, at.pos), gtid(uuid, wanted), s.message)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("error waiting for pos: %s: %w, possibly no tablets are available to stream in source keyspace for your cell and tablet_types setting", pos, ctx.Err())
		case <-t.ctx.Done():
			return errors.New("vreplication is closing")
		case <-time.After(pollForPosition):
		}
	}
}
