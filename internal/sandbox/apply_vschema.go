package sandbox

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// ApplyVSchema refuses a vschema by which the sandbox cannot place rows; otherwise it is vtctld's.
func (e *engine) ApplyVSchema(ctx context.Context, req *vtctldatapb.ApplyVSchemaRequest) (*vtctldatapb.ApplyVSchemaResponse, error) {
	if err := errors.Join(unplaced(req.VSchema, true)...); err != nil {
		return nil, unsupported(err.Error())
	}
	return e.VtctldServer.ApplyVSchema(ctx, req)
}

// unsupported is the answer to a call, or a form of one, that a sandbox does not know.
func unsupported(what string) error {
	return status.Errorf(codes.Unimplemented, "the sandbox does not implement %s", what)
}
