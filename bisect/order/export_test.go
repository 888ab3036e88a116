package order

import "math"

// WeighLevels returns the members of a set of levels and for each the weight of those at or below it, as the
// search sees them.
func (o *Order) WeighLevels(levels []int) (members []int, sums []float64, exact bool) {
	w := o.Weigh(o.set(levels))
	return w.Members, w.Sums, w.graph == nil
}

// Nearest is the level that splits a set of levels and one more, of weight 1, most evenly.
func (o *Order) Nearest(levels []int) int {
	w := o.Weigh(o.set(levels))
	total := 1.0
	for _, level := range levels {
		total += o.Weight(level)
	}
	return w.Members[w.Nearest(0, total)]
}

func (o *Order) set(levels []int) Set {
	open := NewSet(o.Len())
	for _, level := range levels {
		open.Add(level)
	}
	return open
}

// Estimate has weights estimated from a sample of that many columns, however small the order is.
func (o *Order) Estimate(samples int) { o.effort = effort{samples: samples} }

// Exact has all weights counted exactly, however large the order is.
func (o *Order) Exact() { o.effort = effort{steps: math.MaxInt} }

// Forget drops what the order has worked out.
func (o *Order) Forget() { o.weighings = nil }

// BelowBytes is what the order holds of what lies below its levels, and the bound on it.
func (o *Order) BelowBytes() (held, bound int) {
	for _, set := range o.below {
		held += len(set) * 8
	}
	return held, belowBytes
}

// WeighedMembers is how many members the weighings that an order holds have in all, and the bound on it.
func (o *Order) WeighedMembers() (held, bound int) {
	for _, w := range o.weighings {
		held += len(w.Members)
	}
	return held, remembered
}

// Weighings is how many of them an order holds.
func (o *Order) Weighings() int { return len(o.weighings) }
