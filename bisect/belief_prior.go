package bisect

import "slices"

const (
	// mostHypotheses bounds the time of a question (0.1 to 0.2 µs a hypothesis) and memory (60 bytes each).
	mostHypotheses = 1 << 21
	// No failure in the field needed more than six interacting parameters (Kuhn, Wallace and Gallo, Software
	// fault interactions and implications for software testing, IEEE TSE 2004).
	mostInteracting = 6
	// Of failures that tools alone cause, the part that does not show on branches which left before the good
	// commit.
	needsGoodCommit = 1.0 / 8
)

// combinations lists what the axes apart from the commit may contribute to a minimal failing point: which of
// them are off level 0, and where.
type combinations struct {
	n     int
	wide  int        // tools off zero, at most
	tools []toolStep // n rows of wide entries; those not used have tool -1
	// weight is the prior weight of each.
	weight []float64
	// strides, where all combinations of all nodes are there: that of node x of tool i lies at Σ
	// x·strides[i]. Else nil.
	strides []int
}

// A toolStep is a tool, by its place among the tools, and a node of its order.
type toolStep struct{ tool, node int16 }

// of lists the steps of combination i.
func (c *combinations) of(i int) []toolStep {
	steps := c.tools[i*c.wide : (i+1)*c.wide]
	if end := slices.IndexFunc(steps, func(s toolStep) bool { return s.tool < 0 }); end >= 0 {
		return steps[:end]
	}
	return steps
}

// combine enumerates all combinations of the nodes of tools, given the weights of their nodes; where that
// gives more than most, only those with as many tools off zero as fit, at least one.
func combine(weights [][]float64, most int) *combinations {
	c := &combinations{wide: min(len(weights), mostInteracting)}
	for c.wide > 1 && countCombinations(weights, c.wide) > most {
		c.wide--
	}
	if c.wide == len(weights) {
		stride := 1
		for _, w := range weights {
			c.strides = append(c.strides, stride)
			stride *= len(w)
		}
	}
	// With strides the order of enumeration is that of the strides: the first tool turns fastest.
	var steps []toolStep
	var walk func(tool int, weight float64)
	walk = func(tool int, weight float64) {
		if tool < 0 {
			c.n++
			c.weight = append(c.weight, weight)
			c.tools = append(c.tools, steps...)
			for range c.wide - len(steps) {
				c.tools = append(c.tools, toolStep{-1, -1})
			}
			return
		}
		walk(tool-1, weight*weights[tool][0])
		if len(steps) == c.wide {
			return
		}
		for node, w := range weights[tool][1:] {
			steps = append(steps, toolStep{int16(tool), int16(node + 1)})
			walk(tool-1, weight*w)
			steps = steps[:len(steps)-1]
		}
	}
	walk(len(weights)-1, 1)
	return c
}

// countCombinations counts those with at most wide tools off zero.
func countCombinations(weights [][]float64, wide int) int {
	exactly := make([]int, wide+1) // with so many tools off zero, among the tools seen so far
	exactly[0] = 1
	for _, w := range weights {
		for k := wide; k > 0; k-- {
			exactly[k] = min(exactly[k]+exactly[k-1]*(len(w)-1), 1<<40)
		}
	}
	n := 0
	for _, e := range exactly {
		n += e
	}
	return n
}

// nodeWeights is the prior of the nodes of an axis, in all 1.
func nodeWeights(space *Space, axis int, o *poset) []float64 {
	a, weights := space.Axes[axis], make([]float64, len(o.levels))
	for node, l := range o.levels {
		if a.sides[l] != Before {
			weights[node] = a.Weight(l)
		}
	}
	zero := space.priorZero(axis)
	weights[0] = zero
	if len(weights) > 1 && o.levels[1] == 0 {
		weights[0], weights[1] = zero*(1-needsGoodCommit), zero*needsGoodCommit
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	for node := range weights {
		weights[node] /= sum
	}
	return weights
}
