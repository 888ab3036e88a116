package order

import (
	"math"
	"slices"
)

const (
	// enough of the best split there is.
	enough = 0.9

	// recounts is how many members are counted exactly among those that look best by estimate.
	recounts = 8

	// unlucky is how likely an estimate may be further off than it is taken to be.
	unlucky = 1e-6
)

// Nearest is the index of the member that splits total most evenly, the newest of the best, as git does, when
// base weighs below every member and total is all that weighs; -1 where there is no member. The split is the
// best there is, or where weights are estimates enough of it: the few that look best are counted, and unless
// one of them is good enough, whatever the others are in truth, the sample is made larger, until at last it
// is everything.
func (w *Weighing) Nearest(base, total float64) int {
	for w.graph != nil {
		best, others := w.recount(base, total)
		split := 0.5 - w.uneven(best, base, total)
		if split >= enough*min(0.5, 0.5-others+math.Sqrt(w.doubt()/float64(w.effort.samples))) {
			return best
		}
		// The smaller the split, the closer it has to be looked at.
		need := w.doubt() / math.Pow((1/enough-1)*split, 2)
		w.effort.samples = int(max(2*float64(w.effort.samples), min(need, float64(len(w.Members)))))
		w.settle()
	}
	best, _ := w.pick(base, total, nil)
	return best
}

// doubt, over the number of samples, is the square of how far off the estimates of shares are at most:
// Hoeffding's inequality (Probability Inequalities for Sums of Bounded Random Variables, 1963) for all
// members at once.
func (w *Weighing) doubt() float64 {
	return math.Log(2*float64(len(w.Members))/unlucky) / 2
}

// uneven is how far from one half the member at index i splits.
func (w *Weighing) uneven(i int, base, total float64) float64 {
	return math.Abs((base+w.Sums[i])/total - 0.5)
}

// pick is the index of the most even member but for some, and how uneven it is.
func (w *Weighing) pick(base, total float64, but []int) (best int, least float64) {
	best, least = -1, math.Inf(1)
	for i := range w.Sums {
		// Sums of the same weights in another order differ in the last digits.
		if d := w.uneven(i, base, total); d < least+1e-12 && !slices.Contains(but, i) {
			best, least = i, min(d, least)
		}
	}
	return best, least
}

// recount counts the few members that look best by estimate. It returns the index of the best of them, and
// how uneven the best of the others looks.
func (w *Weighing) recount(base, total float64) (best int, others float64) {
	var counted []int
	best = -1
	for range recounts {
		i, _ := w.pick(base, total, counted)
		if i < 0 {
			break
		}
		counted = append(counted, i)
		w.Sums[i] = w.graph.walk(int(w.nodes[i]))
		if best < 0 || w.uneven(i, base, total) < w.uneven(best, base, total) {
			best = i
		}
	}
	_, others = w.pick(base, total, counted)
	return best, others
}
