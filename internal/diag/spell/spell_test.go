package spell_test

import (
	"os/exec"
	"testing"
	"time"

	"shardform/internal/diag/spell"
)

func TestDurationIsWhatPeopleWrite(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 24 * time.Hour: "24h", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", time.Hour + 30*time.Second: "1h0m30s", 150 * time.Millisecond: "150ms",
	} {
		got := spell.Duration(d)
		if got != want {
			t.Errorf("%d is %q, want %q", d, got, want)
		}
		if back, err := time.ParseDuration(got); err != nil || back != d {
			t.Errorf("%q reads back as %s, %v", got, back, err)
		}
	}
}

func TestAShellReadsAWordBackAsItIs(t *testing.T) {
	for _, word := range []string{"", "plain-word_1", "a b", "it's", `back\slash`, `"quoted"`, "$HOME", "`id`", "a;b", "line\nline", "*", "~", "ü"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+spell.ShellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q came back as %q, %v", word, out, err)
		}
	}
	if got := spell.ShellWord("--flag=a,b:c/d"); got != "--flag=a,b:c/d" {
		t.Errorf("quoted without need: %s", got)
	}
}

func TestAMapKeyIsQuotedWhereItHasToBe(t *testing.T) {
	for key, want := range map[string]string{
		"customer": "customer", "order-item_2": "order-item_2", "for": `"for"`, "2fa": `"2fa"`, "-a": `"-a"`, "": `""`, "order items": `"order items"`, `a"b\`: `"a\"b\\"`, "${x}": `"\u0024{x}"`,
	} {
		if got := spell.MapKey(key); got != want {
			t.Errorf("%q is %s, want %s", key, got, want)
		}
	}
}

func TestNearestIsTheNameThatWasMeant(t *testing.T) {
	known := []string{"keyspace", "operation", "cluster", "id"}
	for name, want := range map[string]string{"keyspaces": "keyspace", "KEYSPACE": "keyspace", "operaton": "operation", "shard": "", "xy": "", "": ""} {
		if got := spell.Nearest(name, known); got != want {
			t.Errorf("%q is nearest to %q, want %q", name, got, want)
		}
	}
}

func TestBytesInTheLargestUnit(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB"} {
		if got := spell.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}
