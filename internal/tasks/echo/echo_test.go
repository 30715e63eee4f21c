package echo_test

import (
	"testing"

	"shardform/internal/tasks"
	"shardform/internal/tasks/echo"
)

func TestOutputsTheTextAsGiven(t *testing.T) {
	registry := tasks.NewRegistry(echo.Definition())
	task, err := registry.NewTask("echo", &tasks.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"hello", "", "two\nlines\n", "ünïcode"} {
		containers, output, err := task.Run(t.Context(), map[string]string{"text": text})
		if err != nil || output != text || containers != nil {
			t.Errorf("Run(%q) = %v, %q, %v", text, containers, output, err)
		}
	}
}

func TestWithoutATextIsRefused(t *testing.T) {
	task := echo.Definition().New(&tasks.Env{})
	if err := tasks.CheckParameters(task, nil); err == nil || err.Error() != "required parameters are missing: [text]" {
		t.Errorf("CheckParameters = %v", err)
	}
	if _, _, err := task.Run(t.Context(), nil); err == nil {
		t.Error("Run without a text succeeded")
	}
}
