package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

var clusterSchema = &schema{
	what:   "cluster block",
	attrs:  []string{"vtctld"},
	blocks: []header{{kind: "tls"}, {kind: "auth"}, {kind: "legacy"}, {kind: "sandbox"}},
}

var tlsSchema = &schema{what: "tls block", attrs: []string{"ca", "cert", "key", "server_name"}}

var authSchema = &schema{what: "auth block", attrs: []string{"username", "password"}, needs: []string{"username", "password"}}

var legacySchema = &schema{what: "legacy block", attrs: []string{"vtctld", "vtworker"}, needs: []string{"vtctld", "vtworker"}}

func (l *loader) readClusters(blocks []*block) {
	for _, b := range blocks {
		if l.clusters[b.labels[0]] == b {
			l.config.Clusters = append(l.config.Clusters, l.clusterBlock(b))
		}
	}
	for i, c := range l.config.Clusters { // only now all lines with passwords are known
		l.config.Clusters[i].Place = l.place(l.clusters[c.Name].header)
	}
}

func (l *loader) clusterBlock(b *block) Cluster {
	cl := Cluster{Name: b.labels[0]}
	var extras []*block // that a sandbox has no use for
	var kinds []clusterKind
	c := l.read(b, clusterSchema, func(nested *block) {
		switch nested.kind {
		case "tls":
			extras = append(extras, nested)
			cl.TLS = l.tls(nested)
		case "auth":
			extras = append(extras, nested)
			cl.Auth = l.auth(nested)
		case "legacy":
			kinds = append(kinds, clusterKind{nested.kind, nested.header})
			cl.Legacy = l.legacy(nested)
		case "sandbox":
			kinds = append(kinds, clusterKind{nested.kind, nested.header})
			cl.Sandbox = l.sandbox(nested)
		}
	})
	if places, ok := l.texts(c, "vtctld", &cl.Vtctld); ok {
		l.vtctldAddresses(c, cl.Vtctld, places)
	}
	if a := c.attrs["vtctld"]; a != nil {
		kinds = append([]clusterKind{{"vtctld", a.nameAt}}, kinds...)
	}
	switch {
	case len(kinds) > 1:
		first, other := kinds[0], kinds[1]
		l.errorAt(other.at, fmt.Sprintf("cluster %q has both %s and %s", cl.Name, first.name, other.name), fmt.Sprintf("%s is at %s", first.name, l.where(first.at)), "keep one of the two")
	case len(kinds) == 0 && !b.broken && len(b.lost) == 0:
		l.errorAt(b.header, fmt.Sprintf("cluster %q has neither vtctld nor legacy nor sandbox", cl.Name), "",
			`add: vtctld = ["HOST:PORT"]; a block legacy { … } if it has vtworker; or a block sandbox { … }`)
	}
	for _, extra := range extras {
		if cl.Sandbox != nil {
			l.errorAt(extra.header, fmt.Sprintf("a sandbox cluster takes no %s block", extra.kind), "a sandbox is reached by a file on this machine", "")
		}
	}
	return cl
}

// clusterKind is one of the things that say what a cluster is, of which it has exactly one.
type clusterKind struct {
	name string
	at   hcl.Range
}

func (l *loader) legacy(b *block) *Legacy {
	c := l.read(b, legacySchema, nil)
	servers := &Legacy{}
	for name, dst := range map[string]*string{"vtctld": &servers.Vtctld, "vtworker": &servers.Vtworker} {
		if l.text(c, name, dst) {
			l.serverAddress(*dst, name, c.attrs[name].expr.Range())
		}
	}
	return servers
}

func (l *loader) vtctldAddresses(c *content, addresses []string, places []hcl.Range) {
	if len(addresses) == 0 {
		l.errorAt(c.attrs["vtctld"].expr.Range(), "vtctld is empty", "", `list at least one address: ["HOST:PORT"]`)
	}
	l.distinct(addresses, places, "vtctld")
	for i, address := range addresses {
		l.serverAddress(address, "vtctld", places[i])
	}
}

func (l *loader) serverAddress(address, server string, at hcl.Range) {
	host, port, err := net.SplitHostPort(address)
	n, convErr := strconv.Atoi(port)
	if err != nil || convErr != nil || n < 1 || n > 65535 || host == "" || strings.ContainsAny(host, " /") {
		l.errorAt(at, fmt.Sprintf("%q is no address of a %s", address, server), "expected HOST:PORT, the gRPC port", "")
	}
}

func (l *loader) tls(b *block) *TLS {
	c := l.read(b, tlsSchema, nil)
	t := &TLS{}
	file := func(name string, dst *string) *pemFile {
		if !l.name(c, name, dst) {
			return &pemFile{}
		}
		*dst = within(l.dir, *dst)
		return &pemFile{name: *dst, at: c.attrs[name].expr.Range()}
	}
	ca, cert, key := file("ca", &t.CA), file("cert", &t.Cert), file("key", &t.Key)
	l.checks = append(l.checks, func() { l.checkTLS(ca, cert, key) })
	l.name(c, "server_name", &t.ServerName)
	if (c.attrs["cert"] == nil) != (c.attrs["key"] == nil) && !b.broken && len(b.lost) == 0 {
		l.errorAt(b.header, "cert and key of a tls block come together", "one of the two is missing", "")
	}
	return t
}

func (l *loader) auth(b *block) *Auth {
	c := l.read(b, authSchema, nil)
	a := &Auth{}
	l.name(c, "username", &a.Username)
	if p := c.attrs["password"]; p != nil {
		b.src.hide(hcl.RangeBetween(p.nameAt, p.expr.Range()))
	}
	l.secret = true
	v, ok := l.markedValue(c, "password", cty.String)
	l.secret = false
	if ok {
		v, _ = v.Unmark()
		a.Password = v.AsString()
		l.secrets.Add(a.Password)
	}
	return a
}
