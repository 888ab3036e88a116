package order

import "slices"

// An Order is a partial order of levels. They are numbered so that every level comes after those it builds
// on; level 0 is below all.
//
// An order remembers what it has worked out, within bounds, and so is not safe for concurrent use.
type Order struct {
	parents [][]int // immediate predecessors of each level
	flat    edges   // parents, level 0 apart
	effort  effort
	prior   []float64 // nil: every level weighs 1

	below     []Set // levels at or below each level, where asked for lately
	asked     []int // the levels that below has, oldest first
	weighings []*Weighing
}

// New is the order in which parents[i] lists the immediate predecessors of level i, each less than i.
func New(parents [][]int) *Order {
	o := &Order{
		parents: parents, flat: newEdges(len(parents)),
		effort: effort{steps: exactSteps, samples: samples}, below: make([]Set, len(parents)),
	}
	for _, list := range parents {
		from := len(o.flat.parents)
		for _, p := range list {
			if p != 0 {
				o.flat.parents = append(o.flat.parents, int32(p))
			}
		}
		if own := o.flat.parents[from:]; len(own) > 1 {
			slices.Sort(own)
			o.flat.parents = o.flat.parents[:from+len(slices.Compact(own))]
		}
		o.flat.end()
	}
	return o
}

// Len is the number of levels.
func (o *Order) Len() int { return len(o.parents) }

// Parents lists the immediate predecessors of a level, without repetition.
func (o *Order) Parents(level int) []int {
	list := slices.Clone(o.parents[level])
	slices.Sort(list)
	return slices.Compact(list)
}
