package bisect

import (
	"fmt"
	"slices"
)

// An Axis is one thing that may change. Its levels are numbered so that every level comes after those it
// builds on: level 0 is the good side and the last level is the bad one. A line of versions and a graph of
// commits differ only in shape.
//
// An axis remembers what it has worked out, within bounds, and so is not safe for concurrent use.
type Axis struct {
	Name   string
	Commit bool // the axis of commits: asked after the others, because another commit means another source tree

	parents [][]int // immediate predecessors of each level
	sides   []Side
	flat    edges // parents, level 0 apart
	effort  effort
	prior   []float64 // nil: every level weighs 1

	inner     []int    // levels that stand apart and are no tips
	below     []bitset // levels at or below each level, where asked for lately
	asked     []int    // the levels that below has, oldest first
	weighings []*weighing
}

func newAxis(name string, parents [][]int, sides []Side) *Axis {
	a := &Axis{
		Name: name, parents: parents, sides: sides, flat: newEdges(len(parents)),
		effort: effort{steps: exactSteps, samples: samples}, below: make([]bitset, len(parents)),
	}
	for _, list := range parents {
		from := len(a.flat.parents)
		for _, p := range list {
			if p != 0 {
				a.flat.parents = append(a.flat.parents, int32(p))
			}
		}
		if own := a.flat.parents[from:]; len(own) > 1 {
			slices.Sort(own)
			a.flat.parents = a.flat.parents[:from+len(slices.Compact(own))]
		}
		a.flat.end()
	}
	return a
}

// Side is where a commit stands to the good one.
type Side int

const (
	After  Side = iota // contains the good commit, or is it
	Beside             // left before the good commit and does not contain it
	Before             // an ancestor of the good commit, in the space only as the parent of a commit beside it
	Apart              // beside it, and shares no history with it: a project that was merged in
)

// Chain is an axis of n levels in line, n ≥ 2.
func Chain(name string, n int) *Axis {
	levels, parents := make([]int, n), make([][]int, n)
	for i := 1; i < n; i++ {
		levels[i-1] = i - 1
		parents[i] = levels[i-1 : i]
	}
	return newAxis(name, parents, make([]Side, n))
}

// DAG is the axis of commits. parents[i] lists the predecessors of level i, each less than i; level 0 is the
// good commit and stands for whatever it contains, so that a parent outside the range is 0. The last level is
// the bad commit.
//
// A commit beside the good one does not contain it: the search may step down from it to level 0, to ask
// whether a commit matters at all, but a good build there says nothing about the good commit under the same
// tools. Its parent outside the range is a level of its own, before the good commit: it ought to be good when
// the good commit is, yet a cause whose parent was never built would be an accusation without a witness, for
// what is broken there may have been repaired before good.
//
// What stands apart is looked into from its tip, the parent of the merge that brought it in, and no further
// unless the tip fails as well: most such histories cannot be built on their own, and each commit of them
// would be tried in vain. Its first commit has no parent, so that its predecessor is level 0: the good
// commit, which is what is left without it.
func DAG(name string, parents [][]int, sides []Side) (*Axis, error) {
	if len(parents) < 2 || len(sides) != len(parents) || len(parents[0]) != 0 || sides[0] != After {
		return nil, fmt.Errorf("axis %s: want at least 2 levels, the first without parents, and a side for each", name)
	}
	for i := 1; i < len(parents); i++ {
		switch {
		case len(parents[i]) == 0:
			return nil, fmt.Errorf("axis %s: level %d has no parent", name, i)
		case sides[i] == Before && i > 1 && sides[i-1] != Before:
			return nil, fmt.Errorf("axis %s: level %d is before good, and comes after one that is not", name, i)
		}
		for _, p := range parents[i] {
			if p < 0 || p >= i || sides[i] == Before && p != 0 {
				return nil, fmt.Errorf("axis %s: parent %d of level %d does not come before it", name, p, i)
			}
		}
	}
	a := newAxis(name, parents, sides)
	a.Commit = true
	tip := make([]bool, len(parents))
	for i, side := range sides {
		for _, p := range parents[i] {
			tip[p] = tip[p] || side != Apart
		}
	}
	for i, side := range sides {
		if side == Apart && !tip[i] && i < len(sides)-1 {
			a.inner = append(a.inner, i)
		}
	}
	return a, nil
}

// Len is the number of levels.
func (a *Axis) Len() int { return len(a.parents) }

// Parents lists the immediate predecessors of a level, without repetition.
func (a *Axis) Parents(level int) []int {
	list := slices.Clone(a.parents[level])
	slices.Sort(list)
	return slices.Compact(list)
}
