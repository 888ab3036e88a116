package bisect

import (
	"fmt"
	"math/bits"
	"slices"
)

// An Axis is one thing that may change. Its levels are numbered so that every level comes after those it builds on: level 0
// is the good side and the last level is the bad one. A line of versions and a graph of commits differ only in shape.
type Axis struct {
	Name   string
	Commit bool // the axis of commits: asked after the others, because another commit means another source tree

	parents [][]int // immediate predecessors of each level
	sides   []Side
	below   []bitset // levels at or below each level, filled when first asked for
}

// Side is where a commit stands to the good one.
type Side int

const (
	After  Side = iota // contains the good commit, or is it
	Beside             // left before the good commit and does not contain it
	Before             // an ancestor of the good commit, in the space only as the parent of a commit beside it
)

// Chain is an axis of n levels in line, n ≥ 2.
func Chain(name string, n int) *Axis {
	parents := make([][]int, n)
	for i := 1; i < n; i++ {
		parents[i] = []int{i - 1}
	}
	return &Axis{Name: name, parents: parents, sides: make([]Side, n), below: make([]bitset, n)}
}

// DAG is the axis of commits. parents[i] lists the predecessors of level i, each less than i; level 0 is the good commit and
// stands for whatever it contains, so that a parent outside the range is 0. The last level is the bad commit.
//
// A commit beside the good one does not contain it: the search may step down from it to level 0, to ask whether a commit
// matters at all, but a good build there says nothing about the good commit under the same tools. Its parent outside the
// range is a level of its own, before the good commit: it ought to be good when the good commit is, yet a cause whose parent
// was never built would be an accusation without a witness, for what is broken there may have been repaired before good.
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
	return &Axis{Name: name, Commit: true, parents: parents, sides: sides, below: make([]bitset, len(parents))}, nil
}

// Len is the number of levels.
func (a *Axis) Len() int { return len(a.parents) }

// Parents lists the immediate predecessors of a level, without repetition.
func (a *Axis) Parents(level int) []int {
	list := slices.Clone(a.parents[level])
	slices.Sort(list)
	return slices.Compact(list)
}

// Leq reports whether level x is at or below level y. Level 0 is below all.
func (a *Axis) Leq(x, y int) bool { return x == 0 || a.down(y).has(x) }

// vouches reports whether a good build at level y shows that level x is good as well.
func (a *Axis) vouches(y, x int) bool {
	switch {
	case a.sides[y] == After && a.sides[x] == Before:
		return true // by way of the good commit
	case x == 0:
		return a.sides[y] == After
	}
	return a.down(y).has(x)
}

// vouched is the set of levels that a good build at level y speaks for.
func (a *Axis) vouched(y int) bitset {
	set := slices.Clone(a.down(y))
	if a.sides[y] != After {
		set.remove(0)
		return set
	}
	for x := 1; x < a.Len() && a.sides[x] == Before; x++ {
		set.add(x)
	}
	return set
}

// down is the set of levels at or below a level, level 0 included. The caller must not change it.
func (a *Axis) down(level int) bitset {
	if a.below[level] != nil {
		return a.below[level]
	}
	set := newBitset(len(a.parents))
	set.add(0)
	set.add(level)
	// Parents have smaller numbers, so one walk down the numbers meets every ancestor after all its children.
	for i := level; i > 0; i-- {
		if set.has(i) {
			for _, p := range a.parents[i] {
				set.add(p)
			}
		}
	}
	a.below[level] = set
	return set
}

// maximalAvoiding lists the maximal levels at or below top that are not at or above culprit (≠ 0): on a line its
// predecessor, in a graph a frontier of branch tips.
func (a *Axis) maximalAvoiding(top, culprit int) []int {
	avoiding := slices.Clone(a.down(top))
	above := newBitset(a.Len())
	above.add(culprit)
	for i := culprit + 1; i <= top; i++ {
		if slices.ContainsFunc(a.parents[i], above.has) {
			above.add(i)
		}
	}
	avoiding.removeAll(above)
	maximal := slices.Clone(avoiding)
	for _, i := range avoiding.members() {
		for _, p := range a.parents[i] {
			if a.vouches(i, p) {
				maximal.remove(p)
			}
		}
		if i != 0 && a.sides[i] == After {
			maximal.remove(0)
		}
		if a.sides[i] == Before {
			maximal.remove(i) // level 0 avoids the culprit too, and speaks for it
		}
	}
	return maximal.members()
}

// weighBelow returns, for each member of open in increasing order, the number of members of open at or below it, level 0
// apart. It carries 64 members at a time through the graph, so that n levels cost n·n/64 steps where a walk from each
// level would cost n·n.
func (a *Axis) weighBelow(open bitset) (members, counts []int) {
	members = open.members()
	counts = make([]int, len(members))
	position := make([]int, a.Len())
	for i, m := range members {
		position[m] = i
	}
	words := make([]uint64, a.Len())
	last := 0
	if len(members) > 0 {
		last = members[len(members)-1]
	}
	for from := 0; from < len(members); from += 64 {
		block := members[from:min(from+64, len(members))]
		for i := block[0]; i <= last; i++ {
			words[i] = 0
		}
		for bit, m := range block {
			if m != 0 {
				words[m] = 1 << bit
			}
		}
		for i := max(block[0], 1); i <= last; i++ {
			w := words[i]
			for _, p := range a.parents[i] {
				if p >= block[0] {
					w |= words[p]
				}
			}
			words[i] = w
			if w != 0 && open.has(i) {
				counts[position[i]] += bits.OnesCount64(w)
			}
		}
	}
	return members, counts
}
