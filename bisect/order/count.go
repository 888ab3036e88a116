package order

import (
	"math/bits"
	"math/rand/v2"
)

// rowWords makes a row one line of the processor's cache: one pass over the graph serves 512 columns.
const rowWords = 8

// An effort bounds what counting may cost.
type effort struct {
	steps   int // of 64 columns at one node
	samples int // columns counted where all would take more steps than that
}

// count returns for each node the weight of the nodes at or below it, by reachability in blocks of columns: a
// row of bits for each node tells which columns of the block it reaches. Where that is beyond the effort,
// only a sample of the columns is counted.
func (g *graph) count(e effort) (sums []float64, exact bool) {
	var columns []int32
	total := 0.0
	for v, w := range g.weight {
		if w > 0 {
			columns = append(columns, int32(v))
			total += w
		}
	}
	extra := make([]float64, g.len())
	if exact = len(columns) <= e.samples || g.len()*(len(columns)/64) <= e.steps; exact {
		g.countBlocks(columns, g.weight, 0, extra)
	} else {
		g.countBlocks(g.sample(e.samples, total), nil, total/float64(e.samples), extra)
	}
	sums = extra
	for v := range sums {
		sums[v] += g.weight[v]
		if ps := g.of(v); len(ps) > 0 {
			sums[v] += sums[ps[len(ps)-1]]
		}
	}
	return sums, exact
}

// sample draws one node from each of equal shares of the total weight, laid out in order: early and late
// nodes are represented alike, and a heavy node as often as it deserves. The same graph is always sampled
// alike.
func (g *graph) sample(n int, total float64) []int32 {
	r := rand.New(rand.NewPCG(uint64(g.len()), uint64(n)))
	columns := make([]int32, 0, n)
	v, passed := 0, 0.0
	for i := range n {
		at := (float64(i) + r.Float64()) * total / float64(n)
		for v < g.len()-1 && passed+g.weight[v] <= at {
			passed += g.weight[v]
			v++
		}
		columns = append(columns, int32(v))
	}
	return columns
}

// countBlocks adds to extra, for each node, the weight of the columns that it reaches and its last parent
// does not, itself apart. Columns are nodes in order, repeated or not; each weighs what its node does, or
// each the same where weight is nil.
//
// Only the difference to the last parent is looked at, because it is empty more often than not.
func (g *graph) countBlocks(columns []int32, weight []float64, each float64, extra []float64) {
	rows := make([][rowWords]uint64, g.len())
	var scale scale
	for len(columns) > 0 {
		block := columns[:min(rowWords*64, len(columns))]
		columns = columns[len(block):]
		scale.set(block, weight, each)
		first, set := block[0], 0
		for v := int(first); v < len(rows); v++ {
			row := &rows[v]
			ps := g.of(v)
			if len(ps) == 0 || ps[len(ps)-1] < first {
				*row = [rowWords]uint64{}
			} else {
				last := len(ps) - 1
				*row = rows[ps[last]]
				for _, p := range ps[:last] {
					if p < first {
						continue
					}
					other := &rows[p]
					for k := range row {
						if more := other[k] &^ row[k]; more != 0 {
							row[k] |= more
							extra[v] += scale.weigh(k, more)
						}
					}
				}
			}
			for ; set < len(block) && int(block[set]) == v; set++ {
				row[set/64] |= 1 << (set % 64)
			}
		}
	}
}

// A scale weighs the words of one block's rows.
type scale struct {
	alike [rowWords]float64 // what each column of a word weighs; 0: not all the same
	bytes [rowWords * 8][256]float64
}

func (s *scale) set(block []int32, weight []float64, each float64) {
	of := func(column int) float64 {
		switch {
		case weight == nil:
			return each
		case column < len(block):
			return weight[block[column]]
		}
		return weight[block[len(block)-1]] // never looked up
	}
	for k := range s.alike {
		s.alike[k] = of(k * 64)
		for column := k * 64; column < k*64+64; column++ {
			if of(column) != s.alike[k] {
				s.alike[k] = 0
			}
		}
		if s.alike[k] > 0 {
			continue
		}
		for i := k * 8; i < k*8+8; i++ {
			for bit := range 8 {
				for sum := range 1 << bit {
					s.bytes[i][1<<bit+sum] = s.bytes[i][sum] + of(i*8+bit)
				}
			}
		}
	}
}

// weigh is the weight of the columns in word k.
func (s *scale) weigh(k int, columns uint64) float64 {
	if s.alike[k] > 0 {
		return s.alike[k] * float64(bits.OnesCount64(columns))
	}
	sum := 0.0
	for i := k * 8; columns != 0; i, columns = i+1, columns>>8 {
		sum += s.bytes[i][byte(columns)]
	}
	return sum
}
