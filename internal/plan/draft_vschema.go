package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"shardform/internal/diag"
	"shardform/internal/keyrange"
	"shardform/internal/tasks/reshard"
	"shardform/internal/vitess"
)

// draftVSchema drafts the writing of the vschema where the layout is as wanted, and retires what was recorded of one
// where a reshard carries it.
func (m *maker) draftVSchema(k *keyspace, alone bool) {
	address := k.Address.WithOperation(partVSchema)
	last := m.recorded.latest[address]
	if !alone || !m.selects(address) {
		if last.open() && !alone {
			k.retired = append(k.retired, retired{address, "the reshard writes the vschema now"})
		}
		return
	}
	if !k.writesVSchema() {
		if last.open() && k.wanted == "" {
			k.retired = append(k.retired, retired{address, "the configuration wants no vschema any more"})
		}
		if !last.open() || k.wanted == "" {
			return
		}
	}
	e := Expansion{VSchemaBefore: k.snapshot.VSchema, Sharded: k.after.Sharded, First: true, Last: true}
	if last.open() {
		e = last.Expansion
	}
	d := k.newDraft(address, KindVSchema)
	d.layVSchema(k, e)
	if last.open() && d.DifferenceTo(last.Operation, last.containers) != nil {
		e.VSchemaBefore = k.snapshot.VSchema
		d.layVSchema(k, e)
	}
	m.drafts = append(m.drafts, d)
}

func (d *draft) layVSchema(k *keyspace, e Expansion) {
	e.VSchemaWanted = vschemaFingerprint(k.wanted)
	d.Expansion = e
	steps := reshard.Forward(reshard.Request{
		Cluster: k.Cluster, Keyspace: k.Name, Segment: keyrange.Segment{Sources: k.serving, Targets: k.serving},
		VSchema: k.wanted, VSchemaBefore: sameVSchema(k.wanted, e.VSchemaBefore), Sharded: e.Sharded, First: true, Last: true, Settings: settings(&k.Reshard),
	})
	steps = slices.DeleteFunc(steps, func(s reshard.Step) bool { return s.Name != partVSchema })
	for i := range steps {
		steps[i].Summary = "write the vschema"
		for j := range steps[i].Tasks {
			// The task is a reshard's too; alone it has no segment and no workflow.
			p := maps.Clone(steps[i].Tasks[j].Parameters)
			delete(p, "sources")
			delete(p, "targets")
			delete(p, "workflow")
			steps[i].Tasks[j].Parameters = p
		}
	}
	d.Containers = containersOf(d.Address, steps)
}

// vschemaFingerprint is the fingerprint of a canonical vschema, "" of none.
func vschemaFingerprint(canonical string) string {
	if canonical == "" {
		return ""
	}
	f := newFingerprint()
	f.text(canonical)
	return f.sum()
}

// sameVSchema is before, or wanted where the two are the same: no vschema at all and an empty one are.
func sameVSchema(wanted, before string) string {
	if vitess.SameVSchema(wanted, before) {
		return wanted
	}
	return before
}

// misplaced is the complaint about tables with rows on several shards that the wanted vschema would look for elsewhere.
// tables are those that have rows.
func (k *keyspace) misplaced(d *draft, withRows map[string]bool) *diag.Diagnostic {
	var changes []string
	for _, c := range reshard.PrimaryVindexChanges(k.before, k.after) {
		if withRows[c.Table] {
			changes = append(changes, c.String())
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("the primary vindex of tables with rows on several shards of %s would change", k.Name),
		Address: d.Address.String(), Place: placed(k.VSchemaAt), Detail: strings.Join(changes, "\n"),
		Hint: "their rows stay where the old vindex placed them and would not be found: leave it, or copy the table into a new one"}
}
