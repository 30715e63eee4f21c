package sandbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/sandbox/sandboxspec"
)

// The points of a call at which a fault strikes.
const (
	atBefore = "before" // nothing is done
	atDuring = "during" // half of the work is done
	atAfter  = "after"  // the work is done, the answer is lost
)

// halfway are the calls that have a point half way; a fault during any other strikes before.
var halfway = []string{"ReshardCreate", "WorkflowSwitchTraffic", "WorkflowDelete", "MoveTablesComplete", "DeleteShards"}

func checkFaults(faults []sandboxspec.Fault) error {
	var methods []string
	for _, m := range vtctlservicepb.Vtctld_ServiceDesc.Methods {
		methods = append(methods, m.MethodName)
	}
	var errs []error
	for _, f := range faults {
		complain := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("fault %q: %s", f.Name, fmt.Sprintf(format, args...)))
		}
		if !slices.Contains(methods, f.RPC) {
			complain("rpc %q is no method of the Vtctld service%s", f.RPC, similar(f.RPC, methods))
		}
		if !slices.Contains([]string{atBefore, atDuring, atAfter}, f.At) {
			complain(`at = %q: it is "before", "during" or "after"`, f.At)
		}
		if _, err := faultCode(f.Error); err != nil {
			complain("%v", err)
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

// callFaults are the faults that strike one call.
type callFaults struct {
	rpc    string
	faults []sandboxspec.Fault
	struck bool // a fault half way was met
}

// intercept counts calls that have faults, lets the faults strike, and answers panics as the real server does.
func (e *engine) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("uncaught panic: %v from: %s", x, debug.Stack())
		}
	}()
	rpc := info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]
	call := &callFaults{rpc: rpc}
	if call.faults, err = e.faultsOf(ctx, rpc); err != nil {
		return nil, err
	}
	if err := call.strike(ctx, atBefore); err != nil {
		return nil, err
	}
	if !slices.Contains(halfway, rpc) {
		if err := call.strike(ctx, atDuring); err != nil {
			return nil, err
		}
	}
	resp, err = handler(context.WithValue(ctx, faultsKey{}, call), req)
	if struck := call.strike(ctx, atAfter); struck != nil {
		return nil, struck
	}
	return resp, uncoded(ctx, err)
}

// uncoded gives errors the code that the real server's have: none, unless the call itself ran out of time.
func uncoded(ctx context.Context, err error) error {
	if _, coded := status.FromError(err); coded || ctx.Err() != nil {
		return err
	}
	return status.Error(codes.Unknown, err.Error())
}

// faultsOf counts this call of rpc over the sandbox's life and gives the faults that it meets.
func (e *engine) faultsOf(ctx context.Context, rpc string) ([]sandboxspec.Fault, error) {
	mine := slices.Clone(e.faults)
	mine = slices.DeleteFunc(mine, func(f sandboxspec.Fault) bool { return f.RPC != rpc })
	if len(mine) == 0 {
		return nil, nil
	}
	var calls int
	err := e.topo.update(ctx, func(tx topoTx) error {
		return tx.QueryRow(`INSERT INTO fault_call (rpc, calls) VALUES (?, 1) ON CONFLICT (rpc) DO UPDATE SET calls = calls + 1 RETURNING calls`, rpc).Scan(&calls)
	})
	return slices.DeleteFunc(mine, func(f sandboxspec.Fault) bool { return f.Nth != 0 && f.Nth != calls }), err
}

func (c *callFaults) strike(ctx context.Context, at string) error {
	for _, f := range c.faults {
		if f.At != at {
			continue
		}
		if f.Latency > 0 {
			select {
			case <-ctx.Done():
				return status.FromContextError(ctx.Err()).Err()
			case <-time.After(f.Latency):
			}
		}
		if code, err := faultCode(f.Error); err == nil && code != codes.OK {
			return status.Errorf(code, "fault %q: %s fails on purpose (%s)", f.Name, c.rpc, at)
		}
	}
	return nil
}

// half is called by handlers where half of their work is done.
func half(ctx context.Context) error {
	call, ok := ctx.Value(faultsKey{}).(*callFaults)
	if !ok || call.struck {
		return nil
	}
	call.struck = true
	return call.strike(ctx, atDuring)
}
