package bisect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

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
		allowed := func(p Point) float64 {
			if before(b.space, p) {
				t.Fatalf("seed %d: asks about %v, before the good commit", seed, p)
			}
			if refused[p.key()] {
				return 0
			}
			return 1
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
		o := newPoset(a, r.IntN(a.Len()))
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
	if q, _, ok := b.ask(func(Point) float64 { return 0 }); ok {
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
