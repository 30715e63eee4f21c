package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/tasks"
	"shardform/internal/tasks/legacyreshard"
)

// The blocks of a keyspace on a legacy cluster. What vtworker has nothing for is refused, never ignored.
var (
	legacyReshardSchema = &schema{what: "reshard block", blocks: []header{{kind: "copy"}, {kind: "verify"}, {kind: "switch"}, {kind: "retry"}},
		modern: []string{"cells", "tablet_types", "on_ddl", "defer_secondary_keys", "soak", "preflight", "finish"}}
	legacyCopySchema   = &schema{what: "copy block", attrs: []string{"config"}, modern: []string{"stall_after"}}
	legacyVerifySchema = &schema{what: "verify block", attrs: []string{"enabled"}, modern: []string{"max_age", "timeout", "samples", "count_rows", "accept_missing"}}
	legacySwitchSchema = &schema{what: "switch block", attrs: []string{"max_replication_lag", "approval"}, blocks: []header{{kind: "window"}},
		modern: []string{"lag_wait", "timeout", "reverse_replication"}}
)

// noCounterpart refuses a setting that a legacy cluster has nothing for.
func (c *complaints) noCounterpart(at hcl.Range, name string) {
	c.errorAt(at, name+" has no counterpart on a legacy cluster", "a Vitess with vtworker is resharded without workflows: it has no such setting", "remove it")
}

// legacyReshard reads the reshard block of a keyspace on a legacy cluster, which may be nil.
func (l *loader) legacyReshard(b *block) Reshard {
	r := defaultReshard()
	r.RemoveShards = false // HorizontalReshardingTask leaves them
	if b == nil {
		return r
	}
	l.read(b, legacyReshardSchema, func(nested *block) {
		switch nested.kind {
		case "copy":
			l.legacyCopy(nested, "SplitCloneTask", &r.CopyConfig)
		case "verify":
			l.boolean(l.read(nested, legacyVerifySchema, nil), "enabled", &r.Verify.Enabled)
		case "switch":
			l.legacySwitch(nested, &r.Switch)
		case "retry":
			l.retry(nested, &r.Retry)
		}
	})
	return r
}

func (l *loader) legacySwitch(b *block, s *Switch) {
	c := l.read(b, legacySwitchSchema, func(nested *block) { s.Window = l.window(nested) })
	l.duration(c, "max_replication_lag", true, &s.MaxReplicationLag)
	l.approval(c, &s.Approval)
	for _, step := range s.Approval {
		if legacyreshard.Guarded(step) == "" {
			l.errorAt(c.attrs["approval"].expr.Range(), fmt.Sprintf("step %q has no counterpart on a legacy cluster", step), "",
				"approvals can be asked for switch_rdonly, switch_replica and switch_primary")
		}
	}
}

// legacyCopy reads the options of the task that clones.
func (l *loader) legacyCopy(b *block, task string, dst *map[string]string) {
	c := l.read(b, legacyCopySchema, nil)
	l.textMap(c, "config", dst)
	spec, known := &tasks.Spec{}, false
	if l.opts.Tasks != nil {
		spec, known = l.opts.Tasks.Spec(task)
	}
	if !known {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(*dst)) {
		at := c.attrs["config"].expr.Range()
		if !slices.Contains(spec.OptionalParameters(), name) {
			l.errorAt(at, fmt.Sprintf("a clone has no option %q", name), "expected "+list(spec.OptionalParameters()), suggest(name, spec.OptionalParameters()))
			continue
		}
		p, _ := spec.Parameter(name)
		if _, err := (&tasks.Spec{Name: task, Parameters: []tasks.Parameter{p}}).Read(map[string]string{name: (*dst)[name]}); err != nil {
			l.errorAt(at, fmt.Sprintf("option %q of a clone is wrong", name), err.Error(), "")
		}
	}
}
