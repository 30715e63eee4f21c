package redact_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shardform/internal/diag"
	"shardform/internal/redact"
)

func TestSecretsAreHiddenWhereverTheyStand(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n  hkiG9w0BAQEFAASC\r\nab\n-----END KEY-----\n"
	r := redact.Of(key, "tok en1\n", `qu"o<te\d/`, "abc", "abcdefgh", "efghijkl")
	for text, want := range map[string]string{
		"key: " + key:                "key: (sensitive)",
		"MIIEvQIBADANBgkq":           "(sensitive)",
		"> hkiG9w0BAQEFAASC":         "> (sensitive)",
		"--password=tok en1;":        "--password=(sensitive);",
		"tok+en1 tok%20en1":          "(sensitive) (sensitive)",
		`qu\"o<te\\d/`:               "(sensitive)",
		`{"a":"qu\"o\u003cte\\d/"}`:  `{"a":"(sensitive)"}`,
		"an abcdefghijkl":            "an (sensitive)", // two that overlap
		"abcdefghabcdefgh":           "(sensitive)(sensitive)",
		"abc and ab":                 "abc and ab", // too short to hide: half of everything would go
		"nothing secret\nis in here": "nothing secret\nis in here",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestWhatWasPublishedIsShown(t *testing.T) {
	var s redact.Set
	s.Publish("staging")
	s.Add("staging")
	s.Add("staging-token")
	if got := s.Redactor().Text("staging and staging-token"); got != "staging and (sensitive)" {
		t.Error(got)
	}
}

// However a stream is cut into pieces, what is shown of it is the same, and no secret is in it.
func TestAStreamIsHiddenAsAWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.SampledFrom([]rune("ab\n")), 4, 9, -1)
		secrets := rapid.SliceOfN(letters, 1, 3).Draw(t, "secrets")
		r := redact.Of(secrets...)
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(secrets), letters), 0, 8).Draw(t, "text"), "")
		stream, shown := r.Stream(), ""
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			shown += string(stream.Next([]byte(rest[:n]), false))
			rest = rest[n:]
		}
		shown += string(stream.Next(nil, true))
		if whole := r.Text(text); shown != whole {
			t.Fatalf("in pieces %q, at once %q", shown, whole)
		}
		for _, part := range strings.Split(shown, redact.Hidden) {
			for _, secret := range secrets {
				if strings.Contains(part, secret) {
					t.Fatalf("%q is in %q", secret, shown)
				}
			}
		}
	})
}

func TestErrorsLoseSecretsAndKeepTheRest(t *testing.T) {
	kept := errors.New("kept")
	r := redact.Of("hunter22")
	plain := &diag.Diagnostic{Severity: diag.Error, Summary: "plain", Cause: kept}
	if got := r.Err(plain); got != error(plain) {
		t.Errorf("%v was changed", got)
	}
	holding := &diag.Diagnostic{Severity: diag.Error, Summary: "x", Exit: diag.ExitRefused, Cause: fmt.Errorf("hunter22: %w", kept)}
	got := r.Err(holding, kept)
	if errors.Unwrap(got) != kept || diag.ExitOf(got) != diag.ExitRefused {
		t.Errorf("%#v", got)
	}
	if got := r.Err(errors.New("it is hunter22")); got.Error() != "it is (sensitive)" {
		t.Error(got)
	}
}
