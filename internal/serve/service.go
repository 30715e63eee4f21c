package serve

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/apply"
	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/pb/automationservicepb"
)

// service answers for a Scheduler.
type service struct {
	automationservicepb.UnimplementedAutomationServer
	scheduler *apply.Scheduler
	pacer     pacer
}

func (s *service) EnqueueClusterOperation(ctx context.Context, req *automationpb.EnqueueClusterOperationRequest) (*automationpb.EnqueueClusterOperationResponse, error) {
	return answer(s.scheduler.EnqueueClusterOperation(ctx, req))
}

func (s *service) GetClusterOperationState(ctx context.Context, req *automationpb.GetClusterOperationStateRequest) (*automationpb.GetClusterOperationStateResponse, error) {
	return answer(s.scheduler.GetClusterOperationState(ctx, req))
}

func (s *service) ListClusterOperations(ctx context.Context, req *automationpb.ListClusterOperationsRequest) (*automationpb.ListClusterOperationsResponse, error) {
	return answer(s.scheduler.ListClusterOperations(ctx, req))
}

// GetClusterOperationDetails answers with a message that is encoded already: taking one of 10,000 tasks apart and putting
// it together again for each of many clients would cost more than running them. On the wire it is the same.
func (s *service) GetClusterOperationDetails(ctx context.Context, req *automationpb.GetClusterOperationDetailsRequest) (*automationpb.GetClusterOperationDetailsResponse, error) {
	encoded, err := s.scheduler.EncodedDetails(ctx, req.Id)
	if err == nil && s.scheduler.Busy() && len(encoded) > unpaced {
		if err = s.pacer.wait(ctx, len(encoded)); err == nil {
			encoded, err = s.scheduler.EncodedDetails(ctx, req.Id) // it went on meanwhile
		}
	}
	if err != nil {
		return nil, coded(err)
	}
	response := &automationpb.GetClusterOperationDetailsResponse{}
	response.ProtoReflect().SetUnknown(encoded)
	return response, nil
}

func answer[T any](response T, err error) (T, error) { return response, coded(err) }

// coded gives an error its gRPC code. The text of a refused request stays as it is, since clients know it.
func coded(err error) error {
	var request *apply.RequestError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &request):
		return status.Error(codeOf(request.Reason), sendable(err))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	case diag.IsTemporary(err):
		return status.Error(codes.Unavailable, sendable(err))
	}
	return status.Error(codes.Internal, sendable(err))
}

// maxText is how long the text of an error may be in bytes. It travels in headers, and may quote what came in.
const maxText = 4096

func sendable(err error) string {
	text := err.Error()
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func codeOf(reason apply.Reason) codes.Code {
	switch reason {
	case apply.NotRunning:
		return codes.Unavailable
	case apply.UnknownOperation, apply.UnknownID:
		return codes.NotFound
	case apply.Unimplemented:
		return codes.Unimplemented
	case apply.BadParameters:
		return codes.InvalidArgument
	case apply.Unfit:
		return codes.FailedPrecondition
	}
	return codes.Unknown
}

// guard refuses requests that could not be read, and turns a panic into the error of the one request that met it.
func guard(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Error(codes.Internal, fmt.Sprintf("answering %s: panic: %v; this is a bug of shardform\n%s", info.FullMethod, p, debug.Stack()))
		}
	}()
	if err := readable(req); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}
