package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// parseNative parses text[start:end] of a file in HCL's native syntax, which begins on line.
func parseNative(src *source, start, end, line int) (*hclsyntax.Body, hcl.Diagnostics) {
	pos := hcl.Pos{Line: line, Column: 1, Byte: start}
	before := src.text[max(0, start-maxSnippet):start]
	pos.Column += utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return parseText(src.name, src.text[start:end], pos)
}

// parseText parses a body in HCL's native syntax that stands at pos. It never panics and never runs out of stack.
func parseText(name, text string, pos hcl.Pos) (body *hclsyntax.Body, diags hcl.Diagnostics) {
	whole := hcl.Range{Filename: name, Start: pos, End: pos}
	defer func() {
		if r := recover(); r != nil {
			body, diags = nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "cannot be parsed", Detail: fmt.Sprint(r), Subject: &whole}}
		}
	}()
	if brackets(text) > maxOperators {
		tokens, _ := hclsyntax.LexConfig([]byte(text), name, pos)
		if d := tooDeep(tokens); d != nil {
			return nil, hcl.Diagnostics{d}
		}
	}
	file, diags := hclsyntax.ParseConfig([]byte(text), name, pos)
	return file.Body.(*hclsyntax.Body), diags
}

// brackets counts the characters that can make a syntax tree deeper. No more than that is its depth.
func brackets(text string) int {
	n := 0
	for i := range len(text) {
		switch text[i] {
		case '{', '[', '(', '!', '-', '+', '*', '/', '%', '?', '&', '|', '<', '>', '=', ':':
			n++
		}
	}
	return n
}

// checkJSON finds nesting and numbers in a JSON file, and templates in its strings, that could exhaust stack or memory.
func checkJSON(src *source) *hcl.Diagnostic {
	text, line, lineStart, depth := src.text, 1, 0, 0
	complain := func(at int, summary string) *hcl.Diagnostic {
		pos := hcl.Pos{Line: line, Column: at - lineStart + 1, Byte: at}
		return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Subject: &hcl.Range{Filename: src.name, Start: pos, End: pos}}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\n':
			line, lineStart = line+1, i+1
		case '[', '{':
			if depth++; depth > maxNesting {
				return complain(i, "brackets are nested too deeply")
			}
		case ']', '}':
			depth--
		case 'e', 'E':
			digits := strings.TrimLeft(text[i+1:min(len(text), i+16)], "+-0")
			if i > 0 && '0' <= text[i-1] && text[i-1] <= '9' && len(digits)-len(strings.TrimLeft(digits, "0123456789")) > 4 {
				return complain(i, "a number is out of range")
			}
		case '"':
			start := i
			for i++; i < len(text) && text[i] != '"' && text[i] != '\n'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			literal := text[start:min(i+1, len(text))]
			if brackets(literal)+strings.Count(literal, `\u`) > maxOperators || strings.Count(literal, "{") > maxNesting {
				tokens, _ := hclsyntax.LexTemplate([]byte(unquoteJSON(literal)), src.name, hcl.Pos{Line: line, Column: start - lineStart + 1, Byte: start})
				if d := tooDeep(tokens); d != nil {
					return d
				}
			}
			if i < len(text) && text[i] == '\n' {
				i--
			}
		}
	}
	return nil
}

// unquoteJSON is the text that a JSON string stands for; the text between the quotes where it is not valid.
func unquoteJSON(literal string) string {
	var text string
	if err := json.Unmarshal([]byte(literal), &text); err != nil {
		return strings.Trim(literal, `"`)
	}
	return text
}
