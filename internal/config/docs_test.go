package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The reference names every block, argument and function there is, and its examples are valid and formatted.
func TestReferenceIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/plan-files.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(string(text), -1) {
		for _, word := range regexp.MustCompile(`[a-z0-9_]+`).FindAllString(code, -1) {
			words[word] = true
		}
	}
	schemas := []*schema{fileSchema, settingsSchema, stateSchema, variableSchema, validationSchema, outputSchema, clusterSchema, tlsSchema, authSchema, legacySchema,
		legacyReshardSchema, legacyCopySchema, legacyVerifySchema, legacySwitchSchema, moveTablesSchema,
		sandboxSchema, sandboxKeyspaceSchema, loadSchema, generateSchema, faultSchema, keyspaceSchema, reshardSchema, preflightSchema, copySchema,
		verifySchema, switchSchema, windowSchema, finishSchema, retrySchema, operationSchema, containerSchema, taskSchema}
	for _, s := range schemas {
		for _, name := range slices.Concat(s.attrs, s.blockKinds()) {
			if !words[name] {
				t.Errorf("%s of a %s is not in the reference", name, s.what)
			}
		}
	}
	for name := range functions(".", nil) {
		if !words[name] {
			t.Errorf("function %s is not in the reference", name)
		}
	}
	examples := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) == 0 {
		t.Error("no examples")
	}
	for _, example := range examples {
		formatted, diags := Format([]byte(example[1]), "plan-files.md")
		if len(diags) > 0 || strings.TrimSpace(string(formatted)) != strings.TrimSpace(example[1]) {
			t.Errorf("%v\n%s", diags, formatted)
		}
	}
}
