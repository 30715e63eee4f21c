package sandbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/sandbox/sandboxspec"
	"shardform/internal/sandbox/vtctld"
)

// The points of a call at which a fault strikes.
const (
	atBefore = "before" // nothing is done
	atDuring = "during" // at a step inside the call, after which vtctld takes no other: it has died
	atAfter  = "after"  // the work is done, the answer is lost
)

func checkFaults(faults []sandboxspec.Fault) error {
	var methods []string
	for _, m := range vtctlservicepb.Vtctld_ServiceDesc.Methods {
		methods = append(methods, m.MethodName)
	}
	steps := vtctld.Steps()
	var errs []error
	for _, f := range faults {
		complain := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("fault %q: %s", f.Name, fmt.Sprintf(format, args...)))
		}
		if !slices.Contains(methods, f.RPC) {
			complain("rpc %q is no method of the Vtctld service%s", f.RPC, similar(f.RPC, methods))
		}
		if f.Step == "" && !slices.Contains([]string{atBefore, atDuring, atAfter}, f.At) {
			complain(`at = %q: it is "before", "during" or "after"`, f.At)
		}
		if _, err := faultCode(f.Error); err != nil {
			complain("%v", err)
		}
		if f.Step != "" && !slices.Contains(steps, f.Step) {
			complain("step = %q: it is one of %s", f.Step, strings.Join(steps, ", "))
		}
		if f.Step == "" && f.At == atDuring && f.Nth == 0 {
			complain("at = %q: nth = 0: steps are counted from 1", f.At)
		}
		if f.Nth < 0 {
			complain("nth = %d: calls are counted from 1; 0 is every call", f.Nth)
		}
		if f.Latency < 0 {
			complain("latency = %v: it cannot be negative", f.Latency)
		}
		if f.Error == "" && f.Latency == 0 {
			complain("it has neither an error nor a latency")
		}
	}
	return errors.Join(errs...)
}

func similar(name string, all []string) string {
	for _, m := range all {
		if strings.EqualFold(m, name) {
			return fmt.Sprintf("; did you mean %q", m)
		}
	}
	return ""
}

// faultCode reads a gRPC code in the proto's spelling; "" is OK.
func faultCode(name string) (codes.Code, error) {
	if name == "" {
		return codes.OK, nil
	}
	var code codes.Code
	if err := code.UnmarshalJSON([]byte(`"` + name + `"`)); err != nil || code == codes.OK {
		return code, fmt.Errorf(`error = %q is no gRPC error code such as "UNAVAILABLE"`, name)
	}
	return code, nil
}

// faultsKey is the context key of a call's *callFaults.
type faultsKey struct{}

// callFaults are the faults that a call of one RPC meets.
type callFaults struct {
	engine *engine
	rpc    string
	nth    int // this call, counted from 1 over the sandbox's life; 0 where no fault needs it
	faults []sandboxspec.Fault

	mu   sync.Mutex // guards what follows
	dead error      // what struck during the call: no step is taken any more
}

// intercept lets faults strike, has the tablets follow what was changed, and answers panics as the real server does.
func (e *engine) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("uncaught panic: %v from: %s", x, debug.Stack())
		}
	}()
	rpc := info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]
	call, err := e.faultsOf(ctx, rpc)
	if err != nil {
		return nil, err
	}
	if err := call.strike(ctx, atBefore); err != nil {
		return nil, err
	}
	resp, err = handler(context.WithValue(ctx, faultsKey{}, call), req)
	if changes(rpc) {
		within, cancel := context.WithTimeout(e.ctx, reconcilePatience)
		if failed := e.reconcile(within); failed != nil {
			e.log.Error("the tablets did not follow the topology", "rpc", rpc, "error", failed)
			err = errors.Join(err, failed)
		}
		cancel()
	}
	if died := call.died(); died != nil { // in place of what vtctld made of it
		return nil, died
	}
	if struck := call.strike(ctx, atAfter); struck != nil {
		return nil, struck
	}
	return resp, uncoded(ctx, err)
}

// reconcilePatience is how long the tablets try to follow a call's changes, which another client of a shard's file may hold up.
// What they did not do by then is done after the next call.
const reconcilePatience = 30 * time.Second

// changes reports whether an RPC may change the topology. Those of which it is not known may.
func changes(rpc string) bool {
	for _, reading := range []string{"Get", "Find", "Validate", "Ping"} {
		if strings.HasPrefix(rpc, reading) {
			return false
		}
	}
	return !slices.Contains([]string{"WorkflowStatus", "VDiffShow", "ExecuteFetchAsDBA", "ExecuteFetchAsApp"}, rpc) // a tablet does itself what these ask for
}

// uncoded gives errors the code that the real server's have: none, unless the call itself ran out of time.
func uncoded(ctx context.Context, err error) error {
	if _, coded := status.FromError(err); coded || ctx.Err() != nil {
		return err
	}
	return status.Error(codes.Unknown, err.Error())
}

// faultsOf returns the faults of a call of rpc. The call is counted over the sandbox's life where one of them asks for that.
func (e *engine) faultsOf(ctx context.Context, rpc string) (*callFaults, error) {
	call := &callFaults{engine: e, rpc: rpc, faults: slices.Clone(e.faults)}
	call.faults = slices.DeleteFunc(call.faults, func(f sandboxspec.Fault) bool { return f.RPC != rpc })
	if len(call.faults) == 0 {
		return call, nil
	}
	var err error
	call.nth, err = e.count(ctx, rpc)
	return call, err
}

// count counts what has a name, over the sandbox's life, and returns how often that was, this time included.
func (e *engine) count(ctx context.Context, name string) (n int, err error) {
	err = e.topo.update(ctx, func(tx topoTx) error {
		return tx.QueryRow(`INSERT INTO fault_call (rpc, calls) VALUES (?, 1) ON CONFLICT (rpc) DO UPDATE SET calls = calls + 1 RETURNING calls`, name).Scan(&n)
	})
	return n, err
}

// strike lets the faults strike that are around the call's work.
func (c *callFaults) strike(ctx context.Context, at string) error {
	for _, f := range c.faults {
		if f.Step == "" && f.At == at && (f.Nth == 0 || f.Nth == c.nth) {
			if err := c.hit(ctx, f, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// hit is what one fault does: it waits, and fails.
func (c *callFaults) hit(ctx context.Context, f sandboxspec.Fault, where string) error {
	if f.Latency > 0 {
		select {
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case <-time.After(f.Latency):
		}
	}
	if code, err := faultCode(f.Error); err == nil && code != codes.OK {
		return status.Errorf(code, "fault %q: %s fails on purpose (%s)", f.Name, c.rpc, where)
	}
	return nil
}

// died returns what struck during the call.
func (c *callFaults) died() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// step is called before each step inside a call.
func (e *engine) step(ctx context.Context, what string) error {
	call, ok := ctx.Value(faultsKey{}).(*callFaults)
	if !ok || len(call.faults) == 0 {
		return nil
	}
	call.mu.Lock()
	defer call.mu.Unlock() // also while a fault waits: steps that run side by side meet it one after another
	if call.dead != nil {
		return call.dead
	}
	nth := 0 // this step, of all that calls of this RPC have taken
	if slices.ContainsFunc(call.faults, func(f sandboxspec.Fault) bool { return f.Step == "" && f.At == atDuring }) {
		var err error
		if nth, err = e.count(context.WithoutCancel(ctx), call.rpc+" step"); err != nil {
			return err
		}
	}
	for _, f := range call.faults {
		switch {
		case f.Step == what:
			n, err := e.count(context.WithoutCancel(ctx), call.rpc+" "+what)
			if err != nil {
				return err
			}
			if f.Nth == 0 || f.Nth == n {
				if err := call.hit(ctx, f, what); err != nil {
					return err
				}
			}
		case f.Step == "" && f.At == atDuring && f.Nth == nth:
			call.dead = call.hit(ctx, f, fmt.Sprintf("during, step %d: %s", nth, what))
		}
	}
	return call.dead
}
