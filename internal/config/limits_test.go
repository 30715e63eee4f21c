package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Inputs that would exhaust the stack or the memory of the parsers below, or never end, are refused with a place.
func TestLoadRefusesHostileFiles(t *testing.T) {
	t.Parallel()
	const n = 20_000
	output := func(expr string) string { return "output \"x\" {\n  value = " + expr + "\n}\n" }
	tests := map[string]struct{ name, text, want string }{
		"lists":                {"x.hcl", output(strings.Repeat("[", n)), "nested too deeply"},
		"closed lists":         {"x.hcl", output(strings.Repeat("[", n) + strings.Repeat("]", n)), "nested too deeply"},
		"parentheses":          {"x.hcl", output(strings.Repeat("(", n) + "1" + strings.Repeat(")", n)), "nested too deeply"},
		"blocks":               {"x.hcl", strings.Repeat("a {\n", n), "nested too deeply"},
		"calls":                {"x.hcl", output(strings.Repeat("f(", n)), "nested too deeply"},
		"not":                  {"x.hcl", output(strings.Repeat("!", n) + "true"), "nested too deeply"},
		"minus":                {"x.hcl", output(strings.Repeat("- ", n) + "1"), "nested too deeply"},
		"sums":                 {"x.hcl", output("1" + strings.Repeat(" + 1", n)), "nested too deeply"},
		"conditions":           {"x.hcl", output(strings.Repeat("true ? 1 : ", n) + "1"), "nested too deeply"},
		"indexes":              {"x.hcl", output("local.a" + strings.Repeat("[local.b]", n)), "nested too deeply"},
		"splats":               {"x.hcl", output("local.a" + strings.Repeat("[*]", n)), "nested too deeply"},
		"templates":            {"x.hcl", output(strings.Repeat(`"${`, n)), "nested too deeply"},
		"template ifs":         {"x.hcl", output(`"` + strings.Repeat("%{ if true }", n) + strings.Repeat("%{ endif }", n) + `"`), "nested too deeply"},
		"heredoc ifs":          {"x.hcl", output("<<EOT\n" + strings.Repeat("%{ if true }\n", n) + "\nEOT"), "nested too deeply"},
		"unbalanced":           {"x.hcl", strings.Repeat("}\n", 1000), "required"},
		"number":               {"x.hcl", output(`"${1e999999999}"`), "number is out of range"},
		"comment":              {"x.hcl", "/* never closed", "comment is not closed"},
		"JSON lists":           {"x.hcl.json", strings.Repeat("[", n), "nested too deeply"},
		"JSON objects":         {"x.hcl.json", strings.Repeat(`{"a":`, n), "nested too deeply"},
		"JSON template":        {"x.hcl.json", `{"output":{"x":{"value":"${` + strings.Repeat("(", n) + `}"}}}`, "nested too deeply"},
		"JSON escaped":         {"x.hcl.json", `{"output":{"x":{"value":"\u0024{` + strings.Repeat(`\u0028`, n) + `}"}}}`, "nested too deeply"},
		"JSON number":          {"x.hcl.json", `{"output":{"x":{"value":1e999999999}}}`, "number is out of range"},
		"JSON without braces":  {"x.hcl.json", `1`, "root value must be object"},
		"JSON without content": {"x.hcl.json", ``, ""},
		"not UTF-8":            {"x.hcl", "a = \"\xff\"\n", "not UTF-8"},
		"NUL bytes":            {"x.hcl", strings.Repeat("\x00", 100), "character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, t.TempDir(), test.name, test.text)
			start := time.Now()
			config, diags := Load(path, Options{Tasks: testTasks()})
			if config != nil || !diags.HasErrors() {
				t.Fatal("expected an error")
			}
			if !strings.Contains(strings.ToLower(diags.Error()), strings.ToLower(test.want)) {
				t.Errorf("expected %q in:\n%.2000s", test.want, diags.Error())
			}
			for _, d := range diags {
				if d.Place == nil {
					t.Errorf("no place: %v", d)
				} else if len(d.Place.Snippet) > maxSnippet {
					t.Errorf("a snippet of %d bytes", len(d.Place.Snippet))
				}
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestLoadTakesWideExpressions(t *testing.T) {
	t.Parallel()
	var wide strings.Builder
	wide.WriteString("locals {\n  objects = [\n")
	for range 5_000 {
		wide.WriteString("    { a = [-1, 2 + 3], b = \"${1 + 1}\" },\n")
	}
	wide.WriteString("  ]\n  map = {\n")
	for i := range 9_000 {
		fmt.Fprintf(&wide, "    x%d = [-1]\n", i)
	}
	wide.WriteString("  }\n}\n")
	config, diags := Load(writeFile(t, t.TempDir(), "x.hcl", wide.String()), Options{})
	if config == nil {
		t.Fatal(diags)
	}
}

func TestLoadRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing"), filepath.Join(dir, "missing.hcl"), os.DevNull, writeFile(t, dir, "notes.txt", "x"), dir} {
		if config, diags := Load(path, Options{}); config != nil || !diags.HasErrors() {
			t.Errorf("%s: expected an error, found %v", path, config)
		}
	}
	for name, want := range map[string]string{"/dev/zero": "no regular file", "/proc/self/status": "it is a view into the kernel", "/proc/kmsg": "cannot read"} {
		if _, err := os.Stat(name); err != nil {
			continue // another system
		}
		writeFile(t, dir, "x.hcl", "output \"x\" {\n  value = file(\""+name+"\")\n}\n")
		if _, diags := Load(dir, Options{}); !strings.Contains(diags.Error(), want) {
			t.Errorf("%s: expected %q, found %v", name, want, diags)
		}
	}
	writeFile(t, dir, "empty", "")
	writeFile(t, dir, "x.hcl", "output \"x\" {\n  value = file(\"empty\")\n}\n")
	if config, diags := Load(dir, Options{}); config == nil {
		t.Error(diags)
	}
}

func TestLoadRefusesValuesThatFillTheMemory(t *testing.T) {
	lowerLimits(t)
	doubling := func(first, next string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "locals {\n  x0 = %s\n", first)
		for i := range 60 {
			fmt.Fprintf(&b, "  x%d = %s\n", i+1, strings.ReplaceAll(next, "X", fmt.Sprintf("local.x%d", i)))
		}
		return b.String() + "}\n"
	}
	for name, test := range map[string]struct{ text, want string }{
		"texts":  {doubling(`"0123456789"`, `"${X}${X}"`), "too large"},
		"tuples": {doubling(`1`, "[X, X]"), "too large"},
		"chains": {chain(maxChain + 10), "in a row"},

		"loops in loops":       {local("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : 1]]]]"), "too large"},
		"loops that keep none": {local("[for a in range(1000) : 1 if length([for b in range(1000) : 1 if length([for c in range(1000) : 1]) < 0]) < 0]"), "too large"},
		"loops in try":         {local("try([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]], 1)"), "too large"},
		"loops of splats":      {doubling("range(1000)", "X[*]") + local("[for a in range(1000) : [for b in range(1000) : range(1000)[*]]]"), "too large"},
		"loops in templates":   {local(`"%{for a in range(1000)}%{for b in range(1000)}%{for c in range(1000)}x%{endfor}%{endfor}%{endfor}"`), "too large"},
		"objects":              {local("{for a in range(1000) : a => {for b in range(1000) : b => {for c in range(1000) : c => 1}}}"), "too large"},
		"setproduct":           {local("setproduct(range(1000), range(1000), range(1000))"), "setproduct"},
		"join":                 {local(`join("", [for a in range(1000) : format("%0900d", a)])`) + local2("join(local.x, [for a in range(1000) : 1])"), "\"join\""},
		"joined in a loop":     {local(`[for a in range(1000) : join("", [for b in range(1000) : format("%1000d", b)])]`), "too large"},
		"format":               {local(`format("%99999999999d", 1)`), "format"},
		"format of many":       {local(`formatlist("%900000d", range(1000))`), "formatlist"},
		"replace":              {local(`replace(replace("x", "x", join("", [for a in range(1000) : "0123456789"])), "/[0-9]/", join("", [for a in range(1000) : "0123456789"]))`), "replace"},
		"split":                {local(`split("", format("%01500000d", 1))`), "split"},
		"JSON that is deep":    {local(`jsondecode(replace(format("%0900d", 0), "0", "["))`), "jsondecode"},
		"JSON that is long":    {local(`jsondecode(format("[%s1]", replace(format("%01500000d", 0), "0", "1,")))`), "jsondecode"},
		"powers":               {doubling("1e9999", "X * X"), "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			config, diags := Load(writeFile(t, t.TempDir(), "x.hcl", test.text), Options{})
			if config != nil || len(diags) == 0 || !strings.Contains(diags[0].Summary+diags[0].Detail, test.want) || diags[0].Place == nil {
				t.Errorf("expected a diagnostic with %q, found %.500v", test.want, diags)
			}
		})
	}
}

func local(expr string) string  { return "locals {\n  x = " + expr + "\n}\n" }
func local2(expr string) string { return "locals {\n  y = " + expr + "\n}\n" }

// lowerLimits makes a test of the limits quick. It is not for tests that run beside others.
func lowerLimits(t *testing.T) {
	steps, generated, held := maxSteps, maxGenerated, maxHeldText
	maxSteps, maxGenerated, maxHeldText = 50_000, 1<<20, 10<<20
	t.Cleanup(func() { maxSteps, maxGenerated, maxHeldText = steps, generated, held })
}

// Every value is small enough, but there are too many of them.
func TestLoadBoundsWhatAllValuesHold(t *testing.T) {
	lowerLimits(t)
	text := local(`format("%0500000d", 1)`)
	for i := range 25 {
		text += fmt.Sprintf("locals {\n  x%d = \"${local.x}%d\"\n}\n", i, i)
	}
	config, diags := Load(writeFile(t, t.TempDir(), "x.hcl", text), Options{})
	if config != nil || len(diags) == 0 || !strings.Contains(diags[0].Summary, "too large together") {
		t.Errorf("found %.500v", diags)
	}
}

// JSON files have their expressions in strings, which are parsed when they are evaluated.
func TestLoadCountsLoopsInJSON(t *testing.T) {
	lowerLimits(t)
	text := `{"locals": {"x": [{"a": "${[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]}"}]}}`
	_, diags := Load(writeFile(t, t.TempDir(), "x.hcl.json", text), Options{})
	if len(diags) != 1 || !strings.Contains(diags[0].Summary, "too large") {
		t.Errorf("found %v", diags)
	}
	text = `{"output": {"x": {"value": {"${upper(\"k\")}": ["${[for a in range(3) : a * 2]}", "for ${1 + 1}", 7, null, true]}}}}`
	config, diags := Load(writeFile(t, t.TempDir(), "x.hcl.json", text), Options{})
	if config == nil {
		t.Fatal(diags)
	}
	v, diags := config.Outputs[0].Evaluate(nil)
	if got := fmt.Sprintf("%#v", v); len(diags) > 0 || !strings.Contains(got, `"K"`) || !strings.Contains(got, `"for 2"`) || !strings.Contains(got, "NumberIntVal(4)") {
		t.Error(got, diags)
	}
}

func TestLoadTakesValuesUpToTheLimits(t *testing.T) {
	t.Parallel()
	config, diags := Load(writeFile(t, t.TempDir(), "x.hcl", local("[for a in range(100) : [for b in range(1000) : a if b < 1000]]")+
		local2(`length(join("", [for a in range(1000) : format("%05000d", a)]))`)), Options{})
	if config == nil {
		t.Fatal(diags)
	}
}

// chain is n local values, the first by name the last to be known.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("locals {\n")
	for i := range n {
		fmt.Fprintf(&b, "  x%06d = local.x%06d\n", i, i+1)
	}
	fmt.Fprintf(&b, "  x%06d = 1\n}\n", n)
	return b.String()
}

func TestLoadStopsAfterTooManyProblems(t *testing.T) {
	t.Parallel()
	_, diags := Load(writeFile(t, t.TempDir(), "x.hcl", strings.Repeat("}\n", 500_000)), Options{})
	if len(diags) != maxComplaints+1 || diags[len(diags)-1].Summary != "more than 10000 problems" {
		t.Errorf("found %d, the last is %v", len(diags), diags[len(diags)-1])
	}
}

// accept_missing takes whole numbers of rows, and says nothing without counting.
func TestAcceptMissingIsChecked(t *testing.T) {
	for verify, want := range map[string]string{
		"accept_missing = { t = 0 }":                       "table t is out of range",
		"accept_missing = { t = -1 }":                      "table t is out of range",
		"accept_missing = { t = 1.5 }":                     "table t is out of range",
		"accept_missing = { t = 9223372036854775808 }":     "table t is out of range",
		"accept_missing = { t = \"many\" }":                "accept_missing",
		"accept_missing = { t = 1 }\ncount_rows = false\n": "says nothing without counting",
		"accept_missing = { t = 9223372036854775807 }":     "",
		"count_rows = false":                               "",
	} {
		dir := t.TempDir()
		text := "cluster \"c\" {\n  vtctld = [\"localhost:15999\"]\n}\nkeyspace \"k\" {\n  shards = [\"-\"]\n  reshard {\n    verify {\n" + verify + "\n    }\n  }\n}\n"
		if err := os.WriteFile(filepath.Join(dir, "x.hcl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, diags := Load(filepath.Join(dir, "x.hcl"), Options{})
		if got := diags.Error(); want == "" && diags.HasErrors() || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", verify, got, want)
		}
	}
}
