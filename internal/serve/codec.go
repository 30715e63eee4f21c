package serve

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	automationpb "shardform/internal/pb/automationpb"
)

// unreadable is the number of a field that no message has: in it goes why a request could not be read. gRPC would answer
// such a request itself, as an internal error of the server; it is the client's mistake.
const unreadable protowire.Number = 1<<29 - 1

// codec is gRPC's own, but for requests of the service that are no messages, which it passes on to be answered.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	err := c.CodecV2.Unmarshal(data, v)
	m, ok := v.(protoreflect.ProtoMessage)
	if err == nil || !ok || m.ProtoReflect().Descriptor().ParentFile() != automationpb.File_automation_proto {
		return err
	}
	m.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, unreadable, protowire.BytesType), err.Error()))
	return nil
}

// readable is the error of a request that could not be read.
func readable(request any) error {
	m, ok := request.(protoreflect.ProtoMessage)
	if !ok {
		return nil
	}
	field, kind, n := protowire.ConsumeTag(m.ProtoReflect().GetUnknown())
	if n < 0 || field != unreadable || kind != protowire.BytesType {
		return nil
	}
	why, _ := protowire.ConsumeString(m.ProtoReflect().GetUnknown()[n:])
	return status.Error(codes.InvalidArgument, "the request cannot be read: "+why)
}
