package keyrange_test

import (
	"strings"
	"testing"

	"shardform/internal/keyrange"
)

// What the types are is held to Vitess itself in internal/sandbox.
func TestAnUnknownVindexTypeNamesTheOneThatWasMeant(t *testing.T) {
	for name, want := range map[string]string{
		"md5":          `there is no vindex type "md5"; did you mean "binary_md5"?`,
		"haash":        `did you mean "hash"?`,
		"xxHash":       `did you mean "xxhash"?`,
		"lookupunique": `did you mean "lookup_unique"?`,
		"loose_xxhash": `did you mean "unicode_loose_xxhash"?`,
		"zzzzzzzzzzzz": `there are binary, binary_md5, cfc,`,
		"":             `there are binary, `,
	} {
		_, err := keyrange.FindVindexType(name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
	if v, err := keyrange.FindVindexType("lookup_unique"); err != nil || v.Functional() || v.Computed() {
		t.Errorf("%+v, %v", v, err)
	}
}
