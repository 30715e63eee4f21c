package conformance

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	topodatapb "vitess.io/vitess/go/vt/proto/topodata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

// methodOf is the method of the vtctld service that takes the request.
func methodOf(request proto.Message) (protoreflect.MethodDescriptor, error) {
	service := vtctlservicepb.File_vtctlservice_proto.Services().ByName("Vtctld")
	name := request.ProtoReflect().Descriptor().FullName()
	method := service.Methods().ByName(protoreflect.Name(strings.TrimSuffix(string(name.Name()), "Request")))
	if method == nil || method.Input().FullName() != name {
		return nil, fmt.Errorf("no method of %s takes a %s", service.FullName(), name)
	}
	return method, nil
}

// send makes the call that a request is for.
func send(ctx context.Context, conn grpc.ClientConnInterface, request proto.Message) (proto.Message, error) {
	method, err := methodOf(request)
	if err != nil {
		return nil, err
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	if err != nil {
		return nil, err
	}
	response := kind.New().Interface()
	path := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	return response, conn.Invoke(ctx, path, request, response)
}

// addressed is the request with the tablet that it is about; as it is, where it wants none.
func addressed(request proto.Message, tablet *topodatapb.TabletAlias) (proto.Message, error) {
	if tablet == nil {
		return request, nil
	}
	request = proto.Clone(request)
	for _, name := range []protoreflect.Name{"tablet_alias", "tablet_aliases"} {
		field := request.ProtoReflect().Descriptor().Fields().ByName(name)
		switch {
		case field == nil:
		case field.IsList():
			request.ProtoReflect().Mutable(field).List().Append(protoreflect.ValueOfMessage(tablet.ProtoReflect()))
			return request, nil
		default:
			request.ProtoReflect().Set(field, protoreflect.ValueOfMessage(tablet.ProtoReflect()))
			return request, nil
		}
	}
	return nil, fmt.Errorf("a %s is about no tablet", request.ProtoReflect().Descriptor().Name())
}
