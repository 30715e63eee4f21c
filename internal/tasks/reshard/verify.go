package reshard

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shardform/internal/parallel"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

var verifySpec = &tasks.Spec{
	Name:    "reshard_verify",
	Summary: "compares every row of the targets with the sources by VDiff",
	Doc: `Runs a VDiff under a UUID of its own, made of keyspace, workflow, stream ids and a generation, so that a result always
belongs to exactly these streams. A result counts if it completed on every shard for all tables without a difference,
not longer than max_age ago; otherwise the next generation is run. A difference prints the differing rows and stops:
applying again compares again. A VDiff that someone else runs is waited for, as two at once load the tablets twice; its
result counts under the same rules if it was created after these streams, by the clock of the cluster.
Then the rows are counted on both sides (count_rows): rows that lie on the wrong shard of the sources are seen by neither
the copy nor VDiff. Where the numbers differ every row of the sources is placed by its keyspace id, which is exact while
rows are written; rows that lie outside of the targets, other than accept_missing says, are an error. Where a vindex is
not computed here, a difference that is the same three times in a minute is one, and streams that do not run are waited for.
Done when a counting result exists and the rows were accounted for. Where reads or writes have moved already it is passed
over, with a warning.
If it dies halfway, the running VDiff goes on and is taken up again, a stopped one is resumed.`,
	Internal:   true,
	Parameters: segmentParameters(maxAgeParameter, diffTimeout, samplesParameter, countParameter, acceptParameter),
}

// verifyTask remembers a result that ended in this process: with a max_age of next to nothing it would be too old at
// once, and the comparison would never end.
type verifyTask struct {
	base
	verified string
}

// Observe implements tasks.Observer.
func (t *verifyTask) Observe(ctx context.Context, parameters map[string]string, record tasks.Record) (tasks.Observation, error) {
	s, v, err := t.glance(ctx, parameters)
	if err != nil {
		return tasks.Observation{}, err
	}
	if t.verified != "" {
		return done(t.verified), nil
	}
	o, err := s.verified(ctx, v)
	if err == nil && o.State == tasks.Done && stageOf(v) == isCopied && s.Bool("count_rows") && !record.Done {
		return absent("compared; the rows are not counted yet"), nil // nothing on the cluster tells that they were
	}
	return o, err
}

func (s *scene) verified(ctx context.Context, v *vitess.SegmentView) (tasks.Observation, error) {
	at := stageOf(v)
	if at == isCompleted || at == isMidFlight || v.StuckComplete() {
		return passedOver(s.passed(v, "not verified")), nil
	}
	if at < isCopied {
		if o, found := foreign(v); found {
			return o, nil
		}
		if o, found := s.stopped(v); found {
			return o, nil
		}
		return absent("nothing is copied yet"), nil
	}
	if v.Workflow == nil { // writes are switched and only the streams back are left, which VDiffs are not of
		return passedOver(s.passed(v, "not verified")), nil
	}
	maxAge := s.Duration("max_age")
	if at == isSwitched {
		maxAge = 0 // it was young enough when writes were switched
	}
	result, err := s.judge(ctx, v, maxAge)
	switch {
	case err != nil:
		return tasks.Observation{}, err
	case result.Counting != nil:
		return done(verdict(result.Counting)), nil
	case at > isCopied:
		return passedOver(s.passed(v, "not verified")), nil
	case result.Running != nil:
		return running(result.Rejected), nil
	case result.Rejected != "":
		return absent(result.Rejected), nil
	}
	return absent("not compared yet"), nil
}

func passedOver(detail string) tasks.Observation {
	o := done(detail)
	o.Warnings = []string{detail}
	return o
}

func verdict(d *vitess.VDiff) string {
	return fmt.Sprintf("VDiff %s compared %d rows of %d tables, no difference", d.UUID, d.RowsCompared, len(d.Tables))
}

// judge reads the workflow's VDiffs and says what they are worth; maxAge 0 is any age.
func (s *scene) judge(ctx context.Context, v *vitess.SegmentView, maxAge time.Duration) (vitess.VerifyResult, error) {
	result, _, err := s.judgeAll(ctx, v, maxAge)
	return result, err
}

// judgeAll is judge, and gives the VDiffs too.
func (s *scene) judgeAll(ctx context.Context, v *vitess.SegmentView, maxAge time.Duration) (vitess.VerifyResult, []vitess.VDiff, error) {
	var names []string
	var vdiffs []vitess.VDiff
	group, reading := parallel.WithContext(ctx)
	group.Go(func() (err error) {
		if vdiffs, err = s.cluster.VDiffs(reading, s.keyspace, v.Workflow.Name); err != nil {
			return s.unread(ctx, "reading the VDiffs of", err)
		}
		return nil
	})
	group.Go(func() (err error) {
		names, err = s.copiedTables(reading)
		return err
	})
	if err := group.Wait(); err != nil {
		return vitess.VerifyResult{}, nil, err
	}
	result := vitess.CountingVDiff(vdiffs, v.Workflow, names, s.now(), maxAge)
	if result.Counting == nil && result.Running == nil {
		if other := vitess.OthersVDiff(vdiffs, v.Workflow, names, s.now(), maxAge); other != nil && s.ofTheseStreams(ctx, v.Workflow, other) {
			result.Counting, result.Rejected = other, ""
		}
	}
	return result, vdiffs, nil
}

// ofTheseStreams reports whether somebody else's VDiff was made for the workflow's streams as they are: streams that were
// made again since, as switching there and back does it, were not compared by it. What cannot be read counts for nothing:
// then a VDiff of our own is run.
func (s *scene) ofTheseStreams(ctx context.Context, w *vitess.Workflow, other *vitess.VDiff) bool {
	streams, err := s.cluster.StreamsCreated(ctx, s.keyspace, w)
	if err != nil {
		return false
	}
	created, err := s.cluster.VDiffCreated(ctx, s.keyspace, w, other.UUID)
	return err == nil && !created.Before(streams)
}

// copiedTables are the tables that a workflow copies and a VDiff has to compare.
func (s *scene) copiedTables(ctx context.Context) ([]string, error) {
	tables, err := s.cluster.TableSizes(ctx, s.keyspace, s.segment.Sources[0].Name)
	if err != nil {
		return nil, s.unread(ctx, "reading the tables of", err)
	}
	var names []string
	for _, table := range tables {
		if isCopiedTable(table) {
			names = append(names, table.Name)
		}
	}
	return names, nil
}

// isCopiedTable tells tables of users from views and from what Online DDL and the table collector leave about.
func isCopiedTable(t vitess.TableSchema) bool {
	return t.Type != "VIEW" && !strings.HasPrefix(t.Name, "_vt_") && !onlineDDLTable.MatchString(t.Name)
}

// Run implements tasks.Task.
func (t *verifyTask) Run(ctx context.Context, parameters map[string]string) ([]*automationpb.TaskContainer, string, error) {
	s, v, err := t.sight(ctx, parameters)
	if err != nil {
		return nil, "", err
	}
	if at := stageOf(v); at > isCopied {
		return nil, s.passed(v, "not verified"), nil
	}
	compared, err := s.verify(ctx, v)
	if err != nil {
		return nil, "", err
	}
	if s.Bool("count_rows") {
		if v, err = s.look(ctx); err != nil { // hours may have gone by
			return nil, "", err
		}
		counted, _, err := s.account(ctx, v, custody{from: s.segment.Sources, to: s.segment.Targets, fromLeads: true, follows: v.Workflow.Running(),
			start: vitess.CommandStartWorkflow(s.keyspace, s.name(v))})
		if err != nil {
			return nil, "", err
		}
		compared += "; " + counted
	}
	t.verified = compared
	return nil, t.verified, nil
}

// Commands implements tasks.Commander.
func (t *verifyTask) Commands(_ context.Context, parameters map[string]string) []string {
	s, err := t.scene(parameters)
	if err != nil {
		return nil
	}
	return []string{
		vitess.CommandVDiffCreate(vitess.VDiffCreate{Keyspace: s.keyspace, Workflow: s.String("workflow"), MaxExtraRows: extraRows, Samples: s.Int("samples")}),
		vitess.CommandVDiffShow(s.keyspace, s.String("workflow"), "last"),
	}
}

// Describe implements tasks.Describer.
func (t *verifyTask) Describe(parameters map[string]string) string {
	text := fmt.Sprintf("compare all rows of %s with those of %s", parameters["targets"], parameters["sources"])
	if parameters["count_rows"] != "false" {
		text += " and count them"
	}
	return text
}
