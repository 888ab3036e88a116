package space

import (
	"fmt"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/scenarios"
)

// Commit is what a report says of one commit.
type Commit struct {
	ID      string // full hex
	Subject string
	Author  string
	When    time.Time
}

// History is the commits of a search as levels of an axis; see [bisect.DAG]. Commits[0] is the old end, the
// last is the new one.
type History struct {
	Commits []Commit
	Parents [][]int
	Sides   []bisect.Side
	Weights []float64 // how likely each is to be what is looked for; nil: all are alike. See [bisect.Axis.SetPrior]
	Path    string    // of the repository, for command lines a reader can use
	Note    string    // how the old end was chosen, where it is not the commit asked for
	Repair  bool      // good is newer than bad
}

// Space is a scenario's space with the names of its levels: axis 0 is the commit, the others stand in the
// scenario's order.
//
// A search goes from an old end to a new one, and looks for what makes a build be as at the new end. Mostly
// that is the bad end. Where good is newer than bad, what is looked for is a repair: the tools' levels then
// run from bad to good too, and good and bad change places in what the search is told. That is all done here;
// nobody else need know which way a search goes, but to speak of it.
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
	if history.Weights != nil {
		if err := commit.SetPrior(history.Weights); err != nil {
			return nil, err
		}
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

// Old is the end where the search begins, New the end whose state is looked for.
func (s *Space) Old() bisect.Point { return s.Space.Good() }
func (s *Space) New() bisect.Point { return s.Space.Bad() }

// Good is the end where every axis is good, whichever way the search goes.
func (s *Space) Good() bisect.Point {
	if s.History.Repair {
		return s.New()
	}
	return s.Old()
}

// Bad is the end where every axis is bad.
func (s *Space) Bad() bisect.Point {
	if s.History.Repair {
		return s.Old()
	}
	return s.New()
}

// Turned translates a verdict into what it is to the search, and back: in a search for a repair a good build
// is what is looked for.
func (s *Space) Turned(v bisect.Verdict) bisect.Verdict {
	switch {
	case s.History.Repair && v == bisect.Good:
		return bisect.Bad
	case s.History.Repair && v == bisect.Bad:
		return bisect.Good
	}
	return v
}

// Levels are the indexes of p's levels in the scenario, the commit's left out.
func (s *Space) Levels(p bisect.Point) []int {
	levels := make([]int, len(s.axes))
	for i := range s.axes {
		levels[i] = s.index(i, p[i+1])
	}
	return levels
}

// index is where the scenario has a level of its axis: it lists them from good to bad, a search counts from
// old to new.
func (s *Space) index(axis, level int) int {
	if s.History.Repair {
		return len(s.axes[axis].Levels) - 1 - level
	}
	return level
}

// Key is the name of an axis, as in --at and in reports.
func (s *Space) Key(axis int) string { return s.Axes[axis].Name }

// Level names a level; nil is the null level.
func (s *Space) Level(axis, level int) *string {
	if axis == 0 {
		return &s.History.Commits[level].ID
	}
	l := s.axes[axis-1].Levels[s.index(axis-1, level)]
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

// Words says p in words, in the order of the axes.
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

// World is what a build finds at p.
func (s *Space) World(b scenarios.Builder, p bisect.Point) scenarios.World {
	levels := make([]scenarios.Level, len(s.axes))
	for i, a := range s.axes {
		levels[i] = a.Levels[s.index(i, p[i+1])]
	}
	return b.World(s.axes, levels)
}
