//go:build e2e

package e2e

import (
	"testing"
	"time"

	"shardform/internal/vitess"
)

// aheadOfTheCluster reads the keyspace's workflows by a clock that is ahead of the cluster's: it shows in the difference of
// the clocks, and not in the lag.
func (k *keyspace) aheadOfTheCluster(t *testing.T, ahead time.Duration) {
	t.Helper()
	now := func() time.Time { return time.Now().Add(ahead) }
	client, err := vitess.Dial(t.Context(), vitess.Config{Addresses: []string{k.vtctld}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	workflows, err := client.Workflows(t.Context(), k.name)
	if err != nil || len(workflows) == 0 {
		t.Fatalf("workflows: %+v, %v", workflows, err)
	}
	for i := range workflows {
		w := &workflows[i]
		lag, known := w.Lag(now())
		t.Logf("%s: clock %s, lag %s", w.Name, w.Clock.By, lag)
		if known && lag > 10*time.Second || (w.Clock.By-ahead).Abs() > time.Second {
			t.Errorf("%s by a clock that is %s ahead: it is found %s ahead, the lag is %s", w.Name, ahead, w.Clock.By, lag)
		}
	}
}
