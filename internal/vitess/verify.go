package vitess

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"shardform/internal/diag/spell"
)

// VerifyResult is what the VDiffs of a workflow say about its data.
type VerifyResult struct {
	Counting   *VDiff // one that counts; nil if there is none
	Running    *VDiff // our latest if it is pending, started or stopped: to be waited for, made whole or resumed; nil if there is none
	Mismatch   *VDiff // our latest if it found a difference: the reason to stop; nil if it did not
	Rejected   string // why our latest result does not count; "" if there is none or it does
	Generation int    // for the next VDiff to create
}

// maxGenerations bounds the search for our own VDiffs among those that a workflow has.
const maxGenerations = 10_000

// CountingVDiff judges the VDiffs of a workflow, whatever their order. A result counts if it has one of our UUIDs for
// exactly these streams (so it began after them), completed on every target shard, compared all of tables whole, found
// no difference, and completed at most maxAge ago (0: however long ago). Only the latest generation is judged: an older
// result that would count is void once a newer VDiff was begun.
func CountingVDiff(vdiffs []VDiff, w *Workflow, tables []string, now time.Time, maxAge time.Duration) VerifyResult {
	latest, generation := latestOwn(vdiffs, w)
	if latest == nil {
		return VerifyResult{}
	}
	result := VerifyResult{Generation: generation + 1}
	switch latest.State {
	case VDiffPending, VDiffStarted, VDiffStopped:
		result.Running = latest
		result.Rejected = fmt.Sprintf("VDiff %s is %s", latest.UUID, latest.State)
		if len(latest.Missing) > 0 {
			result.Rejected = fmt.Sprintf("VDiff %s is known on %s and not on %s", latest.UUID, strings.Join(latest.Shards, ", "), strings.Join(latest.Missing, ", "))
		}
		if latest.Mismatch {
			result.Mismatch = latest
		}
		return result
	}
	result.Rejected = rejected(latest, w, tables, now, maxAge)
	if latest.Mismatch {
		result.Mismatch = latest
	}
	if result.Rejected == "" {
		result.Counting = latest
	}
	return result
}

// latestOwn finds the VDiff of ours with the highest generation.
func latestOwn(vdiffs []VDiff, w *Workflow) (*VDiff, int) {
	byUUID := make(map[string]*VDiff, len(vdiffs))
	for i := range vdiffs {
		byUUID[vdiffs[i].UUID] = &vdiffs[i]
	}
	if w == nil {
		return nil, 0
	}
	var latest *VDiff
	found := 0
	ids := w.StreamIDs()
	// Generations may have been deleted, so the search goes on for a while after the last one that was found.
	for g, last := 0, 0; g < maxGenerations && g <= last+len(vdiffs)+100; g++ {
		if d := byUUID[VDiffUUID(w.SourceKeyspace, w.Name, ids, g)]; d != nil {
			latest, found, last = d, g, g
		}
	}
	return latest, found
}

// OthersVDiff is the newest VDiff that somebody else ran and that would count if it was made for exactly these streams,
// which nothing in it shows: VDiffCreated and StreamsCreated tell. nil if there is none, or if a VDiff of ours was begun
// after it.
func OthersVDiff(vdiffs []VDiff, w *Workflow, tables []string, now time.Time, maxAge time.Duration) *VDiff {
	latest, generation := latestOwn(vdiffs, w)
	own := map[string]bool{}
	for g := range generation + 1 {
		own[VDiffUUID(w.SourceKeyspace, w.Name, w.StreamIDs(), g)] = true
	}
	var newest *VDiff
	for i := range vdiffs {
		d := &vdiffs[i]
		if own[d.UUID] || rejected(d, w, tables, now, maxAge) != "" || latest != nil && !d.StartedAt.After(latest.StartedAt) {
			continue
		}
		if newest == nil || d.StartedAt.After(newest.StartedAt) {
			newest = d
		}
	}
	return newest
}

// rejected says why a VDiff that ended does not count.
func rejected(d *VDiff, w *Workflow, tables []string, now time.Time, maxAge time.Duration) string {
	switch {
	case d.Mismatch:
		return fmt.Sprintf("VDiff %s found differences", d.UUID)
	case d.State != VDiffCompleted:
		return fmt.Sprintf("VDiff %s failed (%s): %s", d.UUID, d.State, strings.Join(d.Errors, "; "))
	case d.Limited:
		return fmt.Sprintf("VDiff %s compared only a part of the rows", d.UUID)
	}
	for _, t := range w.Targets {
		if !slices.Contains(d.Shards, t.Name) {
			return fmt.Sprintf("VDiff %s does not know shard %s", d.UUID, t.Name)
		}
	}
	for _, t := range tables {
		if !slices.Contains(d.Tables, t) {
			return fmt.Sprintf("VDiff %s did not compare table %s", d.UUID, t)
		}
	}
	switch age := now.Sub(d.CompletedAt); {
	case d.CompletedAt.IsZero():
		return fmt.Sprintf("VDiff %s does not say when it completed", d.UUID)
	case maxAge > 0 && age > maxAge:
		return fmt.Sprintf("VDiff %s completed %s ago, more than %s%s", d.UUID, age.Round(time.Second), spell.Duration(maxAge), w.Clock)
	}
	return ""
}
