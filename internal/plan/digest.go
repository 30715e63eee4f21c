package plan

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"

	"shardform/internal/config"
)

// digestVersion stands at the head of what is hashed: another encoding gives other digests and not, by accident, the
// same ones.
const digestVersion = "shardform digest 1"

// fingerprint hashes texts and numbers so that no two sequences of them give the same bytes: each text goes in behind
// its length.
type fingerprint struct {
	h   hash.Hash
	buf []byte
}

func newFingerprint() *fingerprint { return &fingerprint{h: sha256.New()} }

func (f *fingerprint) text(texts ...string) {
	for _, t := range texts {
		f.number(len(t))
		f.buf = append(f.buf[:0], t...)
		f.h.Write(f.buf)
	}
}

func (f *fingerprint) number(n int) {
	f.buf = binary.AppendUvarint(f.buf[:0], uint64(n))
	f.h.Write(f.buf)
}

func (f *fingerprint) list(texts []string) {
	f.number(len(texts))
	f.text(texts...)
}

func (f *fingerprint) sum() string { return hex.EncodeToString(f.h.Sum(nil)) }

// identify fills in the digests of the operations: gates are opened for exactly one.
func (m *maker) identify(context.Context) error {
	for _, d := range m.drafts {
		d.Digest = operationDigest(&d.Operation, m.endpoints(d.Cluster))
	}
	return nil
}

// digest fills in the digest of the whole plan, and the clusters that the operations use.
func (m *maker) digest(context.Context) error {
	used := map[string]bool{}
	whole := newFingerprint()
	whole.text(digestVersion, "plan")
	for _, d := range m.drafts {
		whole.text(d.Digest)
		used[d.Cluster] = true
	}
	for _, f := range m.plan.Forgotten {
		whole.text("forget", f.Address.String())
	}
	for _, a := range m.plan.Released {
		whole.text("release", a.String())
	}
	m.plan.Digest = whole.sum()
	for _, c := range m.in.Config.Clusters {
		if used[c.Name] {
			m.plan.Clusters = append(m.plan.Clusters, c)
		}
	}
	slices.SortFunc(m.plan.Clusters, func(a, b config.Cluster) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// operationDigest is the fingerprint of an operation: what would be done to which cluster. Whatever tells how far it is
// or how much it moves is left out, and so are the values of sensitive parameters.
func operationDigest(op *Operation, endpoints []string) string {
	f := newFingerprint()
	f.text(digestVersion, op.Address.String(), string(op.Kind), op.Cluster, op.Keyspace)
	f.list(endpoints)
	f.list(op.Sources)
	f.list(op.Targets)
	f.number(len(op.Containers))
	var names []string
	for i := range op.Containers {
		c := &op.Containers[i]
		f.text(c.Address.Last())
		f.number(len(c.Tasks))
		for j := range c.Tasks {
			t := &c.Tasks[j]
			f.text(t.Address.Last(), t.Name)
			names = slices.AppendSeq(names[:0], maps.Keys(t.Parameters))
			slices.Sort(names)
			f.number(len(names))
			for _, name := range names {
				f.text(name, t.Parameters[name])
			}
			f.list(t.Sensitive)
		}
	}
	return f.sum()
}

// endpoints says which cluster a name stands for: an operation approved for one is not approved for another that took
// over its name.
func (m *maker) endpoints(name string) []string {
	for _, c := range m.in.Config.Clusters {
		if c.Name != name {
			continue
		}
		switch {
		case c.Legacy != nil:
			return []string{"legacy", c.Legacy.Vtctld, c.Legacy.Vtworker}
		case c.Sandbox != nil:
			return []string{"sandbox", relativeTo(m.in.Config.Dir, m.in.Config.Dir, c.Sandbox.Path)}
		}
		return append([]string{"vtctld"}, c.Vtctld...)
	}
	return nil
}
