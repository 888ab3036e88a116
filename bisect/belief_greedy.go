package bisect

import "slices"

// A proposal is a point looked at on the way to a good question: the commit's node, and the nodes of the
// tools, one of them replaced.
type proposal struct {
	gain  float64
	node  int32
	tools []int32
	moved toolStep // tool -1: none
}

// A greedy search for the point to ask, among more than can be enumerated.
type greedy struct {
	*belief
	*outlook
	proposals []proposal
	node      int32   // of the commit where the search stands
	at        []int32 // the nodes of the tools there
	most      float64 // what a trial there tells
}

// askGreedily moves one axis at a time to where a trial tells most, once with the tools first and once with
// the commit first.
func (b *belief) askGreedily(worth func(Point) float64) (Point, float64, bool) {
	g := &greedy{belief: b, outlook: b.outlook()}
	starts := []bool{false, true}
	if len(b.commit.levels) == 1 {
		starts = starts[:1]
	}
	for _, commitFirst := range starts {
		g.node, g.at, _ = b.place(b.top)
		g.most = 0
		if commitFirst {
			g.moveCommit()
		}
		for g.lowerTools() && g.moveCommit() {
		}
	}
	gains := make([]float64, len(g.proposals))
	for i, p := range g.proposals {
		gains[i] = p.gain
	}
	return b.choose(gains, func(i int) Point { return b.pointOf(g.proposals[i]) }, worth)
}

func (b *belief) pointOf(p proposal) Point {
	q := b.space.Good()
	if b.commitAt >= 0 {
		q[b.commitAt] = b.commit.levels[p.node]
	}
	for i, node := range p.tools {
		q[b.toolAt[i]] = b.tools[i].levels[node]
	}
	if p.moved.tool >= 0 {
		q[b.toolAt[p.moved.tool]] = b.tools[p.moved.tool].levels[p.moved.node]
	}
	return q
}

// better counts a gain as one that is not just rounding.
func better(gain, than float64) bool { return gain > than+1e-9 }

// moveCommit takes the best commit for the tools where they stand. It reports whether that is better.
func (g *greedy) moveCommit() bool {
	n := len(g.commit.levels)
	bads, bits := make([]float64, n), make([]float64, n)
	covered := g.covered(g.at)
	for node := range n {
		for c, yes := range covered {
			if yes {
				bads[node] += g.dBad[node*g.combos.n+c]
				bits[node] += g.dEntropy[node*g.combos.n+c]
			}
		}
	}
	sumBads, sumBits := make([]float64, n), make([]float64, n)
	g.commit.sumBelow(sumBads, bads, 1)
	g.commit.sumBelow(sumBits, bits, 1)
	moved := false
	at := slices.Clone(g.at)
	for node := range n {
		if !g.askable(node) {
			continue
		}
		gain := g.gain(sumBads[node], sumBits[node])
		g.proposals = append(g.proposals, proposal{gain, int32(node), at, toolStep{-1, 0}})
		if better(gain, g.most) {
			g.most, g.node, moved = gain, int32(node), true
		}
	}
	return moved
}

// lowerTools starts from top's tools at the commit where it stands, and lowers the tool that makes the gain
// largest, again and again. It reports whether what it comes to is better than what was there.
func (g *greedy) lowerTools() bool {
	n := g.combos.n
	bads, bits := make([]float64, n), make([]float64, n) // for each combination, over the commits at or below node
	for node, below := range g.commit.down(g.node) {
		if !below {
			continue
		}
		for c := range n {
			bads[c] += g.dBad[node*n+c]
			bits[c] += g.dEntropy[node*n+c]
		}
	}
	_, at, _ := g.place(g.top)
	var left []int32 // combinations at or below at that weigh anything
	for c := range n {
		if bads[c] != 0 || bits[c] != 0 {
			left = append(left, int32(c))
		}
	}
	most := 0.0
	for {
		step, gain := g.bestLowering(at, left, bads, bits)
		if !better(gain, most) {
			break
		}
		most = gain
		at = slices.Clone(at) // proposals keep the old one
		at[step.tool] = int32(step.node)
		down := g.tools[step.tool].down(at[step.tool])
		left = slices.DeleteFunc(left, func(c int32) bool {
			return slices.ContainsFunc(g.combos.of(int(c)), func(s toolStep) bool { return s.tool == step.tool && !down[s.node] })
		})
	}
	if !better(most, g.most) {
		return false
	}
	g.most, g.at = most, at
	return true
}

// bestLowering compares all ways to lower one tool, in one pass over the combinations left.
func (g *greedy) bestLowering(at, left []int32, bads, bits []float64) (best toolStep, most float64) {
	nodeBads, nodeBits := make([][]float64, len(at)), make([][]float64, len(at))
	for i, o := range g.tools {
		nodeBads[i], nodeBits[i] = make([]float64, len(o.levels)), make([]float64, len(o.levels))
	}
	var allBads, allBits float64
	for _, c := range left {
		allBads += bads[c]
		allBits += bits[c]
		for _, s := range g.combos.of(int(c)) {
			nodeBads[s.tool][s.node] += bads[c]
			nodeBits[s.tool][s.node] += bits[c]
		}
	}
	best.tool = -1
	for i, o := range g.tools {
		// What stands at node 0 of a tool is all that stands at none of the others.
		nodeBads[i][0], nodeBits[i][0] = allBads, allBits
		for node := 1; node < len(o.levels); node++ {
			nodeBads[i][0] -= nodeBads[i][node]
			nodeBits[i][0] -= nodeBits[i][node]
		}
		sumBads, sumBits := make([]float64, len(o.levels)), make([]float64, len(o.levels))
		o.sumBelow(sumBads, nodeBads[i], 1)
		o.sumBelow(sumBits, nodeBits[i], 1)
		for node, below := range o.down(at[i]) {
			if !below || int32(node) == at[i] {
				continue
			}
			gain := g.gain(sumBads[node], sumBits[node])
			step := toolStep{int16(i), int16(node)}
			g.proposals = append(g.proposals, proposal{gain, g.node, at, step})
			if gain > most {
				best, most = step, gain
			}
		}
	}
	return best, most
}
