package config

import (
	"fmt"
	"slices"

	"shardform/internal/tasks"
)

// vtctldParameter and vtworkerParameter default to the addresses of the operation's cluster.
const (
	vtctldParameter   = "vtctld_endpoint"
	vtworkerParameter = "vtworker_endpoint"
)

// settle gives tasks the addresses of the servers of the operation's cluster, complains about what is missing then, and
// refuses tasks that the cluster cannot do.
func (o *operationReader) settle() {
	cluster := o.cluster(o.operation.Cluster)
	for _, p := range o.pending {
		task := &o.operation.Containers[p.container].Tasks[p.task]
		if p.spec.Modern != "" && cluster != nil && cluster.Legacy == nil {
			o.errorAt(p.at, fmt.Sprintf("task %q is for clusters with vtworker", p.spec.Name),
				fmt.Sprintf("cluster %q has no legacy block", cluster.Name), p.spec.Modern)
			continue
		}
		for _, name := range []string{vtctldParameter, vtworkerParameter} {
			parameter, takes := p.spec.Parameter(name)
			_, given := task.Parameters[name]
			if address := cluster.endpoint(name); takes && !parameter.Required && !given && address != "" {
				task.Parameters[name] = address
			}
		}
		complete := true
		for _, name := range p.missing {
			if address := cluster.endpoint(name); address != "" {
				task.Parameters[name] = address
				continue
			}
			complete = false
			o.errorAt(p.at, fmt.Sprintf("task %q needs parameter %q", p.spec.Name, name), documented(p.spec, name), o.cure(name))
		}
		if complete && p.clean {
			o.check(task, p.places, p.at)
		}
	}
}

// cluster is the cluster block called name, nil if there is none.
func (l *loader) cluster(name string) *Cluster {
	i := slices.IndexFunc(l.config.Clusters, func(c Cluster) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &l.config.Clusters[i]
}

// endpoint is the address that a parameter of a task defaults to, "" if the cluster gives none. c may be nil.
func (c *Cluster) endpoint(parameter string) string {
	switch {
	case c == nil:
	case parameter == vtctldParameter && c.Legacy != nil:
		return c.Legacy.Vtctld
	case parameter == vtworkerParameter && c.Legacy != nil:
		return c.Legacy.Vtworker
	case parameter == vtctldParameter && len(c.Vtctld) > 0:
		return c.Vtctld[0]
	}
	return ""
}

func documented(spec *tasks.Spec, name string) string {
	p, _ := spec.Parameter(name)
	return p.Doc
}

func (o *operationReader) cure(name string) string {
	clusters := slices.Sorted(slices.Values(o.declared["cluster"]))
	switch {
	case name != vtctldParameter && name != vtworkerParameter:
		return "add it to parameters = { … }"
	case o.operation.Cluster == "" && len(clusters) > 1:
		return fmt.Sprintf("name the operation's cluster (%s), or give the address", list(clusters))
	}
	return fmt.Sprintf("give the address: %s = \"HOST:PORT\"", name)
}
