//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gates is what a reshard block says of them.
type gates struct {
	approval     string // steps, as an HCL list; none: ""
	opens, lasts string // of the window; none: ""
	soak         string
}

func (g gates) reshard() string {
	var text strings.Builder
	if g.soak != "" {
		fmt.Fprintf(&text, "soak = %q\n", g.soak)
	}
	text.WriteString("switch {\n")
	if g.approval != "" {
		fmt.Fprintf(&text, "approval = %s\n", g.approval)
	}
	if g.opens != "" {
		fmt.Fprintf(&text, "window {\nopens = %q\nlasts = %q\nmin_remaining = \"30m\"\n}\n", g.opens, g.lasts)
	}
	return text.String() + "}\n"
}

// daily is the cron expression of a moment of every day, in UTC, so long from now.
func daily(fromNow time.Duration) (expression string, next time.Time) {
	at := time.Now().UTC().Add(fromNow).Truncate(time.Minute)
	next = at
	if fromNow < 0 {
		next = at.AddDate(0, 0, 1)
	}
	return fmt.Sprintf("%d %d * * *", at.Minute(), at.Hour()), next
}

// waits runs apply, which has to end at the gate with that exit code.
func (p *planDir) waits(t *testing.T, exit int, gate string) answer {
	t.Helper()
	got := p.run(t, "apply", "--auto-approve")
	if got.exit != exit || !strings.Contains(got.stdout, "waiting at "+gate) {
		t.Fatalf("expected exit code %d and waiting at %s\n%s", exit, gate, got)
	}
	return got
}

var (
	approveCommand = regexp.MustCompile(`shardform (approve \S+ --plan [0-9a-f]{64})`)
	soakUntil      = regexp.MustCompile(`stays reversible for \S+\s+until (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC)`)
)

// approve runs the command that a waiting apply has printed.
func (p *planDir) approve(t *testing.T, printed answer) {
	t.Helper()
	command := approveCommand.FindStringSubmatch(printed.stdout)
	if command == nil {
		t.Fatalf("no approve command was printed\n%s", printed)
	}
	if got := p.run(t, strings.Fields(command[1])...); got.exit != 0 {
		t.Fatalf("%s: want exit code 0\n%s", command[1], got)
	}
}

// One reshard passes every gate: an approval of the create, of the PRIMARY switch and of the finish, a window, and a soak.
func TestGatesOfOneReshard(t *testing.T) {
	t.Parallel()
	c := runningCluster(t)
	k := newKeyspace(t, c, fixture{name: "gated", shards: []string{"0"}, tables: tables{vindex: "xxhash"}, rows: 2000, alone: true})
	load := k.load(t)
	targets := []string{"-80", "80-"}
	k.addShards(t, targets...)
	soon, opens := daily(6 * time.Hour)
	g := gates{approval: `["create", "switch_primary", "finish"]`, opens: soon, lasts: "1h", soak: "1h"}
	wanted := k.to(targets...)
	wanted.reshard = g.reshard()
	plan := k.plan(t, wanted)
	const segment = "keyspace.gated/0:-80,80-"

	if got := plan.run(t, "plan"); !strings.Contains(got.stdout, "|| "+segment+"/create/approve") || !strings.Contains(got.stdout, segment+"/soak") {
		t.Errorf("plan does not show its gates\n%s", got)
	}
	printed := plan.waits(t, 4, segment+"/create/approve")
	if got := plan.run(t, "approve", segment+"/create", "--plan", strings.Repeat("0123456789abcdef", 4)); got.exit != 6 {
		t.Errorf("approving another plan: want exit code 6\n%s", got)
	}
	plan.waits(t, 4, segment+"/create/approve")
	if workflows := k.workflows(t); len(workflows) > 0 {
		t.Errorf("a workflow was created without the approval: %+v", workflows)
	}
	plan.approve(t, printed)

	printed = plan.waits(t, 4, segment+"/switch_primary/approve")
	k.serves(t, serving{Primary: []string{"0"}, Replica: targets, Rdonly: targets})
	plan.approve(t, printed)

	printed = plan.waits(t, 4, segment+"/switch_primary/window")
	if until := opens.Format("Mon 2006-01-02 15:04 MST"); !strings.Contains(printed.stdout, "closed until "+until) {
		t.Errorf("the window opens at %s, and that was not said\n%s", until, printed)
	}
	// open, but not for long enough
	open, _ := daily(-30 * time.Minute)
	g.opens, g.lasts = open, "45m"
	wanted.reshard = g.reshard()
	plan.write(t, wanted)
	plan.approve(t, plan.waits(t, 4, segment+"/switch_primary/approve")) // another plan is another question
	if printed = plan.waits(t, 4, segment+"/switch_primary/window"); !strings.Contains(printed.stdout, "at least 30m have to be left") {
		t.Errorf("the window has 15 minutes left and wants 30, and that was not said\n%s", printed)
	}
	k.serves(t, serving{Primary: []string{"0"}, Replica: targets, Rdonly: targets})
	g.lasts = "4h"
	wanted.reshard = g.reshard()
	plan.write(t, wanted)
	plan.approve(t, plan.waits(t, 4, segment+"/switch_primary/approve"))

	switched := serving{Primary: targets, Replica: targets, Rdonly: targets}
	soaks := func() {
		t.Helper()
		printed, until := plan.waits(t, 0, segment+"/soak"), k.reverseCreated(t, "0").Add(time.Hour).UTC().Format("2006-01-02 15:04:05 MST")
		if said := soakUntil.FindStringSubmatch(printed.stdout); said == nil || said[1] != until {
			t.Errorf("by the cluster's clock the soak lasts until %s, and that was not said\n%s", until, printed)
		}
		k.serves(t, switched)
		if got := k.shards(t); len(got) != 3 || len(k.workflows(t)) != 2 {
			t.Errorf("shards %v and workflows %+v: nothing is to be finished in a soak", got, k.workflows(t))
		}
	}
	soaks()
	g.soak = "1s"
	wanted.reshard = g.reshard()
	plan.write(t, wanted)
	soaks() // an edit skips no soak
	g.soak = "1h"
	wanted.reshard = g.reshard()
	plan.write(t, wanted)
	plan.loseState(t)
	soaks() // the clock is the cluster's

	// all but the last seconds of the hour go by
	if _, err := k.mysql(t, "0").ExecContext(t.Context(), "update _vt.vreplication_log set created_at = now() - interval 3580 second where type = 'Stream Created'"); err != nil {
		t.Fatal(err)
	}
	over := k.reverseCreated(t, "0").Add(time.Hour)
	printed = plan.run(t, "apply", "--auto-approve")
	for printed.exit == 0 && strings.Contains(printed.stdout, "waiting at "+segment+"/soak") && time.Now().Before(over.Add(time.Minute)) {
		time.Sleep(max(time.Until(over), time.Second))
		printed = plan.run(t, "apply", "--auto-approve")
	}
	if time.Now().Before(over) {
		t.Errorf("apply did not wait for the end of the soak at %s", over)
	}
	if printed.exit != 4 || !strings.Contains(printed.stdout, "waiting at "+segment+"/finish/approve") {
		t.Fatalf("after the soak: expected exit code 4 and waiting for the approval of finish\n%s", printed)
	}
	if got := k.shards(t); len(got) != 3 || len(k.workflows(t)) != 2 {
		t.Errorf("shards %v and workflows %+v: nothing is to be finished without the approval", got, k.workflows(t))
	}
	plan.approve(t, printed)
	plan.apply(t)

	load.finish(t)
	k.compare(t, targets...)
	if diff := cmp.Diff(targets, k.shards(t)); diff != "" {
		t.Errorf("shard records (-want +got):\n%s", diff)
	}
	plan.noChanges(t)
}

// reverseCreated is when the streams back were created, by the clock of the MySQL of the shard they write to.
func (k *keyspace) reverseCreated(t *testing.T, shard string) time.Time {
	t.Helper()
	const query = "select max(unix_timestamp(l.created_at)) from _vt.vreplication_log l join _vt.vreplication v on v.id = l.vrepl_id " +
		"where v.workflow like '%\\_reverse' and l.type = 'Stream Created'"
	return time.Unix(count(t, k.mysql(t, shard), query), 0)
}
