package bisect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "buildbisect/bisect"
	"buildbisect/bisect/testkit"
)

// culprits are some of n, spread evenly, the ends among them.
func culprits(n, some int) []int {
	if !testkit.Soaking() {
		some /= 8
	}
	var list []int
	for i := range some {
		list = append(list, 1+i*(n-1)/(some-1))
	}
	return list
}

// descent is a search for one commit of n in line by k workers that begins with both ends known.
func descent(space *Space, k int) *Search {
	return NewSearch(space, Options{Confirm: 1, Workers: k, Known: []Trial{
		{ID: 1, Point: space.Bad(), Verdict: Bad}, {ID: 2, Point: space.Good(), Verdict: Good},
	}})
}

func answer(q Question, culprit int) Trial {
	if q.Point[0] >= culprit {
		return Trial{ID: q.ID, Point: q.Point, Verdict: Bad}
	}
	return Trial{ID: q.ID, Point: q.Point, Verdict: Good}
}

// inRounds lets k workers wait for each other: all ask, all build, all tell. It returns the number of rounds,
// and how long they took together.
func inRounds(t *testing.T, s *Search, culprit int, length func(Point) float64) (rounds int, took float64) {
	for {
		var round []Question
		longest := 0.0
		for q, ok := s.Next(); ok; q, ok = s.Next() {
			round = append(round, q)
			longest = max(longest, length(q.Point))
		}
		if len(round) == 0 {
			checkFound(t, s, culprit)
			return rounds, took
		}
		rounds++
		took += longest
		for _, q := range round {
			if err := s.Tell(answer(q, culprit)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// atOnce lets each worker go on as soon as it is free, and drop what is not needed any more. It returns how
// long that took, by a simulated clock.
func atOnce(t *testing.T, s *Search, culprit int, length func(Point) float64) (now float64) {
	type build struct {
		question Question
		end      float64
	}
	var flying []build
	for {
		for q, ok := s.Next(); ok; q, ok = s.Next() {
			flying = append(flying, build{q, now + length(q.Point)})
		}
		if len(flying) == 0 {
			checkFound(t, s, culprit)
			return now
		}
		first := 0
		for i, b := range flying {
			if b.end < flying[first].end {
				first = i
			}
		}
		now = flying[first].end
		if err := s.Tell(answer(flying[first].question, culprit)); err != nil {
			t.Fatal(err)
		}
		flying = slices.Delete(flying, first, first+1)
		for _, id := range s.Obsolete() {
			s.Cancel(id)
			flying = slices.DeleteFunc(flying, func(b build) bool { return b.question.ID == id })
		}
	}
}

func checkFound(t *testing.T, s *Search, culprit int) {
	t.Helper()
	if f := s.Finding(); len(f.Causes) != 1 || f.Causes[0].Point[0] != culprit {
		t.Fatalf("found %v; want commit %d", f.Causes, culprit)
	}
}

func TestCostOfManyWorkersWithEqualBuildTimes(t *testing.T) {
	const n = 1024
	space := line(t, n)
	for _, k := range []int{1, 2, 3, 7, 15} {
		worst, sum := 0, 0
		list := culprits(n, 256)
		for _, culprit := range list {
			rounds, _ := inRounds(t, descent(space, k), culprit, func(Point) float64 { return 1 })
			worst, sum = max(worst, rounds), sum+rounds
		}
		bound := int(math.Ceil(math.Log(n)/math.Log(float64(k+1)) - 1e-9))
		fmt.Printf("bench rounds/1024/workers=%d %d at-most %d (mean %.2f, %d culprits)\n", k, worst, bound, float64(sum)/float64(len(list)), len(list))
		if worst > bound {
			t.Errorf("%d workers: %d rounds; want at most %d", k, worst, bound)
		}
	}
}

func TestCostOfManyWorkersWithUnevenBuildTimes(t *testing.T) {
	const n = 1024
	space := line(t, n)
	for _, times := range []struct {
		name string
		draw func(r *rand.Rand) float64
	}{
		{"1-to-10", func(r *rand.Rand) float64 { return (1 + 9*r.Float64()) / 5.5 }},
		{"lognormal", func(r *rand.Rand) float64 { return math.Exp(0.8*r.NormFloat64() - 0.32) }},
	} {
		for _, k := range []int{1, 2, 3, 7, 15} {
			var free, synchronous float64
			list := culprits(n, 48)
			for i, culprit := range list {
				// A point takes as long whoever builds it.
				length := func(p Point) float64 { return times.draw(rand.New(rand.NewPCG(uint64(i), uint64(p[0])))) }
				free += atOnce(t, descent(space, k), culprit, length) / float64(len(list))
				_, took := inRounds(t, descent(space, k), culprit, length)
				synchronous += took / float64(len(list))
			}
			bound := math.Log(n) / math.Log(float64(k+1))
			fmt.Printf("bench makespan/1024/%s/workers=%d %.2f builds-in-a-row at-most %.2f in synchronous rounds (bound with equal times %.2f)\n", times.name, k, free, synchronous, bound)
			if free > synchronous+1e-9 {
				t.Errorf("%s, %d workers: %.2f; synchronous rounds take %.2f", times.name, k, free, synchronous)
			}
		}
	}
}

// gitBisect counts the commits that `git bisect run` builds, by its rule: of the commits that may be the
// first bad one, it takes the one for which the lesser of those at or below it, and of the others, is the
// most.
func gitBisect(space *Space, culprit int) int {
	a := space.Axes[0]
	var left []int
	for level := 1; level < a.Len(); level++ {
		left = append(left, level)
	}
	for builds := 0; ; builds++ {
		best, most := 0, 0
		for i := len(left) - 1; i >= 0; i-- { // git lists the newest first, and keeps the first of the best
			below := 0
			for _, level := range left {
				if a.Leq(level, left[i]) {
					below++
				}
			}
			if split := min(below, len(left)-below); split > most {
				best, most = left[i], split
			}
		}
		if most == 0 {
			return builds
		}
		bad := a.Leq(culprit, best)
		left = slices.DeleteFunc(left, func(level int) bool { return a.Leq(level, best) != bad })
	}
}

func TestCostOnAGraphIsNoMoreThanThatOfGitBisect(t *testing.T) {
	for name, grow := range testkit.Shapes() {
		n := 300
		if !testkit.Soaking() {
			n = 100
		}
		parents := grow(rand.New(rand.NewPCG(8, 9)), n)
		commit, err := DAG("commit", parents, make([]Side, n))
		if err != nil {
			t.Fatal(err)
		}
		space, _ := NewSpace(commit)
		ours, git := 0, 0
		for culprit := 1; culprit < n; culprit++ {
			ours += descentProbes(t, space, Point{culprit})
			git += gitBisect(space, culprit)
		}
		mean := float64(ours) / float64(n-1)
		fmt.Printf("bench graph/%d/%s %.3f at-most %.3f with git bisect\n", n, name, mean, float64(git)/float64(n-1))
		if ours > git {
			t.Errorf("%s: %d commits built for all %d culprits; git bisect builds %d", name, ours, n-1, git)
		}
	}
}
