package plan

import (
	"context"

	"shardform/internal/diag"
	"shardform/internal/tasks"
)

// Blocks lays out every operation block of the configuration as a plan does that runs it for the first time, for a
// Scheduler that runs one when it is asked to. Nothing is observed and no record is read.
func Blocks(ctx context.Context, in Inputs) ([]Operation, error) {
	if in.Clock == nil {
		in.Clock = tasks.SystemClock{}
	}
	m := &maker{ctx: ctx, in: in, plan: &Plan{Hide: in.Config.Secrets}, clusters: newReaders(in.Clusters), known: map[string]*taskKind{}}
	for _, b := range blocks(in.Config) {
		if b.operation != nil {
			m.blocks = append(m.blocks, b)
		}
	}
	for _, pass := range []func(*maker, context.Context) error{(*maker).draftOperations, (*maker).identify} {
		if err := pass(m, ctx); err != nil {
			return nil, append(m.complaints, diag.All(err)...)
		}
		if m.complaints.HasErrors() {
			return nil, m.complaints
		}
	}
	operations := make([]Operation, len(m.drafts))
	for i, d := range m.drafts {
		operations[i] = d.Operation
		operations[i].DependsOn = m.blocks[i].operation.DependsOn
		operations[i].Action = Add
	}
	return operations, nil
}
