package bisect

import (
	"slices"

	"buildbisect/bisect/order"
)

// mostExtras bounds what a poset remembers of merges: 64 MiB. Histories of pull requests need a few entries
// a commit.
const mostExtras = 1 << 24

// A poset is the part of one axis that lies at or below a level, made for sums over "everything at or
// below". Its nodes are numbered from 0, each after those it builds on.
//
// A node is a level of the axis, and one more where some level does not contain the good commit: "the commit
// does not matter" then has two readings. Node 0 says that the failure shows everywhere; node 1, level 0,
// that it needs something in the good commit, so that a good build beside that commit says nothing against it
// (see [Axis.impliesGood]).
type poset struct {
	levels []int     // of each node, rising
	nodes  []int32   // of each level, -1 where there is none
	below  [][]int32 // of each node, those it builds on
	first  []int32   // of the nodes just below, the one with the most below it; -1 for node 0
	extra  [][]int32 // what is at or below a node's other predecessors and not at or below first
}

func newPoset(a *Axis, top int) *poset {
	within := order.NewSet(a.Len())
	within.Add(0)
	within.Add(top)
	split := a.sides[top] != After
	parents := make([][]int, top+1)
	for l := top; l > 0; l-- {
		if !within.Has(l) {
			continue
		}
		split = split || a.sides[l] != After
		parents[l] = a.Parents(l)
		for _, p := range parents[l] {
			within.Add(p)
		}
	}
	o := &poset{levels: within.Members(), nodes: slices.Repeat([]int32{-1}, a.Len())}
	if split {
		o.levels = slices.Insert(o.levels, 0, 0)
	}
	for node, l := range o.levels {
		o.nodes[l] = int32(node)
	}
	o.below = make([][]int32, len(o.levels))
	for node, l := range o.levels {
		switch {
		case node == 0:
			continue
		case l == 0:
			o.below[node] = []int32{0}
			continue
		}
		for _, p := range parents[l] {
			below := o.nodes[p]
			if p == 0 && a.sides[l] != After {
				below = 0
			}
			o.below[node] = append(o.below[node], below)
		}
	}
	o.sumUp()
	return o
}

// sumUp prepares sumBelow. What a merge adds to the line it was merged into is as a rule short, and listed
// once for each merge it is nested in, so that a sum over ancestors costs little more than one addition a
// commit.
func (o *poset) sumUp() {
	n := len(o.levels)
	o.first, o.extra = make([]int32, n), make([][]int32, n)
	size := make([]int, n) // nodes at or below
	const yes, no = 1, 2   // below another predecessor; at or below first
	marks := make([]byte, n)
	total := 0
	for node := range n {
		o.first[node], size[node] = -1, 1
		for _, p := range o.below[node] {
			if o.first[node] < 0 || size[p] > size[o.first[node]] {
				o.first[node] = p
			}
		}
		if o.first[node] < 0 {
			continue
		}
		size[node] += size[o.first[node]]
		if len(o.below[node]) == 1 || total > mostExtras {
			continue
		}
		// Walk down from all predecessors at once, until what remains is below first anyway.
		open, lowest, highest := 0, int32(node), int32(0)
		mark := func(p int32, m byte) {
			before := marks[p]
			marks[p] |= m
			switch {
			case before == 0 && m == yes:
				open++
			case before == yes && m&no != 0:
				open--
			}
			lowest, highest = min(lowest, p), max(highest, p)
		}
		mark(o.first[node], no)
		for _, p := range o.below[node] {
			if p != o.first[node] {
				mark(p, yes)
			}
		}
		at := highest
		for ; at >= 0 && open > 0; at-- {
			m := marks[at]
			if m == 0 {
				continue
			}
			if m == yes {
				o.extra[node] = append(o.extra[node], at)
				open--
			} else {
				m = no
			}
			for _, p := range o.below[at] {
				mark(p, m)
			}
		}
		clear(marks[lowest : highest+1])
		total += len(o.extra[node])
		size[node] += len(o.extra[node])
	}
}

// sumBelow sets each row of dst to the sum of src's rows at or below it. Row l of width w is [l·w, l·w+w);
// dst and src must not overlap.
func (o *poset) sumBelow(dst, src []float64, width int) {
	for node, first := range o.first {
		row := dst[node*width : node*width+width]
		copy(row, src[node*width:])
		if first >= 0 {
			for i, x := range dst[int(first)*width : int(first)*width+width] {
				row[i] += x
			}
		}
		for _, e := range o.extra[node] {
			for i, x := range src[int(e)*width : int(e)*width+width] {
				row[i] += x
			}
		}
	}
}

// down marks the nodes at or below one.
func (o *poset) down(node int32) []bool {
	set := make([]bool, len(o.levels))
	set[node] = true
	for i := node; i >= 0; i-- {
		if set[i] {
			for _, p := range o.below[i] {
				set[p] = true
			}
		}
	}
	return set
}
