package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var versionForm = regexp.MustCompile(`^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[-+].*)?$`)
var constraintForm = regexp.MustCompile(`^(=|!=|>=|<=|>|<|~>)?\s*(\S+)$`)

// parseVersion reads MAJOR.MINOR.PATCH; parts is how many of them are there. What follows a - or + does not count.
func parseVersion(text string) (v [3]int, parts int, ok bool) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return v, 0, false
	}
	for i, digits := range m[1:] {
		if digits == "" {
			break
		}
		v[i], _ = strconv.Atoi(digits)
		parts++
	}
	return v, parts, true
}

// satisfies reports whether version fulfils every part of a constraint like ">= 0.1, < 2". A version that is not a
// number (a build from source) fulfils all of them. problem says what is wrong with the constraint.
func satisfies(version, constraint string) (ok bool, problem string) {
	have, _, numbered := parseVersion(version)
	ok = true
	for part := range strings.SplitSeq(constraint, ",") {
		m := constraintForm.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return false, fmt.Sprintf("%q is no comparison with a version", strings.TrimSpace(part))
		}
		want, parts, valid := parseVersion(m[2])
		if !valid {
			return false, fmt.Sprintf("%q is no version", m[2])
		}
		ok = ok && fulfils(have, m[1], want, parts)
	}
	return ok || !numbered, ""
}

func fulfils(have [3]int, operator string, want [3]int, parts int) bool {
	c := slices.Compare(have[:], want[:])
	switch operator {
	case "!=":
		return c != 0
	case ">=":
		return c >= 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case "<":
		return c < 0
	case "~>": // the last part given may grow
		fixed := max(1, parts-1)
		return c >= 0 && slices.Equal(have[:fixed], want[:fixed])
	}
	return c == 0
}
