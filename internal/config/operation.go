package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/addr"
	"shardform/internal/tasks"
)

var operationSchema = &schema{
	what:  "operation block",
	attrs: []string{"cluster", "depends_on"},
	blocks: []header{
		{kind: "container", labels: []string{"name"}, many: true},
		{kind: "task", labels: []string{"task", "name"}, many: true},
	},
	later: []string{"for_each", "count"},
}

var containerSchema = &schema{
	what:   "container block",
	attrs:  []string{"concurrency"},
	blocks: []header{{kind: "task", labels: []string{"task", "name"}, many: true}},
	later:  []string{"for_each", "count"},
}

func (l *loader) readOperations(blocks []*block) {
	for _, b := range blocks {
		if slices.Contains(tasks.Operations(), b.labels[0]) {
			l.errorAt(b.labelsAt[0], fmt.Sprintf("operation %q has the name of an operation that may be enqueued", b.labels[0]),
				"`shardform serve` runs the task of that name by it, with parameters", "give the block another label")
		}
		if l.operations[b.labels[0]] == b {
			l.config.Operations = append(l.config.Operations, l.operation(b))
		}
	}
}

// pending is a task whose parameters are complete, or its place right, only by what its operation's cluster is. That is
// known only when the whole block was read.
type pending struct {
	container, task int
	missing         []string
	places          map[string]hcl.Range // of the values of parameters
	spec            *tasks.Spec
	at              hcl.Range
	clean           bool // nothing else of it was complained about
}

// operationReader reads one operation block.
type operationReader struct {
	*loader
	operation Operation
	labels    map[string]hcl.Range // of containers
	pending   []pending
}

func (l *loader) operation(b *block) Operation {
	o := &operationReader{loader: l, labels: map[string]hcl.Range{}}
	o.operation = Operation{Address: addr.Operation(b.labels[0]), Place: l.place(b.header)}
	c := l.read(b, operationSchema, func(nested *block) {
		if nested.kind == "task" {
			o.bareTask(nested)
		} else {
			o.container(nested)
		}
	})
	o.operation.DependsOn = l.dependsOn(o.operation.Address, c)
	name, ok := l.clusterName(c)
	clusters := l.declared["cluster"]
	if name == "" && len(clusters) == 1 {
		name = clusters[0]
	}
	o.operation.Cluster = name
	if ok {
		o.settle()
	}
	if len(o.operation.Containers) == 0 && !b.broken && len(b.lost) == 0 && len(c.later) == 0 {
		l.warnAt(b.header, fmt.Sprintf("operation %q has no tasks", b.labels[0]), "", "")
	}
	return o.operation
}

// label checks the label of a container or task, which becomes part of an address. Labels cannot hold expressions, so
// nothing sensitive gets into them.
func (o *operationReader) label(name string, at hcl.Range, noun string) bool {
	if !addr.ValidPart(name) {
		o.errorAt(at, fmt.Sprintf("%q is no name for a %s", name, noun), "names have letters, digits and _ . , : + @ -", "")
		return false
	}
	return true
}

// begin starts a container and returns its index. One whose name is refused stays in the operation, which nobody gets
// then: its tasks are read all the same, for their own mistakes, and those are found by their index.
func (o *operationReader) begin(name string, b *block) (index int, ok bool) {
	address := o.operation.Address
	if ok = o.label(name, b.labelsAt[len(b.labelsAt)-1], b.kind); ok {
		address = address.WithContainer(name)
		if before, dup := o.labels[name]; dup {
			o.errorAt(b.header, fmt.Sprintf("duplicate address %s", address), "the first one is at "+o.where(before), "rename one of the two")
			ok = false
		} else {
			o.labels[name] = b.header
		}
	}
	o.operation.Containers = append(o.operation.Containers, Container{Address: address, Place: o.place(b.header)})
	return len(o.operation.Containers) - 1, ok
}

func (o *operationReader) container(b *block) {
	index, _ := o.begin(b.labels[0], b)
	seen := map[string]hcl.Range{}
	c := o.read(b, containerSchema, func(nested *block) { o.task(nested, index, seen) })
	container := &o.operation.Containers[index]
	o.whole(c, "concurrency", 0, &container.Concurrency)
	if len(container.Tasks) == 0 && !b.broken && len(b.lost) == 0 && len(c.later) == 0 && len(seen) == 0 {
		o.warnAt(b.header, fmt.Sprintf("container %q has no tasks", b.labels[0]), "", "")
	}
}

func (o *operationReader) bareTask(b *block) {
	index, _ := o.begin(b.labels[1], b)
	o.task(b, index, map[string]hcl.Range{})
}

func (o *operationReader) task(b *block, container int, seen map[string]hcl.Range) {
	name, label := b.labels[0], b.labels[1]
	address := o.operation.Containers[container].Address.WithTask(label)
	if before, dup := seen[label]; dup {
		o.errorAt(b.header, fmt.Sprintf("duplicate address %s", address), "the first one is at "+o.where(before), "rename one of the two")
		return
	}
	seen[label] = b.header
	if !o.label(label, b.labelsAt[1], "task") {
		return
	}
	spec := o.spec(name, b.labelsAt[0])
	if spec == nil {
		return
	}
	before := o.errors
	p := o.parameters(b, spec)
	c := &o.operation.Containers[container]
	clean := o.errors == before && !b.broken && len(b.lost) == 0
	c.Tasks = append(c.Tasks, Task{Address: address, Name: name, Parameters: p.texts, Sensitive: p.sensitive, Place: o.place(b.header)})
	switch {
	case len(p.missing) > 0 || spec.Modern != "":
		o.pending = append(o.pending, pending{container, len(c.Tasks) - 1, p.missing, p.places, spec, b.header, clean})
	case clean:
		o.check(&c.Tasks[len(c.Tasks)-1], p.places, b.header)
	}
}

// check lets the task itself judge its parameters. What it says of one is an error at the parameter's value. What it says of
// sensitive ones is not shown: it may hold their values.
func (o *operationReader) check(t *Task, places map[string]hcl.Range, at hcl.Range) {
	err := o.opts.Tasks.Check(t.Name, t.Parameters)
	var wrong tasks.ParameterErrors
	var one *tasks.ParameterError
	switch {
	case err == nil:
		return
	case errors.As(err, &wrong):
	case errors.As(err, &one):
		wrong = tasks.ParameterErrors{one}
	default:
		detail := err.Error()
		if len(t.Sensitive) > 0 {
			detail = "what is wrong is not shown, as parameters of it are sensitive"
		}
		o.errorAt(at, fmt.Sprintf("the parameters of task %q do not fit", t.Name), detail, "see `shardform tasks "+t.Name+"`")
	}
	for _, one := range wrong {
		place, given := places[one.Name]
		if !given {
			place = at
		}
		detail := one.Problem
		if slices.Contains(t.Sensitive, one.Name) {
			detail = "what is wrong is not shown, as the parameter is sensitive"
		}
		o.errorAt(place, fmt.Sprintf("parameter %q of task %q is wrong", one.Name, t.Name), detail, "see `shardform tasks "+t.Name+"`")
	}
}

// spec finds a registered task that plan files may name.
func (o *operationReader) spec(name string, at hcl.Range) *tasks.Spec {
	var names []string
	if o.opts.Tasks != nil {
		spec, ok := o.opts.Tasks.Spec(name)
		if ok && !spec.Internal {
			return spec
		}
		if ok {
			o.errorAt(at, fmt.Sprintf("task %q is not for plan files", name), "it is a step of a reshard, which a keyspace block plans as a whole",
				"declare the layout you want: keyspace \"NAME\" { shards = […] }")
			return nil
		}
		for _, s := range o.opts.Tasks.Specs() {
			if !s.Internal {
				names = append(names, s.Name)
			}
		}
	}
	o.errorAt(at, fmt.Sprintf("unknown task %q", name), "the tasks are "+list(names), suggest(name, names))
	return nil
}
