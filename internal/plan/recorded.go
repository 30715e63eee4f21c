package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"shardform/internal/addr"
	"shardform/internal/keyrange"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
	"shardform/internal/tasks/reshard"
)

// Expansion is what a keyspace operation's containers were laid out from besides the configuration, as it was when the
// operation began. A plan that resumes it uses these instead of what the cluster shows by then, so that it lays out the
// same containers and gets the same digest.
type Expansion struct {
	// VSchemaBefore is the vschema that the cluster had; Sharded says what the wanted one (or, if none is wanted, the one
	// before) is.
	VSchemaBefore string `json:"vschema_before,omitempty"`
	Sharded       bool   `json:"sharded,omitempty"`
	// First and Last say that no other segment of the keyspace was planned before or behind it.
	First bool `json:"first,omitempty"`
	Last  bool `json:"last,omitempty"`
	// VSchemaWanted is the fingerprint of the wanted vschema, "" if none is wanted.
	VSchemaWanted string `json:"vschema_wanted,omitempty"`
	// Soak is how long the reshard stays reversible. It does not get shorter once writes have moved.
	Soak time.Duration `json:"soak,omitempty"`
	// Hold says that the reshard was rolled back before and waits for an approval.
	Hold bool `json:"hold,omitempty"`
	// Back is what a way back, or the clearing of controls, was laid out from.
	Back *Back `json:"back,omitempty"`
}

// Back is what a way back was laid out from, and whose it is.
type Back struct {
	reshard.Back
	Adopted bool `json:"adopted,omitempty"` // --adopt was given
	// Held is the layout, shards joined by commas, that was wanted when the operation was rolled back: while it is wanted
	// the operation waits for an approval. "" if it was the layout that was reverted.
	Held string `json:"held,omitempty"`
}

// record is what an operation's header in the state keeps for later plans.
type record struct {
	Kind      Kind            `json:"kind"`
	Sources   keyrange.Layout `json:"sources,omitempty"`
	Targets   keyrange.Layout `json:"targets,omitempty"`
	Workflow  string          `json:"workflow,omitempty"`
	Expansion Expansion       `json:"expansion,omitzero"`
	// Expanded says of an enqueued operation that it is a block of plan files.
	Expanded bool `json:"expanded,omitempty"`
}

// Record is what the state has to keep of op for later plans: state.Operation.Plan.
func (op *Operation) Record() (json.RawMessage, error) {
	r := record{Kind: op.Kind, Workflow: op.Workflow, Expansion: op.Expansion}
	var err error
	if r.Sources, err = keyrange.ParseShards(op.Sources); err == nil {
		r.Targets, err = keyrange.ParseShards(op.Targets)
	}
	if err != nil {
		return nil, fmt.Errorf("recording %s: %w", op.Address, err)
	}
	return json.Marshal(r)
}

// instance is the newest recorded instance of an operation.
type instance struct {
	state.Operation
	record
	containers []state.Container // of open ones and of selected operation blocks; else nil
}

func (r record) segment() keyrange.Segment {
	return keyrange.Segment{Sources: r.Sources, Targets: r.Targets}
}

// open reports whether the instance is to be taken up again: it has not ended, or it ended with an error and the next
// apply goes on behind what was done.
func (i *instance) open() bool {
	return i != nil && !i.Forgotten && (i.State != automationpb.ClusterOperationState_CLUSTER_OPERATION_DONE || i.Error != "")
}

// begun reports whether something of an open instance was done or sent, as far as its record tells.
func (i *instance) begun() bool {
	return slices.ContainsFunc(i.containers, func(c state.Container) bool {
		return slices.ContainsFunc(c.Tasks, func(t state.Task) bool {
			return t.State == automationpb.TaskState_RUNNING || t.State == automationpb.TaskState_DONE && t.Error == "" || t.Attempts > 0
		})
	})
}

// recorded is what was done before.
type recorded struct {
	latest    map[addr.Address]*instance // by operation
	order     []*instance                // all of latest, oldest first
	approvals []state.Approval           // oldest first
}

// readRecorded reads the newest instances in one reading, so that they belong together. Containers are read where they
// may matter: of selected operation blocks, and of open operations on selected keyspaces.
func (m *maker) readRecorded(ctx context.Context) error {
	m.recorded = recorded{latest: map[addr.Address]*instance{}}
	if m.in.Recorded == nil {
		return nil
	}
	selected := make(map[addr.Address]bool, len(m.blocks))
	for _, b := range m.blocks {
		selected[b.address] = true
	}
	return m.in.Recorded.View(ctx, func(r state.Reader) (err error) {
		if m.recorded.approvals, err = r.Approvals(); err != nil {
			return fmt.Errorf("reading the recorded approvals: %w", err)
		}
		headers, err := r.Operations()
		if err != nil {
			return fmt.Errorf("reading the recorded operations: %w", err)
		}
		for _, h := range headers {
			if last := m.recorded.latest[h.Address]; last == nil || last.Operation.Instance < h.Instance {
				m.recorded.latest[h.Address] = &instance{Operation: h}
			}
		}
		for _, h := range headers {
			if last := m.recorded.latest[h.Address]; last.ID == h.ID {
				m.recorded.order = append(m.recorded.order, last)
			}
		}
		for _, i := range m.recorded.order {
			if len(i.Operation.Plan) > 0 {
				if err := json.Unmarshal(i.Operation.Plan, &i.record); err != nil {
					return fmt.Errorf("reading what the state has of %s: %w", i.Address, err)
				}
			}
			if !i.open() && (!selected[i.Address.Block()] || i.Address.Kind() == addr.KindKeyspace) {
				continue
			}
			if i.containers, err = r.Containers(i.ID); err != nil {
				return fmt.Errorf("reading the recorded tasks of %s: %w", i.Address, err)
			}
		}
		return nil
	})
}

// next is the instance number that a new run of the operation gets.
func (i *instance) next() int {
	if i == nil {
		return 1
	}
	return i.Operation.Instance + 1
}

// Release is what the state has to keep of a rolled back operation that is not held any more: raw, which Record made,
// without the hold.
func Release(raw json.RawMessage) (json.RawMessage, error) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("reading what the state has of a rolled back operation: %w", err)
	}
	if r.Expansion.Back != nil {
		r.Expansion.Back.Held = ""
	}
	return json.Marshal(r)
}

// Held is the layout, shards joined by commas, that an operation of which the state keeps raw was rolled back from: while
// that is wanted it waits for an approval. "" if it is not held.
func Held(raw json.RawMessage) string {
	var r record
	if len(raw) == 0 || json.Unmarshal(raw, &r) != nil || r.Expansion.Back == nil {
		return ""
	}
	return r.Expansion.Back.Held
}
