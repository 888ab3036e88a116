package scenarios

import (
	"errors"
	"io/fs"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"buildbisect/scenarios/document"
)

// readStages reads the steps of the build.
func readStages(p document.Place, s *Scenario) {
	elements, ok := p.List()
	if ok && len(elements) == 0 {
		p.Mistake("want at least one stage")
	}
	seen := map[string]int{} // name to line
	for _, element := range elements {
		m := element.Mapping("stage")
		stage := Stage{Timeout: defaultStageTimeout, OnTimeout: CountSkip, OnOOM: CountSkip}
		name, ok := m.At("name").Line()
		if line, twice := seen[name]; ok && twice {
			m.At("name").Mistake("%q is the name of another stage, in line %d", document.Short(name), line)
		} else if ok {
			seen[name] = m.At("name").Node.Line
		}
		stage.Name = name
		stage.Run, _ = m.At("run").Word()
		if t, ok := m.At("timeout").Duration(); ok {
			stage.Timeout = t
			s.remember(m.At("timeout"))
		}
		if word, ok := m.At("on-timeout").OneOf(string(CountSkip), string(CountBad)); ok {
			stage.OnTimeout = Outcome(word)
		}
		if word, ok := m.At("on-oom").OneOf(string(CountSkip), string(CountBad)); ok {
			stage.OnOOM = Outcome(word)
		}
		s.Stages = append(s.Stages, stage)
	}
}

// readPattern reads a regular expression that one line of a log must match.
func readPattern(p document.Place) *regexp.Regexp {
	text, ok := p.Word()
	if !ok {
		return nil
	}
	re, err := regexp.Compile(text)
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		// The error repeats the part it is about, and does not say where that stands.
		at := max(strings.Index(text, e.Expr), 0)
		character := utf8.RuneCountInString(text[:at])
		p.Inside(text, character).Mistake("not a regular expression (RE2): %s: %q, at character %d",
			e.Code, document.Short(e.Expr), character+1)
		return nil
	}
	if re.MatchString("") {
		p.Mistake("matches the empty line, so it tells no failure from another")
	}
	return re
}

// readArtifacts reads what of the work folder is kept of each trial.
func readArtifacts(p document.Place) []string {
	elements, ok := p.List()
	if ok && len(elements) == 0 {
		p.Mistake("want at least one path; leave artifacts out to keep none")
	}
	var all []string
	for _, element := range elements {
		path, ok := readArtifact(element)
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(other string) bool { return path == other || isBelow(path, other) || isBelow(other, path) })
		switch {
		case i < 0:
			all = append(all, path)
		case path == all[i]:
			element.Mistake("%s stands twice", document.Short(path))
		default:
			element.Mistake("of %s and %s one lies in the other; name the outer one", document.Short(path), document.Short(all[i]))
		}
	}
	return all
}

// readArtifact reads the path of a file or folder in the work folder, written literally. A folder may end in
// a slash.
func readArtifact(p document.Place) (string, bool) {
	s, ok := p.Line()
	if !ok {
		return "", false
	}
	switch path := strings.TrimSuffix(s, "/"); {
	case !fs.ValidPath(path), path == ".":
		p.Mistake("want a path inside the work folder, without . and .., such as out/ or build.log; got %q", document.Short(s))
	case strings.ContainsAny(path, "*?[\\"):
		p.Mistake("want a path as it stands in the work folder; patterns are not supported, but a folder stands for all below it; got %q", document.Short(s))
	default:
		return path, true
	}
	return "", false
}

func isBelow(path, folder string) bool { return strings.HasPrefix(path, folder+"/") }
