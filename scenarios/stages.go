package scenarios

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// readStages reads the steps of the build.
func readStages(p place, s *Scenario) {
	elements, ok := p.list()
	if ok && len(elements) == 0 {
		p.mistake("want at least one stage")
	}
	seen := map[string]int{} // name to line
	for _, element := range elements {
		m := element.mapping("stage")
		stage := Stage{Timeout: defaultStageTimeout, OnTimeout: CountSkip, OnOOM: CountSkip}
		name, ok := m.at("name").line()
		if line, twice := seen[name]; ok && twice {
			m.at("name").mistake("%q is the name of another stage, in line %d", short(name), line)
		} else if ok {
			seen[name] = m.at("name").node.Line
		}
		stage.Name = name
		stage.Run, _ = m.at("run").word()
		if t, ok := m.at("timeout").duration(); ok {
			stage.Timeout = t
			s.remember(m.at("timeout"))
		}
		if word, ok := m.at("on-timeout").oneOf(string(CountSkip), string(CountBad)); ok {
			stage.OnTimeout = Outcome(word)
		}
		if word, ok := m.at("on-oom").oneOf(string(CountSkip), string(CountBad)); ok {
			stage.OnOOM = Outcome(word)
		}
		s.Stages = append(s.Stages, stage)
	}
}

// readPattern reads a regular expression that one line of a log must match.
func readPattern(p place) *regexp.Regexp {
	text, ok := p.word()
	if !ok {
		return nil
	}
	re, err := regexp.Compile(text)
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		// The error repeats the part it is about, and does not say where that stands.
		at := max(strings.Index(text, e.Expr), 0)
		character := utf8.RuneCountInString(text[:at])
		p.inside(text, character).mistake("not a regular expression (RE2): %s: %q, at character %d",
			e.Code, short(e.Expr), character+1)
		return nil
	}
	if re.MatchString("") {
		p.mistake("matches the empty line, so it tells no failure from another")
	}
	return re
}

// inside is the place of a character of the string at p, if the file spells the string as it is; else p.
func (p place) inside(text string, character int) place {
	n := *p.node
	column := n.Column // of the string's first character, counted from 1
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		column++
	}
	if n.Line > len(p.of.file.lines) {
		return p
	}
	line := p.of.file.lines[n.Line-1]
	// A line may be very long, and hold many such strings.
	if from := column - 1; from <= len(line) && strings.HasPrefix(string(line[from:min(from+len(text), len(line))]), text) {
		n.Column = column + character
	}
	return p.inner(&n, p.path)
}
