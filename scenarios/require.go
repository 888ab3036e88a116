package scenarios

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/go-version"

	"buildbisect/scenarios/document"
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

// readRequire reads the rules. Unless the axes are sound only the spelling is looked at: what else there is
// to say would follow from mistakes that are noted already.
func readRequire(p document.Place, s *Scenario, sound bool) {
	elements, _ := p.List()
	total := 0
	for _, element := range elements {
		text, ok := element.Line()
		if !ok {
			continue
		}
		spelled, ok := readSpelledRule(element, text)
		if !ok || !sound {
			continue
		}
		if total += len(spelled); total > maxConditions {
			element.Mistake("with this rule there are %d conditions, of %d at most", total, maxConditions)
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
func possibleEnds(p document.Place, rule Rule, axes []Axis) {
	first, last := make([]int, len(axes)), make([]int, len(axes))
	for i, axis := range axes {
		last[i] = len(axis.Levels) - 1
	}
	for _, end := range []struct {
		name   string
		levels []int
	}{{"good", first}, {"bad", last}} {
		if missing, broken := rule.broken(end.levels); broken {
			p.Mistake("excludes the %s end, where %q holds and %q does not; both ends are built, so they must be able to exist",
				end.name, document.Short(rule.when.text), document.Short(missing.text))
		}
	}
}

// conditions works out what a rule asks of the axes.
func readConditions(p document.Place, text string, spelled []spelledCondition, s *Scenario) ([]condition, bool) {
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

// about finds the axis of c, and for each of its levels whether c holds there.
func readAbout(p document.Place, text string, c spelledCondition, axes []Axis) (int, []bool, bool) {
	at := func(t token) document.Place { return p.Inside(text, utf8.RuneCountInString(text[:t.at])) }
	if c.axis.text == "commit" {
		at(c.axis).Mistake("the commit cannot stand in a rule, which is settled before the repository is read; a commit that cannot be built somewhere is skipped when it is tried")
		return 0, nil, false
	}
	i := slices.IndexFunc(axes, func(a Axis) bool { return a.Key() == c.axis.text })
	if i < 0 {
		var have []string
		for _, axis := range axes {
			have = append(have, axis.Key())
		}
		at(c.axis).Mistake("%q is neither varied by an axis nor pinned by the builder; %s", document.Short(c.axis.text), choices(c.axis.text, have))
		return 0, nil, false
	}
	holds, err := c.table(axes[i])
	if err != nil {
		at(c.level).Mistake("%s", err)
	}
	return i, holds, err == nil
}

// table says for each level of axis whether c holds there.
func (c spelledCondition) table(axis Axis) ([]bool, error) {
	bound, err := version.NewVersion(c.level.text)
	switch {
	case c.operator.text == "absent" || c.operator.text == "present":
	case c.operator.text == "=" || c.operator.text == "!=":
		if err := c.isLevel(axis); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("want a version such as 20.10 behind %s, got %q", c.operator.text, document.Short(c.level.text))
	}
	var all []bool
	for _, level := range axis.Levels {
		holds, err := c.holds(level, bound)
		if err != nil {
			return nil, fmt.Errorf("%s has the level %s, which is no version, so only = != absent and present can be asked of it", axis.Key(), level)
		}
		all = append(all, holds)
	}
	return all, nil
}

// holds asks c of one level. An absent tool is equal to no version, and neither before nor behind one.
func (c spelledCondition) holds(level Level, bound *version.Version) (bool, error) {
	same := !level.Null && level.Text == c.level.text
	switch c.operator.text {
	case "absent":
		return level.Null, nil
	case "present":
		return !level.Null, nil
	case "=":
		return same, nil
	case "!=":
		return !same, nil
	}
	if level.Null {
		return false, nil
	}
	v, err := version.NewVersion(level.Text)
	if err != nil {
		return false, err
	}
	switch c.operator.text {
	case "<":
		return v.LessThan(bound), nil
	case "<=":
		return v.LessThanOrEqual(bound), nil
	case ">":
		return v.GreaterThan(bound), nil
	}
	return v.GreaterThanOrEqual(bound), nil
}

// isLevel tells a level that the axis never has, which a rule would wait for in vain.
func (c spelledCondition) isLevel(axis Axis) error {
	if axis.index(Level{Text: c.level.text}) >= 0 {
		return nil
	}
	if c.level.text == "null" && !c.level.quoted {
		return fmt.Errorf("want a level, got null; write %s absent or %s present", axis.Key(), axis.Key())
	}
	var have []string
	for _, level := range axis.Levels {
		if !level.Null {
			have = append(have, level.Text)
		}
	}
	return fmt.Errorf("%s never has the level %q; %s", axis.Key(), document.Short(c.level.text), choices(c.level.text, have))
}
