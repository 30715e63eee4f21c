package vitess

import (
	"strings"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"

	vtworkerdatapb "shardform/internal/pb/vtworkerdatapb"
)

// eventCodec is gRPC's own but for the responses of the command streams: their texts may come from MySQL, the servers
// do not check that they are UTF-8, and a stream must not end for a character.
type eventCodec struct{ encoding.CodecV2 }

// Unmarshal implements encoding.CodecV2.
func (c eventCodec) Unmarshal(data mem.BufferSlice, v any) error {
	switch v := v.(type) {
	case *vtctldatapb.ExecuteVtctlCommandResponse:
		event, err := readEvent(data)
		v.Event = event
		return err
	case *vtworkerdatapb.ExecuteVtworkerCommandResponse:
		event, err := readEvent(data)
		v.Event = event
		return err
	}
	return c.CodecV2.Unmarshal(data, v)
}

// readEvent reads either response: on the wire both are the event in field 1.
func readEvent(data mem.BufferSlice) (*logutilpb.Event, error) {
	var response vtctldatapb.ExecuteVtctlCommandResponse
	if err := response.UnmarshalVT(data.Materialize()); err != nil { // unlike proto.Unmarshal it takes any bytes
		return nil, err
	}
	if e := response.Event; e != nil {
		e.File, e.Value = validText(e.File), validText(e.Value)
	}
	return response.Event, nil
}

func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
