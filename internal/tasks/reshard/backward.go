package reshard

import (
	"fmt"
	"strings"

	"shardform/internal/diag/spell"
)

// The steps of a way back, which stand below the forward operation's address.
const (
	stepReverseReads   = "reverse_reads"
	stepReversePrimary = "reverse_primary"
	stepDelete         = "delete"
	stepClearControls  = "clear_controls"
)

// Backward lays out the rollback of a reshard as steps in the order of docs/contributing/cluster.md#rollback: reads, writes,
// then what was copied. It is pure: what the cluster showed is in b.
func Backward(r Request, b Back) []Step {
	var steps []Step
	if len(b.Reads) > 0 {
		steps = append(steps, r.reverseReads(b))
	}
	if b.Writes {
		steps = append(steps, r.reversePrimary())
	}
	steps = append(steps, r.delete(b))
	if b.Controls {
		steps = append(steps, r.clearControls(b.Gone))
	}
	return append(steps, r.confirmBack())
}

// ClearControls is the one step that clears the controls that an earlier reshard left on a keyspace; gone are the shards
// of them that have no record.
func ClearControls(cluster, keyspace string, gone []string) Step {
	return Request{Cluster: cluster, Keyspace: keyspace}.clearControls(gone)
}

func (r Request) reverseReads(b Back) Step {
	return r.single(Step{Name: stepReverseReads, Summary: fmt.Sprintf("serve %s reads from %s again, in all cells", typeList(b.Reads, " and "), r.Segment.Sources),
		WayBack: "switch reads to the targets again"}, reverseReadsSpec.Name, map[string]string{
		"types": typeList(b.Reads, ","), "max_replication_lag": spell.Duration(r.Settings.MaxReplicationLag),
		"lag_wait": spell.Duration(r.Settings.LagWait), "timeout": spell.Duration(r.Settings.SwitchTimeout),
	})
}

func (r Request) reversePrimary() Step {
	return r.single(Step{Name: stepReversePrimary, Summary: fmt.Sprintf("serve writes from %s again", r.Segment.Sources),
		WayBack: "switch reads, then writes to the targets again: the workflow follows the sources"}, reversePrimarySpec.Name, map[string]string{
		"max_replication_lag": spell.Duration(r.Settings.MaxReplicationLag), "lag_wait": spell.Duration(r.Settings.LagWait),
		"timeout": spell.Duration(r.Settings.SwitchTimeout),
	})
}

// countedBack are the parameters by which the rows of targets that have served writes are counted. accept_missing is not
// one of them: it says how many rows of the sources may be lost.
func (r Request) countedBack(b Back) map[string]string {
	if !b.Count || r.Settings.SkipCount {
		return nil
	}
	return map[string]string{"count_rows": "true"}
}

func (r Request) delete(b Back) Step {
	step := r.single(Step{Name: stepDelete, Summary: fmt.Sprintf("delete workflow %s and all rows on %s", r.Workflow, r.Segment.Targets),
		WayBack: "none: the reshard begins again", PointOfNoReturn: true}, workflowDeleteSpec.Name, r.countedBack(b))
	step.Tasks[0].Destroys = 1
	return step
}

func (r Request) clearControls(gone []string) Step {
	return Step{Name: stepClearControls, Summary: "clear the tablet controls that are left, and rebuild the serving graph", WayBack: nothingWayBack,
		Tasks: []StepTask{{Label: stepClearControls, Name: clearControlsSpec.Name, Parameters: withoutEmpty(map[string]string{
			"cluster": r.Cluster, "keyspace": r.Keyspace, "gone": strings.Join(gone, ","),
			"sources": strings.Join(r.Segment.Sources.Names(), ","), "targets": strings.Join(r.Segment.Targets.Names(), ","),
		})}}}
}

func (r Request) confirmBack() Step {
	return r.single(Step{Name: "confirm", Summary: fmt.Sprintf("check that %s serves and nothing is left over", r.Segment.Sources), WayBack: nothingWayBack},
		confirmBackSpec.Name, nil)
}
