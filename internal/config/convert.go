package config

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// convertTo is convert.Convert in linear time also for a list that is written out: the library compares the type of
// each element of a tuple, and of an object, with that of every other.
func convertTo(v cty.Value, want cty.Type) (cty.Value, error) {
	whole, ty := v, v.Type()
	v, marks := v.Unmark()
	if !ty.IsTupleType() && !ty.IsObjectType() || v.IsNull() || !v.IsKnown() || v.LengthInt() == 0 {
		return convert.Convert(whole, want)
	}
	want, ok := elementsAlike(ty, want)
	if !ok {
		return convert.Convert(whole, want)
	}
	elements := make([]cty.Value, 0, v.LengthInt())
	byName := map[string]cty.Value{}
	for key, e := range v.Elements() {
		out, err := convertTo(e, want.ElementType())
		if err != nil {
			return v, cty.Path{cty.IndexStep{Key: key}}.NewError(err)
		}
		if ty.IsObjectType() {
			byName[key.AsString()] = out
		}
		elements = append(elements, out)
	}
	switch {
	case want.IsMapType():
		v = cty.MapVal(byName)
	case want.IsSetType():
		v = cty.SetVal(elements)
	default:
		v = cty.ListVal(elements)
	}
	return v.WithMarks(marks), nil
}

// elementsAlike is the collection type wanted of a tuple or object with the type of its elements known: where any will
// do, they have it already. false where it is not that simple.
func elementsAlike(have, want cty.Type) (cty.Type, bool) {
	tuple := have.IsTupleType() && (want.IsListType() || want.IsSetType())
	if !tuple && !(have.IsObjectType() && want.IsMapType()) {
		return want, false
	}
	if element := want.ElementType(); element != cty.DynamicPseudoType {
		return want, !element.HasDynamicTypes()
	}
	var first cty.Type
	alike := func(ty cty.Type) bool {
		if first == cty.NilType {
			first = ty
		}
		return ty.Equals(first)
	}
	if tuple {
		for _, ty := range have.TupleElementTypes() {
			if !alike(ty) {
				return want, false
			}
		}
	} else {
		for _, ty := range have.AttributeTypes() {
			if !alike(ty) {
				return want, false
			}
		}
	}
	switch {
	case first.HasDynamicTypes():
		return want, false
	case want.IsMapType():
		return cty.Map(first), true
	case want.IsSetType():
		return cty.Set(first), true
	}
	return cty.List(first), true
}
