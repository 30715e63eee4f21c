package vtctld

import (
	"context"

	"vitess.io/vitess/go/vt/grpcclient"
	querypb "vitess.io/vitess/go/vt/proto/query"
	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	"vitess.io/vitess/go/vt/vttablet/queryservice"
	"vitess.io/vitess/go/vt/vttablet/tabletconn"
)

// The choice of a tablet to stream from asks each one how it is, by a connection that no caller can give it.
func init() {
	tabletconn.RegisterDialer("grpc", func(context.Context, *topodatapb.Tablet, grpcclient.FailFast) (queryservice.QueryService, error) {
		return healthy{}, nil
	})
}

// healthy is a tablet that serves; nothing else is asked of it. It is the same for all sandboxes of a process.
type healthy struct{ queryservice.QueryService }

// StreamHealth implements queryservice.QueryService.
func (healthy) StreamHealth(_ context.Context, callback func(*querypb.StreamHealthResponse) error) error {
	return callback(&querypb.StreamHealthResponse{Serving: true, RealtimeStats: &querypb.RealtimeStats{}})
}

// Close implements queryservice.QueryService.
func (healthy) Close(context.Context) error { return nil }
