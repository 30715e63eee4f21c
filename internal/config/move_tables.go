package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/addr"
	"shardform/internal/diag"
)

// MoveTables is a move_tables block: a vertical split. Only a legacy cluster has one.
type MoveTables struct {
	Address    addr.Address
	Cluster    string // name of a Cluster
	From, To   string // keyspaces
	Tables     []string
	CopyConfig map[string]string // options of VerticalSplitCloneTask
	DependsOn  []addr.Address
	Place      diag.Place
}

var moveTablesSchema = &schema{
	what:   "move_tables block",
	attrs:  []string{"cluster", "from", "to", "tables", "depends_on"},
	needs:  []string{"from", "to", "tables"},
	blocks: []header{{kind: "copy"}},
	later:  []string{"for_each", "count"},
}

func (l *loader) readMoves(blocks []*block) {
	for _, b := range blocks {
		if l.moves[b.labels[0]] == b {
			l.config.Moves = append(l.config.Moves, l.move(b))
		}
	}
}

func (l *loader) move(b *block) MoveTables {
	m := MoveTables{Address: addr.MoveTables(b.labels[0]), Place: l.place(b.header)}
	c := l.read(b, moveTablesSchema, func(nested *block) { l.legacyCopy(nested, "VerticalSplitCloneTask", &m.CopyConfig) })
	m.DependsOn = l.dependsOn(m.Address, c)
	from, to := l.name(c, "from", &m.From), l.name(c, "to", &m.To)
	if from && to && m.From == m.To {
		l.errorAt(c.attrs["to"].expr.Range(), "from and to are the same keyspace", "", "")
	}
	for name, keyspace := range map[string]string{"from": m.From, "to": m.To} {
		if keyspace != "" {
			l.objectName(keyspace, c.attrs[name].expr.Range(), "keyspace")
		}
	}
	if places, ok := l.texts(c, "tables", &m.Tables); ok {
		l.tables(c, m.Tables, places)
	}
	l.moveCluster(b, c, &m)
	return m
}

func (l *loader) tables(c *content, tables []string, places []hcl.Range) {
	if len(tables) == 0 {
		l.errorAt(c.attrs["tables"].expr.Range(), "tables is empty", "", "list the tables that move")
	}
	l.distinct(tables, places, "table")
	for i, t := range tables {
		if t == "" || strings.TrimSpace(t) != t || strings.Contains(t, ",") {
			l.errorAt(places[i], fmt.Sprintf("%q is no name of a table", t), "", "list the tables one by one; /RE/ is a regular expression")
		}
	}
}

func (l *loader) moveCluster(b *block, c *content, m *MoveTables) {
	name, ok := l.clusterName(c)
	clusters := l.declared["cluster"]
	if name == "" && len(clusters) == 1 {
		name = clusters[0]
	}
	m.Cluster = name
	on := l.cluster(name)
	switch {
	case !ok || l.incomplete:
	case on == nil:
		l.errorAt(b.header, fmt.Sprintf("move_tables %q does not say its cluster", m.Address.Name()), l.choices("cluster", "cluster"), `add: cluster = "NAME"`)
	case on.Legacy == nil:
		l.errorAt(b.header, "move_tables is not built yet for clusters without vtworker", fmt.Sprintf("cluster %q has no legacy block", name), "remove it, and do it by hand: vtctldclient MoveTables")
	}
}
