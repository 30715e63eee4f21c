package config

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"shardform/internal/keyrange"
)

// What a keyspace block and a sandbox's keyspace block both have is read here.

// layout reads a list of shards; places are those of its elements.
func (l *loader) layout(c *content, name string) (layout keyrange.Layout, places []hcl.Range, ok bool) {
	var names []string
	places, ok = l.texts(c, name, &names)
	if !ok {
		return nil, nil, false
	}
	layout, err := keyrange.ParseLayout(names)
	if err == nil {
		return layout, places, true
	}
	whole := c.attrs[name].expr.Range()
	for _, problem := range keyrange.LayoutErrors(err) {
		at := whole
		if problem.Index >= 0 && problem.Index < len(places) {
			at = places[problem.Index]
		}
		l.errorAt(at, problem.Summary, "", problem.Hint)
	}
	return nil, nil, false
}

// vschema reads a string that has to be a JSON object; nil if it is not. checkVSchema looks into the object.
func (l *loader) vschema(c *content, dst *string) *document {
	var text string
	if !l.text(c, "vschema", &text) {
		return nil
	}
	d := l.document(c.attrs["vschema"].expr, text)
	text = d.text
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		at, problem := 0, "it is another kind of value"
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at, problem = max(0, min(int(syntax.Offset), len(text))-1), syntax.Error() // Offset is that of the next byte
		}
		d.errorAtOffset(at, "the vschema is not JSON", "expected a JSON object: "+problem, "")
		return nil
	}
	*dst = text
	return d
}

// objectName checks the name of a keyspace in a cluster by Vitess's rule.
func (l *loader) objectName(name string, at hcl.Range, what string) bool {
	if len(name) > 64 || name == "" {
		l.errorAt(at, fmt.Sprintf("%q is no name for a %s", name, what), "Vitess takes names of 1 to 64 bytes", "")
		return false
	}
	for _, r := range name {
		if ('a' <= r && r <= 'z') || ('A' <= r && r <= 'Z') || ('0' <= r && r <= '9') || r == '_' || r == '-' {
			continue
		}
		l.errorAt(at, fmt.Sprintf("%q is no name for a %s", name, what), "Vitess takes letters, digits, _ and -", "")
		return false
	}
	return true
}
