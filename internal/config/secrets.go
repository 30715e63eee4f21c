package config

import (
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// sensitiveLeaves gives take every string and number in v that is marked as sensitive or lies in something that is, as
// text. Names of objects and maps are not values, and true and false are no secrets.
func sensitiveLeaves(v cty.Value, take func(text string)) {
	if v.ContainsMarked() {
		leaves(v, false, take)
	}
}

// leaves gives take the strings and numbers of v: all of them, or those that are marked.
func leaves(v cty.Value, all bool, take func(text string)) {
	marked := all || v.IsMarked()
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return
	}
	switch ty := v.Type(); {
	case ty == cty.String || ty == cty.Number:
		if text, err := convert.Convert(v, cty.String); marked && err == nil {
			take(text.AsString())
		}
	case ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType():
		for _, e := range v.Elements() {
			leaves(e, marked, take)
		}
	}
}

// watched is f with bounds, whose result is noted if it is sensitive: what is computed of a secret, such as its base64,
// is one too. It converts its arguments itself, as the library takes too long for long lists.
func (s *scope) watched(name string, f function.Function) function.Function {
	open := func(p function.Parameter) function.Parameter {
		p.AllowNull, p.AllowUnknown, p.AllowDynamicType, p.AllowMarked = true, true, true, true // f itself judges
		p.Type = cty.DynamicPseudoType
		return p
	}
	spec := &function.Spec{Description: f.Description(), Type: function.StaticReturnType(cty.DynamicPseudoType)}
	for _, p := range f.Params() {
		spec.Params = append(spec.Params, open(p))
	}
	if p := f.VarParam(); p != nil {
		more := open(*p)
		spec.VarParam = &more
	}
	selects := name == "length" || name == "element" || name == "lookup" // these return a part of what is measured already
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		args = slices.Clone(args)
		for i := range args {
			p := f.VarParam()
			if i < len(f.Params()) {
				p = &f.Params()[i]
			}
			var err error
			if args[i], err = convertTo(args[i], p.Type); err != nil {
				return cty.DynamicVal, function.NewArgError(i, err)
			}
			if !selects && tooLargeValue(args[i]) {
				return cty.DynamicVal, function.NewArgErrorf(i, "it is too large: %s", valueLimits)
			}
		}
		if of := yields[name]; of != nil && of(args).tooLarge() {
			return cty.DynamicVal, fmt.Errorf("what it returns is too large: %s", valueLimits)
		}
		v, err := f.Call(args)
		if err == nil {
			sensitiveLeaves(v, s.secrets.Add)
		}
		return v, err
	}
	return function.New(spec)
}
