package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"shardform/internal/addr"
	"shardform/internal/keyrange"
)

var keyspaceSchema = &schema{
	what:   "keyspace block",
	attrs:  []string{"name", "cluster", "shards", "vschema", "depends_on"},
	needs:  []string{"shards"},
	blocks: []header{{kind: "reshard"}},
	later:  []string{"for_each", "count", "lifecycle"},
}

// keyspaceBlock is a keyspace block whose values are computed when first asked for.
type keyspaceBlock struct {
	content *content
	reshard *block
	layout  keyrange.Layout
}

func (l *loader) declareKeyspaces(blocks []*block) {
	for _, b := range blocks {
		label, ok := l.labelled(b, "keyspace")
		if !ok {
			continue
		}
		k := &keyspaceBlock{}
		k.content = l.read(b, keyspaceSchema, func(nested *block) { k.reshard = nested })
		l.keyspaces[label] = k
		prefix := "keyspace." + label
		l.define(prefix+".name", b.header, func() (cty.Value, bool) { return l.keyspaceName(k, label) })
		l.define(prefix+".cluster", b.header, func() (cty.Value, bool) { return l.keyspaceCluster(k, label) })
		l.define(prefix+".shards", b.header, func() (cty.Value, bool) { return l.keyspaceShards(k) })
	}
}

func (l *loader) keyspaceName(k *keyspaceBlock, label string) (cty.Value, bool) {
	name, at := label, k.content.block.header
	if a := k.content.attrs["name"]; a != nil {
		at = a.expr.Range()
		if !l.name(k.content, "name", &name) && !l.isNull(k.content, "name") {
			return cty.NilVal, false
		}
	}
	return cty.StringVal(name), l.objectName(name, at, "keyspace")
}

// isNull reports whether an attribute's value is null, which counts as absent.
func (l *loader) isNull(c *content, name string) bool {
	before := *l.complaints
	v, ok := l.eval(c.attrs[name].expr)
	*l.complaints = before
	return ok && v.IsNull()
}

func (l *loader) keyspaceCluster(k *keyspaceBlock, label string) (cty.Value, bool) {
	name, ok := l.clusterName(k.content)
	if !ok {
		return cty.NilVal, false
	}
	if name != "" {
		return cty.StringVal(name), true
	}
	names := slices.Sorted(slices.Values(l.declared["cluster"]))
	switch {
	case len(names) == 1:
		return cty.StringVal(names[0]), true
	case l.incomplete:
	case len(names) == 0:
		l.errorAt(k.content.block.header, fmt.Sprintf("keyspace %q has no cluster", label), "the plan files have no cluster block", `add one: cluster "main" { vtctld = ["HOST:PORT"] }`)
	default:
		l.errorAt(k.content.block.header, fmt.Sprintf("keyspace %q does not say its cluster", label), "the plan files have "+list(names), fmt.Sprintf("add: cluster = %q", names[0]))
	}
	return cty.NilVal, false
}

// clusterName reads the cluster attribute of a keyspace or operation block: "" if there is none, false if it is wrong.
func (l *loader) clusterName(c *content) (string, bool) {
	a := c.attrs["cluster"]
	if a == nil {
		return "", !slices.Contains(c.block.lost, "cluster")
	}
	if t, _ := hcl.AbsTraversalForExpr(a.expr); len(t) == 2 && t.RootName() == "cluster" {
		steps := attrSteps(t)
		if len(steps) == 1 {
			l.errorAt(a.expr.Range(), "a cluster is named by its label, in quotes", "", fmt.Sprintf("write: cluster = %q", steps[0]))
			return "", false
		}
	}
	var name string
	if !l.text(c, "cluster", &name) {
		return "", l.isNull(c, "cluster")
	}
	if !l.isDeclared("cluster", name) {
		if !l.incomplete {
			l.errorAt(a.expr.Range(), fmt.Sprintf("there is no cluster %q", name), l.choices("cluster", "cluster"), suggest(name, l.declared["cluster"]))
		}
		return "", false
	}
	return name, true
}

func (l *loader) keyspaceShards(k *keyspaceBlock) (cty.Value, bool) {
	layout, _, ok := l.layout(k.content, "shards")
	if !ok {
		return cty.NilVal, false
	}
	k.layout = layout
	names := make([]cty.Value, len(layout))
	for i, s := range layout {
		names[i] = cty.StringVal(s.Name)
	}
	return cty.ListVal(names), true
}

// stringOf is the text of a value that was resolved, "" if it was not.
func stringOf(v cty.Value, ok bool) string {
	if !ok {
		return ""
	}
	return v.AsString()
}

func (l *loader) readKeyspaces(blocks []*block) {
	taken := map[[2]string]*block{} // by cluster and name
	for _, b := range blocks {
		label := b.labels[0]
		k := l.keyspaces[label]
		if k == nil || k.content.block != b {
			continue
		}
		c := k.content
		ks := Keyspace{Address: addr.Keyspace(label), Place: l.place(b.header)}
		name, nameOK := l.resolve("keyspace."+label+".name", b.header)
		cluster, clusterOK := l.resolve("keyspace."+label+".cluster", b.header)
		_, shardsOK := l.resolve("keyspace."+label+".shards", b.header)
		ks.Shards = k.layout
		if shardsOK {
			ks.ShardsAt = l.place(c.attrs["shards"].expr.Range())
		}
		vschema := l.vschema(c, &ks.VSchema)
		if vschema != nil {
			ks.VSchemaAt = l.place(c.attrs["vschema"].expr.Range())
		}
		if on := l.cluster(stringOf(cluster, clusterOK)); on != nil && on.Legacy != nil {
			ks.Reshard = l.legacyReshard(k.reshard)
			if a := c.attrs["vschema"]; a != nil {
				l.errorAt(a.nameAt, "vschema on a legacy cluster is not built yet", "", "remove it, and write it by hand: vtctlclient ApplyVSchema")
			}
		} else {
			ks.Reshard = l.reshard(k.reshard)
		}
		ks.DependsOn = l.dependsOn(ks.Address, c)
		if vschema != nil {
			l.checks = append(l.checks, func() { l.checkVSchema(vschema, l.tablesOf(stringOf(cluster, clusterOK), stringOf(name, nameOK))) })
		}
		if nameOK && clusterOK {
			ks.Name, ks.Cluster = name.AsString(), cluster.AsString()
			key := [2]string{ks.Cluster, ks.Name}
			if before := taken[key]; before != nil {
				l.errorAt(b.header, fmt.Sprintf("two blocks are about keyspace %q of cluster %q", ks.Name, ks.Cluster), "the first one is at "+l.where(before.header), "keep one of the two")
			} else {
				taken[key] = b
			}
		}
		l.config.Keyspaces = append(l.config.Keyspaces, ks)
	}
}
