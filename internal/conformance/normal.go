package conformance

import (
	"regexp"
	"slices"
	"strings"
)

// rewrites takes out of a text what differs between clusters or from run to run.
var rewrites = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(` {2,}`), " "},                   // protobuf's text form has one or two, by chance
	{regexp.MustCompile(` from: goroutine (?s:.*)`), ""}, // the stack of a panic
	{regexp.MustCompile(`/vitess/(global|zone1)/`), ""},  // where the topology server keeps its records
	{regexp.MustCompile(`zone1-\d{10}`), "TABLET"},
	{regexp.MustCompile(`tablet:\d+`), "tablet:TABLET"},
	{regexp.MustCompile(`cell:"zone1" uid:\d+`), "TABLET"},
	{regexp.MustCompile(`(MySQL56/)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9-]+)+(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9-]+)+)*`), "POSITION"},
	{regexp.MustCompile(`rpc error: code = \w+ desc = TabletManager\.\w+ on TABLET: `), ""}, // the tablet that said it
	{regexp.MustCompile(`(node doesn.t exist: \S+)/( |$)`), "${1}${2}"},                     // folders
	{regexp.MustCompile(` at \d\d \w{3} \d\d \d\d:\d\d UTC`), ""},
	{regexp.MustCompile(`\s*\n\s*`), " / "},
}

var (
	uidList  = regexp.MustCompile(`(shards:\[[^\]]*\])(,\d+)+\]`)
	lastList = regexp.MustCompile(`\[[^\[\]]*\]$`)
)

// normalPlan is a line of what a dry run says, with the shards of a list in order: the server has them in the order of
// their tablets' numbers.
func normalPlan(line string) string {
	line = uidList.ReplaceAllString(normal(line), "$1,TABLETS]")
	return lastList.ReplaceAllStringFunc(line, func(list string) string {
		items := strings.Split(strings.Trim(list, "[]"), ",")
		slices.Sort(items)
		return "[" + strings.Join(items, ",") + "]"
	})
}

// normal is a text without what differs between clusters, on one line.
func normal(text string) string {
	for _, r := range rewrites {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	return strings.TrimSpace(text)
}
