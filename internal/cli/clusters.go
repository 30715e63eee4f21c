package cli

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"shardform/internal/config"
	"shardform/internal/diag"
	"shardform/internal/failpoint"
	"shardform/internal/vitess"
)

// clusters opens the clusters of a configuration when they are first asked for and keeps them open until Close.
type clusters struct {
	app  *App
	defs []config.Cluster

	mu      sync.Mutex
	clients map[string]vitess.Cluster // guarded by mu
	closers []func() error            // guarded by mu
}

func (a *App) openClusters(defs []config.Cluster) *clusters {
	return &clusters{app: a, defs: defs, clients: map[string]vitess.Cluster{}}
}

// Cluster is the cluster block called name, connected.
func (c *clusters) Cluster(ctx context.Context, name string) (vitess.Cluster, error) {
	return c.client(ctx, name)
}

// Reader is the same for those that only read.
func (c *clusters) Reader(ctx context.Context, name string) (vitess.Reader, error) {
	return c.client(ctx, name)
}

func (c *clusters) client(ctx context.Context, name string) (vitess.Cluster, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.clients[name]; ok {
		return client, nil
	}
	i := slices.IndexFunc(c.defs, func(d config.Cluster) bool { return d.Name == name })
	if i < 0 {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "there is no cluster " + name, Hint: "declare it with a cluster block"}
	}
	if servers := c.defs[i].Legacy; servers != nil {
		legacy, err := c.Legacy(name)
		if err != nil {
			return nil, err
		}
		c.clients[name] = vitess.NewLegacyCluster(legacy, servers.Vtctld)
		return c.clients[name], nil
	}
	settings, err := c.settings(ctx, c.defs[i])
	if err != nil {
		return nil, err
	}
	settings.Before, settings.After = c.hooks(name)
	client, err := vitess.Dial(ctx, settings)
	if err != nil {
		return nil, err
	}
	c.clients[name] = client
	c.closers = append(c.closers, client.Close)
	return client, nil
}

// The process that serves a sandbox may end at any moment, as may the one that takes its place. Before it lets go it waits
// up to 10 s for the calls of others.
const (
	sandboxReconnects     = 20
	sandboxConnectTimeout = 30 * time.Second
)

// settings says how to reach a cluster; a sandbox is opened, and served by this process if no other does.
func (c *clusters) settings(ctx context.Context, def config.Cluster) (vitess.Config, error) {
	if def.Sandbox != nil {
		box, err := c.app.openSandbox(ctx, *def.Sandbox)
		if err != nil {
			return vitess.Config{}, err
		}
		c.closers = append(c.closers, box.Close)
		return vitess.Config{
			Addresses: []string{box.Target()}, Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return box.Dial(ctx) },
			Now: c.app.clock.Now, Reconnects: sandboxReconnects, ConnectTimeout: sandboxConnectTimeout,
		}, nil
	}
	settings := vitess.Config{Addresses: def.Vtctld, Now: c.app.clock.Now}
	settings.TLS, settings.Auth = credentials(def)
	return settings, nil
}

func credentials(def config.Cluster) (*vitess.TLS, *vitess.Auth) {
	var tls *vitess.TLS
	var auth *vitess.Auth
	if t := def.TLS; t != nil {
		tls = &vitess.TLS{CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName}
	}
	if u := def.Auth; u != nil {
		auth = &vitess.Auth{Username: u.Username, Password: u.Password}
	}
	return tls, auth
}

// hooks are what happens around everything that changes the cluster called name.
func (c *clusters) hooks(name string) (before, after func(rpc string)) {
	before = func(rpc string) {
		c.app.log.Debug("changing the cluster", "cluster", name, "rpc", rpc)
		failpoint.BeforeRPC(rpc)
	}
	after = func(rpc string) {
		c.app.log.Debug("answered", "cluster", name, "rpc", rpc)
		failpoint.AfterRPC(rpc)
	}
	return before, after
}

// Legacy reaches the servers of a legacy Vitess by the tls and auth of the cluster block called name, in plain text if
// there is none of that name.
func (c *clusters) Legacy(name string) (vitess.Legacy, error) {
	var settings vitess.LegacyConfig
	if i := slices.IndexFunc(c.defs, func(d config.Cluster) bool { return d.Name == name }); i >= 0 {
		settings.TLS, settings.Auth = credentials(c.defs[i])
	}
	settings.Before, settings.After = c.hooks(name)
	return vitess.NewLegacy(settings)
}

// Close disconnects, in reverse order: clients before the sandboxes they talk to.
func (c *clusters) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, closer := range slices.Backward(c.closers) {
		errs = append(errs, closer())
	}
	c.closers, c.clients = nil, map[string]vitess.Cluster{}
	return errors.Join(errs...)
}
