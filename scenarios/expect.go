package scenarios

import (
	"fmt"

	"buildbisect/scenarios/document"
)

// Expect is what bisecting must find again, for `bisect verify`: either causes or, where the good end is the
// newer one, repairs; or, where builds that cannot be judged leave it open, the points among which the cause
// is. The zero value: the file does not say. Each is a mapping from axis key to the level that takes part in
// it, nil for null; at commit a revision.
type Expect struct {
	Causes     []map[string]*string // bad levels: together they break the build
	Repairs    []map[string]*string // good levels: together they repair it
	Candidates []map[string]*string // a level on every axis
}

// readExpect reads what must be found again.
func readExpect(m *document.Mapping, s *Scenario) {
	switch {
	case m == nil:
	case m.Has("causes") && m.Has("repairs"):
		m.At("repairs").Mistake("causes are named too; good is either older than bad or newer")
	case m.Has("candidates") && (m.Has("causes") || m.Has("repairs")):
		m.At("candidates").Mistake("what is found is named too; either it is found, or points are left open")
	case !m.Has("causes") && !m.Has("repairs") && !m.Has("candidates"):
		m.Place.Mistake("want causes, or repairs where good is newer than bad, or candidates where it stays open")
	}
	s.Expect.Causes = readChanges(m.At("causes"), "cause", "bad", s.Axes)
	s.Expect.Repairs = readChanges(m.At("repairs"), "repair", "good", s.Axes)
	s.Expect.Candidates = readChanges(m.At("candidates"), "candidate", "own", s.Axes)
}

// readChanges reads sets of levels: causes, which lead to the bad end, repairs, which lead to the good one,
// or whole points.
func readChanges(p document.Place, kind, toward string, axes []Axis) []map[string]*string {
	elements, ok := p.List()
	if ok && len(elements) == 0 {
		p.Mistake("want at least one %s", kind)
	}
	var all []map[string]*string
	for _, element := range elements {
		pairs, ok := element.Pairs(fmt.Sprintf("a mapping from axes to their %s levels", toward))
		if ok && len(pairs) == 0 {
			element.Mistake("want at least one axis and its %s level", toward)
		}
		levels := map[string]*string{}
		for _, entry := range pairs {
			if level, ok := readLevel(entry.Value); ok && expectedLevel(entry, level, kind, axes) {
				levels[entry.Name] = level.pointer()
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
func expectedLevel(entry document.Pair, level Level, kind string, axes []Axis) bool {
	if entry.Name == "commit" {
		if level.Null {
			entry.Value.Wrong("a revision")
		}
		return !level.Null
	}
	have := []string{"commit"}
	for _, axis := range axes {
		have = append(have, axis.Key())
		if axis.Key() != entry.Name {
			continue
		}
		end, start := "good", 0
		if kind == "repair" {
			end, start = "bad", len(axis.Levels)-1
		}
		switch axis.index(level) {
		case -1:
			entry.Value.Mistake("%s is no level of its axis", level)
		case start:
			if kind == "candidate" {
				return true // such a point names the ends, too
			}
			entry.Value.Mistake("%s is the %s end of its axis and cannot be part of a %s", level, end, kind)
		default:
			return true
		}
		return false
	}
	entry.Key.Mistake("no axis has this key; %s", choices(entry.Name, have))
	return false
}
