package order

import "slices"

// edges are the parents of numbered nodes, laid out flat: each less than its node, increasing, and without
// repetition.
type edges struct {
	starts  []int32 // where each node's parents begin, and where the last one's end
	parents []int32
}

func newEdges(nodes int) edges {
	return edges{starts: make([]int32, 1, nodes+1), parents: make([]int32, 0, nodes)}
}

func (e *edges) of(node int) []int32 { return e.parents[e.starts[node]:e.starts[node+1]] }

// end closes a node whose parents have been appended.
func (e *edges) end() { e.starts = append(e.starts, int32(len(e.parents))) }

// A graph is a part of an order laid out for weighing.
type graph struct {
	edges
	weight []float64
}

func newGraph(nodes int) *graph {
	return &graph{edges: newEdges(nodes), weight: make([]float64, 0, nodes)}
}

func (g *graph) len() int { return len(g.weight) }

// add appends a node whose parents have been appended to g.parents before.
func (g *graph) add(weight float64) {
	g.weight = append(g.weight, weight)
	g.end()
}

// sums returns for each node the weight of the nodes at or below it. They are exact where that is within the
// effort, else estimates.
//
// Only forks and merges make this more than adding up along the edges, so the graph is reduced to those,
// again and again: in a history of pull requests next to nothing is left. What resists is counted in blocks
// of columns.
func (g *graph) sums(e effort) (sums []float64, exact bool) {
	if g.isForest() {
		sums = slices.Clone(g.weight)
		for v := range sums {
			for _, p := range g.of(v) {
				sums[v] += sums[p]
			}
		}
		return sums, true
	}
	core, at, sums := g.reduce()
	var below []float64
	// A round is linear and counting is quadratic: one that takes a sixteenth away has paid.
	if core.len()*16 <= g.len()*15 {
		below, exact = core.sums(e)
	} else {
		below, exact = core.count(e)
	}
	for v, c := range at {
		if c >= 0 {
			sums[v] += below[c]
		}
	}
	return sums, exact
}

func (g *graph) isForest() bool {
	for v := range g.len() {
		if g.starts[v+1]-g.starts[v] > 1 {
			return false
		}
	}
	return true
}

// reduce returns a smaller graph, the core, such that the sum of node v is own[v] plus the sum of node at[v]
// of the core (-1: of none).
//
// A node with a single child is below whatever that child is below, and so counts with its child: only forks,
// nodes with several children, need to be told apart from above. Dually, what forks lie below a node with a
// single parent is known from that parent: only merges need to be looked into. The core consists of the
// forks, each with the weight of what counts with it, and of the merges, with none.
func (g *graph) reduce() (core *graph, at []int32, own []float64) {
	children := make([]int32, g.len())
	child := make([]int32, g.len()) // the last one
	for v := range g.len() {
		for _, p := range g.of(v) {
			children[p]++
			child[p] = int32(v)
		}
	}
	own = slices.Clone(g.weight)
	forks := 0
	for v := range own {
		switch children[v] {
		case 0:
		case 1:
			own[child[v]] += own[v]
		default:
			forks++
		}
	}
	core = newGraph(2 * forks)
	at = child // not needed any more
	for v := range at {
		from := len(core.parents)
		for _, p := range g.of(v) {
			if c := at[p]; c >= 0 {
				core.parents = append(core.parents, c)
			}
		}
		if found := core.parents[from:]; len(found) > 1 {
			slices.Sort(found)
			core.parents = core.parents[:from+len(slices.Compact(found))]
		}
		switch {
		case children[v] > 1:
			at[v] = int32(core.len())
			core.add(own[v])
			own[v] = 0 // it is in the core's
		case len(core.parents)-from > 1:
			at[v] = int32(core.len())
			core.add(0)
		case len(core.parents) > from:
			at[v] = core.parents[from]
			core.parents = core.parents[:from]
		default:
			at[v] = -1
		}
	}
	core.dropImplied()
	return core, at, own
}

// dropImplied removes parents that are reached anyway by following each node's last parent, the latest. A
// merge of a pull request that left an older commit of the same trunk loses its second parent that way, and
// is a merge no more.
func (g *graph) dropImplied() {
	// Numbered in preorder of the forest of last parents, the nodes above any one are consecutive.
	size, order, next := make([]int32, g.len()), make([]int32, g.len()), make([]int32, g.len())
	for v := g.len() - 1; v >= 0; v-- {
		size[v]++
		if ps := g.of(v); len(ps) > 0 {
			size[ps[len(ps)-1]] += size[v]
		}
	}
	roots := int32(0)
	for v := range order {
		free := &roots
		if ps := g.of(v); len(ps) > 0 {
			free = &next[ps[len(ps)-1]]
		}
		order[v] = *free
		*free += size[v]
		next[v] = order[v] + 1
	}
	kept, begin := 0, 0
	for v := range g.len() {
		ps := g.parents[begin:g.starts[v+1]]
		begin = int(g.starts[v+1])
		for i, p := range ps {
			last := ps[len(ps)-1]
			if i == len(ps)-1 || order[last] < order[p] || order[last] >= order[p]+size[p] {
				g.parents[kept] = p
				kept++
			}
		}
		g.starts[v+1] = int32(kept)
	}
	g.parents = g.parents[:kept]
}

// walk is the weight of the nodes at or below one, by marking them: linear, for a few nodes.
func (g *graph) walk(node int) float64 {
	marked := NewSet(node + 1)
	marked.Add(node)
	sum := 0.0
	for v := node; v >= 0; v-- {
		if marked.Has(v) {
			sum += g.weight[v]
			for _, p := range g.of(v) {
				marked.Add(int(p))
			}
		}
	}
	return sum
}
