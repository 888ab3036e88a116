package scenarios

import "fmt"

// Expect is what bisecting must find again, for `bisect verify`: either causes or, where the good end is the
// newer one, repairs; or, where builds that cannot be judged leave it open, the points among which the cause
// is. The zero value: the file does not say. Each is a mapping from axis key to the level that takes part in
// it, nil for null; at commit a revision.
type Expect struct {
	Causes     []map[string]*string // bad levels: together they break the build
	Repairs    []map[string]*string // good levels: together they repair it
	Candidates []map[string]*string // a level on every axis
}

// expect reads what must be found again.
func (d *decoder) expect(m *mapping, s *Scenario) {
	switch {
	case m == nil:
	case m.has("causes") && m.has("repairs"):
		d.mistake(m.at("repairs"), "causes are named too; good is either older than bad or newer")
	case m.has("candidates") && (m.has("causes") || m.has("repairs")):
		d.mistake(m.at("candidates"), "what is found is named too; either it is found, or points are left open")
	case !m.has("causes") && !m.has("repairs") && !m.has("candidates"):
		d.mistake(m.place, "want causes, or repairs where good is newer than bad, or candidates where it stays open")
	}
	s.Expect.Causes = d.changes(m.at("causes"), "cause", "bad", s.Axes)
	s.Expect.Repairs = d.changes(m.at("repairs"), "repair", "good", s.Axes)
	s.Expect.Candidates = d.changes(m.at("candidates"), "candidate", "own", s.Axes)
}

// changes reads sets of levels: causes, which lead to the bad end, repairs, which lead to the good one, or
// whole points.
func (d *decoder) changes(p place, kind, toward string, axes []Axis) []map[string]*string {
	elements, ok := d.list(p)
	if ok && len(elements) == 0 {
		d.mistake(p, "want at least one %s", kind)
	}
	var all []map[string]*string
	for _, element := range elements {
		pairs, ok := d.pairs(element, fmt.Sprintf("a mapping from axes to their %s levels", toward))
		if ok && len(pairs) == 0 {
			d.mistake(element, "want at least one axis and its %s level", toward)
		}
		levels := map[string]*string{}
		for _, entry := range pairs {
			if level, ok := d.level(entry.value); ok && d.expectedLevel(entry, level, kind, axes) {
				levels[entry.name] = level.pointer()
			}
		}
		if ok {
			all = append(all, levels)
		}
	}
	return all
}

// expectedLevel notes a level that cannot take part: nothing changes at the end that the others lead away
// from.
func (d *decoder) expectedLevel(entry pair, level Level, kind string, axes []Axis) bool {
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
		end, start := "good", 0
		if kind == "repair" {
			end, start = "bad", len(axis.Levels)-1
		}
		switch axis.index(level) {
		case -1:
			d.mistake(entry.value, "%s is no level of its axis", level)
		case start:
			if kind == "candidate" {
				return true // such a point names the ends, too
			}
			d.mistake(entry.value, "%s is the %s end of its axis and cannot be part of a %s", level, end, kind)
		default:
			return true
		}
		return false
	}
	d.mistake(entry.key, "no axis has this key; %s", choices(entry.name, have))
	return false
}
