package scenarios

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/go-version"
)

// about finds the axis of c, and for each of its levels whether c holds there.
func readAbout(p place, text string, c spelledCondition, axes []Axis) (int, []bool, bool) {
	at := func(t token) place { return p.inside(text, utf8.RuneCountInString(text[:t.at])) }
	if c.axis.text == "commit" {
		at(c.axis).mistake("the commit cannot stand in a rule, which is settled before the repository is read; a commit that cannot be built somewhere is skipped when it is tried")
		return 0, nil, false
	}
	i := slices.IndexFunc(axes, func(a Axis) bool { return a.Key() == c.axis.text })
	if i < 0 {
		var have []string
		for _, axis := range axes {
			have = append(have, axis.Key())
		}
		at(c.axis).mistake("%q is neither varied by an axis nor pinned by the builder; %s", short(c.axis.text), choices(c.axis.text, have))
		return 0, nil, false
	}
	holds, err := c.table(axes[i])
	if err != nil {
		at(c.level).mistake("%s", err)
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
		return nil, fmt.Errorf("want a version such as 20.10 behind %s, got %q", c.operator.text, short(c.level.text))
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
	return fmt.Errorf("%s never has the level %q; %s", axis.Key(), short(c.level.text), choices(c.level.text, have))
}
