package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// openingsOf are the first openings of an expression behind a moment, in UTC.
func openingsOf(t *testing.T, opens, from string, n int) []string {
	t.Helper()
	w := window(t, opens, time.Minute, "UTC", 0)
	now := moment(t, from)
	var found []string
	for range n {
		now = w.Next(now)
		found = append(found, now.Format("2006-01-02 15:04 Mon"))
	}
	return found
}

func TestExpressionsOpenWhenCronWouldRun(t *testing.T) {
	for opens, want := range map[string][]string{
		"0 9 * * MON-THU":    {"2026-11-23 09:00 Mon", "2026-11-24 09:00 Tue", "2026-11-25 09:00 Wed", "2026-11-26 09:00 Thu", "2026-11-30 09:00 Mon"},
		"0 22 * * fri-sun":   {"2026-11-22 22:00 Sun", "2026-11-27 22:00 Fri", "2026-11-28 22:00 Sat"},
		"0 22 * * SUN-TUE":   {"2026-11-22 22:00 Sun", "2026-11-23 22:00 Mon", "2026-11-24 22:00 Tue", "2026-11-29 22:00 Sun"},
		"0 22 * * 7":         {"2026-11-22 22:00 Sun", "2026-11-29 22:00 Sun"},
		"5,35 */12 * * *":    {"2026-11-22 12:05 Sun", "2026-11-22 12:35 Sun", "2026-11-23 00:05 Mon", "2026-11-23 00:35 Mon"},
		"10/25 8-10/2 * * *": {"2026-11-23 08:10 Mon", "2026-11-23 08:35 Mon", "2026-11-23 10:10 Mon"},
		"0 0 31 * *":         {"2026-12-31 00:00 Thu", "2027-01-31 00:00 Sun", "2027-03-31 00:00 Wed"},
		"0 0 29 2 *":         {"2028-02-29 00:00 Tue", "2032-02-29 00:00 Sun"},
		"0 0 29 FEB 1#5":     {"2028-02-29 00:00 Tue", "2032-02-29 00:00 Sun"},
		"0 0 L * *":          {"2026-11-30 00:00 Mon", "2026-12-31 00:00 Thu", "2027-01-31 00:00 Sun", "2027-02-28 00:00 Sun"},
		"0 0 15W * *":        {"2026-12-15 00:00 Tue", "2027-01-15 00:00 Fri", "2027-02-15 00:00 Mon", "2027-03-15 00:00 Mon", "2027-04-15 00:00 Thu", "2027-05-14 00:00 Fri"},
		"0 22 * * 5L":        {"2026-11-27 22:00 Fri", "2026-12-25 22:00 Fri"},
		"0 22 * * TUE#2":     {"2026-12-08 22:00 Tue", "2027-01-12 22:00 Tue"},
		"0 0 1,15 * MON":     {"2026-11-23 00:00 Mon", "2026-11-30 00:00 Mon", "2026-12-01 00:00 Tue", "2026-12-07 00:00 Mon", "2026-12-14 00:00 Mon", "2026-12-15 00:00 Tue"},
		"  0  0  1  jan  * ": {"2027-01-01 00:00 Fri"},
	} {
		t.Run(opens, func(t *testing.T) {
			if diff := cmp.Diff(want, openingsOf(t, opens, "2026-11-22T12:00:00Z", len(want))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARareDayIsFoundHoweverFarAway(t *testing.T) {
	if got := openingsOf(t, "0 0 29 2 *", "2096-03-01T00:00:00Z", 1)[0]; got != "2104-02-29 00:00 Fri" {
		t.Errorf("found %s", got)
	}
	if got := openingsOf(t, "0 0 * 2 1#5", "2026-11-22T12:00:00Z", 1)[0]; got != "2044-02-29 00:00 Mon" {
		t.Errorf("found %s", got)
	}
}

func TestExpressionsThatAreNoneSayWhichFieldIsWrong(t *testing.T) {
	for opens, want := range map[string]string{
		"":                       "expected five fields, found 0",
		"0 9 * *":                "expected five fields, found 4",
		"0 0 9 * * MON":          "expected five fields, found 6",
		"0 9 * * MON 2026":       "expected five fields, found 6",
		"@daily":                 "expected five fields, found 1",
		"60 9 * * *":             `field 1, the minute, cannot be "60": expected * or numbers from 0 to 59`,
		"0,99 9 * * *":           `field 1, the minute, cannot be "99"`,
		"0 24 * * *":             `field 2, the hour, cannot be "24"`,
		"0 9 0 * *":              `field 3, the day of the month, cannot be "0"`,
		"0 9 32 * *":             `field 3, the day of the month, cannot be "32"`,
		"0 9 32W * *":            `field 3, the day of the month, cannot be "32W"`,
		"0 9 * 13 *":             `field 4, the month, cannot be "13": expected * or numbers from 1 to 12 or JAN to DEC`,
		"0 9 * MON *":            `field 4, the month, cannot be "MON"`,
		"0 9 * * 8":              `field 5, the day of the week, cannot be "8": expected * or numbers from 0 to 7 or SUN to SAT`,
		"0 9 * * MONDAY":         `field 5, the day of the week, cannot be "MONDAY"`,
		"0 9 * * MON-":           `field 5, the day of the week, cannot be "MON-"`,
		"0 9 * * MON#6":          `field 5, the day of the week, cannot be "MON#6"`,
		"0 9 * * L":              `field 5, the day of the week, cannot be "L"`,
		"0 17-9 * * *":           `field 2, the hour, cannot be "17-9"`,
		"0 9 * * THU-TUE":        `field 5, the day of the week, cannot be "THU-TUE"`,
		"*/0 9 * * *":            `field 1, the minute, cannot be "*/0"`,
		"*/ 9 * * *":             `field 1, the minute, cannot be "*/"`,
		"*/5/5 9 * * *":          `field 1, the minute, cannot be "*/5/5"`,
		"1,,2 9 * * *":           `field 1, the minute, cannot be ""`,
		"? 9 * * *":              `field 1, the minute, cannot be "?"`,
		"-1 9 * * *":             `field 1, the minute, cannot be "-1"`,
		"+1 9 * * *":             `field 1, the minute, cannot be "+1"`,
		"0 9 99999999999999 * *": `cannot be "99999999999999"`,
		"0 0 31 2 *":             "no day matches it",
		"0 0 31 4,6,9,11 *":      "no day matches it",
		"0 0 30W 2 *":            "no day matches it",
	} {
		t.Run(opens, func(t *testing.T) {
			o, problem := ParseOpens(opens)
			if problem == nil || o != nil {
				t.Fatal("taken")
			}
			if !strings.Contains(problem.Detail, want) || problem.Hint == "" || !strings.Contains(problem.Summary, opens) && opens != "" {
				t.Errorf("%q: %+v", opens, problem)
			}
		})
	}
}

// The library judges some of an expression by the moment at which it is asked; what is refused must not depend on it.
func TestEveryValueOfAFieldIsTakenAndNoOther(t *testing.T) {
	for i, f := range cronFields {
		for n := range 100 {
			parts := []string{"0", "0", "*", "*", "*"}
			parts[i] = fmt.Sprintf("1,%d", n)
			_, problem := ParseOpens(strings.Join(parts, " "))
			if taken := problem == nil; taken != (n >= f.least && n <= f.most) {
				t.Errorf("%s %d: taken is %t", f.name, n, taken)
			}
		}
	}
}
