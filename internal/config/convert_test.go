package config

import (
	"testing"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// convertTo gives what the library gives, value or error.
func TestConversionsAreTheLibrarys(t *testing.T) {
	one, text := cty.NumberIntVal(1), cty.StringVal("x")
	values := []cty.Value{
		cty.TupleVal([]cty.Value{text, text}), cty.TupleVal([]cty.Value{one, text}), cty.TupleVal([]cty.Value{text.Mark(sensitive), one}),
		cty.TupleVal([]cty.Value{text}).Mark(sensitive), cty.TupleVal([]cty.Value{cty.NullVal(cty.DynamicPseudoType), text}), cty.EmptyTupleVal,
		cty.TupleVal([]cty.Value{cty.TupleVal([]cty.Value{one}), cty.TupleVal([]cty.Value{text})}), cty.TupleVal([]cty.Value{cty.UnknownVal(cty.String)}),
		cty.ObjectVal(map[string]cty.Value{"a": one, "b": text}), cty.ObjectVal(map[string]cty.Value{"a": one}).Mark(sensitive), cty.EmptyObjectVal,
		cty.ObjectVal(map[string]cty.Value{"a": cty.TupleVal([]cty.Value{one})}), cty.NullVal(cty.Tuple([]cty.Type{cty.String})), cty.DynamicVal, text,
	}
	for _, v := range values {
		for _, want := range []cty.Type{cty.String, cty.List(cty.String), cty.Set(cty.Number), cty.List(cty.DynamicPseudoType), cty.Set(cty.DynamicPseudoType),
			cty.Map(cty.String), cty.Map(cty.DynamicPseudoType), cty.List(cty.List(cty.String)), cty.Map(cty.List(cty.Number)), cty.DynamicPseudoType} {
			got, err := convertTo(v, want)
			expected, expectedErr := convert.Convert(v, want)
			if (err == nil) != (expectedErr == nil) || err == nil && !got.RawEquals(expected) {
				t.Errorf("%#v to %s: %#v, %v; the library: %#v, %v", v, want.FriendlyName(), got, err, expected, expectedErr)
			}
		}
	}
}
