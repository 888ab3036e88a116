package bisect

import "math"

// Weigh returns the members of a set of levels and for each the weight of those at or below it, as the search
// sees them.
func (a *Axis) Weigh(levels []int) (members []int, sums []float64, exact bool) {
	w := a.weighBelow(a.set(levels))
	return w.members, w.sums, w.graph == nil
}

// Nearest is the level that splits a set of levels and one more, of weight 1, most evenly.
func (a *Axis) Nearest(levels []int) int {
	w := a.weighBelow(a.set(levels))
	total := 1.0
	for _, level := range levels {
		total += a.weight(level)
	}
	return w.members[w.nearest(0, total)]
}

func (a *Axis) set(levels []int) bitset {
	open := newBitset(a.Len())
	for _, level := range levels {
		open.add(level)
	}
	return open
}

// Estimate makes the axis count no more than a sample of so many columns, whatever its size.
func (a *Axis) Estimate(samples int) { a.effort = effort{samples: samples} }

// Exact makes the axis count all, whatever its size.
func (a *Axis) Exact() { a.effort = effort{steps: math.MaxInt} }

// Forget drops what the axis has worked out.
func (a *Axis) Forget() { a.weighings = nil }

// BelowBytes is what the axis holds of what lies below its levels, and the bound on it.
func (a *Axis) BelowBytes() (held, bound int) {
	for _, set := range a.below {
		held += len(set) * 8
	}
	return held, belowBytes
}

// WeighedMembers is how many members the weighings that an axis holds have in all, and the bound on it.
func (a *Axis) WeighedMembers() (held, bound int) {
	for _, w := range a.weighings {
		held += len(w.members)
	}
	return held, remembered
}

// Weighings is how many of them an axis holds.
func (a *Axis) Weighings() int { return len(a.weighings) }
