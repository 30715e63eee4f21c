package reshard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shardform/internal/keyrange"
	"shardform/internal/tasks"
)

// segmentOf reads "-:-80,80-".
func segmentOf(t *testing.T, text string) keyrange.Segment {
	t.Helper()
	from, to, _ := strings.Cut(text, ":")
	sources, err := layout(from)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := layout(to)
	if err != nil {
		t.Fatal(err)
	}
	return keyrange.Segment{Sources: sources, Targets: targets}
}

func request(t *testing.T, segment string) Request {
	return Request{
		Cluster: "main", Keyspace: "customer", Segment: segmentOf(t, segment), Workflow: "sf_1a2b3c4d", First: true, Last: true, Sharded: true,
		Settings: Settings{
			Cells: []string{"zone1", "zone2"}, TabletTypes: []string{"REPLICA", "PRIMARY"}, OnDDL: "STOP", DeferSecondaryKeys: true,
			PreflightWait: 30 * time.Minute, StallAfter: 10 * time.Minute, CopyConfig: map[string]string{"vreplication_copy_phase_duration": "2h"},
			VerifyEnabled: true, VerifyMaxAge: 24 * time.Hour, VerifyTimeout: 12 * time.Hour, VerifySamples: 10,
			MaxReplicationLag: 30 * time.Second, LagWait: 10 * time.Minute, SwitchTimeout: 30 * time.Second, ReverseReplication: true, RemoveShards: true,
		},
	}
}

// labels are the addresses below the operation, in order.
func labels(steps []Step) []string {
	var list []string
	for _, step := range steps {
		for _, task := range step.Tasks {
			list = append(list, step.Name+"/"+task.Label)
		}
	}
	return list
}

func TestForwardLaysOutTheStepsInOrder(t *testing.T) {
	head := []string{"preflight/preflight", "create/create", "copy/copy", "verify/verify", "switch_rdonly/switch_rdonly", "switch_replica/switch_replica", "switch_primary/switch_primary", "finish/complete"}
	for name, c := range map[string]struct {
		segment string
		edit    func(*Request)
		want    []string
	}{
		"split":              {"-:-80,80-", func(*Request) {}, append(slices.Clone(head), "finish/delete_shard:-", "confirm/confirm")},
		"merge":              {"-80,80-:-", func(*Request) {}, append(slices.Clone(head), "finish/delete_shard:-80", "finish/delete_shard:80-", "confirm/confirm")},
		"source shards stay": {"-:-80,80-", func(r *Request) { r.Settings.RemoveShards = false }, append(slices.Clone(head), "confirm/confirm")},
		"no verify": {"-:-80,80-", func(r *Request) { r.Settings.VerifyEnabled = false },
			append(slices.Concat(head[:3], head[4:]), "finish/delete_shard:-", "confirm/confirm")},
		"sharded vschema before create": {"-:-80,80-", func(r *Request) { r.VSchema, r.VSchemaBefore = "{new}", "{old}" },
			append(slices.Concat(head[:1], []string{"vschema/vschema"}, head[1:]), "finish/delete_shard:-", "confirm/confirm")},
		"sharded vschema once only": {"-:-80,80-", func(r *Request) { r.VSchema, r.First = "{new}", false }, append(slices.Clone(head), "finish/delete_shard:-", "confirm/confirm")},
		"unsharded vschema at the end": {"-80,80-:-", func(r *Request) { r.VSchema, r.VSchemaBefore, r.Sharded = "{new}", "{old}", false },
			append(slices.Clone(head), "finish/delete_shard:-80", "finish/delete_shard:80-", "vschema/vschema", "confirm/confirm")},
		"unsharded vschema only behind the last": {"-80,80-:-", func(r *Request) { r.VSchema, r.Sharded, r.Last = "{new}", false, false },
			append(slices.Clone(head), "finish/delete_shard:-80", "finish/delete_shard:80-", "confirm/confirm")},
		"equal vschema": {"-:-80,80-", func(r *Request) { r.VSchema, r.VSchemaBefore = "{same}", "{same}" }, append(slices.Clone(head), "finish/delete_shard:-", "confirm/confirm")},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, c.segment)
			c.edit(&r)
			if diff := cmp.Diff(c.want, labels(Forward(r))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryTaskOfForwardTakesItsParameters(t *testing.T) {
	registry := tasks.NewRegistry(Definitions()...)
	for _, edit := range []func(*Request){
		func(*Request) {},
		func(r *Request) { r.VSchema, r.VSchemaBefore = `{"sharded":true}`, "" },
		func(r *Request) { r.Settings = Settings{OnDDL: "STOP", VerifyEnabled: true} },
	} {
		r := request(t, "-80,80-:-40,40-c0,c0-")
		edit(&r)
		for _, step := range Forward(r) {
			for _, planned := range step.Tasks {
				task, err := registry.NewTask(planned.Name, &tasks.Env{})
				if err != nil {
					t.Fatal(err)
				}
				if err := tasks.CheckParameters(task, planned.Parameters); err != nil {
					t.Errorf("%s: %v", planned.Label, err)
				}
				spec, _ := registry.Spec(planned.Name)
				if _, err := spec.Read(planned.Parameters); err != nil {
					t.Errorf("%s: %v", planned.Label, err)
				}
				if commands := task.(tasks.Commander).Commands(t.Context(), planned.Parameters); len(commands) == 0 {
					t.Errorf("%s has no commands", planned.Label)
				}
				if text := task.(tasks.Describer).Describe(planned.Parameters); text == "" || strings.Contains(text, "\n") {
					t.Errorf("%s describes itself as %q", planned.Label, text)
				}
			}
		}
	}
}

func TestForwardSaysWhereThereIsNoWayBack(t *testing.T) {
	stepsWith := func(edit func(*Settings)) map[string]Step {
		r := request(t, "-:-80,80-")
		edit(&r.Settings)
		byName := map[string]Step{}
		for _, step := range Forward(r) {
			if step.WayBack == "" || step.Summary == "" {
				t.Errorf("%s: way back %q, summary %q", step.Name, step.WayBack, step.Summary)
			}
			byName[step.Name] = step
		}
		return byName
	}
	points := func(steps map[string]Step) (names []string) {
		for name, step := range steps {
			if step.PointOfNoReturn {
				names = append(names, name)
			}
		}
		return names
	}

	steps := stepsWith(func(*Settings) {})
	if got := points(steps); !slices.Equal(got, []string{"finish"}) {
		t.Errorf("points of no return %q, want finish", got)
	}
	steps = stepsWith(func(s *Settings) { s.ReverseReplication = false })
	if got := points(steps); !slices.Equal(got, []string{"switch_primary"}) {
		t.Errorf("points of no return %q, want switch_primary", got)
	}
	if notes := strings.Join(steps["switch_primary"].Notes, "\n"); !strings.Contains(notes, "no way back after switch_primary") {
		t.Errorf("notes %q", notes)
	}
	steps = stepsWith(func(s *Settings) { s.VerifyEnabled = false })
	if notes := strings.Join(steps["switch_primary"].Notes, "\n"); !strings.Contains(notes, "verify is disabled") {
		t.Errorf("notes %q", notes)
	}
	if got := steps["switch_primary"].Tasks[0].Parameters["verify"]; got != "false" {
		t.Errorf("verify = %q", got)
	}
	steps = stepsWith(func(s *Settings) { s.RemoveShards = false })
	if notes := strings.Join(steps["finish"].Notes, "\n"); !strings.Contains(notes, "remove_shards = false: - stays") {
		t.Errorf("notes %q", notes)
	}
}

func TestDeletingShardsCountsAsDestroying(t *testing.T) {
	destroys := 0
	for _, step := range Forward(request(t, "-40,40-80:-80")) {
		for _, task := range step.Tasks {
			destroys += task.Destroys
		}
	}
	if destroys != 2 {
		t.Errorf("destroys %d shards, want 2", destroys)
	}
}
