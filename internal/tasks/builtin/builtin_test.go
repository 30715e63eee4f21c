package builtin_test

import (
	"strings"
	"testing"

	"shardform/internal/tasks"
	"shardform/internal/tasks/builtin"
)

func TestEveryTaskIsDocumentedAndMade(t *testing.T) {
	registry := builtin.Registry()
	for _, spec := range registry.Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			task, err := registry.NewTask(spec.Name, &tasks.Env{})
			if err != nil {
				t.Fatal(err)
			}
			if spec.Summary == "" || spec.Doc == "" || strings.HasSuffix(spec.Summary, ".") {
				t.Errorf("summary %q, doc %q", spec.Summary, spec.Doc)
			}
			for _, p := range spec.Parameters {
				if p.Doc == "" || p.Kind == "" || p.Required && p.Default != "" {
					t.Errorf("parameter %+v", p)
				}
			}
			if _, ok := task.(tasks.Describer); !ok {
				t.Error("does not describe itself")
			}
			if spec.Internal {
				for _, line := range strings.Split(spec.Doc, "\n") {
					if strings.HasPrefix(line, "If it dies halfway") || strings.HasPrefix(line, "Read-only") {
						return
					}
				}
				t.Errorf("does not say what happens if it dies halfway: %s", spec.Doc)
			}
		})
	}
}

func TestTasksOfPlanFilesAreTellingFromInternalOnes(t *testing.T) {
	for name, internal := range map[string]bool{"echo": false, "shell": false, "reshard_create": true, "shard_delete": true, "vschema_apply": true} {
		spec, ok := builtin.Registry().Spec(name)
		if !ok || spec.Internal != internal {
			t.Errorf("%s: found %v, %+v", name, ok, spec)
		}
	}
}
