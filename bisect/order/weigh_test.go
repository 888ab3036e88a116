package order_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "buildbisect/bisect/order"
	"buildbisect/bisect/testkit"
)

// eachHistory tries a property on histories of all shapes.
func eachHistory(t *testing.T, seeds, commits int, check func(t *testing.T, r *rand.Rand, parents [][]int)) {
	for shape, grow := range testkit.Shapes() {
		t.Run(shape, func(t *testing.T) {
			for seed := range seeds {
				r := rand.New(rand.NewPCG(uint64(seed), 30_000))
				check(t, r, grow(r, 3+r.IntN(commits)))
				if t.Failed() {
					t.Fatalf("%s, seed %d", shape, seed)
				}
			}
		})
	}
}

// walk is the weight of the levels of a set at or below one, by the definition.
func walk(parents [][]int, weights []float64, set []int, level int) float64 {
	marked := make([]bool, len(parents))
	marked[level] = true
	sum := 0.0
	for i := level; i > 0; i-- {
		if !marked[i] {
			continue
		}
		for _, p := range parents[i] {
			marked[p] = true
		}
		if _, in := slices.BinarySearch(set, i); in {
			sum += weights[i]
		}
	}
	return sum
}

// same allows for sums of the same numbers in another order.
func same(x, y float64) bool { return math.Abs(x-y) <= 1e-9*max(x, y) }

func checkWeights(t *testing.T, a *Order, parents [][]int, weights []float64, set []int) {
	t.Helper()
	members, sums, exact := a.WeighLevels(set)
	if !exact || !slices.Equal(members, set) {
		t.Errorf("weighed %v, exact %v; want %v", members, exact, set)
		return
	}
	for i, level := range members {
		if want := walk(parents, weights, set, level); !same(sums[i], want) {
			t.Errorf("%v at or below level %d of %v; want %v (parents %v)", sums[i], level, set, want, parents)
		}
	}
}

// all lists the levels but 0.
func all(a *Order) []int {
	var levels []int
	for i := 1; i < a.Len(); i++ {
		levels = append(levels, i)
	}
	return levels
}

// line is n levels in line.
func line(n int) [][]int {
	parents := make([][]int, n)
	for i := 1; i < n; i++ {
		parents[i] = []int{i - 1}
	}
	return parents
}

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

func drawPrior(r *rand.Rand, n int) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = math.Exp(4 * r.NormFloat64())
	}
	return weights
}

func TestAWeightIsThatOfAWalkFromEachLevel(t *testing.T) {
	eachHistory(t, 40, 200, func(t *testing.T, r *rand.Rand, parents [][]int) {
		a := New(parents)
		weights := ones(a.Len())
		if r.IntN(2) == 0 {
			weights = drawPrior(r, a.Len())
			if err := a.SetPrior(weights); err != nil {
				t.Fatal(err)
			}
			mean := 0.0
			for _, w := range weights[1:] {
				mean += w / float64(a.Len()-1)
			}
			for i := range weights {
				weights[i] /= mean
			}
		}
		checkWeights(t, a, parents, weights, all(a))
		for _, keep := range []int{2, 10} { // sets with holes, level 0 in them or not
			var set []int
			for level := range a.Len() {
				if r.IntN(keep) > 0 {
					set = append(set, level)
				}
			}
			if len(set) == 0 {
				continue
			}
			checkWeights(t, a, parents, weights, set)
			// And what an edge within the set leads to, which is not all that lies below where the set has
			// holes.
			lower := slices.DeleteFunc(slices.Clone(set), func(level int) bool { return r.IntN(3) == 0 })
			lower = slices.DeleteFunc(lower, func(level int) bool {
				return slices.ContainsFunc(parents[level], func(p int) bool { return slices.Contains(set, p) })
			})
			if len(lower) > 0 {
				checkWeights(t, a, parents, weights, lower)
			}
		}
	})
}

func TestAWeightIsThatOfAWalkInALargeHistory(t *testing.T) {
	for shape, grow := range testkit.Shapes() {
		r := rand.New(rand.NewPCG(9, 9))
		parents := grow(r, 6000)
		a := New(parents)
		weights := ones(a.Len())
		if shape == "any" {
			weights = drawPrior(r, a.Len())
			if err := a.SetPrior(weights); err != nil {
				t.Fatal(err)
			}
		}
		set := all(a)
		_, sums, exact := a.WeighLevels(set)
		scale := sums[len(sums)-1] / walk(parents, weights, set, set[len(set)-1]) // a prior's mean is made 1
		for range 300 {
			i := r.IntN(len(set))
			if want := scale * walk(parents, weights, set, set[i]); !exact || !same(sums[i], want) {
				t.Errorf("%s: %v at or below level %d; want %v", shape, sums[i], set[i], want)
			}
		}
	}
}

func TestWeightsFollowEveryVerdict(t *testing.T) {
	eachHistory(t, 40, 200, func(t *testing.T, r *rand.Rand, parents [][]int) {
		a := New(parents)
		set := all(a)
		for len(set) > 1 {
			checkWeights(t, a, parents, ones(a.Len()), set)
			at := set[r.IntN(len(set))]
			bad := r.IntN(2) == 0
			if r.IntN(4) == 0 { // back to an earlier state, as with several workers
				set = all(a)
				continue
			}
			set = slices.DeleteFunc(set, func(level int) bool {
				return level == at || a.Leq(level, at) != bad
			})
		}
	})
}

func TestAnEstimateIsNeverPassedOnAsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	parents := testkit.AnyDAG(r, 2000)
	a := New(parents)
	a.Estimate(64)
	set := all(a)
	if _, _, exact := a.WeighLevels(set); exact {
		t.Fatal("a sample of 64 is called exact")
	}
	at := set[len(set)-1]
	lower := slices.DeleteFunc(set, func(level int) bool { return level == at || !a.Leq(level, at) })
	if members, sums, exact := a.WeighLevels(lower); exact {
		for i, level := range members {
			if want := walk(parents, ones(a.Len()), lower, level); sums[i] != want {
				t.Fatalf("%v at or below level %d is called exact; want %v", sums[i], level, want)
			}
		}
	}
}

func TestASkipAndABadVerdictWeighNothingAnew(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	a := New(testkit.Integrators(r, 2000))
	set := all(a)
	members, first, _ := a.WeighLevels(set)
	_, again, _ := a.WeighLevels(slices.Clone(set))
	if &first[0] != &again[0] {
		t.Error("the same set is weighed twice")
	}
	// Were the lower part weighed anew, it would show what is put in here.
	for i := range first {
		first[i] = float64(-i)
	}
	at := a.Nearest(set)
	lower := slices.DeleteFunc(slices.Clone(set), func(level int) bool { return level == at || !a.Leq(level, at) })
	below, sums, _ := a.WeighLevels(lower)
	for i, level := range below {
		if j, _ := slices.BinarySearch(members, level); sums[i] != first[j] {
			t.Fatalf("level %d is weighed anew after a bad verdict above it", level)
		}
	}
}

func TestALineAndAnOctopusTakeNoCounting(t *testing.T) {
	for name, parents := range map[string][][]int{"line": line(50_000), "octopus": star(50_000)} {
		a := New(parents)
		a.Estimate(1)
		if _, _, exact := a.WeighLevels(all(a)); !exact {
			t.Errorf("%s: the weights are estimates; want them added up", name)
		}
	}
}

// star is a merge of branches of one commit each.
func star(branches int) [][]int {
	parents := make([][]int, branches+2)
	for i := 1; i <= branches; i++ {
		parents[i] = []int{0}
	}
	return testkit.Top(parents)
}

func TestAnEstimatedSplitIsAtLeastNineTenthsOfTheBest(t *testing.T) {
	estimates, worst := 0, 1.0
	eachHistory(t, 30, 3000, func(t *testing.T, r *rand.Rand, parents [][]int) {
		a := New(parents)
		if r.IntN(2) == 0 {
			if err := a.SetPrior(drawPrior(r, a.Len())); err != nil {
				t.Fatal(err)
			}
		}
		set := all(a)
		set = set[:len(set)-1]
		best := 0.0
		a.Exact()
		members, sums, _ := a.WeighLevels(set)
		_, last, _ := a.WeighLevels(all(a))
		total := last[len(last)-1] // the last level contains all
		split := func(i int) float64 { return min(sums[i], total-sums[i]) }
		for i := range members {
			best = max(best, split(i))
		}
		a.Forget()
		a.Estimate(16 << r.IntN(6))
		if _, _, exact := a.WeighLevels(set); !exact {
			estimates++
		}
		i, _ := slices.BinarySearch(members, a.Nearest(set))
		worst = min(worst, split(i)/best)
		if split(i) < 0.9*best {
			t.Errorf("the split is %v of %v; the best is %v", split(i), total, best)
		}
	})
	t.Logf("%d of the histories were estimated; the worst split is %.3f of the best", estimates, worst)
	if estimates < 30 {
		t.Errorf("%d histories were estimated; want many", estimates)
	}
}

func TestAPriorHasToBePositiveAndFinite(t *testing.T) {
	a := New(line(3))
	if _, sums, _ := a.WeighLevels([]int{0, 1, 2}); !slices.Equal(sums, []float64{0, 1, 2}) {
		t.Errorf("weights %v without a prior; want 0, 1, 2", sums)
	}
	for _, weights := range [][]float64{
		nil, {1, 1}, {1, 1, 0}, {1, -1, 1}, {1, math.NaN(), 1}, {1, 1, math.Inf(1)}, {1, math.MaxFloat64, math.MaxFloat64},
	} {
		if a.SetPrior(weights) == nil {
			t.Errorf("a prior of %v is taken", weights)
		}
	}
	if err := a.SetPrior([]float64{math.NaN(), 1, 3}); err != nil {
		t.Error(err)
	}
	if _, sums, _ := a.WeighLevels([]int{0, 1, 2}); !slices.Equal(sums, []float64{0, 0.5, 2}) {
		t.Errorf("weights %v; want 0, 0.5, 2", sums)
	}
}

func TestWhatAnOrderRemembersIsBounded(t *testing.T) {
	a := New(line(1_000_000))
	for level := 1; level < 1000; level++ {
		if !a.Leq(level-1, level) || a.Leq(level+1, level) {
			t.Fatalf("level %d is out of order", level)
		}
		a.Leq(1, level)
	}
	if held, bound := a.BelowBytes(); held > bound || held == 0 {
		t.Errorf("%d bytes are held; want at most %d", held, bound)
	}
	set := all(a)
	for len(set) > 900_000 {
		a.WeighLevels(set)
		set = set[10_000:]
	}
	if held, bound := a.WeighedMembers(); held > bound || held == 0 {
		t.Errorf("the weights of %d levels are held; want at most %d", held, bound)
	}
	for level := 1; level < 100; level++ {
		a.WeighLevels([]int{level})
	}
	if n := a.Weighings(); n > 16 {
		t.Errorf("%d weighings are held; want a few", n)
	}
}
