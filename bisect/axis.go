package bisect

import (
	"fmt"

	"buildbisect/bisect/order"
)

// An Axis is one thing that may change. Its levels are numbered so that every level comes after those it
// builds on: level 0 is the good side and the last level is the bad one. A line of versions and a graph of
// commits differ only in their order.
type Axis struct {
	*order.Order
	Name   string
	Commit bool // the axis of commits: asked after the others, because another commit means another source tree

	sides []Side
	inner []int // levels that stand apart and are no tips
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
	return &Axis{Order: order.New(parents), Name: name, sides: make([]Side, n)}
}

// DAG is the axis of commits. parents[i] lists the predecessors of level i, each less than i. Level 0 is the
// good commit. It also stands for all ancestors of the good commit, so a parent that is one of them is 0. The
// last level is the bad commit.
//
// A commit [Beside] the good one does not contain it. The search may step down from such a commit to level 0,
// to ask whether the commit matters at all. But a good build of that commit says nothing about the good
// commit under the same tools. The parent where it left the good commit's history is a level of its own,
// [Before]. That parent should be good when the good commit is, but the search builds it before it blames the
// child: what fails there may have been repaired before the good commit.
//
// A history that stands [Apart] is entered at its tip, the parent of the merge that brought it in. Its other
// commits are tried only if the tip fails as well, because most such histories cannot be built on their own.
// The first commit of such a history has no parent. Its predecessor is level 0, the good commit, because that
// is what is left without it.
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
	a := &Axis{Order: order.New(parents), Name: name, Commit: true, sides: sides}
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

// SetPrior gives each level a weight: see [order.Order.SetPrior].
func (a *Axis) SetPrior(weights []float64) error {
	if err := a.Order.SetPrior(weights); err != nil {
		return fmt.Errorf("prior of axis %s: %w", a.Name, err)
	}
	return nil
}
