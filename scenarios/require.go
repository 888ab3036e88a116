package scenarios

import (
	"slices"
)

// Rule is one line of require, `A with B and C`: a point where A holds can exist only if B and C hold there
// as well. What a condition says of a level is worked out when the file is read, so that asking costs a look
// into a table.
type Rule struct {
	Text string // as the file has it

	when condition
	with []condition
}

// condition is what a rule asks of one axis.
type condition struct {
	text  string
	axis  int    // index into Scenario.Axes; -1: the builder fixes it
	holds []bool // by level of the axis; one answer where it is fixed
}

// Excluded says whether no build can exist with these levels of Axes, one index for each, and which rule says
// so. It is false at both ends.
func (s *Scenario) Excluded(levels []int) (rule string, excluded bool) {
	for _, r := range s.Require {
		if _, broken := r.broken(levels); broken {
			return r.Text, true
		}
	}
	return "", false
}

// broken finds the condition that must hold at levels and does not.
func (r Rule) broken(levels []int) (condition, bool) {
	if !r.when.met(levels) {
		return condition{}, false
	}
	i := slices.IndexFunc(r.with, func(c condition) bool { return !c.met(levels) })
	if i < 0 {
		return condition{}, false
	}
	return r.with[i], true
}

func (c condition) met(levels []int) bool {
	if c.axis < 0 {
		return c.holds[0]
	}
	return c.holds[levels[c.axis]]
}

// maxConditions bounds all rules of a file together: far more than anyone needs, and little enough that no
// file keeps the reader busy for long, for each is asked of all levels of its axis.
const maxConditions = 100

// readRequire reads the rules. Unless the axes are sound only the spelling is looked at: what else there is to
// say would follow from mistakes that are noted already.
func readRequire(p place, s *Scenario, sound bool) {
	elements, _ := p.list()
	total := 0
	for _, element := range elements {
		text, ok := element.line()
		if !ok {
			continue
		}
		spelled, ok := readSpelledRule(element, text)
		if !ok || !sound {
			continue
		}
		if total += len(spelled); total > maxConditions {
			element.mistake("with this rule there are %d conditions, of %d at most", total, maxConditions)
			return
		}
		conditions, ok := readConditions(element, text, spelled, s)
		if !ok {
			continue
		}
		rule := Rule{Text: text, when: conditions[0], with: conditions[1:]}
		possibleEnds(element, rule, s.Axes)
		s.Require = append(s.Require, rule)
	}
}

// possibleEnds notes a rule that excludes an end of the search.
func possibleEnds(p place, rule Rule, axes []Axis) {
	first, last := make([]int, len(axes)), make([]int, len(axes))
	for i, axis := range axes {
		last[i] = len(axis.Levels) - 1
	}
	for _, end := range []struct {
		name   string
		levels []int
	}{{"good", first}, {"bad", last}} {
		if missing, broken := rule.broken(end.levels); broken {
			p.mistake("excludes the %s end, where %q holds and %q does not; both ends are built, so they must be able to exist",
				end.name, short(rule.when.text), short(missing.text))
		}
	}
}

// conditions works out what a rule asks of the axes.
func readConditions(p place, text string, spelled []spelledCondition, s *Scenario) ([]condition, bool) {
	axes := slices.Concat(s.Axes, s.Builder.constants())
	var all []condition
	for _, c := range spelled {
		i, holds, ok := readAbout(p, text, c, axes)
		if !ok {
			continue
		}
		if i >= len(s.Axes) {
			i = -1
		}
		all = append(all, condition{text: text[c.axis.at:c.end], axis: i, holds: holds})
	}
	return all, len(all) == len(spelled)
}

// constants are what the builder pins, as axes of one level.
func (b Builder) constants() []Axis {
	var axes []Axis
	if b.EngineVersion != "" {
		axes = append(axes, Axis{Kind: EngineAxis, Levels: []Level{{Text: b.EngineVersion}}})
	}
	for _, tool := range sortedKeys(b.Tools) {
		axes = append(axes, Axis{Kind: ToolAxis, Name: tool, Levels: []Level{{Text: b.Tools[tool]}}})
	}
	for _, name := range sortedKeys(b.Env) {
		axes = append(axes, Axis{Kind: EnvAxis, Name: name, Levels: []Level{{Text: b.Env[name]}}})
	}
	return axes
}
