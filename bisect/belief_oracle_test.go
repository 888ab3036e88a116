package bisect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// smallSpace is a random space: a history with branches that left before the good commit, and tools.
func smallSpace(t testing.TB, r *rand.Rand, commits, tools int) *Space {
	before := r.IntN(3)
	parents, sides := [][]int{nil}, []Side{After}
	for i := 1; i < 2+before+r.IntN(commits); i++ {
		switch {
		case i <= before:
			parents, sides = append(parents, []int{0}), append(sides, Before)
			continue
		case r.IntN(4) == 0:
			parents = append(parents, []int{r.IntN(before + 1)})
		default:
			var list []int
			for range 1 + r.IntN(3) {
				list = append(list, r.IntN(i))
			}
			parents = append(parents, list)
		}
		side := Beside
		for _, p := range parents[i] {
			if sides[p] == After && (p != 0 || before == 0) {
				side = After
			}
		}
		if slices.Contains(parents[i], 0) && r.IntN(2) == 0 {
			side = After
		}
		sides = append(sides, side)
	}
	commit, err := DAG("commit", parents, sides)
	if err != nil {
		t.Fatal(err)
	}
	if r.IntN(2) == 0 {
		weights := make([]float64, commit.Len())
		for i := range weights {
			weights[i] = 0.1 + r.Float64()
		}
		if err := commit.SetPrior(weights); err != nil {
			t.Fatal(err)
		}
	}
	axes := []*Axis{commit}
	for i := range r.IntN(tools + 1) {
		axes = append(axes, Chain(fmt.Sprint("tool", i), 2+r.IntN(3)))
	}
	if r.IntN(4) == 0 && len(axes) > 1 {
		axes = axes[1:]
	}
	space, err := NewSpace(axes...)
	if err != nil {
		t.Fatal(err)
	}
	return space
}

func allPoints(s *Space) []Point {
	points := []Point{s.Good()}
	for i, a := range s.Axes {
		var next []Point
		for _, p := range points {
			for l := range a.Len() {
				next = append(next, p.With(i, l))
			}
		}
		points = next
	}
	return points
}

// byHand is Bayes' rule written out: every hypothesis against every trial, for every pair of rates.
type byHand struct {
	space      *Space
	hypotheses []Point
	needsGood  []bool // the hypothesis does not show at commits that do not contain the good one
	prior      []float64
	flake      float64
	grid       *rateGrid
	trials     []Trial
}

func newByHand(space *Space, top Point, o beliefOptions) *byHand {
	m := &byHand{space: space, flake: o.flake, grid: newRateGrid(o.rates)}
	sum := 0.0
	for _, p := range allPoints(space) {
		if !space.Leq(p, top) || p.Equal(space.Good()) || o.exists != nil && !o.exists(p) {
			continue
		}
		weight, twice := 1.0, false
		for i, a := range space.Axes {
			switch {
			case a.sides[p[i]] == Before:
				weight = 0
			case p[i] == 0:
				weight *= space.priorZero(i)
				for l := range a.Len() {
					twice = twice || a.Leq(l, top[i]) && a.sides[l] != After
				}
			default:
				weight *= a.Weight(p[i])
			}
		}
		add := func(w float64, needsGood bool) {
			m.hypotheses, m.needsGood, m.prior = append(m.hypotheses, p), append(m.needsGood, needsGood), append(m.prior, w)
			sum += w
		}
		if twice {
			add(weight*(1-needsGoodCommit), false)
			add(weight*needsGoodCommit, true)
		} else {
			add(weight, false)
		}
	}
	if sum == 0 {
		m.flake, sum = 1, 1 // nothing at or below top can be to blame
	}
	for i := range m.prior {
		m.prior[i] *= (1 - m.flake) / sum
	}
	return m
}

func (m *byHand) broken(h int, q Point) bool {
	if m.needsGood[h] {
		for i, a := range m.space.Axes {
			if a.sides[q[i]] != After {
				return false
			}
		}
	}
	return m.space.Leq(m.hypotheses[h], q)
}

// joint is the probability of hypothesis h with the trials and, if next is not nil, a bad one at next. h = -1
// is the flake.
func (m *byHand) joint(h int, next Point) float64 {
	trials := m.trials
	if next != nil {
		trials = append(slices.Clone(trials), Trial{Point: next, Verdict: Bad})
	}
	likelihood := func(broken, healthy float64) float64 {
		l := 1.0
		for _, t := range trials {
			rate := healthy
			if h >= 0 && m.broken(h, t.Point) {
				rate = broken
			}
			if t.Verdict == Good {
				rate = 1 - rate
			}
			l *= rate
		}
		return l
	}
	sum, total := 0.0, 0.0
	if h < 0 {
		for _, c := range m.grid.flake {
			sum += c.weight * likelihood(0, c.rate)
			total += c.weight
		}
		return m.flake * sum / total
	}
	for i, a := range m.grid.broken {
		for j, b := range m.grid.healthy {
			if j+m.grid.gap > i {
				continue
			}
			sum += a.weight * b.weight * likelihood(a.rate, b.rate)
			total += a.weight * b.weight
		}
	}
	return m.prior[h] * sum / total
}

// gain is the mutual information between the hypothesis and a trial at q.
func (m *byHand) gain(q Point) float64 {
	evidence, bad, left := 0.0, 0.0, 0.0
	for h := -1; h < len(m.hypotheses); h++ {
		p, pBad := m.joint(h, nil), m.joint(h, q)
		if p == 0 {
			continue
		}
		evidence += p
		bad += pBad
		left += p * entropy(pBad/p)
	}
	return entropy(bad/evidence) - left/evidence
}

// randomBelief is a belief and the same by hand, after some random trials.
func randomBelief(t *testing.T, r *rand.Rand) (*belief, *byHand, Point) {
	space := smallSpace(t, r, 8, 2)
	points := allPoints(space)
	top := space.Bad()
	if r.IntN(3) == 0 {
		top = points[1+r.IntN(len(points)-1)]
		if before(space, top) {
			top = space.Bad()
		}
	}
	o := beliefOptions{flake: []float64{0, 0.25}[r.IntN(2)]}
	if r.IntN(2) == 0 {
		o.rates = &Rates{Broken: 0.5 + r.Float64()/2, Healthy: r.Float64() / 2}
	}
	if r.IntN(3) == 0 {
		missing := points[r.IntN(len(points))]
		o.exists = func(p Point) bool { return !p.Equal(missing) || p.Equal(top) }
	}
	b, m := newBelief(space, top, o), newByHand(space, top, o)
	for range r.IntN(8) {
		q, bad := points[r.IntN(len(points))], r.IntN(2) == 0
		b.observe(q, bad)
		if r.IntN(2) == 0 {
			b.update()
		}
		if !space.Leq(q, top) {
			continue
		}
		v := Good
		if bad {
			v = Bad
		}
		m.trials = append(m.trials, Trial{Point: q, Verdict: v})
	}
	return b, m, top
}

// before reports whether p stands at a commit before the good one.
func before(s *Space, p Point) bool {
	for i, a := range s.Axes {
		if a.sides[p[i]] == Before {
			return true
		}
	}
	return false
}

func near(x, y float64) bool { return math.Abs(x-y) < 1e-9 }
