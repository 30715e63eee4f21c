package reshard

import (
	"testing"
	"time"

	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// remembering is a cluster that knows what was read of it a moment ago.
type remembering struct {
	*fakeCluster
	t      *testing.T
	acting string // the task whose Run is under way
	asked  int
}

func (c *remembering) Recent(keyspace string, _ time.Duration) *vitess.Snapshot {
	if c.acting != "" {
		c.t.Errorf("%s acts upon what was read before", c.acting)
	}
	c.asked++
	s, err := c.Snapshot(c.t.Context(), keyspace)
	if err != nil {
		return nil
	}
	return s
}

func TestOnlyObservingUsesWhatWasReadBefore(t *testing.T) {
	r := newRig(t, "-:-80,80-")
	c := &remembering{fakeCluster: r.fakeCluster, t: t}
	r.env.Cluster = func(string) (vitess.Cluster, error) { return c, nil }
	observed := 0
	for _, step := range r.steps() {
		for _, planned := range step.Tasks {
			task, parameters := r.make(planned.Label)
			observe := func() tasks.Observation {
				o, err := task.(tasks.Observer).Observe(t.Context(), parameters, tasks.Record{})
				if err != nil {
					t.Fatalf("observing %s: %v", planned.Label, err)
				}
				observed++
				return o
			}
			if observe().State == tasks.Done {
				continue
			}
			c.acting = planned.Label
			if _, _, err := task.Run(t.Context(), parameters); err != nil {
				t.Fatalf("running %s: %v", planned.Label, err)
			}
			c.acting = ""
			if o := observe(); o.State != tasks.Done {
				t.Errorf("behind its Run %s is observed %s: %s", planned.Label, o.State, o.Detail)
			}
		}
	}
	if c.asked != observed {
		t.Errorf("%d of %d observations asked for what was read before", c.asked, observed)
	}
}
