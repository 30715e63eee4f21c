package state

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shardform/internal/addr"
	automationpb "shardform/internal/pb/automationpb"
)

// text is any string: escapes, controls, other alphabets, line separators, bytes that are no UTF-8.
func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[ -~]{0,40}`),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "bytes")) }),
		rapid.SampledFrom([]string{"", "<a href=\"x\">&amp;</a>", "a\u2028b\u2029c", "\x7f\x00\x1f\\\"", "\xed\xa0\x80", "\ufffd", "\xff"}),
	)
}

// instant is any time that JSON can have, and some that it cannot.
func instant() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		at := time.Unix(rapid.Int64Range(-70_000_000_000, 270_000_000_000).Draw(t, "seconds"), rapid.SampledFrom([]int64{0, 1, 120_000_000, 999_999_999}).Draw(t, "nanoseconds"))
		zone := time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(t, "zone"))
		return rapid.SampledFrom([]time.Time{{}, time.Time{}.In(zone), at, at.In(zone), at.UTC()}).Draw(t, "time")
	})
}

func address() *rapid.Generator[addr.Address] {
	return rapid.Custom(func(t *rapid.T) addr.Address {
		a := addr.Keyspace(text().Draw(t, "keyspace")).WithOperation(text().Draw(t, "operation")).WithContainer(text().Draw(t, "container")).WithTask(text().Draw(t, "task"))
		return rapid.SampledFrom([]addr.Address{{}, a, a.Operation(), a.Container()}).Draw(t, "address")
	})
}

// recordTask is what encodeTask writes.
func recordTask(task Task) taskRecord {
	task.Started, task.Ended = utc(task.Started), utc(task.Ended)
	return taskRecord{plainTask: plainTask(task), Address: task.Address.String(), State: task.State.String()}
}

func same(t *rapid.T, want any, got []byte, gotErr error) {
	text, err := json.Marshal(want)
	if (err == nil) != (gotErr == nil) {
		t.Fatalf("encoding/json says %v, we say %v", err, gotErr)
	}
	if err == nil && string(text) != string(got) {
		t.Fatalf("encoding/json writes\n%s\nwe write\n%s", text, got)
	}
}

func TestTasksAreEncodedAsByEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.MapOfN(text(), text(), 0, 4)
		task := Task{
			Address: address().Draw(t, "address"), Name: text().Draw(t, "name"), ID: text().Draw(t, "id"),
			Parameters: texts.Draw(t, "parameters"), Sensitive: texts.Draw(t, "sensitive"),
			State:  automationpb.TaskState(rapid.Int32Range(-1, 5).Draw(t, "state")),
			Output: text().Draw(t, "output"), Error: text().Draw(t, "error"), Attempts: rapid.Int().Draw(t, "attempts"),
			Started: instant().Draw(t, "started"), Ended: instant().Draw(t, "ended"),
			Announced: text().Draw(t, "announced"), Observed: rapid.Bool().Draw(t, "observed"),
			Process: rapid.SampledFrom([]*Process{nil, {Host: "<h>", Boot: "b", Mark: "m", PID: 7, Started: "9"}, {Host: "h", Mark: "m"}}).Draw(t, "process"),
		}
		got, err := encodeTask(nil, task)
		same(t, recordTask(task), got, err)
	})
}

func TestLedgerEntriesAreEncodedAsByEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := LedgerEntry{
			Sequence: rapid.Uint64().Draw(t, "sequence"), Time: instant().Draw(t, "time"), Run: text().Draw(t, "run"),
			Address: address().Draw(t, "address"), Event: text().Draw(t, "event"), Detail: text().Draw(t, "detail"),
			Previous: text().Draw(t, "previous"),
		}
		got, err := encodeEntry(nil, entry)
		entry.Time = utc(entry.Time)
		same(t, struct {
			LedgerEntry
			Hash string `json:"hash,omitempty"` // takes the place of the entry's own
		}{LedgerEntry: entry}, got, err)
	})
}

// Every field of a record is written: a field that is added must be added to the encoder too.
func TestTheEncodersKnowAllFields(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	task := Task{
		Address: addr.Operation("o").WithContainer("c").WithTask("t"), Name: "n", Parameters: map[string]string{"p": "v"}, Sensitive: map[string]string{"s": "h"},
		ID: "1", State: automationpb.TaskState_DONE, Output: "o", Error: "e", Attempts: 1, Started: at, Ended: at, Announced: "a", Observed: true, Process: &Process{Host: "h"},
	}
	entry := LedgerEntry{Sequence: 1, Time: at, Run: "r", Address: task.Address, Event: "e", Detail: "d", Previous: "p", Hash: "h"}
	for _, v := range []reflect.Value{reflect.ValueOf(task), reflect.ValueOf(entry)} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("this test does not set %s.%s", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
	taskText, err1 := encodeTask(nil, task)
	entryText, err2 := encodeEntry(nil, entry)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, c := range []struct {
		text   []byte
		fields any
		more   int // members that are not written by the encoder
	}{{taskText, task, 0}, {entryText, entry, 1}} {
		all, err := json.Marshal(c.fields)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]json.RawMessage
		if err := json.Unmarshal(all, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(c.text, &got); err != nil {
			t.Fatal(err)
		}
		if len(want) != len(got)+c.more {
			t.Errorf("%T has %d members, written are %d: %s", c.fields, len(want), len(got), c.text)
		}
	}
}
