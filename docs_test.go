package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

// TestCitationsResolve checks what comments, scripts, examples and pages cite: a page, a heading, a file or a directory of
// this repository has to exist. What lies outside of it cannot be read by whoever has only a clone.
func TestCitationsResolve(t *testing.T) {
	problems, err := citationProblems(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

// TestWrongCitationsAreFound plants one wrong citation at a time in a tree that has none.
func TestWrongCitationsAreFound(t *testing.T) {
	const goFile, page = "internal/x/x.go", "docs/page.md"
	clean := map[string]string{
		"README.md":         "# Title\n\nSee [the page](docs/page.md#two-words-and-code), `internal/x`, `x.go`, `make all`, `internal/NAME/x.go` and docs/page.md.\n\n[ref]: docs/page.md\n",
		page:                "# Page\n\n```sh\n# no heading\nsee [nothing](nowhere.md)\n```\n\n## Two words, and `code`\n\n## Twice\n\n## Twice\n\n[up](../README.md) [here](#twice-1) [web](https://example.org/x.md)\n",
		goFile:              "// Package x is explained in docs/page.md#twice, see https://example.org/outside.md.\npackage x\n\nvar s = \"docs/page.md\" // RESHARD is a word\n",
		"e2e/run.sh":        "#!/bin/sh\n# see docs/page.md and testdata/rows\nrm examples/made.db\n",
		"e2e/testdata/rows": "",
		"Makefile":          "# docs/page.md\nall:\n",
		"examples/a.hcl":    "# docs/page.md explains this\n",
		".git/HEAD":         "nowhere.md",
		"examples/x/x.sql":  "-- nowhere.md",
	}
	tests := []struct{ name, file, text, want string }{
		{"nothing", page, clean[page], ""},
		{"page outside, in a Go comment", goFile, "// Package x follows OUTSIDE.md's order.\npackage x\n", "internal/x/x.go:1: OUTSIDE.md does not exist"},
		{"page above the repository", goFile, "// Package x is in ../../../shared/page.md.\npackage x\n", "../../../shared/page.md does not exist"},
		{"section sign", goFile, "package x\n\n// X is from DESIGN §3.\ntype X int\n", "internal/x/x.go:3: §"},
		{"heading, in a Go comment", goFile, "// Package x: docs/page.md#three.\npackage x\n", "docs/page.md has no heading #three"},
		{"page, in a Go string", goFile, "package x\n\nvar s = \"read docs/gone.md\"\n", "internal/x/x.go:3: docs/gone.md does not exist"},
		{"directory, in a Go comment", goFile, "// Package x is used by internal/gone.\npackage x\n", "internal/gone does not exist"},
		{"page, in a script", "e2e/run.sh", "echo hello # docs/gone.md\n", "e2e/run.sh:1: docs/gone.md does not exist"},
		{"page, in the Makefile", "Makefile", "all:\n# docs/gone.md\n", "Makefile:2: docs/gone.md does not exist"},
		{"page, in an example", "examples/a.hcl", "# docs/gone.md\n", "examples/a.hcl:1: docs/gone.md does not exist"},
		{"page, in a workflow", ".github/workflows/ci.yml", "# docs/gone.md\n", "ci.yml:1: docs/gone.md does not exist"},
		{"link", page, "# Page\n## Two words, and `code`\n## Twice\n## Twice\n[x](gone.md)\n", "docs/page.md:5: link gone.md leads nowhere"},
		{"link of a page that is elsewhere", "docs/other.md", "[x](README.md)\n", "docs/other.md:1: link README.md leads nowhere"},
		{"heading of a link", "README.md", "[x](docs/page.md#three)\n", "README.md:1: docs/page.md has no heading #three"},
		{"heading of the same page", "README.md", "# T\n\n[x](#three)\n", "README.md:3: README.md has no heading #three"},
		{"link definition", "README.md", "[ref]: docs/gone.md\n", "README.md:1: link docs/gone.md leads nowhere"},
		{"mention in a page", "README.md", "read docs/gone.md\n", "README.md:1: docs/gone.md does not exist"},
		{"path in a page", "README.md", "`internal/gone/x.go` does it\n", "README.md:1: internal/gone/x.go does not exist"},
		{"file name in a page", "README.md", "`gone_test.go` tests it\n", "README.md:1: gone_test.go is not the name of a file"},
		{"path with a placeholder", "README.md", "`internal/NAME/y.go` does it\n", "README.md:1: internal/NAME/y.go does not exist"},
		{"target of make", "README.md", "run `make gone`\n", "README.md:1: the Makefile has no target gone"},
		{"in a code block", "README.md", "```sh\ngo test ./internal/gone/...\n```\n", "README.md:2: internal/gone does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for name, text := range clean {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			tree[tt.file] = &fstest.MapFile{Data: []byte(tt.text)}
			problems, err := citationProblems(tree)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tt.want == "" && len(problems) > 0:
				t.Errorf("found %q, expected nothing", problems)
			case tt.want != "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, tt.want) }):
				t.Errorf("found %q, expected %q", problems, tt.want)
			}
		})
	}
}

// repository is a tree of files whose citations are checked.
type repository struct {
	fs.FS
	entries  map[string]bool            // files and directories
	names    map[string]bool            // of files, without directories
	targets  map[string]bool            // of the Makefile
	headings map[string]map[string]bool // anchors of the headings of each page
	paths    *regexp.Regexp             // paths that begin with a directory of the root
	problems []string
}

var (
	comment     = regexp.MustCompile(`(^|\s)(#|//).*`)
	webAddress  = regexp.MustCompile(`https?://\S+`)
	pageName    = regexp.MustCompile(`[\w./-]*[\w-]\.md\b(#[\w-]+)?`)
	inlineLink  = regexp.MustCompile(`(?:\[[^\]]*)?\]\(([^)\s]+)[^)]*\)`) // its text may begin on the line before
	linkTarget  = regexp.MustCompile(`^\[[^\]]+\]:\s*(\S+)`)
	codeSpan    = regexp.MustCompile("`([^`]+)`")
	makeTarget  = regexp.MustCompile(`^([a-z0-9-]+):`)
	makeCommand = regexp.MustCompile(`^make ([a-z0-9-]+)`)
	placeholder = regexp.MustCompile(`[A-Z][A-Z-]*[A-Z]`)
	sourceFile  = regexp.MustCompile(`^[\w.-]+\.(go|sh|txtar)$`)
	headingLine = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	markdownTag = regexp.MustCompile("`|\\*|\\[|\\]\\([^)]*\\)")
)

// citationProblems returns what is cited in a tree and does not exist there, as "FILE:LINE: …".
func citationProblems(tree fs.FS) ([]string, error) {
	r := &repository{FS: tree, entries: map[string]bool{".": true}, names: map[string]bool{}, targets: map[string]bool{}, headings: map[string]map[string]bool{}}
	var roots []string
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(name, ".") && len(name) > 1
		if top := name != "." && !strings.Contains(name, "/"); top && entry.IsDir() {
			if hidden && name != ".ci" && name != ".github" {
				return fs.SkipDir
			}
			roots = append(roots, regexp.QuoteMeta(name))
		}
		r.entries[name] = true
		r.names[path.Base(name)] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.paths = regexp.MustCompile(`(?:^|[^\w./-]|\./)((?:` + strings.Join(roots, "|") + `)/[\w./-]*\w)`)
	if r.entries["Makefile"] {
		err := r.eachLine("Makefile", func(_ int, text string) {
			if target := makeTarget.FindStringSubmatch(text); target != nil {
				r.targets[target[1]] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for _, name := range r.sorted() {
		if err := r.check(name); err != nil {
			return nil, err
		}
	}
	return r.problems, nil
}

func (r *repository) sorted() []string {
	var files []string
	for name := range r.entries {
		if info, err := fs.Stat(r, name); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

// check checks one file. Files of users, such as schemas and rows, cite nothing.
func (r *repository) check(name string) error {
	switch base, extension := path.Base(name), path.Ext(name); {
	case extension == ".go":
		return r.checkGo(name)
	case extension == ".md":
		return r.eachLine(name, r.checkMarkdown(name))
	case slices.Contains([]string{".sh", ".hcl", ".proto", ".yml", ".yaml"}, extension), base == "Makefile", strings.HasPrefix(name, ".ci/"):
		return r.eachLine(name, func(line int, text string) {
			r.checkPages(name, line, text)
			r.checkPaths(name, line, comment.FindString(text)) // the rest may name files that it makes
		})
	}
	return nil
}

func (r *repository) eachLine(name string, do func(line int, text string)) error {
	content, err := fs.ReadFile(r, name)
	for i, text := range strings.Split(string(content), "\n") {
		do(i+1, text)
	}
	return err
}

// checkGo checks the comments, and pages below docs/ in strings, which are hints that the program prints.
func (r *repository) checkGo(name string) error {
	content, err := fs.ReadFile(r, name)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			first := files.Position(comment.Pos()).Line
			for i, text := range strings.Split(comment.Text, "\n") {
				r.checkText(name, first+i, text)
			}
		}
	}
	if name == "docs_test.go" {
		return nil // its strings are wrong on purpose
	}
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		for _, page := range pageName.FindAllString(text, -1) {
			if at := strings.Index(page, "docs/"); err == nil && at >= 0 {
				r.checkPage(name, files.Position(literal.Pos()).Line, page[at:])
			}
		}
		return true
	})
	return nil
}

// checkMarkdown returns the check of a page's lines, in order. Links count outside of blocks and spans of code.
func (r *repository) checkMarkdown(name string) func(line int, text string) {
	fenced := false
	return func(line int, text string) {
		if strings.HasPrefix(strings.TrimSpace(text), "```") {
			fenced = !fenced
			return
		}
		if fenced { // pages that an example writes do not exist
			r.checkTarget(name, line, text)
			r.checkPaths(name, line, text)
			return
		}
		plain := codeSpan.ReplaceAllString(text, "")
		links := inlineLink.FindAllStringSubmatch(plain, -1)
		if definition := linkTarget.FindStringSubmatch(plain); definition != nil {
			links, text = append(links, definition), ""
		}
		for _, link := range links {
			r.checkLink(name, line, link[1])
		}
		text = inlineLink.ReplaceAllString(text, "")
		for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
			r.checkTarget(name, line, span[1])
			if sourceFile.MatchString(span[1]) && !r.names[span[1]] {
				r.problem(name, line, "%s is not the name of a file of this repository", span[1])
			}
		}
		r.checkText(name, line, text)
	}
}

// checkText checks everything that a line of text names.
func (r *repository) checkText(name string, line int, text string) {
	r.checkPages(name, line, text)
	r.checkPaths(name, line, text)
}

// checkPages checks the pages that a line names.
func (r *repository) checkPages(name string, line int, text string) {
	text = webAddress.ReplaceAllString(text, "")
	if strings.Contains(text, "§") {
		r.problem(name, line, "§ cites a section of something else: cite PAGE.md#HEADING of this repository")
	}
	for _, page := range pageName.FindAllString(text, -1) {
		r.checkPage(name, line, page)
	}
}

// checkTarget checks the target of a command that runs make.
func (r *repository) checkTarget(name string, line int, command string) {
	if target := makeCommand.FindStringSubmatch(command); target != nil && !r.targets[target[1]] {
		r.problem(name, line, "the Makefile has no target %s", target[1])
	}
}

// checkPaths checks the files and directories that a line names from the root, or from the directory of its file. Words in
// capitals stand for any name.
func (r *repository) checkPaths(name string, line int, text string) {
	for _, match := range r.paths.FindAllStringSubmatch(webAddress.ReplaceAllString(text, ""), -1) {
		cited := path.Clean(match[1])
		if strings.HasSuffix(cited, ".md") || r.entries[cited] || r.entries[path.Join(path.Dir(name), cited)] {
			continue
		}
		if pattern := placeholder.ReplaceAllString(cited, "*"); pattern != cited {
			if found, err := fs.Glob(r, pattern); err == nil && len(found) > 0 {
				continue
			}
		}
		r.problem(name, line, "%s does not exist", cited)
	}
}

// checkPage checks a page that is named from the root or from the directory of the file that names it.
func (r *repository) checkPage(name string, line int, cited string) {
	page, anchor, _ := strings.Cut(cited, "#")
	for _, candidate := range []string{path.Clean(page), path.Join(path.Dir(name), page)} {
		if r.entries[candidate] {
			r.checkAnchor(name, line, candidate, anchor)
			return
		}
	}
	r.problem(name, line, "%s does not exist", page)
}

// checkLink checks a link of a page, which starts at the directory of the page.
func (r *repository) checkLink(name string, line int, link string) {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return
	}
	target, anchor, _ := strings.Cut(link, "#")
	file := name
	if target != "" {
		file = path.Join(path.Dir(name), target)
	}
	if !r.entries[file] {
		r.problem(name, line, "link %s leads nowhere: %s does not exist", link, file)
		return
	}
	r.checkAnchor(name, line, file, anchor)
}

func (r *repository) checkAnchor(name string, line int, page, anchor string) {
	if anchor == "" {
		return
	}
	if r.headings[page] == nil {
		r.headings[page] = map[string]bool{}
		fenced := false
		_ = r.eachLine(page, func(_ int, text string) { // one that cannot be read has no headings
			if strings.HasPrefix(strings.TrimSpace(text), "```") {
				fenced = !fenced
			}
			if heading := headingLine.FindStringSubmatch(text); heading != nil && !fenced {
				r.addHeading(page, heading[1])
			}
		})
	}
	if !r.headings[page][anchor] {
		r.problem(name, line, "%s has no heading #%s", page, anchor)
	}
}

// addHeading notes the anchor that GitHub gives a heading.
func (r *repository) addHeading(page, text string) {
	anchor := strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case unicode.IsLetter(c), unicode.IsDigit(c), c == '-', c == '_':
			return unicode.ToLower(c)
		}
		return -1
	}, markdownTag.ReplaceAllString(text, ""))
	unique := anchor
	for n := 1; r.headings[page][unique]; n++ {
		unique = fmt.Sprintf("%s-%d", anchor, n)
	}
	r.headings[page][unique] = true
}

func (r *repository) problem(name string, line int, format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf("%s:%d: ", name, line)+fmt.Sprintf(format, args...))
}
