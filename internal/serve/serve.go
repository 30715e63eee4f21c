// Package serve is the Automation gRPC service: the door to the engine that clients of the Vitess automation package
// knock at. It takes requests, asks the Scheduler of internal/apply and turns what that says into answers and gRPC codes.
// It runs nothing, decides nothing about operations and knows neither plan files nor clusters. It has the client too.
package serve

import (
	"context"
	"errors"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"shardform/internal/apply"
	"shardform/internal/parallel"
	"shardform/internal/pb/automationservicepb"
)

const (
	// maxRequest is the largest request in bytes: an operation comes with some names, not with data.
	maxRequest = 1 << 20
	// maxStreams is how many requests of one connection may be under way.
	maxStreams = 1000
	// goodbye is how long answers that are under way may take once the server ends.
	goodbye = 5 * time.Second
)

// Server serves the operations of one Scheduler.
type Server struct {
	scheduler *apply.Scheduler
	grpc      *grpc.Server
	health    *health.Server
}

// New makes a server of a Scheduler that runs. The error is about the files of tls; nil is plain text.
func New(scheduler *apply.Scheduler, tls *TLS) (*Server, error) {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxRequest), grpc.MaxConcurrentStreams(maxStreams), grpc.UnaryInterceptor(guard), grpc.ForceServerCodecV2(newCodec()),
		// A client that is gone without a word is found within two minutes, and one may ask every ten seconds whether we are.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: time.Minute}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}
	if tls != nil {
		credentials, err := tls.credentials()
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.Creds(credentials))
	}
	s := &Server{scheduler: scheduler, grpc: grpc.NewServer(options...), health: health.NewServer()}
	automationservicepb.RegisterAutomationServer(s.grpc, &service{scheduler: scheduler})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	s.health.SetServingStatus(automationservicepb.Automation_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	reflection.Register(s.grpc)
	return s, nil
}

// Serve answers on l until stop is closed or the Scheduler has ended. What runs is let come to its safe point first, and
// questions are answered until then; requests for more are refused. Ending ctx hurries the Scheduler, not Serve. The error
// is of the listener, or what the Scheduler ended for by itself.
func (s *Server) Serve(l net.Listener, stop <-chan struct{}) error {
	serving := parallel.Start(func() error { return s.grpc.Serve(l) })
	select {
	case <-serving.Done():
		s.grpc.Stop()
		return serving.Wait()
	case <-stop:
	case <-s.scheduler.Done():
	}
	s.health.Shutdown()
	<-s.scheduler.Done()
	stopErr := s.stop()
	err := serving.Wait()
	if errors.Is(err, grpc.ErrServerStopped) {
		err = nil
	}
	return errors.Join(s.scheduler.Err(), err, stopErr)
}

// stop ends the connections, those in the middle of an answer a little later.
func (s *Server) stop() error {
	stopping := parallel.Start(func() error {
		s.grpc.GracefulStop()
		return nil
	})
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-stopping.Done():
	case <-timer.C:
		s.grpc.Stop()
	}
	return stopping.Wait()
}

// Listen opens the address, if it may be listened on like that.
func Listen(ctx context.Context, address string, tls *TLS, insecure bool) (net.Listener, error) {
	if err := allowed(ctx, address, tls, insecure); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, unlistenable(address, err)
	}
	return l, nil
}
