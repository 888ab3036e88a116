package bisect

import (
	"cmp"
	"math"
	"slices"
)

// flakePrior is the probability, before any trial, that no change is to blame. In Google's data 40 % of the
// breakages that were suspected had no culprit (Henderson, Dolan-Gavitt and others, Flake Aware Culprit
// Finding, ICST 2023); those who start a bisection by hand have looked at the failure first.
const flakePrior = 0.25

// beliefOptions tune a belief.
type beliefOptions struct {
	rates  *Rates           // nil: unknown
	exists func(Point) bool // nil: every point exists; it must not keep the point
	flake  float64          // prior of "no change is to blame", [0, 1)
	most   int              // hypotheses at most; 0: mostHypotheses
}

// A belief is a posterior over "p is the one minimal failing point", for each p at or below top, and over "a
// flake: no change is to blame".
//
// A trial at q is bad with probability P(bad | broken) if q is at or above p, else with P(bad | healthy).
// Rates that are not known are integrated out, so that the likelihood of p depends on nothing but the counts
// of good and bad trials at or above p and elsewhere. Trials that are not at or below top say nothing:
// another cause may have made them bad.
//
// The prior is a product over the axes. Where that would be more than mostHypotheses, only points with few
// tools off the good level are held possible, as many as fit and at least one: with 40 toggles and one commit
// five, with 1,000 commits two. A cause of more tools than that is not found by it; one whose tools have been
// narrowed down by a lower top is.
type belief struct {
	space    *Space
	top      Point
	commit   *poset // of a single node where there is no axis of commits
	commitAt int    // the axis of commits, or -1
	tools    []*poset
	toolAt   []int // the axes of tools
	combos   *combinations
	grid     *rateGrid
	// For hypothesis node·combos.n + combination, node of commit:
	prior  []float64 // shared between clones
	seen   []uint32  // trials at or above it: bads·65536 + goods
	weight []float64 // posterior; valid while fresh
	all    tally
	flaky  struct{ prior, weight float64 }
	table  []class // by bads·(all.goods+1) + goods; valid while fresh
	fresh  bool
	shared bool  // seen and weight are a clone's as well
	last   Point // the trial told last
}

func newBelief(space *Space, top Point, o beliefOptions) *belief {
	b := &belief{space: space, top: slices.Clone(top), commitAt: -1, grid: newRateGrid(o.rates)}
	b.commit = &poset{levels: []int{0}, nodes: []int32{0}, below: [][]int32{nil}, first: []int32{-1}, extra: [][]int32{nil}}
	commitWeights, toolWeights := []float64{1}, [][]float64(nil)
	for i, a := range space.Axes {
		ord := newPoset(a, top[i])
		weights := nodeWeights(space, i, ord)
		if a.Commit {
			b.commitAt, b.commit, commitWeights = i, ord, weights
			continue
		}
		b.toolAt, b.tools, toolWeights = append(b.toolAt, i), append(b.tools, ord), append(toolWeights, weights)
	}
	b.combos = combine(toolWeights, cmp.Or(o.most, mostHypotheses)/len(commitWeights))
	n := b.combos.n
	b.prior = make([]float64, n*len(commitWeights))
	sum := 0.0
	p := space.Good()
	for node, wc := range commitWeights {
		for c, wt := range b.combos.weight {
			if wc*wt == 0 || b.commit.levels[node] == 0 && len(b.combos.of(c)) == 0 {
				continue
			}
			if o.exists != nil && !o.exists(b.pointInto(p, node, c)) {
				continue
			}
			b.prior[node*n+c] = wc * wt
			sum += wc * wt
		}
	}
	b.flaky.prior = o.flake
	if sum == 0 {
		b.flaky.prior, sum = 1, 1
	}
	for i := range b.prior {
		b.prior[i] *= (1 - b.flaky.prior) / sum
	}
	b.seen, b.weight = make([]uint32, len(b.prior)), make([]float64, len(b.prior))
	return b
}

// pointInto makes p the point of a hypothesis.
func (b *belief) pointInto(p Point, node, combo int) Point {
	clear(p)
	if b.commitAt >= 0 {
		p[b.commitAt] = b.commit.levels[node]
	}
	for _, s := range b.combos.of(combo) {
		p[b.toolAt[s.tool]] = b.tools[s.tool].levels[s.node]
	}
	return p
}

// clone makes a copy that learns by itself, for asking what to ask once the answers in flight are there. It
// shares memory until either learns something.
func (b *belief) clone() *belief {
	b.update()
	b.shared = true
	c := *b
	return &c
}

// place finds the nodes of q; ok is false where q is not at or below top.
func (b *belief) place(q Point) (node int32, tools []int32, ok bool) {
	if b.commitAt >= 0 {
		node = b.commit.nodes[q[b.commitAt]]
	}
	ok = node >= 0
	for i, o := range b.tools {
		tools = append(tools, o.nodes[q[b.toolAt[i]]])
		ok = ok && tools[i] >= 0
	}
	return node, tools, ok
}

// covered marks the combinations at or below the nodes given.
func (b *belief) covered(tools []int32) []bool {
	downs := make([][]bool, len(tools))
	for i, node := range tools {
		downs[i] = b.tools[i].down(node)
	}
	set := make([]bool, b.combos.n)
	for c := range set {
		set[c] = true
		for _, s := range b.combos.of(c) {
			set[c] = set[c] && downs[s.tool][s.node]
		}
	}
	return set
}

// eachAtOrBelow calls f for each hypothesis at or below q, whatever its weight.
func (b *belief) eachAtOrBelow(q Point, f func(hypothesis int)) {
	node, tools, ok := b.place(q)
	if !ok {
		return
	}
	covered := b.covered(tools)
	for i, below := range b.commit.down(node) {
		if !below {
			continue
		}
		for c, yes := range covered {
			if yes {
				f(i*b.combos.n + c)
			}
		}
	}
}

// observe adds a trial that was good or bad. It costs time in proportion to the number of hypotheses.
func (b *belief) observe(q Point, bad bool) {
	if _, _, ok := b.place(q); !ok {
		return
	}
	step := uint32(1)
	if bad {
		step = 1 << 16
		b.all.bads++
	} else {
		b.all.goods++
	}
	if b.shared {
		b.seen, b.weight, b.shared = slices.Clone(b.seen), make([]float64, len(b.weight)), false
	}
	b.eachAtOrBelow(q, func(h int) { b.seen[h] += step })
	b.last, b.fresh = slices.Clone(q), false
}

// class is what the trials say of a hypothesis.
func (b *belief) class(h int) *class { return &b.table[b.classAt(h)] }

// classAt is the place of a hypothesis in table.
func (b *belief) classAt(h int) int {
	return int(b.seen[h]>>16)*(b.all.goods+1) + int(b.seen[h]&0xffff)
}

// update brings the posterior up to date.
func (b *belief) update() {
	if b.fresh {
		return
	}
	b.fresh = true
	b.table = make([]class, (b.all.bads+1)*(b.all.goods+1))
	flake := b.grid.judgeFlake(b.all)
	top := flake.logLikelihood
	for h, p := range b.prior {
		c := b.class(h)
		if p > 0 && c.broken == 0 {
			above := tally{int(b.seen[h] >> 16), int(b.seen[h] & 0xffff)}
			*c = b.grid.judge(above, b.all.minus(above))
			top = max(top, c.logLikelihood)
		}
	}
	for i := range b.table {
		if c := &b.table[i]; c.broken > 0 {
			c.likelihood = math.Exp(c.logLikelihood - top)
		}
	}
	b.flaky.weight = b.flaky.prior * math.Exp(flake.logLikelihood-top)
	sum := b.flaky.weight
	for h, p := range b.prior {
		b.weight[h] = 0
		if p > 0 {
			b.weight[h] = p * b.class(h).likelihood
			sum += b.weight[h]
		}
	}
	b.flaky.weight /= sum
	for h := range b.weight {
		b.weight[h] /= sum
	}
}
