package sandbox

import "context"

type runner struct{}
type vdiffRun struct{}

func (e *engine) startStreams(context.Context) error { return nil }
func (e *engine) startVDiffs(context.Context) error  { return nil }
