package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "buildbisect/bisect"
)

func TestWhereTheOrderDoesNotHoldEveryClaimWasSeen(t *testing.T) {
	noticed := 0
	eachWorld(t, 14_000, features{rules: true, skips: true, repairs: true}, func(t *testing.T, r *rand.Rand, w *world) {
		u := w.search(t, r, w.options(r))
		f := u.finding
		if len(f.NotMonotone) == 0 {
			return
		}
		noticed++
		if f.Complete {
			t.Error("complete, although the order does not hold")
		}
		if f.Outcome == Isolated && !slices.ContainsFunc(f.Transitions, func(c Transition) bool { return !c.Breaks }) && len(w.skips)+len(w.islands)+len(w.clashes)+len(w.masks)+len(w.rules) == 0 {
			t.Error("no repair is reported")
		}
		for _, p := range u.points() {
			if !w.isCause(p) {
				t.Errorf("blamed %v, which does not fail or has a failure below it", p)
			}
		}
	})
}

func TestAllTransitionsOnTheLinesThroughTheBadEndAreFound(t *testing.T) {
	eachWorld(t, 5_000, features{rules: true, repairs: true}, func(t *testing.T, r *rand.Rand, w *world) {
		if len(w.parents) > 30 {
			return // every level is built, and this need not be slow
		}
		o := w.options(r)
		o.AllTransitions = true
		u := w.search(t, r, o)
		if u.finding.Outcome == Inconsistent {
			return // a failure from before good
		}
		bad := w.space.Bad()
		for axis, a := range w.space.Axes {
			for level := 1; level < a.Len(); level++ {
				for _, parent := range a.Parents(level) {
					if axis == 0 && (w.sides[level] == Before || w.sides[parent] == Before) {
						continue
					}
					from, to := bad.With(axis, parent), bad.With(axis, level)
					if !w.exists(from) || !w.exists(to) || w.fails(from) == w.fails(to) {
						continue
					}
					if !slices.ContainsFunc(u.finding.Transitions, func(c Transition) bool { return c.From.Equal(from) && c.To.Equal(to) }) {
						t.Errorf("the transition from %v to %v is not reported", from, to)
					}
				}
			}
		}
	})
}

func TestNobodyIsBlamedForWhatWasBrokenAndRepairedBeforeGood(t *testing.T) {
	eachWorld(t, 6_000, features{beside: true, skips: true}, func(t *testing.T, r *rand.Rand, w *world) {
		if len(w.sides) < 3 || w.sides[1] != Before {
			return
		}
		w.repaired, w.twins = 1, nil
		if r.IntN(2) == 0 { // and its own build cannot be judged
			for level, side := range w.sides {
				if p := w.space.Bad().With(0, level); side != After && r.IntN(3) == 0 {
					w.skips[fmt.Sprint(p)] = true
				}
			}
		}
		u := w.search(t, r, w.options(r))
		for _, c := range u.points() {
			if u.finding.Outcome != Inconsistent && !w.isCause(c) {
				t.Errorf("blamed %v, whose parent fails as well", c)
			}
		}
	})
}
