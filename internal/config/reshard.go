package config

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

var reshardSchema = &schema{
	what:   "reshard block",
	attrs:  []string{"cells", "tablet_types", "on_ddl", "defer_secondary_keys", "soak"},
	blocks: []header{{kind: "preflight"}, {kind: "copy"}, {kind: "verify"}, {kind: "switch"}, {kind: "finish"}, {kind: "retry"}},
}

var preflightSchema = &schema{what: "preflight block", attrs: []string{"wait"}}

var copySchema = &schema{what: "copy block", attrs: []string{"stall_after", "config"}}

var verifySchema = &schema{what: "verify block", attrs: []string{"enabled", "max_age", "timeout", "samples", "count_rows", "accept_missing"}}

var switchSchema = &schema{
	what:   "switch block",
	attrs:  []string{"max_replication_lag", "lag_wait", "timeout", "reverse_replication", "approval"},
	blocks: []header{{kind: "window"}},
}

var finishSchema = &schema{what: "finish block", attrs: []string{"remove_shards"}}

var retrySchema = &schema{what: "retry block", attrs: []string{"attempts", "backoff", "max_backoff"}}

// defaultReshard are the settings of a keyspace without a reshard block: vtctldclient's where it has one, but on_ddl.
func defaultReshard() Reshard {
	return Reshard{
		TabletTypes:        []string{"REPLICA", "PRIMARY"},
		OnDDL:              "STOP",
		DeferSecondaryKeys: true,
		StallAfter:         10 * time.Minute,
		Verify:             Verify{Enabled: true, MaxAge: 24 * time.Hour, Timeout: 12 * time.Hour, Samples: 10, CountRows: true},
		Switch:             Switch{MaxReplicationLag: 30 * time.Second, LagWait: 10 * time.Minute, Timeout: 30 * time.Second, ReverseReplication: true},
		RemoveShards:       true,
		Retry:              DefaultRetry(),
	}
}

// DefaultRetry is how temporary errors are retried where a plan file says nothing of it, or has no way to.
func DefaultRetry() Retry {
	return Retry{Attempts: 5, Backoff: time.Second, MaxBackoff: time.Minute}
}

// reshard reads a keyspace's reshard block, which may be nil.
func (l *loader) reshard(b *block) Reshard {
	r := defaultReshard()
	if b == nil {
		return r
	}
	c := l.read(b, reshardSchema, func(nested *block) {
		switch nested.kind {
		case "preflight":
			l.duration(l.read(nested, preflightSchema, nil), "wait", false, &r.PreflightWait)
		case "copy":
			c := l.read(nested, copySchema, nil)
			l.duration(c, "stall_after", true, &r.StallAfter)
			l.textMap(c, "config", &r.CopyConfig)
		case "verify":
			c := l.read(nested, verifySchema, nil)
			l.boolean(c, "enabled", &r.Verify.Enabled)
			l.duration(c, "max_age", true, &r.Verify.MaxAge)
			l.duration(c, "timeout", true, &r.Verify.Timeout)
			l.whole(c, "samples", 0, &r.Verify.Samples)
			l.boolean(c, "count_rows", &r.Verify.CountRows)
			l.acceptMissing(c, &r.Verify)
		case "switch":
			l.switchSettings(nested, &r.Switch)
		case "finish":
			l.boolean(l.read(nested, finishSchema, nil), "remove_shards", &r.RemoveShards)
		case "retry":
			l.retry(nested, &r.Retry)
		}
	})
	l.cells(c, &r.Cells)
	l.tabletTypes(c, &r.TabletTypes)
	l.oneOf(c, "on_ddl", []string{"STOP", "IGNORE", "EXEC", "EXEC_IGNORE"}, &r.OnDDL)
	l.boolean(c, "defer_secondary_keys", &r.DeferSecondaryKeys)
	l.soak(c, &r)
	return r
}

// acceptMissing reads how many rows of which table may be missing.
func (l *loader) acceptMissing(c *content, v *Verify) {
	value, ok := l.value(c, "accept_missing", cty.Map(cty.Number))
	if !ok {
		return
	}
	at := c.attrs["accept_missing"].expr.Range()
	missing := map[string]string{}
	for table, n := range value.Elements() {
		rows, accuracy := int64(0), big.Exact
		if !n.IsNull() {
			rows, accuracy = n.AsBigFloat().Int64()
		}
		if accuracy != big.Exact || rows < 1 {
			l.errorAt(at, fmt.Sprintf("accept_missing: the number of rows of table %s is out of range", table.AsString()),
				fmt.Sprintf("expected a whole number from 1 to %d", math.MaxInt64), "leave tables out of which no row may be missing")
			return
		}
		missing[table.AsString()] = strconv.FormatInt(rows, 10)
	}
	if len(missing) > 0 && !v.CountRows {
		l.errorAt(at, "accept_missing says nothing without counting", "count_rows is false: no row is looked for", "remove one of the two")
		return
	}
	v.AcceptMissing = missing
}

func (l *loader) switchSettings(b *block, s *Switch) {
	c := l.read(b, switchSchema, func(nested *block) { s.Window = l.window(nested) })
	l.duration(c, "max_replication_lag", true, &s.MaxReplicationLag)
	l.duration(c, "lag_wait", false, &s.LagWait)
	if l.duration(c, "timeout", true, &s.Timeout) && s.Timeout < time.Second {
		l.errorAt(c.attrs["timeout"].expr.Range(), "the switch timeout is too short", "vtctld takes one second at least", "")
	}
	l.boolean(c, "reverse_replication", &s.ReverseReplication)
	l.approval(c, &s.Approval)
}

func (l *loader) retry(b *block, r *Retry) {
	c := l.read(b, retrySchema, nil)
	l.whole(c, "attempts", 1, &r.Attempts)
	l.duration(c, "backoff", true, &r.Backoff)
	if l.duration(c, "max_backoff", true, &r.MaxBackoff) && r.MaxBackoff < r.Backoff {
		l.errorAt(c.attrs["max_backoff"].expr.Range(), "max_backoff is shorter than backoff", fmt.Sprintf("backoff is %s", r.Backoff), "")
		return
	}
	r.MaxBackoff = max(r.MaxBackoff, r.Backoff)
}

func (l *loader) cells(c *content, dst *[]string) {
	var cells []string
	places, ok := l.texts(c, "cells", &cells)
	if !ok {
		return
	}
	if len(cells) == 0 {
		l.errorAt(c.attrs["cells"].expr.Range(), "cells is empty", "", "leave it out to let the server choose")
		return
	}
	for i, cell := range cells {
		if strings.TrimSpace(cell) != cell || cell == "" || strings.ContainsAny(cell, ", ") {
			l.errorAt(places[i], fmt.Sprintf("%q is no name of a cell", cell), "", "list the cells one by one")
		}
	}
	l.distinct(cells, places, "cell")
	*dst = cells
}

func (l *loader) distinct(names []string, places []hcl.Range, noun string) {
	seen := map[string]bool{}
	for i, name := range names {
		if seen[name] {
			l.errorAt(places[i], fmt.Sprintf("%s %q is listed twice", noun, name), "", "")
		}
		seen[name] = true
	}
}

func (l *loader) tabletTypes(c *content, dst *[]string) {
	var types []string
	places, ok := l.texts(c, "tablet_types", &types)
	if !ok {
		return
	}
	if len(types) == 0 {
		l.errorAt(c.attrs["tablet_types"].expr.Range(), "tablet_types is empty", "", "list at least one of PRIMARY, REPLICA, RDONLY")
		return
	}
	allowed := []string{"PRIMARY", "REPLICA", "RDONLY"}
	for i, t := range types {
		types[i] = strings.ToUpper(t)
		if types[i] == "MASTER" {
			types[i] = "PRIMARY"
		}
		if !slices.Contains(allowed, types[i]) {
			l.errorAt(places[i], fmt.Sprintf("unknown tablet type %q", t), "expected "+list(allowed), suggest(types[i], allowed))
		}
	}
	l.distinct(types, places, "tablet type")
	*dst = types
}
