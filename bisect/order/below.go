package order

import "slices"

// Leq reports whether level x is at or below level y. Level 0 is below all.
func (o *Order) Leq(x, y int) bool { return x == 0 || x <= y && o.Down(y).Has(x) }

// belowBytes bounds what an order remembers of what lies below its levels: at a million commits 512 sets.
const belowBytes = 64 << 20

// Down is the set of levels at or below a level, level 0 included. The caller must not change it.
func (o *Order) Down(level int) Set {
	if o.below[level] != nil {
		return o.below[level]
	}
	set := NewSet(o.Len())
	set.Add(0)
	set.Add(level)
	// Parents have smaller numbers, so one walk down the numbers meets every ancestor after all its children.
	for i := level; i > 0; i-- {
		if set.Has(i) {
			for _, p := range o.flat.of(i) {
				set.Add(int(p))
			}
		}
	}
	o.below[level] = set
	o.asked = append(o.asked, level)
	if len(o.asked)*len(set)*8 > belowBytes {
		o.below[o.asked[0]] = nil
		o.asked = o.asked[1:]
	}
	return set
}

// MaximalAvoiding lists the maximal levels among those that are at or below top, and not at or above culprit
// (≠ 0). The list begins with level 0, even if other levels in it are above level 0.
func (o *Order) MaximalAvoiding(top, culprit int) []int {
	avoiding := slices.Clone(o.Down(top))
	above := NewSet(o.Len())
	above.Add(culprit)
	for i := culprit + 1; i <= top; i++ {
		if slices.ContainsFunc(o.flat.of(i), func(p int32) bool { return above.Has(int(p)) }) {
			above.Add(i)
		}
	}
	avoiding.RemoveAll(above)
	maximal := slices.Clone(avoiding)
	for _, i := range avoiding.Members() {
		for _, p := range o.flat.of(i) {
			maximal.Remove(int(p))
		}
	}
	return maximal.Members()
}
