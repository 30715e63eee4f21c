package apply

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/state"
)

// GetClusterOperationDetails gives a copy of an operation, active or finished, as it was at its last checkpoint.
func (s *Scheduler) GetClusterOperationDetails(ctx context.Context, req *automationpb.GetClusterOperationDetailsRequest) (*automationpb.GetClusterOperationDetailsResponse, error) {
	text, err := s.EncodedDetails(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	response := &automationpb.GetClusterOperationDetailsResponse{}
	if err := proto.Unmarshal(text, response); err != nil {
		return nil, fmt.Errorf("reading the details of operation %s: %w", req.GetId(), err)
	}
	return response, nil
}

// EncodedDetails is the same response encoded, for those who only send it on: they share the bytes and must not change
// them.
func (s *Scheduler) EncodedDetails(ctx context.Context, id string) ([]byte, error) {
	if l := s.shown(id); l != nil {
		return l.message(), nil
	}
	header, err := s.header(ctx, id)
	if err != nil {
		return nil, err
	}
	if text, ok := s.answers.find(header); ok {
		return text, nil
	}
	s.answers.reading.Lock()
	defer s.answers.reading.Unlock()
	if text, ok := s.answers.find(header); ok { // somebody was faster
		return text, nil
	}
	if l := s.shown(id); l != nil {
		return l.message(), nil
	}
	var containers []state.Container
	err = s.store.View(ctx, func(r state.Reader) (err error) {
		if header, _, err = r.Operation(header.ID); err != nil {
			return err
		}
		containers, err = r.Containers(header.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	text, err := proto.Marshal(&automationpb.GetClusterOperationDetailsResponse{ClusterOp: state.ClusterOperation(header, containers)})
	if err != nil {
		return nil, fmt.Errorf("sending the details of operation %s: %w", id, err)
	}
	s.answers.put(header, text)
	return text, nil
}

// GetClusterOperationState gives the state of an operation alone.
func (s *Scheduler) GetClusterOperationState(ctx context.Context, req *automationpb.GetClusterOperationStateRequest) (*automationpb.GetClusterOperationStateResponse, error) {
	if l := s.shown(req.GetId()); l != nil {
		return &automationpb.GetClusterOperationStateResponse{State: l.state()}, nil
	}
	header, err := s.header(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	return &automationpb.GetClusterOperationStateResponse{State: header.State}, nil
}

// listPage is how many operations a page of the list has at most.
const listPage = 1000

// ListClusterOperations gives a page of the operations that the state has, those of an apply too, in the order in which
// they came.
func (s *Scheduler) ListClusterOperations(ctx context.Context, req *automationpb.ListClusterOperationsRequest) (*automationpb.ListClusterOperationsResponse, error) {
	after := uint64(0)
	if req.GetAfter() != "" {
		var err error
		if after, err = strconv.ParseUint(req.After, 10, 64); err != nil {
			return nil, unknownID(req.After)
		}
	}
	page := &automationpb.ListClusterOperationsResponse{}
	err := s.store.View(ctx, func(r state.Reader) error {
		for id := after + 1; len(page.Operations) < listPage; id++ {
			op, ok, err := r.Operation(state.OperationID(strconv.FormatUint(id, 10)))
			if err != nil || !ok {
				return err
			}
			page.Operations = append(page.Operations, state.OperationSummary(op))
		}
		return nil
	})
	return page, err
}

// header reads an operation's header.
func (s *Scheduler) header(ctx context.Context, id string) (op state.Operation, err error) {
	err = s.store.View(ctx, func(r state.Reader) error {
		found, ok, err := r.Operation(state.OperationID(id))
		if err == nil && !ok {
			err = unknownID(id)
		}
		op = found
		return err
	})
	return op, err
}

// show makes an operation the one that is answered for from memory; nil ends that.
func (s *Scheduler) show(l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = l
}

// shown is the operation with this id if it runs here.
func (s *Scheduler) shown(id string) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil || string(s.live.id) != id {
		return nil
	}
	return s.live
}

// Busy reports whether an operation runs.
func (s *Scheduler) Busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live != nil
}
