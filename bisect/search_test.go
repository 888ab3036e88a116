package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "buildbisect/bisect"
)

func TestAllCausesAreFoundAndTheAnswerIsComplete(t *testing.T) {
	eachWorld(t, usual, features{beside: true, rules: true}, func(t *testing.T, r *rand.Rand, w *world) {
		u := w.search(t, r, w.options(r))
		want := w.minimal()
		for _, p := range want {
			if !slices.ContainsFunc(u.points(), p.Equal) {
				t.Errorf("%v is missing among the causes %v", p, u.points())
			}
		}
		for _, p := range u.points() {
			if !w.isCause(p) {
				t.Errorf("blamed %v; want %v", p, want)
			}
		}
		if f := u.finding; !f.Complete || f.Outcome != Isolated {
			t.Errorf("%s, complete %v, untested %v", f.Outcome, f.Complete, f.Untested)
		}
	})
}

func TestAnyNumberOfWorkersFindsTheSame(t *testing.T) {
	eachWorld(t, 6_000, features{rules: true}, func(t *testing.T, r *rand.Rand, w *world) {
		o := w.options(r)
		o.Workers = 2 + r.IntN(6)
		many := w.search(t, r, o)
		o.Workers = 1
		one := w.search(t, r, o)
		if fmt.Sprint(many.points()) != fmt.Sprint(one.points()) || many.finding.Complete != one.finding.Complete || many.finding.Outcome != one.finding.Outcome {
			t.Errorf("%d workers found %v, one %v", o.Workers, many.points(), one.points())
		}
	})
}

func TestASearchCanBeDoneAgainFromItsRecords(t *testing.T) {
	eachWorld(t, 8_000, features{beside: true, rules: true, skips: true, repairs: true}, func(t *testing.T, r *rand.Rand, w *world) {
		o := w.options(r)
		o.AllTransitions = r.IntN(4) == 0
		if r.IntN(2) == 0 {
			o.MaxTrials = 1 + r.IntN(30)
		}
		u := w.search(t, r, o)
		if err := u.again(r); err != nil {
			t.Error(err)
		}
	})
}

func TestNoBudgetIsExceededAndWhatIsLeftIsSaid(t *testing.T) {
	eachWorld(t, 12_000, features{beside: true, rules: true, skips: true}, func(t *testing.T, r *rand.Rand, w *world) {
		o := w.options(r)
		o.CertifyProbes = r.IntN(9)
		if r.IntN(2) == 0 {
			o.MaxTrials = 1 + r.IntN(40)
		}
		u := w.search(t, r, o)
		u.checkNothingIsHidden(t)
		if f := u.finding; f.Stopped != "" && (o.MaxTrials == 0 || len(u.told()) < o.MaxTrials) {
			t.Errorf("stopped by %s after %d trials of %d", f.Stopped, len(u.told()), o.MaxTrials)
		}
	})
}

func TestTheFindingHoldsAtEveryMoment(t *testing.T) {
	eachWorld(t, 5_000, features{beside: true, rules: true, skips: true}, func(t *testing.T, r *rand.Rand, w *world) {
		o := w.options(r)
		o.Workers, o.CertifyProbes = 1, r.IntN(9)
		u := &run{world: w, options: o, trials: slices.Clone(o.Known), search: NewSearch(w.space, o)}
		end := r.IntN(80)
		for n := 0; ; n++ {
			u.finding = u.search.Finding()
			u.checkCauses(t)
			u.checkLists(t)
			for _, p := range u.points() {
				if !w.isCause(p) {
					t.Errorf("after %d trials: blamed %v", n, p)
				}
			}
			if u.finding.Outcome == Isolated || u.finding.Stopped != "" {
				u.checkNothingIsHidden(t)
			}
			q, ok := u.search.Next()
			if !ok || t.Failed() {
				return
			}
			switch {
			case n == end && r.IntN(2) == 0:
				u.search.Stop("time")
			case n == end:
				u.search.EndCertificate("time")
			}
			answer := Trial{ID: q.ID, Point: q.Point}
			answer.Verdict, answer.Class = w.verdict(q.Point)
			u.trials = append(u.trials, answer)
			if err := u.search.Tell(answer); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestIdenticalStatesAreBuiltOnce(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 98646))
		// Commits 2k and 2k+1 in line have the same tree.
		n := 2 + r.IntN(30)
		space, _ := NewSpace(Chain("commit", n), Chain("tool", 2))
		culprit := r.IntN(n)
		culprit -= culprit % 2
		identity := func(p Point) string { return fmt.Sprint(p[0]/2, p[1]) }
		s := NewSearch(space, Options{Confirm: 1, CertifyProbes: 100, Identity: identity})
		asked, err := solve(s, func(p Point) Verdict {
			if p[0] >= culprit && culprit > 0 || p[1] == 1 && culprit == 0 {
				return Bad
			}
			return Good
		})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		built := map[string]bool{}
		for _, q := range asked {
			if built[identity(q.Point)] {
				t.Fatalf("seed %d: %v is built again", seed, q.Point)
			}
			built[identity(q.Point)] = true
		}
	}
}
