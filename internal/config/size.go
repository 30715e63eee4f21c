package config

import "github.com/zclconf/go-cty/cty"

// Limits on values. A few lines that each hold the one before twice would fill any memory otherwise.
const (
	maxElements = 1_000_000
	maxText     = maxFileSize
	maxChain    = 10_000 // values that refer to each other in a row
)

// Limits on all values together that were evaluated. Tests lower them.
var (
	maxHeldElements = 20 * maxElements
	maxHeldText     = 16 * maxText
)

const valueLimits = "a value has at most 64 MiB of text and a million elements"

// tooLargeValue reports whether v is beyond the limits. It looks no further than that.
func tooLargeValue(v cty.Value) bool {
	size := measure{elements: maxElements, text: maxText}
	return !size.fits(v)
}

// measure is what is left of the limits.
type measure struct{ elements, text int }

// fits reports whether v is within what is left, and takes it off.
func (m *measure) fits(v cty.Value) bool {
	v, _ = v.Unmark()
	if m.elements--; m.elements < 0 {
		return false
	}
	if v.IsNull() || !v.IsKnown() {
		return true
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		m.text -= len(v.AsString())
		return m.text >= 0
	case ty == cty.Number: // written out, a power of a power fills any memory
		exponent := v.AsBigFloat().MantExp(nil)
		m.text -= max(exponent, -exponent) / 3
		return m.text >= 0
	case ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType():
		for key, e := range v.Elements() {
			if key.Type() == cty.String {
				m.text -= len(key.AsString())
			}
			if !m.fits(e) {
				return false
			}
		}
	}
	return true
}
