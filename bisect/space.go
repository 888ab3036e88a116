package bisect

import "fmt"

// A Space is the set of all points: one level on each axis.
type Space struct {
	Axes []*Axis
}

// NewSpace checks the axes: at least one, at most one of commits, names apart.
func NewSpace(axes ...*Axis) (*Space, error) {
	if len(axes) == 0 {
		return nil, fmt.Errorf("space: want at least one axis")
	}
	seen := map[string]bool{}
	commits := 0
	for _, a := range axes {
		if seen[a.Name] {
			return nil, fmt.Errorf("space: two axes named %s", a.Name)
		}
		seen[a.Name] = true
		if a.Commit {
			commits++
		}
	}
	if commits > 1 {
		return nil, fmt.Errorf("space: want at most one axis of commits, got %d", commits)
	}
	return &Space{Axes: axes}, nil
}

// Good is the point with every axis at its good end.
func (s *Space) Good() Point { return make(Point, len(s.Axes)) }

// Bad is the point with every axis at its bad end.
func (s *Space) Bad() Point {
	p := make(Point, len(s.Axes))
	for i, a := range s.Axes {
		p[i] = a.Len() - 1
	}
	return p
}

// Leq reports whether p is at or below q on every axis.
func (s *Space) Leq(p, q Point) bool {
	for i, a := range s.Axes {
		if !a.Leq(p[i], q[i]) {
			return false
		}
	}
	return true
}

// ImpliesGood reports whether a good build at q shows that p is good: p is at or below q, and what p contains
// q does too.
func (s *Space) ImpliesGood(q, p Point) bool {
	for i, a := range s.Axes {
		if !a.impliesGood(q[i], p[i]) {
			return false
		}
	}
	return true
}

// A Step is one axis moved one level toward good.
type Step struct {
	Axis, Level int
}

// Steps lists the points just below p, by axis and level.
func (s *Space) Steps(p Point) []Step {
	var steps []Step
	for i, a := range s.Axes {
		if p[i] == 0 {
			continue
		}
		for _, level := range a.Parents(p[i]) {
			steps = append(steps, Step{i, level})
		}
	}
	return steps
}
