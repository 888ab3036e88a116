package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"buildbisect/images"
)

// axes reads what varies beside the commit, and checks it against what the builder fixes.
func (d *decoder) axes(top *mapping, s *Scenario, fixed pinned) {
	elements, listed := d.list(top.at("axes"))
	seen := map[string]int{}    // axis key to line
	varied := map[string]bool{} // tools
	baseVaries, unsure := false, top.at("axes").node != nil && !listed
	for _, element := range elements {
		m := d.mapping(element, "axis")
		axis, at, ok := d.axisKind(m, fixed)
		baseVaries = baseVaries || m.has("base")
		if m == nil {
			unsure = true
			continue
		}
		varied[axis.Name] = true
		levels := d.levels(m, axis, fixed, ok)
		if !ok {
			continue
		}
		if line, twice := seen[axis.Key()]; twice {
			d.mistake(at, "%s is varied twice; first in line %d", axis.Key(), line)
			continue
		}
		seen[axis.Key()] = at.node.Line
		axis.Levels = levels
		s.Axes = append(s.Axes, axis)
	}
	builder := top.at("builder")
	switch {
	case baseVaries && fixed.base.node != nil:
		d.mistake(fixed.base, "the base is both fixed here and varied by an axis; choose one")
	case baseVaries || unsure || fixed.base.node != nil || top == nil:
	case builder.node == nil:
		d.mistake(top.place, "builder is missing; it says what trials build in, such as builder: {base: {debian: {suite: bookworm}}}")
	default:
		d.mistake(builder, "base is missing; name one here, or vary it with an axis {base: true, levels: ...}")
	}
	d.settle(s, fixed, varied)
}

// axisKind reads what an axis varies. It returns the place that says so, and false if the axis is of no use.
func (d *decoder) axisKind(m *mapping, fixed pinned) (Axis, place, bool) {
	var kinds []string
	for _, kind := range []string{"tool", "env", "base"} {
		if m.has(kind) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case m == nil || m.has("engine") || m.has("vary"): // noted as not supported
		return Axis{}, place{}, false
	case len(kinds) == 0:
		d.mistake(m.place, "want one of tool, env or base, which say what the axis varies")
		return Axis{}, place{}, false
	case len(kinds) > 1:
		d.mistake(m.place, "has %s; an axis varies one thing", strings.Join(kinds, " and "))
		return Axis{}, place{}, false
	}
	at := m.at(kinds[0])
	switch kinds[0] {
	case "tool":
		name, ok := d.word(at)
		if ok && fixed.tools[name] > 0 {
			d.mistake(at, "%s is both pinned, in line %d, and varied here; choose one", short(name), fixed.tools[name])
			return Axis{Kind: ToolAxis, Name: name}, at, false
		}
		return Axis{Kind: ToolAxis, Name: name}, at, ok && d.tool(at, name, fixed)
	case "env":
		name, ok := d.match(at, envName, envNameWant)
		if ok && fixed.env[name] > 0 {
			d.mistake(at, "%s is both constant, in line %d, and varied here; choose one", name, fixed.env[name])
			return Axis{}, at, false
		}
		return Axis{Kind: EnvAxis, Name: name}, at, ok
	}
	before := len(d.mistakes)
	if !d.flag(at) && len(d.mistakes) == before {
		d.mistake(at, "want true; leave the axis out if the base does not vary")
	}
	return Axis{Kind: BaseAxis}, at, len(d.mistakes) == before
}

// levels reads the levels of an axis. Where the axis itself is not understood (known is false) they are only checked
// for what holds of any.
func (d *decoder) levels(m *mapping, axis Axis, fixed pinned, known bool) []Level {
	if known && axis.Kind == BaseAxis {
		return d.unlike(m.at("levels"), d.baseLevel)
	}
	if !known && m.has("base") {
		return nil
	}
	return d.unlike(m.at("levels"), func(p place) (Level, bool) {
		level, ok := d.level(p)
		if !ok || level.Null || axis.Kind == EnvAxis {
			return level, ok // a variable may be set to the empty string
		}
		if strings.TrimSpace(level.Text) == "" {
			d.mistake(p, "the level is empty; write null for an absent tool")
			return level, false
		}
		if known {
			d.version(p, axis.Name, level.Text, fixed)
		}
		return level, true
	})
}

// unlike reads two or more levels, no two of them alike.
func (d *decoder) unlike(p place, read func(place) (Level, bool)) []Level {
	elements, ok := d.list(p)
	if ok && len(elements) < 2 {
		d.mistake(p, "want at least 2 levels, got %d", len(elements))
	}
	var all []Level
	seen := map[string]int{} // level to index
	for i, element := range elements {
		level, ok := read(element)
		if !ok {
			continue
		}
		if first, twice := seen[level.String()]; twice {
			d.mistake(element, "%s stands twice; it is level %d already", level, first)
			continue
		}
		seen[level.String()] = i
		all = append(all, level)
	}
	return all
}

// level reads a string or null. A place where nothing stands is not taken for null.
func (d *decoder) level(p place) (Level, bool) {
	switch {
	case isNothing(p.node):
		d.mistake(p, "the level is empty; write null or a string")
		return Level{}, false
	case isNull(p.node):
		return Level{Null: true}, true
	}
	s, ok := d.str(p, "a string or null")
	return Level{Text: s}, ok
}

func (d *decoder) baseLevel(p place) (Level, bool) {
	m := d.mapping(p, "base-level")
	name, ok := d.line(m.at("name"))
	return Level{Text: name, Base: d.base(m)}, ok
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
	return quoted(short(l.Text))
}

func (l Level) pointer() *string {
	if l.Null {
		return nil
	}
	return &l.Text
}

// tool notes an unknown tool.
func (d *decoder) tool(p place, tool string, fixed pinned) bool {
	have := fixed.catalogue.Tools()
	_, declared := fixed.declared[tool]
	if declared || slices.Contains(have, tool) {
		return true
	}
	d.mistake(p, "unknown tool %q; %s, or declare versions of your own below builder.tools", short(tool), choices(tool, have))
	return false
}

// version notes an unknown version of a known tool. A version whose declaration is itself a mistake is not noted again.
func (d *decoder) version(p place, tool, version string, fixed pinned) {
	if slices.Contains(fixed.declared[tool], version) {
		return
	}
	_, err := fixed.catalogue.Lookup(tool, version)
	if unknown, ok := errors.AsType[*images.UnknownError](err); ok {
		d.mistake(p, "unknown version %q of %s; %s", short(version), tool, choices(version, unknown.Have))
	} else if err != nil {
		d.mistake(p, "%s", err)
	}
}

// choices says what there is, and what was probably meant.
func choices(got string, have []string) string {
	text := "there is " + strings.Join(have, ", ")
	if word := nearest(got, have); word != "" {
		text = fmt.Sprintf("did you mean %s? %s", word, text)
	}
	return text
}
