package order

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// A Weighing tells, for each member of an open set, how much lies at or below it.
type Weighing struct {
	open    Set
	Members []int     // of open, in increasing order
	Sums    []float64 // for each of members: the weight of the members at or below it, level 0 apart
	convex  bool      // no level outside lies between two members, as in every set that verdicts leave open

	// Where sums are estimates: what was done for them, what to count in, and where each member is there.
	// Else graph is nil.
	effort effort
	graph  *graph
	nodes  []int32
}

// SetPrior gives each level a weight: how likely a change there is to blame, against the other levels of this
// order. There is one weight for each level, that of level 0 ignored, each positive and finite; only their
// ratios count. Without a prior all levels are alike.
func (o *Order) SetPrior(weights []float64) error {
	if len(weights) != o.Len() {
		return fmt.Errorf("want a weight for each of its %d levels, got %d", o.Len(), len(weights))
	}
	sum := 0.0
	for level, w := range weights[1:] {
		if !(w > 0) || math.IsInf(w, 1) {
			return fmt.Errorf("weight %v of level %d; want a positive number", w, level+1)
		}
		sum += w
	}
	if math.IsInf(sum, 1) {
		return errors.New("the weights' sum is too large; want smaller numbers")
	}
	// With a mean of 1, whether the order matters at all is as likely as without a prior.
	o.prior = slices.Clone(weights)
	for level := range o.prior {
		o.prior[level] /= sum / float64(o.Len()-1)
	}
	o.weighings = nil
	return nil
}

// Weight is a level's share of the prior, 1 on average. Level 0 has none: whether the order matters is for
// the caller to weigh.
func (o *Order) Weight(level int) float64 {
	switch {
	case level == 0:
		return 0
	case o.prior == nil:
		return 1
	}
	return o.prior[level]
}

// AddWeights adds the weights of a set of levels to a sum.
func (o *Order) AddWeights(sum float64, set Set) float64 {
	if o.prior == nil {
		if set.Has(0) {
			sum-- // counted below
		}
		return sum + float64(set.Count())
	}
	for at, word := range set {
		for ; word != 0; word &= word - 1 {
			sum += o.Weight(at*64 + bits.TrailingZeros64(word))
		}
	}
	return sum
}

const (
	// exactSteps is the effort up to which weights are exact: histories of up to about 700,000 commits where
	// one in four is a merge, of any size where hardly anything but pull requests is merged. A step was
	// measured to take 2 to 6 ns there, so that counting takes less than a second; in graphs of no shape at
	// all, which no history has, up to 15 ns.
	exactSteps = 1 << 27

	// samples is how many columns are counted at first beyond that. They misjudge a share by a hundredth at
	// most times; the split of a million commits comes out within a thousandth of the best.
	samples = 4096
)

// Weigh weighs the members of open. The same set is weighed once, so that moving away from a skipped
// level costs nothing; after a bad verdict, which leaves what lies below it as it was, the former weights
// serve again; after a good one the rest is weighed anew. The caller must not change the result.
func (o *Order) Weigh(open Set) *Weighing {
	for i, w := range o.weighings {
		if slices.Equal(w.open, open) {
			o.remember(slices.Delete(o.weighings, i, i+1), w)
			return w
		}
	}
	w := &Weighing{open: slices.Clone(open), Members: open.Members()}
	if len(w.Members) == 0 {
		return w
	}
	if !o.restrict(w) {
		w.graph, w.nodes = o.layOut(open, w.Members)
		w.convex = w.graph.len() == len(w.Members)
		w.effort = o.effort
		w.settle()
	}
	o.remember(o.weighings, w)
	return w
}

// settle fills in the sums.
func (w *Weighing) settle() {
	sums, exact := w.graph.sums(w.effort)
	w.Sums = make([]float64, len(w.nodes))
	for i, node := range w.nodes {
		w.Sums[i] = sums[node]
	}
	if exact {
		w.graph, w.nodes = nil, nil
	}
}

// restrict fills in the sums of w from the exact ones of a set that it is the lower part of.
func (o *Order) restrict(w *Weighing) bool {
	for _, former := range o.weighings {
		if former.graph != nil || !former.convex || !o.lowerPart(w, former) {
			continue
		}
		w.Sums = make([]float64, 0, len(w.Members))
		i := 0
		for _, level := range w.Members {
			for former.Members[i] != level {
				i++
			}
			w.Sums = append(w.Sums, former.Sums[i])
		}
		w.convex = true
		return true
	}
	return false
}

// lowerPart reports whether w's members are former's, with whatever former has below them, level 0 apart.
// Because former is convex, it is enough to look at parents.
func (o *Order) lowerPart(w, former *Weighing) bool {
	for i, word := range w.open {
		if word&^former.open[i] != 0 {
			return false
		}
	}
	for _, level := range w.Members {
		for _, p := range o.flat.of(level) {
			if former.open.Has(int(p)) && !w.open.Has(int(p)) {
				return false
			}
		}
	}
	return true
}

const (
	// remembered bounds the members, in all, of the weighings that an order keeps: about 70 MB.
	remembered = 1 << 22

	// weighings is how many of them it keeps: those of a search and of the verdicts that its workers may
	// bring.
	weighings = 16
)

// remember puts w before the other weighings and drops those that are too much.
func (o *Order) remember(others []*Weighing, w *Weighing) {
	o.weighings = slices.Insert(others, 0, w)
	room := remembered
	for i, kept := range o.weighings {
		room -= len(kept.Members)
		if room < 0 && i > 0 || i == weighings {
			clear(o.weighings[i:])
			o.weighings = o.weighings[:i]
			return
		}
	}
}

// layOut makes a graph of open and of whatever lies between its members, the latter without weight. members
// are those of open, not empty, and nodes are where they stand in the graph.
func (o *Order) layOut(open Set, members []int) (g *graph, nodes []int32) {
	first, last := members[0], members[len(members)-1]
	above := slices.Clone(open) // with the levels that have a member above them
	for i := last; i > first; i-- {
		if above.Has(i) {
			for _, p := range o.flat.of(i) {
				above.Add(int(p))
			}
		}
	}
	g, nodes = newGraph(len(members)), make([]int32, 0, len(members))
	at := make([]int32, last-first+1) // the node after a level's; 0: it has none
	for i := first; i <= last; i++ {
		if !above.Has(i) {
			continue
		}
		from := len(g.parents)
		for _, p := range o.flat.of(i) {
			if int(p) >= first && at[int(p)-first] > 0 {
				g.parents = append(g.parents, at[int(p)-first]-1)
			}
		}
		switch {
		case open.Has(i):
			nodes = append(nodes, int32(g.len()))
			g.add(o.Weight(i))
		case len(g.parents) > from:
			g.add(0)
		default:
			continue
		}
		at[i-first] = int32(g.len())
	}
	return g, nodes
}
