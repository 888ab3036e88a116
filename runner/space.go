package runner

import (
	"fmt"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/images"
	"buildbisect/scenarios"
)

// Commit is what a report says of one commit.
type Commit struct {
	ID      string // full hex
	Subject string
	Author  string
	When    time.Time
}

// History is the commits between good and bad, as levels of an axis; see bisect.DAG. Commits[0] is the good side, the last is
// bad.
type History struct {
	Commits []Commit
	Parents [][]int
	Sides   []bisect.Side
	Path    string // of the repository, for command lines a reader can use
	Note    string // how the good side was chosen, where it is not the commit asked for
}

// Space is a scenario's space with the names of its levels: axis 0 is the commit, the others stand in the scenario's order.
type Space struct {
	*bisect.Space
	History *History
	axes    []scenarios.Axis
}

// NewSpace spans the axes of a scenario over a history.
func NewSpace(history *History, axes []scenarios.Axis) (*Space, error) {
	commit, err := bisect.DAG("commit", history.Parents, history.Sides)
	if err != nil {
		return nil, err
	}
	all := []*bisect.Axis{commit}
	for _, a := range axes {
		all = append(all, bisect.Chain(a.Key(), len(a.Levels)))
	}
	space, err := bisect.NewSpace(all...)
	if err != nil {
		return nil, err
	}
	return &Space{Space: space, History: history, axes: axes}, nil
}

// Key is the name of an axis, as in --at and in reports.
func (s *Space) Key(axis int) string { return s.Axes[axis].Name }

// Level names a level; nil is the null level.
func (s *Space) Level(axis, level int) *string {
	if axis == 0 {
		return &s.History.Commits[level].ID
	}
	l := s.axes[axis-1].Levels[level]
	if l.Null {
		return nil
	}
	return &l.Text
}

// Named gives p by names.
func (s *Space) Named(p bisect.Point) report.Point {
	named := report.Point{}
	for i := range p {
		named[s.Key(i)] = s.Level(i, p[i])
	}
	return named
}

// String says p in words, in the order of the axes.
func (s *Space) Words(p bisect.Point) string {
	words := ""
	for i := range p {
		if i > 0 {
			words += ", "
		}
		words += report.Level(s.Key(i), s.Level(i, p[i]))
	}
	return words
}

// At finds the level with a name on an axis; a nil name is the null level. Commits are found by full id.
func (s *Space) At(key string, name *string) (axis, level int, err error) {
	for i := range s.Axes {
		if s.Key(i) != key {
			continue
		}
		var have []string
		for level := range s.Axes[i].Len() {
			got := s.Level(i, level)
			if (got == nil) == (name == nil) && (got == nil || *got == *name) {
				return i, level, nil
			}
			if i > 0 {
				have = append(have, report.Level(key, got))
			}
		}
		if i == 0 {
			return 0, 0, fmt.Errorf("commit %s: not between good and bad", *name)
		}
		return 0, 0, fmt.Errorf("%s: no such level; the scenario has %q", report.Level(key, name), have)
	}
	var keys []string
	for i := range s.Axes {
		keys = append(keys, s.Key(i))
	}
	return 0, 0, fmt.Errorf("axis %q: no such axis; the scenario has %q", key, keys)
}

// spec is what the builder image at p is made of.
func (s *Space) spec(b scenarios.Builder, p bisect.Point) images.Spec {
	spec := images.Spec{Base: b.Base}
	for _, tool := range sortedKeys(b.Tools) {
		spec.Picks = append(spec.Picks, images.Pick{Tool: tool, Version: b.Tools[tool]})
	}
	for i, a := range s.axes {
		level := a.Levels[p[i+1]]
		switch a.Kind {
		case scenarios.ToolAxis:
			spec.Picks = append(spec.Picks, images.Pick{Tool: a.Name, Version: level.Text, Absent: level.Null})
		case scenarios.BaseAxis:
			spec.Base = level.Base
		}
	}
	return spec
}

// env is the environment of the box at p: the scenario's constants, then its axes, where a bare name unsets.
func (s *Space) env(b scenarios.Builder, p bisect.Point) []string {
	var env []string
	for _, name := range sortedKeys(b.Env) {
		env = append(env, name+"="+b.Env[name])
	}
	for i, a := range s.axes {
		if a.Kind != scenarios.EnvAxis {
			continue
		}
		if level := a.Levels[p[i+1]]; level.Null {
			env = append(env, a.Name)
		} else {
			env = append(env, a.Name+"="+level.Text)
		}
	}
	return env
}
