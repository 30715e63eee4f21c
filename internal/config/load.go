package config

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/json"

	"shardform/internal/diag"
	"shardform/internal/sandbox/sandboxspec"
)

// Options are what a configuration depends on besides its files.
type Options struct {
	Tasks    Tasks                            // tasks that plan files may name; nil: none
	Vars     map[string]string                // --var NAME=TEXT; a TEXT is read as the variable's type says
	VarFiles []string                         // --var-file, in order; a later one counts more, and Vars most
	Env      func(name string) (string, bool) // looks up SHARDFORM_VAR_x; nil: no environment. os.LookupEnv fits
	Version  string                           // of the program, checked against required_version; "": not checked
	Stop     <-chan struct{}                  // closed: nobody waits for the configuration any more; nil: never
}

// Load reads the plan files of a folder, or a single one. All problems of all files come together, in the order of
// files and lines. The Config is nil if one of them is an error.
func Load(path string, opts Options) (*Config, diag.List) {
	l, problem := read(path, opts)
	if problem != nil {
		return nil, diag.List{problem}
	}
	for _, check := range l.checks {
		check()
	}
	list := l.sorted()
	if list.HasErrors() {
		return nil, list
	}
	return l.config, list
}

// LoadState tells where the state of a configuration is kept, also if the configuration has errors elsewhere: looking at
// what is recorded must not need every variable. The error has them all if the state block itself cannot be read.
func LoadState(path string, opts Options) (State, diag.List) {
	l, problem := read(path, opts)
	switch {
	case problem != nil:
		return State{}, diag.List{problem}
	case l.stateUnknown:
		return State{}, l.sorted()
	}
	return l.config.State, nil
}

func read(path string, opts Options) (*loader, *diag.Diagnostic) {
	files, single, problem := planFiles(path)
	if problem != nil {
		return nil, problem
	}
	dir := filepath.Clean(path)
	if single {
		dir = filepath.Dir(dir)
	}
	l := newLoader(dir, files, single, opts)
	l.budget.stop = opts.Stop
	l.load()
	l.budget.stop = nil // outputs are evaluated later
	return l, nil
}

// loader reads one configuration.
type loader struct {
	*evaluator
	opts         Options
	dir          string
	single       bool
	config       *Config
	variables    map[string]*variable
	clusters     map[string]*block
	keyspaces    map[string]*keyspaceBlock
	operations   map[string]*block
	moves        map[string]*block
	headers      map[string]hcl.Range // of labelled blocks: "var.x", "keyspace.x"
	graph        *graph
	spare        map[*sandboxspec.Sandbox][]string // keyspaces of a sandbox that get spare shards
	sandboxPaths map[string]hcl.Range

	stateUnknown bool // the state block could not be read

	// checks look into what the plan files name: schemas, vschemas, rows and certificates. Load runs them, in the order of
	// the clusters and then of the keyspace blocks; LoadState needs none.
	checks  []func()
	schemas map[*sandboxspec.Sandbox]map[string]*schemaTables // what the checks found, by keyspace of the sandbox
}

func newLoader(dir string, files []string, single bool, opts Options) *loader {
	return &loader{
		evaluator: &evaluator{complaints: &complaints{sources: map[string]*source{}}, scope: newScope(dir)},
		opts:      opts, dir: dir, single: single,
		config:     &Config{Dir: dir, Files: files, State: State{Backend: "bbolt", Path: defaultState(dir, files, single)}},
		variables:  map[string]*variable{},
		clusters:   map[string]*block{},
		keyspaces:  map[string]*keyspaceBlock{},
		operations: map[string]*block{},
		moves:      map[string]*block{},
		headers:    map[string]hcl.Range{},
		graph:      newGraph(),
		spare:      map[*sandboxspec.Sandbox][]string{}, sandboxPaths: map[string]hcl.Range{},
		schemas: map[*sandboxspec.Sandbox]map[string]*schemaTables{},
	}
}

// fileSchema is what a plan file may hold.
var fileSchema = &schema{
	what: "plan file",
	blocks: []header{
		{kind: "shardform", many: true},
		{kind: "variable", labels: []string{"name"}, many: true},
		{kind: "locals", many: true},
		{kind: "cluster", labels: []string{"name"}, many: true},
		{kind: "keyspace", labels: []string{"name"}, many: true},
		{kind: "move_tables", labels: []string{"name"}, many: true},
		{kind: "operation", labels: []string{"name"}, many: true},
		{kind: "output", labels: []string{"name"}, many: true},
	},
	later: []string{"check", "moved", "import", "removed"},
}

// load goes through the blocks by kind: what declares names first, what uses them later.
func (l *loader) load() {
	byKind := map[string][]*block{}
	for _, name := range l.config.Files {
		for _, b := range l.blocks(name) {
			byKind[b.kind] = append(byKind[b.kind], b)
		}
	}
	l.declareVariables(byKind["variable"])
	l.declareLocals(byKind["locals"])
	l.declareLabelled(byKind["cluster"], l.clusters)
	l.declareKeyspaces(byKind["keyspace"])
	l.declareLabelled(byKind["move_tables"], l.moves)
	l.declareLabelled(byKind["operation"], l.operations)

	l.setVariables()
	l.computeLocals()
	l.settings(byKind["shardform"])
	l.readClusters(byKind["cluster"])
	l.readKeyspaces(byKind["keyspace"])
	l.readMoves(byKind["move_tables"])
	l.readOperations(byKind["operation"])
	l.readOutputs(byKind["output"])
	l.fillSpare()
	l.config.Order = l.order()
	l.config.Secrets = l.secrets.Redactor()
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		if l.variables[name].sensitive {
			l.config.SensitiveVariables = append(l.config.SensitiveVariables, name)
		}
	}

	slices.SortFunc(l.config.Clusters, func(a, b Cluster) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(l.config.Keyspaces, func(a, b Keyspace) int { return cmp.Compare(a.Address.Name(), b.Address.Name()) })
	slices.SortFunc(l.config.Moves, func(a, b MoveTables) int { return cmp.Compare(a.Address.Name(), b.Address.Name()) })
	slices.SortFunc(l.config.Operations, func(a, b Operation) int { return cmp.Compare(a.Address.Name(), b.Address.Name()) })
	slices.SortFunc(l.config.Outputs, func(a, b Output) int { return cmp.Compare(a.Name, b.Name) })
}

// blocks reads and parses a plan file and checks its top level.
func (l *loader) blocks(name string) []*block {
	src, problem := readSource(name)
	if problem != nil {
		l.incomplete = true
		l.add(problem)
		return nil
	}
	l.source(src)
	if !utf8.ValidString(src.text) {
		l.incomplete = true
		l.add(notUTF8(src))
		return nil
	}
	if at := strings.IndexFunc(src.text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r) }); at >= 0 {
		l.incomplete = true
		r, _ := utf8.DecodeRuneInString(src.text[at:])
		line := 1 + strings.Count(src.text[:at], "\n")
		column := 1 + utf8.RuneCountInString(src.text[strings.LastIndexByte(src.text[:at], '\n')+1:at])
		pos := hcl.Pos{Line: line, Column: column, Byte: at}
		l.errorAt(hcl.Range{Filename: src.name, Start: pos, End: pos}, fmt.Sprintf("the file has a control character, %U", r), "", "remove it, or write it as an escape in a string: \\uXXXX")
		return nil
	}
	file := &block{src: src}
	var parsed []*block
	if isJSON(name) {
		file.json = l.parseJSON(src)
		if file.json == nil {
			return nil
		}
	} else {
		parsed = l.parseFile(src)
	}
	var blocks []*block
	r := reading{loader: l, schema: fileSchema, content: newContent(file, fileSchema), each: func(b *block) { blocks = append(blocks, b) }}
	if file.json != nil {
		r.jsonBody(file)
	}
	for _, b := range parsed {
		r.block(b)
	}
	return blocks
}

// notUTF8 says where a file stops being text.
func notUTF8(src *source) *diag.Diagnostic {
	valid := 0
	for valid < len(src.text) {
		r, size := utf8.DecodeRuneInString(src.text[valid:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		valid += size
	}
	line := 1 + strings.Count(src.text[:valid], "\n")
	return &diag.Diagnostic{Severity: diag.Error, Summary: "the file is not UTF-8 text", Place: &diag.Place{File: src.name, Line: line, Column: 1, EndLine: line, EndCol: 1},
		Hint: "save it as UTF-8"}
}

// parseJSON is a JSON file's body; nil if it is no JSON, which is reported.
func (l *loader) parseJSON(src *source) hcl.Body {
	if d := checkJSON(src); d != nil {
		l.incomplete = true
		l.addHCL(hcl.Diagnostics{d})
		return nil
	}
	file, diags := json.Parse([]byte(src.text), src.name)
	if diags.HasErrors() || file == nil {
		l.incomplete = true
		l.addHCL(diags)
		return nil
	}
	return file.Body
}
