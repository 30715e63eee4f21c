package apply

import (
	"testing"

	"go.uber.org/goleak"
)

// glog comes with Vitess's parser of SQL and starts its goroutine when the program does.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
}
