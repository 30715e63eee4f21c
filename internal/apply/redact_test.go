package apply

import "testing"

func TestSecretsAreHiddenHoweverTheyAreShown(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n  hkiG9w0BAQEFAASC\r\nab\n-----END KEY-----\n"
	r := newRedactor([]string{key, `{"TOKEN":"tok en1\nsecond line"}`, `["one","a long one"]`, "abc"})
	for text, want := range map[string]string{
		"key: " + key:                "key: (sensitive)",
		"MIIEvQIBADANBgkq":           "(sensitive)",
		"> hkiG9w0BAQEFAASC":         "> (sensitive)",
		"second line, please":        "(sensitive), please",
		"tok en1":                    "(sensitive)",
		"it has a long one":          "it has (sensitive)",
		"abc and one and ab":         "abc and one and ab", // too short to hide: half of everything would go
		"nothing secret\nis in here": "nothing secret\nis in here",
	} {
		if got := r.text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
