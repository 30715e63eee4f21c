package reshard

import "shardform/internal/tasks"

var windowSpec = &tasks.Spec{
	Name:       "reshard_window",
	Summary:    "waits until the window for switching writes is open",
	Internal:   true,
	Parameters: segmentParameters(windowParameters(true)...),
}

// windowParameters are those that describe a window.
func windowParameters(required bool) []tasks.Parameter {
	return []tasks.Parameter{
		{Name: "window_opens", Kind: tasks.String, Required: required, Doc: "when it opens: a cron expression of five fields"},
		{Name: "window_lasts", Kind: tasks.Duration, Required: required, Doc: "how long it stays open"},
		{Name: "window_timezone", Kind: tasks.String, Default: "UTC", Doc: "time zone of window_opens"},
		{Name: "window_min_remaining", Kind: tasks.Duration, Default: "0s", Doc: "a window with less time left counts as closed"},
	}
}
