package scenarios

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"

	"buildbisect/scenarios/document"
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
	root, mistakes := document.Read(file, data, grammar(), untrusted)
	if mistakes != nil {
		return nil, mistakes
	}
	s := &Scenario{File: file, FS: fsys, Hash: fmt.Sprintf("%x", sha256.Sum256(data)), Text: data, untrusted: untrusted}
	if filepath.IsAbs(dir) {
		s.Dir = dir
	} else {
		s.folder = dir
	}
	if m := root.Mapping("scenario"); m != nil {
		readScenario(m, s)
	}
	if root.Noted() > 0 {
		return nil, root.Mistakes()
	}
	return s, nil
}

// readScenario reads the whole file into s. The builder comes before the axes, which use the tools it
// declares, and the axes before the rules between them and what is expected of them, in whatever order the
// file has them.
func readScenario(m *document.Mapping, s *Scenario) {
	if p := m.At("version"); p.Node != nil && (p.Node.ShortTag() != "!!int" || p.Node.Value != "1") {
		p.Wrong("the number 1, the only version this bisect reads")
	}
	s.Name, _ = m.At("name").Match(plainName, "letters, digits, dots, dashes and underscores, at most 64, a letter or digit first")
	s.About, _ = m.At("about").Word()

	readSource(m, s)
	before := m.Noted()
	b := readBuilder(m, s)
	readAxes(m, s, b)
	readRequire(m.At("require"), s, m.Noted() == before)
	s.Prior = readPrior(m.At("prior").Mapping("prior"))
	if axes := m.At("axes").Node; (axes == nil || axes.Kind == yaml.SequenceNode && len(axes.Content) == 0) &&
		s.Source.Good != "" && s.Source.Good == s.Source.Bad {
		m.At("source").Mistake("good and bad are the same revision and there are no axes, so nothing changes between them")
	}
	readStages(m.At("stages"), s)
	readVerdict(m.At("verdict"), s)
	s.Artifacts = readArtifacts(m.At("artifacts"))

	s.Confirm = defaultConfirm
	if n, ok := m.At("confirm").Count(1); ok {
		s.Confirm = n
	}
	s.Confidence = defaultConfidence
	if share, ok := m.At("confidence").Within(0.5, 0.9999); ok {
		s.Confidence = share
	}
	s.Repeat = Repeat{Max: defaultRepeat, Given: m.Has("repeat")}
	repeat := m.At("repeat").Mapping("repeat")
	if n, ok := repeat.At("max").Count(2); ok {
		s.Repeat.Max = n
	}
	s.Certify = Certify{Probes: defaultCertifyProbes, Time: defaultCertifyTime}
	certify := m.At("certify").Mapping("certify")
	if n, ok := certify.At("probes").Count(0); ok {
		s.Certify.Probes = n
	}
	if t, ok := certify.At("time").Duration(); ok {
		s.Certify.Time = t
	}
	readExpect(m.At("expect").Mapping("expect"), s)
	s.remember(m.At("confirm"), repeat.At("max"), certify.At("probes"), certify.At("time"))
}

// plainName is for names that become part of file, image and container names.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
