package schedule

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adhocore/gronx"

	"shardform/internal/diag"
)

// Opens is a cron expression of five fields: what the clock on the wall shows when a window opens.
type Opens struct {
	minutes  []int    // of the day, at which it opens on the days that match; in order
	days     []string // the expression with seconds, minutes and hours left open, as the library takes it
	everyDay bool
}

// field is a part of a cron expression.
type field struct {
	name        string
	least, most int
	names       []string       // of the numbers, from `first` on
	first       int            // number of the first name
	special     *regexp.Regexp // what else it may have; nil: nothing
}

var cronFields = []field{
	{name: "minute", most: 59},
	{name: "hour", most: 23},
	{name: "day of the month", least: 1, most: 31, special: regexp.MustCompile(`^(L|([1-9]|[12][0-9]|3[01])W)$`)},
	{name: "month", least: 1, most: 12, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"), first: 1},
	{name: "day of the week", most: 7, names: strings.Fields("SUN MON TUE WED THU FRI SAT"), special: regexp.MustCompile(`^[0-7](L|#[1-5])$`)},
}

const opensHint = `write minute, hour, day of the month, month and day of the week, such as "0 9 * * MON-THU"`

// ParseOpens reads a cron expression of five fields: numbers, names of months and of days of the week, lists, ranges and
// steps; also L and 15W for days of the month (the last one, the weekday nearest to the 15th), 5L and TUE#2 for days of
// the week (the last Friday, the second Tuesday). As in cron, a day matches by either of its two fields where neither
// begins with *. An expression that no day ever matches is refused.
//
// The library takes more than that, and judges some of it by the moment at which it is asked: so all is checked here.
func ParseOpens(text string) (*Opens, *diag.Diagnostic) {
	parts := strings.Fields(strings.ToUpper(text))
	if len(parts) != len(cronFields) {
		return nil, problem(fmt.Sprintf("%q is no cron expression", text), fmt.Sprintf("expected five fields, found %d", len(parts)), opensHint)
	}
	for i, f := range cronFields {
		elements := strings.Split(parts[i], ",")
		for j, element := range elements {
			read, ok := f.read(element)
			if !ok {
				return nil, problem(fmt.Sprintf("%q is no cron expression", text), fmt.Sprintf("field %d, the %s, cannot be %q: %s", i+1, f.name, element, f.expected()), opensHint)
			}
			elements[j] = read
		}
		parts[i] = strings.Join(elements, ",")
	}
	o := &Opens{days: append([]string{"*", "*", "*"}, parts[2:]...), everyDay: !slices.ContainsFunc(parts[2:], func(part string) bool { return part != "*" })}
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for hour := range 24 {
		if !due([]string{"*", "*", parts[1], "*", "*", "*"}, first.Add(time.Duration(hour)*time.Hour)) {
			continue
		}
		for minute := range 60 {
			if due([]string{"*", parts[0], "*", "*", "*", "*"}, first.Add(time.Duration(minute)*time.Minute)) {
				o.minutes = append(o.minutes, hour*60+minute)
			}
		}
	}
	const cycle = 28 * 366 // days until the weekdays fall on the same dates again, leap days included
	for date := range cycle {
		if o.opensOn(first.AddDate(0, 0, date)) {
			return o, nil
		}
	}
	return nil, problem(fmt.Sprintf("%q never opens", text), "no day matches it", opensHint)
}

// opensOn reports whether it opens on a day, which is told as the midnight in UTC of the same name.
func (o *Opens) opensOn(day time.Time) bool { return o.everyDay || due(o.days, day) }

// due asks the library whether the segments, seconds first, match what the clock shows at a time.
func due(segments []string, at time.Time) bool {
	g := gronx.New()
	g.C.SetRef(at)
	is, err := g.SegmentsDue(segments)
	return is && err == nil
}

// read checks one element of a field and spells it in numbers.
func (f field) read(element string) (string, bool) {
	span, step, stepped := strings.Cut(element, "/")
	if n, ok := number(step); stepped && (!ok || n < 1) {
		return "", false
	}
	from, to, ranged := strings.Cut(span, "-")
	switch {
	case span == "*":
		return element, true
	case !ranged && !stepped && f.special != nil && f.special.MatchString(f.numbered(element)):
		return f.numbered(element), true
	case !ranged:
		n, ok := f.value(span)
		if !ok {
			return "", false
		}
		span = strconv.Itoa(n)
	default:
		a, okA := f.value(from)
		b, okB := f.value(to)
		if f.most == 7 { // Sunday begins the week, or ends it
			a %= 7
			if b == 0 && a > 0 {
				b = 7
			}
		}
		if !okA || !okB || a > b {
			return "", false
		}
		span = fmt.Sprintf("%d-%d", a, b)
	}
	if stepped {
		span += "/" + step
	}
	return span, true
}

// numbered writes the name of a day of the week that an element begins with as its number.
func (f field) numbered(element string) string {
	if len(element) > 3 {
		if i := slices.Index(f.names, element[:3]); i >= 0 {
			return strconv.Itoa(f.first+i) + element[3:]
		}
	}
	return element
}

// value reads a number or a name.
func (f field) value(text string) (int, bool) {
	if i := slices.Index(f.names, text); i >= 0 {
		return f.first + i, true
	}
	n, ok := number(text)
	return n, ok && n >= f.least && n <= f.most
}

var digits = regexp.MustCompile(`^[0-9]{1,4}$`)

func number(text string) (int, bool) {
	if !digits.MatchString(text) {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

func (f field) expected() string {
	text := fmt.Sprintf("expected * or numbers from %d to %d", f.least, f.most)
	if f.names != nil {
		text += fmt.Sprintf(" or %s to %s", f.names[0], f.names[len(f.names)-1])
	}
	return text + ", as lists (1,3), ranges (1-5) or steps (*/2)"
}
