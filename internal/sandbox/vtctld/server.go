package vtctld

import (
	"context"
	"reflect"

	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
	"vitess.io/vitess/go/vt/topo"
	"vitess.io/vitess/go/vt/vtctl/grpcvtctldserver"
)

// Step is called before each step inside a call: a write of the topology or an RPC of a tablet. If it returns an error, the
// step fails with it. what is "topology", or "tablet" and the name of the RPC.
type Step func(ctx context.Context, what string) error

// Steps returns the names of all steps.
func Steps() []string {
	names := []string{"topology"}
	tablets := reflect.TypeFor[Tablets]()
	for i := range tablets.NumMethod() {
		names = append(names, "tablet "+tablets.Method(i).Name)
	}
	return names
}

// New returns vtctld's service for a cluster. It leaves nothing behind when it is dropped. step may be nil.
func New(records Records, tablets Tablets, step Step) (vtctlservicepb.VtctldServer, error) {
	if step == nil {
		step = func(context.Context, string) error { return nil }
	}
	ts, err := topo.NewWithFactory(&factory{records: records, step: step, locks: &locks{held: map[string]chan struct{}{}}}, "", "")
	if err != nil {
		return nil, err
	}
	return grpcvtctldserver.NewTestVtctldServer(ts, &client{tablets: tablets, step: step}), nil
}
