package bisect

import (
	"slices"

	"buildbisect/bisect/order"
)

// impliesGood reports whether a good build at level y shows that level x is good as well.
func (a *Axis) impliesGood(y, x int) bool {
	switch {
	case a.sides[y] == After && a.sides[x] == Before:
		return true // by way of the good commit
	case x == 0:
		return a.sides[y] == After //mutate:beside
	}
	return a.Leq(x, y)
}

// impliedGood is the set of levels that a good build at level y speaks for.
func (a *Axis) impliedGood(y int) order.Set {
	set := slices.Clone(a.Down(y))
	if a.sides[y] != After {
		set.Remove(0)
		return set
	}
	for x := 1; x < a.Len() && a.sides[x] == Before; x++ {
		set.Add(x)
	}
	return set
}

// maximalAvoiding lists the maximal levels at or below top that are not at or above culprit (≠ 0): on a line
// its predecessor, in a graph a frontier of branch tips.
func (a *Axis) maximalAvoiding(top, culprit int) []int {
	list := a.MaximalAvoiding(top, culprit)
	contained := slices.ContainsFunc(list[1:], func(level int) bool { return a.sides[level] == After })
	return slices.DeleteFunc(list, func(level int) bool {
		// Level 0 avoids the culprit too, and speaks for the levels before it.
		return level == 0 && contained || a.sides[level] == Before
	})
}
