package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// yield is an upper bound of what a function returns; zero where that is no more than it was given.
type yield struct{ elements, text int }

func (y yield) tooLarge() bool { return y.elements > maxElements || y.text > maxText }

// yields has the functions that make much of little: what they would return is known before it is in memory. Arguments
// that are not of the type that a function wants count as nothing: the function refuses them.
var yields = map[string]func(args []cty.Value) yield{
	"join": func(args []cty.Value) yield {
		n, size := 0, 0
		for _, list := range args[1:] {
			n, size = n+length(list), size+textSize(list)
		}
		return yield{text: size + n*len(text(args[0]))}
	},
	"replace": func(args []cty.Value) yield {
		s, pattern, with := text(args[0]), text(args[1]), text(args[2])
		if len(pattern) < 2 || pattern[0] != '/' || pattern[len(pattern)-1] != '/' {
			return yield{text: len(s) + strings.Count(s, pattern)*len(with)}
		}
		re, err := regexp.Compile(pattern[1 : len(pattern)-1])
		if err != nil {
			return yield{}
		}
		references := strings.Count(with, "$")
		return yield{text: len(s)*(1+references) + len(re.FindAllStringIndex(s, -1))*len(with)}
	},
	"indent": func(args []cty.Value) yield {
		s := text(args[1])
		return yield{text: len(s) + (1+strings.Count(s, "\n"))*number(args[0])}
	},
	"format":     formatYield,
	"formatlist": formatYield,
	"split": func(args []cty.Value) yield {
		return yield{elements: strings.Count(text(args[1]), text(args[0])) + 1}
	},
	"regexall": func(args []cty.Value) yield {
		re, err := regexp.Compile(text(args[0]))
		if err != nil {
			return yield{}
		}
		return yield{elements: len(re.FindAllStringIndex(text(args[1]), -1)) * (1 + re.NumSubexp()), text: len(text(args[1])) * (1 + re.NumSubexp())}
	},
	"setproduct": func(args []cty.Value) yield {
		n := len(args)
		for _, set := range args {
			if n *= length(set); n > maxElements {
				break
			}
		}
		return yield{elements: n}
	},
	"csvdecode": func(args []cty.Value) yield {
		s := text(args[0])
		header, _, _ := strings.Cut(s, "\n")
		return yield{elements: strings.Count(s, "\n") * (1 + strings.Count(header, ",")), text: len(s) + strings.Count(s, "\n")*len(header)}
	},
	"jsondecode": func(args []cty.Value) yield {
		elements, depth := jsonShape(text(args[0]))
		if depth > maxNesting {
			return yield{elements: maxElements + 1}
		}
		return yield{elements: elements}
	},
}

var formatNumber = regexp.MustCompile(`[0-9]+`)

func formatYield(args []cty.Value) yield {
	spec, n, given := text(args[0]), 1, 0
	for _, arg := range args[1:] {
		if ty := arg.Type(); ty.IsListType() || ty.IsSetType() || ty.IsTupleType() {
			n = max(n, length(arg))
		}
		given += textSize(arg) + 400*(1+length(arg)) // a number in full
	}
	width := 0
	for _, digits := range formatNumber.FindAllString(spec, -1) {
		if len(digits) > 8 {
			return yield{text: maxText + 1}
		}
		w := 0
		_, _ = fmt.Sscan(digits, &w)
		width += w
	}
	verbs := strings.Count(spec, "%")
	return yield{text: min(n, maxText)*(len(spec)+width) + verbs*given}
}

// jsonShape is at least how many elements a JSON text has, and how deep its brackets go.
func jsonShape(s string) (elements, depth int) {
	open, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			open++
			elements++
			depth = max(depth, open)
		case c == ']' || c == '}':
			open--
		case c == ',':
			elements++
		}
	}
	return elements, depth
}

func text(v cty.Value) string {
	if v, _ = v.Unmark(); v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		return v.AsString()
	}
	return ""
}

func number(v cty.Value) int {
	if v, _ = v.Unmark(); v.Type() == cty.Number && v.IsKnown() && !v.IsNull() {
		n, _ := v.AsBigFloat().Int64()
		return int(max(0, min(n, maxText+1)))
	}
	return 0
}

func length(v cty.Value) int {
	v, _ = v.Unmark()
	if ty := v.Type(); v.IsKnown() && !v.IsNull() && (ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType()) {
		return v.LengthInt()
	}
	return 0
}

// textSize is how many bytes of text v has, of which maxText at least is looked at.
func textSize(v cty.Value) int {
	size := measure{elements: maxElements, text: maxText}
	if !size.fits(v) {
		return maxText + 1
	}
	return maxText - size.text
}
