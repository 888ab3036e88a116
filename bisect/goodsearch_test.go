package bisect

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestStepsBackDoubleUpToTheOldestCommit(t *testing.T) {
	for oldest, want := range map[int][]int{
		0: nil, 1: {1}, 2: {1, 2}, 3: {1, 2, 3}, 4: {1, 2, 4}, 5: {1, 2, 4, 5}, 8: {1, 2, 4, 8}, 100: {1, 2, 4, 8, 16, 32, 64, 100},
	} {
		if got := Backwards(oldest); !reflect.DeepEqual(got, want) {
			t.Errorf("Backwards(%d) = %v; want %v", oldest, got, want)
		}
	}
}

// climb runs a search down rungs, the last of which is the bad end, and returns the builds at each, in the
// order built.
func climb(rungs int, o Options, build func(rung int) Verdict) (g *GoodSearch, builds []int) {
	g = NewGoodSearch(Point{0}, Point{rungs - 1}, rungs, o)
	for q, ok := g.Next(); ok; q, ok = g.Next() {
		builds = append(builds, q.Point[0])
		if err := g.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: build(q.Point[0])}); err != nil {
			panic(err)
		}
	}
	return g, builds
}

func TestAGoodCommitIsBelievedOnceItIsConfirmed(t *testing.T) {
	verdicts := []Verdict{Good, Good, Skip, Bad, Bad}
	g, builds := climb(5, Options{Confirm: 3}, func(rung int) Verdict { return verdicts[rung] })
	if want := []int{4, 3, 2, 2, 1, 1, 1}; !g.found || !reflect.DeepEqual(builds, want) {
		t.Errorf("found %v after builds at %v; want %v", g.found, builds, want)
	}
}

func TestWithoutAGoodCommitTheSearchEndsAtTheOldest(t *testing.T) {
	for _, oldest := range []Verdict{Bad, Skip} {
		g, builds := climb(3, Options{Confirm: 2}, func(rung int) Verdict {
			if rung == 0 {
				return oldest
			}
			return Bad
		})
		want := []int{2, 1, 0}
		if oldest == Skip {
			want = append(want, slices.Repeat([]int{0}, endLooks-1)...)
		}
		if g.found || !reflect.DeepEqual(builds, want) {
			t.Errorf("oldest %s: found %v after builds at %v; want %v", oldest, g.found, builds, want)
		}
	}
}

func TestABadEndThatDoesNotFailIsNotSearchedFrom(t *testing.T) {
	for verdict, want := range map[Verdict]int{Good: 2, Skip: endLooks} {
		g, builds := climb(4, Options{Confirm: 2}, func(int) Verdict { return verdict })
		if g.found || len(builds) != want {
			t.Errorf("bad end %s: found %v after builds at %v; want %d", verdict, g.found, builds, want)
		}
	}
}

func TestASkipThatPassesEndsNoSearchForAGoodCommit(t *testing.T) {
	seen := map[int]int{}
	flaky := func(rung int) Verdict {
		if seen[rung]++; seen[rung] == 1 {
			return Skip
		}
		if rung > 0 {
			return Bad
		}
		return Good
	}
	if g, builds := climb(3, Options{Confirm: 2}, flaky); !g.found || !reflect.DeepEqual(builds, []int{2, 2, 1, 1, 0, 0, 0}) {
		t.Errorf("found %v after builds at %v", g.found, builds)
	}
	g, builds := climb(3, Options{Confirm: 2, SkipsAreFinal: true}, func(int) Verdict { return Skip })
	if g.found || len(builds) != 1 {
		t.Errorf("where skips are final, found %v after builds at %v", g.found, builds)
	}
}

// A bad end that fails 30 % of the time, as do all commits but the oldest: hardly ever is one of them taken
// for good.
func TestAFlakyBuildIsSeldomTakenForGood(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	const runs, rungs, rate, confidence = 2000, 6, 0.3, 0.99
	wrong := 0
	for range runs {
		g, _ := climb(rungs, Options{Confirm: 2, Flaky: true, Repeat: 50, Confidence: confidence}, func(rung int) Verdict {
			if rung > 0 && random.Float64() < rate {
				return Bad
			}
			return Good
		})
		if g.rung != 0 {
			wrong++
		}
	}
	// The confidence holds for each rung, on average over all rates: for a single one it may be missed a
	// little.
	if most := int(2 * (1 - confidence) * (rungs - 2) * runs); wrong > most {
		t.Errorf("seed %d: a broken commit was taken for good in %d of %d runs; want at most %d", seed, wrong, runs, most)
	}
}
