package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	binlogdatapb "vitess.io/vitess/go/vt/proto/binlogdata"
	tabletmanagerdatapb "vitess.io/vitess/go/vt/proto/tabletmanagerdata"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
)

// The states that a stream is recorded in. Copying is not recorded: a running stream shows it until its copy is done.
const (
	stateStopped = "Stopped"
	stateRunning = "Running"
	stateCopying = "Copying"
	stateError   = "Error"
)

const (
	frozen            = "FROZEN" // the message of streams whose traffic was switched
	stoppedForCutover = "stopped for cutover"
	copyFirst         = int64(-1) // startPos of a stream that begins by copying
)

// stream is a VReplication stream: it brings the rows of one source shard that belong to the shard that it is on. How far
// it is stands in that shard's file, beside the rows.
type stream struct {
	id                 int64
	keyspace, shard    string // where it writes
	workflow           string
	source             *binlogdatapb.BinlogSource
	cells              string
	tabletTypes        []topodatapb.TabletType
	preference         tabletmanagerdatapb.TabletSelectionPreference
	deferSecondaryKeys bool
	options            string // WorkflowOptions as JSON
	state, message     string
	startPos           int64 // position in the source's log to follow from; copyFirst
	timeUpdated        int64 // seconds; the last sign of life, while no process runs it
}

const streamColumns = `id, keyspace, shard, workflow, source, cells, tablet_types, preference, defer_secondary_keys, options, state, message, start_pos, time_updated`

// streams are the streams that the condition selects, by id.
func (tx topoTx) streams(where string, args ...any) ([]*stream, error) {
	return collect(tx.Tx, func(scan func(...any) error) (*stream, error) {
		s := &stream{source: &binlogdatapb.BinlogSource{}}
		var source, types string
		if err := scan(&s.id, &s.keyspace, &s.shard, &s.workflow, &source, &s.cells, &types, &s.preference, &s.deferSecondaryKeys,
			&s.options, &s.state, &s.message, &s.startPos, &s.timeUpdated); err != nil {
			return nil, err
		}
		for name := range strings.SplitSeq(types, ",") {
			if v, ok := topodatapb.TabletType_value[name]; ok {
				s.tabletTypes = append(s.tabletTypes, topodatapb.TabletType(v))
			}
		}
		return s, protojson.Unmarshal([]byte(source), s.source)
	}, `SELECT `+streamColumns+` FROM stream WHERE `+where+` ORDER BY id`, args...)
}

// addStream records a stream and its first log entry, and gives it its id. Ids are never used again.
func (tx topoTx) addStream(s *stream, now time.Time) error {
	source, err := protojson.Marshal(s.source)
	if err != nil {
		return err
	}
	res, err := tx.Exec(`INSERT INTO stream (keyspace, shard, workflow, source, cells, tablet_types, preference, defer_secondary_keys, options, state, message, start_pos, time_updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, s.keyspace, s.shard, s.workflow, string(source), s.cells, typesText(s.tabletTypes), s.preference,
		s.deferSecondaryKeys, s.options, s.state, s.message, s.startPos, s.timeUpdated)
	if err != nil {
		return err
	}
	if s.id, err = res.LastInsertId(); err != nil {
		return err
	}
	return tx.logStream(s.id, "Stream Created", s.state, s.message, now)
}

func typesText(types []topodatapb.TabletType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, ",")
}

func (tx topoTx) logStream(id int64, kind, state, message string, now time.Time) error {
	_, err := tx.Exec(`INSERT INTO stream_log (stream_id, type, state, message, created_at) VALUES (?, ?, ?, ?, ?)`, id, kind, state, message, now.Unix())
	return err
}

// setStream records a stream's state and message, and logs the change.
func (tx topoTx) setStream(s *stream, state, message string, now time.Time) error {
	if s.state == state && s.message == message {
		return nil
	}
	if _, err := tx.Exec(`UPDATE stream SET state = ?, message = ? WHERE id = ?`, state, message, s.id); err != nil {
		return err
	}
	kind := "State Changed"
	if s.state == state {
		kind = "Message"
	}
	s.state, s.message = state, message
	return tx.logStream(s.id, kind, state, message, now)
}

func (tx topoTx) deleteStreams(where string, args ...any) error {
	if _, err := tx.Exec(`DELETE FROM stream_log WHERE stream_id IN (SELECT id FROM stream WHERE `+where+`)`, args...); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM stream WHERE `+where, args...)
	return err
}

// deleteVDiffs forgets the VDiffs that the condition selects.
func (tx topoTx) deleteVDiffs(where string, args ...any) error {
	if _, err := tx.Exec(`DELETE FROM vdiff_table WHERE vdiff_id IN (SELECT id FROM vdiff WHERE `+where+`)`, args...); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM vdiff_seen WHERE vdiff_id IN (SELECT id FROM vdiff WHERE `+where+`)`, args...); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM vdiff WHERE `+where, args...)
	return err
}

func (s *stream) isFrozen() bool { return s.message == frozen }

// matches reports whether the stream brings rows of a table: an exclude rule or the /.* rule decides, whichever is first.
func (s *stream) matches(t string) bool {
	for _, r := range s.source.GetFilter().GetRules() {
		if r.Match == t || r.Match == "/.*" {
			return r.Filter != "exclude"
		}
	}
	return false
}

// streamIDs are the ids of streams, in order.
func streamIDs(all []*stream) []int64 {
	ids := make([]int64, len(all))
	for i, s := range all {
		ids[i] = s.id
	}
	slices.Sort(ids)
	return ids
}

func (s *stream) String() string {
	return fmt.Sprintf("stream %d (%s) on %s/%s from %s", s.id, s.workflow, s.keyspace, s.shard, s.source.Shard)
}
