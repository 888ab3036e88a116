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
				weight *= a.weight(p[i])
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

// joint is the probability of hypothesis h with the trials and, if next is not nil, a bad one at next. h = -1 is the flake.
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

func TestBeliefAgreesWithBayesWrittenOut(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		b, m, top := randomBelief(t, r)
		evidence, sum := 0.0, b.flake()
		for h := -1; h < len(m.hypotheses); h++ {
			evidence += m.joint(h, nil)
		}
		if want := m.joint(-1, nil) / evidence; !near(b.flake(), want) {
			t.Fatalf("seed %d: a flake with probability %v; want %v", seed, b.flake(), want)
		}
		got := map[string]float64{}
		for _, c := range b.candidates(len(m.hypotheses) + 1) {
			got[c.Point.key()] += c.Probability
			sum += c.Probability
		}
		if !near(sum, 1) {
			t.Fatalf("seed %d: probabilities sum to %v", seed, sum)
		}
		for h, p := range m.hypotheses {
			got[p.key()] -= m.joint(h, nil) / evidence
		}
		for key, difference := range got {
			if !near(difference, 0) {
				t.Fatalf("seed %d: %v is off by %v", seed, []byte(key), difference)
			}
		}
		for _, q := range allPoints(b.space) {
			want := 0.0
			for h := range m.hypotheses {
				if b.space.Leq(q, top) && m.broken(h, q) {
					want += m.joint(h, nil) / evidence
				}
			}
			if !near(b.failing(q), want) {
				t.Fatalf("seed %d: %v fails with probability %v; want %v", seed, q, b.failing(q), want)
			}
		}
	}
}

func TestTheQuestionTellsMost(t *testing.T) {
	greedyWorst, greedySum, greedyCount := 1.0, 0.0, 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		b, m, top := randomBelief(t, r)
		refused := map[string]bool{}
		for _, p := range allPoints(b.space) {
			refused[p.key()] = r.IntN(4) == 0
		}
		allowed := func(p Point) bool {
			if before(b.space, p) {
				t.Fatalf("seed %d: asks about %v, before the good commit", seed, p)
			}
			return !refused[p.key()]
		}
		best := 0.0
		for _, q := range allPoints(b.space) {
			if !before(b.space, q) && b.space.Leq(q, top) && !refused[q.key()] {
				best = max(best, m.gain(q))
			}
		}
		q, gain, ok := b.ask(allowed)
		switch {
		case !ok && best > 1e-9:
			t.Fatalf("seed %d: nothing to ask; want a point that tells %v bits", seed, best)
		case !ok:
			continue
		case refused[q.key()] || !b.space.Leq(q, top):
			t.Fatalf("seed %d: asks %v, which it may not", seed, q)
		case !near(gain, m.gain(q)):
			t.Fatalf("seed %d: %v said to tell %v bits; it tells %v", seed, q, gain, m.gain(q))
		case gain < nearlyEqual*best-1e-9:
			t.Fatalf("seed %d: %v tells %v bits; another tells %v", seed, q, gain, best)
		}
		if best > 1e-6 {
			q, gain, ok := b.askGreedily(allowed)
			if !ok {
				gain = 0
			} else if !near(gain, m.gain(q)) {
				t.Fatalf("seed %d: %v said to tell %v bits; it tells %v", seed, q, gain, m.gain(q))
			}
			greedyWorst, greedySum, greedyCount = min(greedyWorst, gain/best), greedySum+gain/best, greedyCount+1
		}
	}
	t.Logf("one axis at a time: mean %.4f of the best, worst %.2f", greedySum/float64(greedyCount), greedyWorst)
	if greedySum/float64(greedyCount) < 0.95 {
		t.Errorf("one axis at a time tells %.4f of the best on average; want at least 0.95", greedySum/float64(greedyCount))
	}
}

func TestSumsOverAncestorsCountEachCommitOnce(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		space := smallSpace(t, r, 60, 0)
		a := space.Axes[0]
		o := newOrder(a, r.IntN(a.Len()))
		src, got := make([]float64, 2*len(o.levels)), make([]float64, 2*len(o.levels))
		for i := range src {
			src[i] = float64(r.IntN(1000))
		}
		o.sumBelow(got, src, 2)
		for node := range o.levels {
			want := [2]float64{}
			for x, below := range o.down(int32(node)) {
				if below {
					want[0] += src[2*x]
					want[1] += src[2*x+1]
				}
				if x > 1 && below != a.Leq(o.levels[x], o.levels[node]) {
					t.Fatalf("seed %d: is level %d below %d? %v", seed, o.levels[x], o.levels[node], below)
				}
			}
			if got[2*node] != want[0] || got[2*node+1] != want[1] {
				t.Fatalf("seed %d: node %d sums to %v; want %v", seed, node, got[2*node:2*node+2], want)
			}
		}
	}
}

func TestAGoodBuildBesideTheGoodCommitExcludesNoTool(t *testing.T) {
	// The good commit 0, a branch 1 that left before it, and their merge.
	commit, err := DAG("commit", [][]int{nil, {0}, {0, 1}}, []Side{After, Beside, After})
	if err != nil {
		t.Fatal(err)
	}
	space, _ := NewSpace(commit, Chain("tool", 2))
	b := newBelief(space, space.Bad(), beliefOptions{rates: &Rates{Broken: 0.999, Healthy: 0.001}, flake: flakePrior})
	b.observe(Point{2, 1}, true)
	b.observe(Point{1, 1}, false)
	tool := Point{0, 1}
	if p := b.failing(tool); p < 0.01 {
		t.Errorf("the tool alone is to blame with probability %v after a good build of a commit that does not contain the good one", p)
	}
	b.observe(tool, false)
	if p := b.failing(tool); p > 0.001 {
		t.Errorf("the tool alone is to blame with probability %v after a good build at it", p)
	}
}

func TestACloneLearnsByItself(t *testing.T) {
	space := lineSpace(t, 16)
	b := newBelief(space, space.Bad(), beliefOptions{flake: flakePrior})
	b.observe(Point{16}, true)
	before := b.failing(Point{8})
	c := b.clone()
	c.observe(Point{8}, true)
	if b.failing(Point{8}) != before {
		t.Error("what a clone was told changed the original")
	}
	told := c.failing(Point{8})
	b.observe(Point{8}, false)
	if c.failing(Point{8}) != told || told <= before || b.failing(Point{8}) >= before {
		t.Error("what the original was told changed the clone, or neither learned")
	}
}

func TestWithoutAnythingToLearnThereIsNoQuestion(t *testing.T) {
	space := lineSpace(t, 16)
	b := newBelief(space, space.Bad(), beliefOptions{flake: flakePrior})
	if q, _, ok := b.ask(func(Point) bool { return false }); ok {
		t.Errorf("asks %v, and nothing is allowed", q)
	}
	certain := newBelief(space, Point{1}, beliefOptions{flake: 0})
	if q, gain, ok := certain.ask(nil); ok {
		t.Errorf("asks %v for %v bits, and only one change can be to blame", q, gain)
	}
}

func TestTheLastPointIsNotAskedAgainAtOnce(t *testing.T) {
	space := lineSpace(t, 1000)
	b := newBelief(space, space.Bad(), beliefOptions{flake: flakePrior})
	for range 10 {
		q, _, _ := b.ask(nil)
		b.observe(q, false)
		if next, _, _ := b.ask(nil); next.Equal(q) && b.failing(Point{q[0] + 1}) < 0.999 {
			t.Fatalf("asks %v twice in a row", q)
		}
	}
}

func TestWhereCombinationsAreTooManyThoseOfFewToolsStay(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 4))
		var weights [][]float64
		for range 1 + r.IntN(12) {
			weights = append(weights, slices.Repeat([]float64{0.5}, 1+r.IntN(4)))
		}
		most := 1 + r.IntN(2000)
		c := combine(weights, most)
		seen := map[string]bool{}
		for i := range c.n {
			if len(c.of(i)) > c.wide {
				t.Fatalf("seed %d: %v has more than %d tools off zero", seed, c.of(i), c.wide)
			}
			seen[fmt.Sprint(c.of(i))] = true
		}
		switch {
		case len(seen) != c.n || c.n != countCombinations(weights, c.wide):
			t.Fatalf("seed %d: %d combinations, %d different; want %d", seed, c.n, len(seen), countCombinations(weights, c.wide))
		case c.n > most && c.wide > 1:
			t.Fatalf("seed %d: %d combinations; want at most %d", seed, c.n, most)
		case c.wide < min(len(weights), mostInteracting) && countCombinations(weights, c.wide+1) <= most:
			t.Fatalf("seed %d: at most %d tools off zero; want more, they fit", seed, c.wide)
		}
	}
}

func TestInteractingTogglesAreFoundThroughNoise(t *testing.T) {
	axes := []*Axis{}
	for i := range 40 {
		axes = append(axes, Chain(fmt.Sprint("toggle", i), 2))
	}
	space, err := NewSpace(axes...)
	if err != nil {
		t.Fatal(err)
	}
	for interacting := 2; interacting <= 3; interacting++ {
		r := rand.New(rand.NewPCG(5, uint64(interacting)))
		p := space.Good()
		for _, i := range r.Perm(40)[:interacting] {
			p[i] = 1
		}
		b := newBelief(space, space.Bad(), beliefOptions{flake: flakePrior, most: 1 << 14})
		trials := 0
		for {
			found, probability := b.likeliest()
			if probability > 0.99 {
				t.Logf("%d of 40 toggles, rates 0.95 and 0.05 unknown: %d trials", interacting, trials)
				if !found.Equal(p) {
					t.Errorf("found %v; want %v", found, p)
				}
				break
			}
			if trials++; trials > 200 {
				t.Fatalf("%d of 40 toggles: no answer after %d trials", interacting, trials)
			}
			q, _, ok := b.ask(nil)
			if !ok {
				t.Fatal("nothing to ask")
			}
			rate := 0.05
			if space.Leq(p, q) {
				rate = 0.95
			}
			b.observe(q, r.Float64() < rate)
		}
	}
}

// lineSpace is n commits in line.
func lineSpace(t testing.TB, n int, steps ...int) *Space {
	axes := []*Axis{Chain("commit", n+1)}
	axes[0].Commit = true
	for i, k := range steps {
		axes = append(axes, Chain(fmt.Sprint("tool", i), k+1))
	}
	space, err := NewSpace(axes...)
	if err != nil {
		t.Fatal(err)
	}
	return space
}
