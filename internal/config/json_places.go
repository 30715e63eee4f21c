package config

import (
	"encoding/json"
	"strings"
)

// jsonValue is a value of a JSON document and where it begins. Numbers, strings and the like are only places.
type jsonValue struct {
	offset   int
	members  []jsonMember // of an object, in order
	elements []*jsonValue // of a list
}

type jsonMember struct {
	name   string
	offset int // of the name
	value  *jsonValue
}

// readJSON returns the places of a document that encoding/json has accepted.
func readJSON(text string) *jsonValue {
	r := jsonReader{text: text, decoder: json.NewDecoder(strings.NewReader(text))}
	r.decoder.UseNumber() // one that no float64 holds is none of its business
	return r.value()
}

type jsonReader struct {
	text    string
	decoder *json.Decoder
	failed  bool
}

// next returns the next token and its offset; nil at the end.
func (r *jsonReader) next() (json.Token, int) {
	offset := int(r.decoder.InputOffset())
	offset = len(r.text) - len(strings.TrimLeft(r.text[offset:], " \t\r\n,:"))
	token, err := r.decoder.Token()
	r.failed = r.failed || err != nil
	return token, offset
}

func (r *jsonReader) more() bool { return !r.failed && r.decoder.More() }

func (r *jsonReader) value() *jsonValue {
	token, offset := r.next()
	v := &jsonValue{offset: offset}
	switch token {
	case json.Delim('{'):
		for r.more() {
			token, offset := r.next()
			name, _ := token.(string)
			v.members = append(v.members, jsonMember{name, offset, r.value()})
		}
		r.next()
	case json.Delim('['):
		for r.more() {
			v.elements = append(v.elements, r.value())
		}
		r.next()
	}
	return v
}

// step returns the member of a name, or the element of an index; nil if there is none.
func (v *jsonValue) step(step any) *jsonValue {
	switch s := step.(type) {
	case int:
		if s < len(v.elements) {
			return v.elements[s]
		}
	case string:
		for _, m := range v.members {
			if m.name == s {
				return m.value
			}
		}
	}
	return nil
}
