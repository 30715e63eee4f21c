package conformance

import (
	"slices"
	"testing"
)

// A mistake in the table would otherwise show only in a run against a cluster.
func TestTheTableIsInOrder(t *testing.T) {
	var names []string
	for _, s := range Situations() {
		if slices.Contains(names, s.Name) {
			t.Errorf("two situations are called %q", s.Name)
		}
		names = append(names, s.Name)
		if len(s.Base.Sources) == 0 || len(s.Base.Targets) == 0 {
			t.Errorf("%s: the base is %v", s.Name, s.Base)
		}
		for i, step := range s.Steps {
			switch {
			case (step.Call == nil) == (step.SQL == ""):
				t.Errorf("%s, step %d is not just one of a call and SQL", s.Name, i+1)
			case step.Call == nil && (step.On == "" || step.After != State{}):
				t.Errorf("%s, step %d, SQL: on shard %q, afterwards %+v", s.Name, i+1, step.On, step.After)
			case step.Call == nil:
			case step.Err != "" && step.Answer != "":
				t.Errorf("%s, step %d has an answer and an error", s.Name, i+1)
			default:
				if _, err := methodOf(step.Call); err != nil {
					t.Errorf("%s, step %d: %v", s.Name, i+1, err)
				}
			}
		}
	}
}

func TestBasesHaveEveryRowOnce(t *testing.T) {
	for _, base := range []Base{split(), merge()} {
		rows, err := base.Rows()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != len(base.Sources) {
			t.Errorf("rows of %d shards for %v", len(rows), base.Sources)
		}
		for shard, statements := range rows {
			if len(statements) != 2 {
				t.Errorf("shard %s is filled by %d statements, want one a table", shard, len(statements))
			}
		}
	}
}
