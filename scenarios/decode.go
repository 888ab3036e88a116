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
	defaultCertifyProbes = 16
	defaultCertifyTime   = time.Hour
	defaultStageTimeout  = time.Hour
	defaultWorkdir       = "/src"
)

// Decode reads data as the scenario file that its user calls file. Paths in it are relative to dir: an absolute
// folder, whose files fsys gives; or, for a shipped scenario, a folder inside fsys, out of which no path of the machine
// is reached. A file that is no valid scenario gives [Mistakes]: all of them.
func Decode(file string, data []byte, fsys fs.FS, dir string) (*Scenario, error) {
	root, src, mistakes := parse(file, data)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	s := &Scenario{File: file, FS: fsys, Hash: fmt.Sprintf("%x", sha256.Sum256(data))}
	if filepath.IsAbs(dir) {
		s.Dir = dir
	} else {
		s.folder = dir
	}
	d := &decoder{file: src, grammar: grammar()}
	d.scenario(d.mapping(place{node: root}, "scenario"), s)
	if len(d.mistakes) > 0 {
		return nil, d.mistakes.sorted()
	}
	return s, nil
}

// scenario reads the whole file into s. The builder comes before the axes, which use the tools it declares, and the
// axes before what is expected of them, in whatever order the file has them.
func (d *decoder) scenario(m *mapping, s *Scenario) {
	if p := m.at("version"); p.node != nil && (p.node.ShortTag() != "!!int" || p.node.Value != "1") {
		d.wrong(p, "the number 1, the only version this bisect reads")
	}
	s.Name, _ = d.match(m.at("name"), plainName, "letters, digits, dots, dashes and underscores, at most 64, a letter or digit first")
	s.About, _ = d.word(m.at("about"))

	d.source(m, s)
	b := d.builder(m, s)
	d.axes(m, s, b)
	if axes := m.at("axes").node; (axes == nil || axes.Kind == yaml.SequenceNode && len(axes.Content) == 0) &&
		s.Source.Good != "" && s.Source.Good == s.Source.Bad {
		d.mistake(m.at("source"), "good and bad are the same revision and there are no axes, so nothing changes between them")
	}
	d.stages(m.at("stages"), s)
	d.verdict(m.at("verdict"), s)

	s.Confirm = defaultConfirm
	if n, ok := d.count(m.at("confirm"), 1); ok {
		s.Confirm = n
	}
	s.Certify = Certify{Probes: defaultCertifyProbes, Time: defaultCertifyTime}
	certify := d.mapping(m.at("certify"), "certify")
	if n, ok := d.count(certify.at("probes"), 0); ok {
		s.Certify.Probes = n
	}
	if t, ok := d.duration(certify.at("time")); ok {
		s.Certify.Time = t
	}
	d.expect(d.mapping(m.at("expect"), "expect"), s)
}

// plainName is for names that become part of file, image and container names.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// expect reads the causes that must be found again. Each names the bad levels of the axes that take part in it.
func (d *decoder) expect(m *mapping, s *Scenario) {
	causes, ok := d.list(m.at("causes"))
	if ok && len(causes) == 0 {
		d.mistake(m.at("causes"), "want at least one cause")
	}
	for _, cause := range causes {
		pairs, ok := d.pairs(cause, "a mapping from axes to their bad levels")
		if ok && len(pairs) == 0 {
			d.mistake(cause, "want at least one axis and its bad level")
		}
		if ok {
			s.Expect.Causes = append(s.Expect.Causes, map[string]*string{})
		}
		for _, entry := range pairs {
			level, ok := d.level(entry.value)
			if ok && d.expectedLevel(entry, level, s.Axes) {
				s.Expect.Causes[len(s.Expect.Causes)-1][entry.name] = level.pointer()
			}
		}
	}
}

func (d *decoder) expectedLevel(entry pair, level Level, axes []Axis) bool {
	if entry.name == "commit" {
		if level.Null {
			d.wrong(entry.value, "a revision")
		}
		return !level.Null
	}
	have := []string{"commit"}
	for _, axis := range axes {
		have = append(have, axis.Key())
		if axis.Key() != entry.name {
			continue
		}
		for i, l := range axis.Levels {
			if l.Null == level.Null && l.Text == level.Text {
				if i == 0 {
					d.mistake(entry.value, "%s is the good end of its axis and cannot be part of a cause", level)
				}
				return i > 0
			}
		}
		d.mistake(entry.value, "%s is no level of its axis", level)
		return false
	}
	d.mistake(entry.key, "no axis has this key; %s", choices(entry.name, have))
	return false
}
