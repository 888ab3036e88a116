package bisect

import (
	"cmp"
	"math"
	"slices"

	"buildbisect/bisect/order"
)

// askSplit asks for a level of an axis, the one whose answer tells most: with one worker the one that splits
// the axis's weight most evenly, which in a graph of commits is the midpoint by the number of suspects at or
// below each. With several, levels in flight divide already what is left, and workers that are free at the
// same time are planned for together.
func (k *knowledge) askSplit(f Point, o opening, why Why) (Question, state) {
	var dividers, skips []int // indexes in o.list
	mark := func(p Point, list *[]int) {
		i, found := slices.BinarySearch(o.list, p[o.axis])
		if found && p.With(o.axis, f[o.axis]).Equal(f) && !slices.Contains(*list, i) {
			*list = append(*list, i)
		}
	}
	for _, q := range k.pending {
		mark(q.Point, &dividers)
	}
	for _, t := range k.skips {
		if k.avoided(t.Point) {
			mark(t.Point, &skips)
		}
	}
	slices.Sort(skips)
	free := k.options.Workers - len(k.pending)
	best := -1
	if len(dividers) == 0 && free <= 1 {
		best = o.nearestHalf(skips)
	} else {
		best = k.divide(f, o, dividers, skips, free)
	}
	switch {
	case best >= 0:
		return Question{Point: f.With(o.axis, o.list[best]), Why: why, Axes: []int{o.axis}, Left: k.suspects(o), chance: o.share(best)}, asked
	case len(dividers) > 0:
		return Question{}, waiting
	}
	return Question{}, settled
}

// nearestHalf is the index of the level that splits the weight most evenly, -1 if there is none. Where levels
// could not be judged, their neighbours may not be either: it keeps away from them, the further the wider
// they lie, unless nothing else is left. The distance between two levels is the difference of the weights
// below them, as a share of all.
func (o opening) nearestHalf(skips []int) int {
	if len(skips) == 0 {
		return o.below.Nearest(o.zero, o.total)
	}
	spread := o.newSpread(skips)
	best, bestScore := -1, -1.0
	for i := range o.list {
		if spread.skipped(i) {
			continue
		}
		share := o.share(i)
		if score := entropy(share) * spread.testable(share); score > bestScore+1e-12 {
			best, bestScore = i, score
		}
	}
	return best
}

// spread is where on an axis levels could not be judged.
type spread struct {
	at     []int     // indexes, in order
	shares []float64 // of the weight below each, in order
	reach  float64   // how far from one of them another is to be expected
}

func (o opening) newSpread(skips []int) spread {
	s := spread{at: skips}
	for _, i := range skips {
		s.shares = append(s.shares, o.share(i))
	}
	slices.Sort(s.shares)
	if len(skips) > 0 {
		s.reach = max(1/o.total, (s.shares[len(skips)-1]-s.shares[0])/float64(len(skips)))
	}
	return s
}

func (s spread) skipped(i int) bool {
	_, found := slices.BinarySearch(s.at, i)
	return found
}

// testable guesses how likely a level can be judged, from its distance to the nearest one that could not.
func (s spread) testable(share float64) float64 {
	if len(s.shares) == 0 {
		return 1
	}
	i, _ := slices.BinarySearch(s.shares, share)
	distance := math.Inf(1)
	for _, j := range []int{i - 1, i} {
		if j >= 0 && j < len(s.shares) {
			distance = min(distance, math.Abs(share-s.shares[j]))
		}
	}
	chance := 0.02 + 0.98*(1-math.Exp(-distance/s.reach))
	if 0 < i && i < len(s.shares) {
		chance *= 0.1 // between two: they may well be one island
	}
	return chance
}

// entropy of a yes-or-no answer, in bits.
func entropy(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -p*math.Log2(p) - (1-p)*math.Log2(1-p)
}

// mostDividers bounds how many levels are weighed against each other where several workers divide a long
// axis.
const mostDividers = 256

// divide is the index of a level that, with the levels in flight and those that the other free workers will
// be given, leaves the smallest parts, in the mean of their logarithms; -1 if none divides any part.
//
// Greedy halving would not do: two workers would leave a half, where two levels chosen together leave a
// third.
func (k *knowledge) divide(f Point, o opening, dividers, skips []int, free int) int {
	a := k.space.Axes[o.axis]
	whole := slices.Clone(o.levels)
	whole.Add(f[o.axis])
	cells := []order.Set{whole}
	for _, d := range dividers {
		cells = refine(cells, a.Down(o.list[d]))
	}
	spread := o.newSpread(skips)
	var sorted []int // by the weight below each
	for i := range o.list {
		if !spread.skipped(i) && !slices.Contains(dividers, i) {
			sorted = append(sorted, i)
		}
	}
	slices.SortStableFunc(sorted, func(i, j int) int { return cmp.Compare(o.share(i), o.share(j)) })
	weigh := func(cell order.Set) float64 { return k.cellWeight(cell, o) }
	before := leftover(cells, weigh, free)
	best, at, bestScore := -1, 0, 0.0
	weighUp := func(from, to, stride int) {
		for place := from; place < to; place += stride {
			i := sorted[place]
			parts := refine(cells, a.Down(o.list[i]))
			if len(parts) == len(cells) {
				continue
			}
			score := (before - leftover(parts, weigh, free-1)) * spread.testable(o.share(i))
			if best < 0 || score > bestScore+1e-9 {
				best, at, bestScore = i, place, score
			}
		}
	}
	stride := 1 + len(sorted)/mostDividers
	weighUp(0, len(sorted), stride)
	if stride > 1 && best >= 0 { // one commit off is a round more where the bound is tight
		weighUp(max(0, at-stride+1), min(len(sorted), at+stride), 1)
	}
	return best
}

// refine splits each cell into what lies in set and what does not.
func refine(cells []order.Set, set order.Set) []order.Set {
	var parts []order.Set
	for _, cell := range cells {
		in, out := slices.Clone(cell), slices.Clone(cell)
		out.RemoveAll(set)
		in.RemoveAll(out)
		for _, part := range []order.Set{in, out} {
			if !part.Empty() {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// cellWeight is the weight of a set of levels; level 0 weighs what the prior gives to no level at all.
func (k *knowledge) cellWeight(cell order.Set, o opening) float64 {
	a := k.space.Axes[o.axis]
	sum := 0.0
	if cell.Has(0) {
		sum = k.space.priorZero(o.axis)
	}
	return a.AddWeights(sum, cell)
}

// leftover is the sum over cells of weight times the logarithm of the share each worker will be left with,
// when free more workers divide the largest cells evenly.
func leftover(cells []order.Set, weigh func(order.Set) float64, free int) float64 {
	sizes, shares := make([]float64, len(cells)), make([]float64, len(cells))
	for i, cell := range cells {
		sizes[i], shares[i] = weigh(cell), 1
	}
	for range free {
		largest := 0
		for i := range sizes {
			if sizes[i]/shares[i] > sizes[largest]/shares[largest] {
				largest = i
			}
		}
		shares[largest]++
	}
	sum := 0.0
	for i, size := range sizes {
		sum += size * math.Log2(size/shares[i])
	}
	return sum
}
