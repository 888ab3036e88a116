package bisect

import "slices"

// Leq reports whether level x is at or below level y. Level 0 is below all.
func (a *Axis) Leq(x, y int) bool { return x == 0 || x <= y && a.down(y).has(x) }

// impliesGood reports whether a good build at level y shows that level x is good as well.
func (a *Axis) impliesGood(y, x int) bool {
	switch {
	case a.sides[y] == After && a.sides[x] == Before:
		return true // by way of the good commit
	case x == 0:
		return a.sides[y] == After
	}
	return a.Leq(x, y)
}

// impliedGood is the set of levels that a good build at level y speaks for.
func (a *Axis) impliedGood(y int) bitset {
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

// belowBytes bounds what an axis remembers of what lies below its levels: at a million commits 512 sets.
const belowBytes = 64 << 20

// down is the set of levels at or below a level, level 0 included. The caller must not change it.
func (a *Axis) down(level int) bitset {
	if a.below[level] != nil {
		return a.below[level]
	}
	set := newBitset(a.Len())
	set.add(0)
	set.add(level)
	// Parents have smaller numbers, so one walk down the numbers meets every ancestor after all its children.
	for i := level; i > 0; i-- {
		if set.has(i) {
			for _, p := range a.flat.of(i) {
				set.add(int(p))
			}
		}
	}
	a.below[level] = set
	a.asked = append(a.asked, level)
	if len(a.asked)*len(set)*8 > belowBytes {
		a.below[a.asked[0]] = nil
		a.asked = a.asked[1:]
	}
	return set
}

// maximalAvoiding lists the maximal levels at or below top that are not at or above culprit (≠ 0): on a line
// its predecessor, in a graph a frontier of branch tips.
func (a *Axis) maximalAvoiding(top, culprit int) []int {
	avoiding := slices.Clone(a.down(top))
	above := newBitset(a.Len())
	above.add(culprit)
	for i := culprit + 1; i <= top; i++ {
		if slices.ContainsFunc(a.flat.of(i), func(p int32) bool { return above.has(int(p)) }) {
			above.add(i)
		}
	}
	avoiding.removeAll(above)
	maximal := slices.Clone(avoiding)
	for _, i := range avoiding.members() {
		for _, p := range a.flat.of(i) {
			maximal.remove(int(p))
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
