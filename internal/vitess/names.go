package vitess

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"shardform/internal/keyrange"
)

const (
	// ownPrefix starts the name of every workflow that shardform creates.
	ownPrefix = "sf_"
	// reverseSuffix is what Vitess adds to a workflow's name for the streams back.
	reverseSuffix = "_reverse"
	// PausedMessage is the message of streams that shardform stopped because it was asked to.
	PausedMessage = "paused by shardform"
	// RemovalMessage is the message of reverse streams that shardform stopped in order to remove them.
	RemovalMessage = "stopped by shardform to be removed"
	// CutoverMessage is the message of streams that a PRIMARY switch stopped and has not yet frozen.
	CutoverMessage = "stopped for cutover"
)

// WorkflowName is the name of the workflow that does a segment: "sf_" and the first 8 hexadecimal digits of the sha256
// of KEYSPACE "\n" SOURCES "\n" TARGETS, where SOURCES and TARGETS are the ranges in key order as keyrange.Range.String
// spells them, joined by commas. Ranges and not names: a shard written "0" in one place and "-" in another is the same
// reshard. For keyspace customer and 0 → -80,80- the hashed text is "customer\n-\n-80,80-".
func WorkflowName(keyspace string, segment keyrange.Segment) string {
	text := keyspace + "\n" + ranges(segment.Sources) + "\n" + ranges(segment.Targets)
	sum := sha256.Sum256([]byte(text))
	return ownPrefix + hex.EncodeToString(sum[:4])
}

// OwnName reports whether a workflow of this name was made by shardform, whatever its segment.
func OwnName(workflow string) bool { return strings.HasPrefix(workflow, ownPrefix) }

func ranges(l keyrange.Layout) string {
	names := make([]string, 0, len(l))
	for _, s := range keyrange.NewLayout(l) {
		names = append(names, s.Range.String())
	}
	return strings.Join(names, ",")
}

// VDiffUUID is the UUID of a workflow's nth VDiff (generation counts from 0): a version 5 UUID in the URL namespace of
// "shardform:vdiff/KEYSPACE/WORKFLOW/ID,ID,…/GENERATION". The ids are those of the target streams in the order of
// Workflow.Streams, so a workflow that was deleted and created again under its old name has other VDiffs: a result
// under one of these UUIDs was made after the streams.
func VDiffUUID(keyspace, workflow string, targetStreamIDs []int64, generation int) string {
	ids := make([]string, len(targetStreamIDs))
	for i, id := range targetStreamIDs {
		ids[i] = fmt.Sprint(id)
	}
	name := fmt.Sprintf("shardform:vdiff/%s/%s/%s/%d", keyspace, workflow, strings.Join(ids, ","), generation)
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String()
}

// StreamIDs are the ids of the streams in their order.
func (w *Workflow) StreamIDs() []int64 {
	ids := make([]int64, len(w.Streams))
	for i, s := range w.Streams {
		ids[i] = s.ID
	}
	return ids
}

// ReverseName is the name that Vitess gives to the streams back.
func ReverseName(workflow string) string {
	if forward, ok := strings.CutSuffix(workflow, reverseSuffix); ok {
		return forward
	}
	return workflow + reverseSuffix
}
