package plan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shardform/internal/atomicfile"
	"shardform/internal/diag"
	"shardform/internal/diag/spell"
	"shardform/internal/redact"
)

// savedFormat is the version of the saved plan file.
//
// The file is one line "shardform saved plan FORMAT SHA256", the digest (hex) covering everything behind that line, and
// one JSON document. Values of sensitive parameters, passwords, estimates and times are not in it; equal plans give
// equal files, and paths in it are relative to its own folder.
const (
	savedFormat = 1
	savedMagic  = "shardform saved plan "
)

// SavedMeta is what an apply of a saved plan has to know besides the plan.
type SavedMeta struct {
	Config string `json:"config"` // PATH that was planned, as given
	Dir    string `json:"dir"`    // folder that relative paths of the plan files start at
	State  string `json:"state"`  // path of the recorded state
	// Vars are "NAME=VALUE" as given with --var, VarFiles the files given with --var-file: the configuration is evaluated
	// once more where a sensitive value is needed. Those that are sensitive, or hold a secret of the plan, are not written:
	// Omitted has their names.
	Vars     []string `json:"vars,omitempty"`
	VarFiles []string `json:"var_files,omitempty"`
	Omitted  []string `json:"omitted,omitempty"`
	// Sensitive are the names of the sensitive variables; only Save reads them.
	Sensitive []string `json:"-"`
}

// Saved is a saved plan as it was read. Paths are as reachable from the working directory.
type Saved struct {
	Plan *Plan
	Meta SavedMeta
	File string // where it was read from
}

// savedDocument is the JSON document of the file.
type savedDocument struct {
	Meta        SavedMeta           `json:"meta"`
	Plan        *Plan               `json:"plan"`
	Warnings    []savedDiagnostic   `json:"warnings,omitempty"`
	Diagnostics [][]savedDiagnostic `json:"diagnostics,omitempty"` // by operation
}

// savedDiagnostic is a complaint without its cause and its place, whose file may not be there any more.
type savedDiagnostic struct {
	Severity diag.Severity `json:"severity"`
	Summary  string        `json:"summary"`
	Address  string        `json:"address,omitempty"`
	Detail   string        `json:"detail,omitempty"`
	Hint     string        `json:"hint,omitempty"`
}

func saveDiagnostics(list diag.List) []savedDiagnostic {
	var saved []savedDiagnostic
	for _, d := range list {
		saved = append(saved, savedDiagnostic{d.Severity, d.Summary, d.Address, d.Detail, d.Hint})
	}
	return saved
}

func loadDiagnostics(saved []savedDiagnostic) diag.List {
	var list diag.List
	for _, s := range saved {
		list = append(list, &diag.Diagnostic{Severity: s.Severity, Summary: s.Summary, Address: s.Address, Detail: s.Detail, Hint: s.Hint})
	}
	return list
}

// Save writes p to path, readable by its owner only, replacing the saved plan that is there (CheckFile). A plan with blocked items is refused:
// there is nothing that an apply of it might do.
func Save(path string, p *Plan, meta SavedMeta) error {
	if p.HasBlocked() {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "a plan with blocked items cannot be saved", Hint: "settle what is marked x and plan again"}
	}
	if err := cmp.Or(CheckFile(path), checkState(path, meta.State)); err != nil {
		return err
	}
	content, err := encodeSaved(filepath.Dir(path), p, meta)
	if err == nil {
		err = atomicfile.Write(path, content, 0o600)
	}
	if err != nil {
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("plan file %s cannot be written", path), Detail: err.Error(), Cause: err}
	}
	return nil
}

func encodeSaved(dir string, p *Plan, meta SavedMeta) ([]byte, error) {
	meta = meta.withoutSecrets(p.Hide)
	doc := savedDocument{Meta: meta.rebased(func(path string) string { return relativeTo(dir, meta.Dir, path) }), Warnings: saveDiagnostics(p.Warnings)}
	stored := *p
	stored.Clusters = rebasedClusters(p.Clusters, func(path string) string { return relativeTo(dir, meta.Dir, path) })
	doc.Plan = &stored
	for i := range p.Operations {
		doc.Diagnostics = append(doc.Diagnostics, saveDiagnostics(p.Operations[i].Diagnostics))
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body.Bytes())
	head := fmt.Sprintf("%s%d %s\n", savedMagic, savedFormat, hex.EncodeToString(sum[:]))
	return append([]byte(head), body.Bytes()...), nil
}

// withoutSecrets takes out the variables that are sensitive, and those in whose values a secret stands.
func (m SavedMeta) withoutSecrets(hide *redact.Redactor) SavedMeta {
	vars := m.Vars
	m.Vars, m.Omitted = nil, slices.Clone(m.Omitted)
	for _, v := range vars {
		if name, value, _ := strings.Cut(v, "="); slices.Contains(m.Sensitive, name) || hide.Holds(value) {
			m.Omitted = append(m.Omitted, name)
			continue
		}
		m.Vars = append(m.Vars, v)
	}
	slices.Sort(m.Omitted)
	m.Omitted = slices.Compact(m.Omitted)
	return m
}

// Load reads a saved plan. A file that is not whole, was changed, or is of another version is an error that says so.
func Load(path string) (*Saved, error) {
	var content []byte
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() { // reading a named pipe would wait for its other end
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("plan file %s cannot be read", path), Detail: err.Error(), Cause: err}
	}
	if !bytes.HasPrefix(content, []byte(savedMagic)) {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: path + " is not a saved plan", Detail: "expected a file that plan --out wrote; its beginning is another",
			Hint: "name that file; or, to apply plan files, a directory of them or one file whose name ends in .hcl or .hcl.json"}
	}
	doc, err := decodeSaved(content)
	if err != nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("plan file %s cannot be used", path), Detail: err.Error(), Cause: err,
			Hint: "plan again, with the PATH that it was made from: shardform plan --out " + spell.ShellWord(path)}
	}
	dir := filepath.Dir(path)
	reach := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, filepath.FromSlash(p))
	}
	s := &Saved{Plan: doc.Plan, Meta: doc.Meta.rebased(reach), File: path}
	s.Plan.Clusters = rebasedClusters(s.Plan.Clusters, reach)
	s.Plan.Warnings = loadDiagnostics(doc.Warnings)
	for i := range doc.Diagnostics {
		s.Plan.Operations[i].Diagnostics = loadDiagnostics(doc.Diagnostics[i])
	}
	return s, nil
}

func decodeSaved(content []byte) (*savedDocument, error) {
	rest := bytes.TrimPrefix(content, []byte(savedMagic))
	head, body, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return nil, errors.New("it is cut off")
	}
	var format int
	var digest string
	if n, err := fmt.Sscanf(string(head), "%d %s", &format, &digest); n != 2 || err != nil || fmt.Sprintf("%d %s", format, digest) != string(head) {
		return nil, errors.New("its first line was changed")
	}
	if format != savedFormat {
		return nil, fmt.Errorf("it has format %d, this program reads format %d", format, savedFormat)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return nil, errors.New("its content is not what was written: it was changed or cut off")
	}
	return decodeBody(body)
}

func decodeBody(body []byte) (*savedDocument, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var doc savedDocument
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("its content cannot be read: %w", err)
	}
	if decoder.More() || doc.Plan == nil || len(doc.Diagnostics) != len(doc.Plan.Operations) {
		return nil, errors.New("its content is not a plan")
	}
	return &doc, nil
}
