package scenarios

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	defaultConfirm       = 2
	defaultConfidence    = 0.99
	defaultRepeat        = 50
	defaultCertifyProbes = 16
	defaultCertifyTime   = time.Hour
	defaultStageTimeout  = time.Hour
	defaultWorkdir       = "/src"
)

// Decode reads data as the scenario file that its user calls file. Paths in it are relative to dir: an
// absolute folder, whose files fsys gives; or, for a shipped scenario, a folder inside fsys, out of which no
// path of the machine is reached. A file that is no valid scenario gives [Mistakes]: all of them.
func Decode(file string, data []byte, fsys fs.FS, dir string) (*Scenario, error) {
	return decode(file, data, fsys, dir, false)
}

// DecodeUntrusted is to Decode what [OpenUntrusted] is to Open.
func DecodeUntrusted(file string, data []byte, fsys fs.FS, dir string) (*Scenario, error) {
	return decode(file, data, fsys, dir, true)
}

func decode(file string, data []byte, fsys fs.FS, dir string, untrusted bool) (*Scenario, error) {
	root, src, mistakes := parse(file, data)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	s := &Scenario{File: file, FS: fsys, Hash: fmt.Sprintf("%x", sha256.Sum256(data)), Text: data, untrusted: untrusted}
	if filepath.IsAbs(dir) {
		s.Dir = dir
	} else {
		s.folder = dir
	}
	d := &decoder{file: src, grammar: grammar(), untrusted: untrusted}
	if m := (place{node: root, of: d}).mapping("scenario"); m != nil {
		readScenario(m, s)
	}
	if len(d.mistakes) > 0 {
		return nil, d.mistakes.sorted()
	}
	return s, nil
}

// readScenario reads the whole file into s. The builder comes before the axes, which use the tools it declares,
// and the axes before the rules between them and what is expected of them, in whatever order the file has
// them.
func readScenario(m *mapping, s *Scenario) {
	if p := m.at("version"); p.node != nil && (p.node.ShortTag() != "!!int" || p.node.Value != "1") {
		p.wrong("the number 1, the only version this bisect reads")
	}
	s.Name, _ = m.at("name").match(plainName, "letters, digits, dots, dashes and underscores, at most 64, a letter or digit first")
	s.About, _ = m.at("about").word()

	readSource(m, s)
	before := m.noted()
	b := readBuilder(m, s)
	readAxes(m, s, b)
	readRequire(m.at("require"), s, m.noted() == before)
	s.Prior = readPrior(m.at("prior").mapping("prior"))
	if axes := m.at("axes").node; (axes == nil || axes.Kind == yaml.SequenceNode && len(axes.Content) == 0) &&
		s.Source.Good != "" && s.Source.Good == s.Source.Bad {
		m.at("source").mistake("good and bad are the same revision and there are no axes, so nothing changes between them")
	}
	readStages(m.at("stages"), s)
	readVerdict(m.at("verdict"), s)
	s.Artifacts = readArtifacts(m.at("artifacts"))

	s.Confirm = defaultConfirm
	if n, ok := m.at("confirm").count(1); ok {
		s.Confirm = n
	}
	s.Confidence = defaultConfidence
	if share, ok := m.at("confidence").within(0.5, 0.9999); ok {
		s.Confidence = share
	}
	s.Repeat = Repeat{Max: defaultRepeat, Given: m.has("repeat")}
	repeat := m.at("repeat").mapping("repeat")
	if n, ok := repeat.at("max").count(2); ok {
		s.Repeat.Max = n
	}
	s.Certify = Certify{Probes: defaultCertifyProbes, Time: defaultCertifyTime}
	certify := m.at("certify").mapping("certify")
	if n, ok := certify.at("probes").count(0); ok {
		s.Certify.Probes = n
	}
	if t, ok := certify.at("time").duration(); ok {
		s.Certify.Time = t
	}
	readExpect(m.at("expect").mapping("expect"), s)
	s.remember(m.at("confirm"), repeat.at("max"), certify.at("probes"), certify.at("time"))
}

// plainName is for names that become part of file, image and container names.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
