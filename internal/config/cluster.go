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
	blocks: []header{{kind: "tls"}, {kind: "auth"}, {kind: "sandbox"}},
	later:  []string{"legacy"},
}

var tlsSchema = &schema{what: "tls block", attrs: []string{"ca", "cert", "key", "server_name"}}

var authSchema = &schema{what: "auth block", attrs: []string{"username", "password"}, needs: []string{"username", "password"}}

func (l *loader) readClusters(blocks []*block) {
	for _, b := range blocks {
		if l.clusters[b.labels[0]] == b {
			l.config.Clusters = append(l.config.Clusters, l.cluster(b))
		}
	}
	for i, c := range l.config.Clusters { // only now all lines with passwords are known
		l.config.Clusters[i].Place = l.place(l.clusters[c.Name].header)
	}
}

func (l *loader) cluster(b *block) Cluster {
	cl := Cluster{Name: b.labels[0]}
	var tlsBlock, authBlock, sandboxBlock *block
	c := l.read(b, clusterSchema, func(nested *block) {
		switch nested.kind {
		case "tls":
			tlsBlock = nested
			cl.TLS = l.tls(nested)
		case "auth":
			authBlock = nested
			cl.Auth = l.auth(nested)
		case "sandbox":
			sandboxBlock = nested
			cl.Sandbox = l.sandbox(nested)
		}
	})
	if places, ok := l.texts(c, "vtctld", &cl.Vtctld); ok {
		l.vtctldAddresses(c, cl.Vtctld, places)
	}
	a := c.attrs["vtctld"]
	switch {
	case a != nil && sandboxBlock != nil:
		l.errorAt(sandboxBlock.header, fmt.Sprintf("cluster %q has both vtctld and sandbox", cl.Name), "vtctld is at "+l.where(a.nameAt), "keep one of the two")
	case a == nil && sandboxBlock == nil && !c.later["legacy"] && !b.broken && len(b.lost) == 0:
		l.errorAt(b.header, fmt.Sprintf("cluster %q has neither vtctld nor sandbox", cl.Name), "", `add: vtctld = ["HOST:PORT"], or a block: sandbox { … }`)
	}
	for _, extra := range []*block{tlsBlock, authBlock} {
		if extra != nil && sandboxBlock != nil {
			l.errorAt(extra.header, fmt.Sprintf("a sandbox cluster takes no %s block", extra.kind), "a sandbox is reached by a file on this machine", "")
		}
	}
	return cl
}

func (l *loader) vtctldAddresses(c *content, addresses []string, places []hcl.Range) {
	if len(addresses) == 0 {
		l.errorAt(c.attrs["vtctld"].expr.Range(), "vtctld is empty", "", `list at least one address: ["HOST:PORT"]`)
	}
	l.distinct(addresses, places, "vtctld")
	for i, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		n, convErr := strconv.Atoi(port)
		if err != nil || convErr != nil || n < 1 || n > 65535 || host == "" || strings.ContainsAny(host, " /") {
			l.errorAt(places[i], fmt.Sprintf("%q is no address of a vtctld", address), "expected HOST:PORT, the gRPC port", "")
		}
	}
}

func (l *loader) tls(b *block) *TLS {
	c := l.read(b, tlsSchema, nil)
	t := &TLS{}
	for name, dst := range map[string]*string{"ca": &t.CA, "cert": &t.Cert, "key": &t.Key} {
		if l.name(c, name, dst) {
			*dst = within(l.dir, *dst)
		}
	}
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
	}
	return a
}
