package plan

import (
	"context"

	"shardform/internal/addr"
	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

// Inputs is everything that a plan depends on.
type Inputs struct {
	Config   *config.Config
	Registry *tasks.Registry
	// Clusters connects to the cluster of that name in the configuration.
	Clusters ClusterSource
	// Recorded is what was done before. Only View is used; nil counts as empty.
	Recorded state.Store
	// Targets, if any, are the only blocks or operations planned, with what they depend on.
	Targets []addr.Address
	// Replace are operation blocks to run again though they are done.
	Replace []addr.Address
	// Adopt are operations whose workflow this state takes over for going back, or whose shards it may delete.
	Adopt []addr.Address
	// Rollback, if set, is the one operation to plan: its way back, whatever layout is wanted. A keyspace block stands for
	// its only open operation.
	Rollback addr.Address
	// ConfigPath is where the configuration was read from, for commands that are shown; "" for the default.
	ConfigPath string
	Clock      tasks.Clock
	Dir        string // folder that relative paths of the plan files start at
}

// ClusterSource connects to clusters by the names of their blocks. It is called from several goroutines.
type ClusterSource func(ctx context.Context, name string) (vitess.Reader, error)

// A pass does one thing to the plan in the making. An error of its own ends the making at once; complaints about the
// configuration go to maker.complaints, so that all of them are reported together.
type pass struct {
	name string
	run  func(*maker, context.Context) error
}

// passes is the order in which a plan is made.
func passes() []pass {
	return []pass{
		{"select", (*maker).selectBlocks},
		{"recorded", (*maker).readRecorded},
		{"observe", (*maker).observe},
		{"operations", (*maker).draftOperations},
		{"segments", (*maker).draftKeyspaces},
		{"moves", (*maker).draftMoves},
		{"identify", (*maker).identify},
		{"match", (*maker).match},
		{"diffs", (*maker).diffs},
		{"describe", (*maker).describe},
		{"annotate", (*maker).annotate},
		{"sizes", (*maker).sizes},
		{"forgotten", (*maker).forgotten},
		{"released", (*maker).released},
		{"adopted", (*maker).checkAdopted},
		{"order", (*maker).order},
		{"alerts", (*maker).alerts},
		{"leftovers", (*maker).leftovers},
		{"observations", (*maker).observations},
		{"digest", (*maker).digest},
	}
}

// maker carries one plan through the passes. What a pass reads was filled in by an earlier one.
type maker struct {
	ctx        context.Context // of the making: what tasks ask clusters ends with it
	in         Inputs
	blocks     []block // selected, each after what it depends on
	recorded   recorded
	clusters   *readers
	keyspaces  map[addr.Address]*keyspace // by block
	drafts     []*draft                   // in running order
	known      map[string]*taskKind       // by registered name
	complaints diag.List
	plan       *Plan
}

// draft is an operation in the making.
type draft struct {
	Operation
	keyspace *keyspace     // nil for an operation block
	view     *segmentState // of a reshard; else nil
	resumed  bool          // Instance is recorded and open
	behind   bool          // it runs when something else was taken back or cleared: nothing of it can be seen yet
}

// Make compares what is wanted, observed and recorded and says what is to be done. What cannot be done is in the plan
// (Blocked). The error has everything that leaves nothing to plan from: addresses and keyspaces that do not exist,
// vschemas that cannot be read, clusters that cannot be reached, state that cannot be read.
func Make(ctx context.Context, in Inputs) (*Plan, error) {
	if in.Clock == nil {
		in.Clock = tasks.SystemClock{}
	}
	for again := remakes; ; again-- {
		m := &maker{ctx: ctx, in: in, plan: &Plan{Hide: in.Config.Secrets}, clusters: newReaders(in.Clusters), keyspaces: map[addr.Address]*keyspace{}, known: map[string]*taskKind{}}
		err := m.make(ctx)
		if refused := err != nil || m.plan.HasBlocked(); !refused || again == 0 || !m.overtaken(ctx) {
			if err != nil {
				return nil, err
			}
			return m.plan, nil
		}
	}
}

// remakes is how often a plan is made again where the cluster changed while it was made.
const remakes = 3

func (m *maker) make(ctx context.Context) error {
	for _, p := range passes() {
		if err := p.run(m, ctx); err != nil {
			return append(m.complaints, diag.All(err)...)
		}
		if m.complaints.HasErrors() {
			return m.complaints
		}
	}
	m.plan.Operations = make([]Operation, len(m.drafts))
	for i, d := range m.drafts {
		m.plan.Operations[i] = d.Operation
	}
	return nil
}

// overtaken reports whether a keyspace has changed since it was observed, as it does while another run is under way. What
// was read of it later fits then neither what it was nor what it is, and refuses what nobody has to settle.
func (m *maker) overtaken(ctx context.Context) bool {
	clusters := newReaders(m.in.Clusters) // those of the plan remember what they have read
	for _, k := range m.keyspaces {
		if k.snapshot == nil {
			continue
		}
		cluster, err := clusters.get(ctx, k.Cluster)
		if err != nil {
			continue
		}
		now, err := cluster.Snapshot(ctx, k.Name)
		if err == nil && observationOf(k.Cluster, now).fingerprint() != observationOf(k.Cluster, k.snapshot).fingerprint() {
			return true
		}
	}
	return false
}

// complain adds an error about a place of the configuration.
func (m *maker) complain(d *diag.Diagnostic) {
	d.Severity = diag.Error
	m.complaints = append(m.complaints, d)
}
