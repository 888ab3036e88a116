package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildbisect/scenarios/document"
)

// readAxes reads what varies beside the commit, and checks it against what the builder fixes.
func readAxes(top *document.Mapping, s *Scenario, fixed pinned) {
	elements, listed := top.At("axes").List()
	seen := map[string]int{}     // axis key to line
	setBy := map[string]string{} // variable to the key of the axis that sets it
	varied := map[string]bool{}  // tools
	baseVaries, engineVaries := false, false
	unsure := top.At("axes").Node != nil && !listed
	for _, element := range elements {
		m := element.Mapping("axis")
		if m == nil {
			unsure = true
			continue
		}
		axis, at, ok := readAxisKind(m, fixed)
		s.remember(at)
		baseVaries, engineVaries = baseVaries || m.Has("base"), engineVaries || m.Has("engine")
		if axis.Kind == ToolAxis {
			varied[axis.Name] = true
		}
		levels := readLevels(m, axis, fixed, ok)
		if !ok {
			continue
		}
		if line, twice := seen[axis.Key()]; twice {
			at.Mistake("%s is varied twice; first in line %d", axis.Key(), line)
			continue
		}
		seen[axis.Key()] = at.Node.Line
		for _, name := range axis.Variables() {
			if other, twice := setBy[name]; twice {
				at.Mistake("%s sets %s, and so does %s, in line %d; choose one", axis.Key(), name, other, seen[other])
			}
			setBy[name] = axis.Key()
		}
		axis.Levels = levels
		s.Axes = append(s.Axes, axis)
	}
	builder := top.At("builder")
	switch {
	case baseVaries && fixed.base.Node != nil:
		fixed.base.Mistake("the base is both fixed here and varied by an axis; choose one")
	case baseVaries || unsure || fixed.base.Node != nil || top == nil:
	case builder.Node == nil:
		top.Place.Mistake("builder is missing; it says what trials build in, such as builder: {base: {debian: {suite: bookworm}}}")
	default:
		builder.Mistake("base is missing; name one here, or vary it with an axis {base: true, levels: ...}")
	}
	settleTools(s, fixed, varied)
	settleEngine(&s.Builder, fixed, engineVaries)
}

// readAxisKind reads what an axis varies. It returns the place that says so, and false if the axis is of no
// use.
func readAxisKind(m *document.Mapping, fixed pinned) (Axis, document.Place, bool) {
	words := kindWords()
	named := m.Among(words...)
	switch {
	case len(named) == 0:
		last := len(words) - 1
		m.Place.Mistake("want one of %s or %s, which say what the axis varies", strings.Join(words[:last], ", "), words[last])
		return Axis{}, document.Place{}, false
	case len(named) > 1:
		m.Place.Mistake("has %s; an axis varies one thing", strings.Join(named, " and "))
		return Axis{}, document.Place{}, false
	}
	at := m.At(named[0])
	axis := Axis{Kind: kindOf(named[0])}
	ok := axis.Kind.read(at, &axis, fixed)
	for _, name := range axis.Variables() {
		if line := fixed.env[name]; ok && line > 0 {
			at.Mistake("%s is both constant, in line %d, and varied here; choose one", name, line)
			return axis, at, false
		}
		if line := fixed.secrets[name]; ok && line > 0 {
			at.Mistake("%s is both a secret, in line %d, and varied here; choose one: a report names every level of an axis", name, line)
			return axis, at, false
		}
	}
	return axis, at, ok
}

// readLevels reads the levels of an axis, as its kind has them; of one without a kind they are only checked
// for what holds of any.
func readLevels(m *document.Mapping, axis Axis, fixed pinned, known bool) []Level {
	switch {
	case axis.Kind != nil:
		return axis.Kind.levels(m, axis, fixed, known)
	case m.Has("base"), m.Has("engine"):
		return nil
	}
	return plainLevels(m, notBlank)
}

// unlike reads two or more levels, no two of them alike.
func unlike(p document.Place, read func(document.Place) (Level, bool)) []Level {
	elements, ok := p.List()
	if ok && len(elements) < 2 {
		p.Mistake("want at least 2 levels, got %d", len(elements))
	}
	var all []Level
	seen := map[Level]int{} // without its base, to its index
	for i, element := range elements {
		level, ok := read(element)
		if !ok {
			continue
		}
		name := Level{Null: level.Null, Text: level.Text}
		if first, twice := seen[name]; twice {
			hint := ""
			if element.Node.Kind == yaml.MappingNode {
				hint = "; give each a name of its own"
			}
			element.Mistake("%s stands twice; it is level %d already%s", level, first, hint)
			continue
		}
		seen[name] = i
		all = append(all, level)
	}
	return all
}

// readLevel reads a string or null. A place where nothing stands is not taken for null.
func readLevel(p document.Place) (Level, bool) {
	switch {
	case document.IsNothing(p.Node):
		p.Mistake("the level is empty; write null or a string")
		return Level{}, false
	case document.IsNull(p.Node):
		return Level{Null: true}, true
	}
	s, ok := p.Str("a string or null")
	return Level{Text: s}, ok
}

// index is where the axis has level, whatever its base, or -1.
func (a Axis) index(level Level) int {
	return slices.IndexFunc(a.Levels, func(l Level) bool { return l.Null == level.Null && l.Text == level.Text })
}

// String is how a level is written in a scenario file.
func (l Level) String() string {
	if l.Null {
		return "null"
	}
	return document.Quoted(document.Short(l.Text))
}

func (l Level) pointer() *string {
	if l.Null {
		return nil
	}
	return &l.Text
}

// mostChoices is how many of the words that there are a mistake lists.
const mostChoices = 30

// choices says what there is, and what was probably meant.
func choices(got string, have []string) string {
	text := "there is " + strings.Join(have[:min(mostChoices, len(have))], ", ")
	if more := len(have) - mostChoices; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if word := document.Nearest(got, have); word != "" {
		text = fmt.Sprintf("did you mean %s? %s", word, text)
	}
	return text
}
