package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	. "buildbisect/bisect"
)

// worlds is how many random worlds each property is tried on; BISECT_WORLDS sets another number for soaking.
func worlds(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("BISECT_WORLDS")); err == nil {
		return n
	}
	if testing.Short() {
		return 2000
	}
	return 8000
}

func eachWorld(t *testing.T, skips bool, check func(t *testing.T, r *rand.Rand, w *world)) {
	for seed := range worlds(t) {
		r := rand.New(rand.NewPCG(uint64(seed), 98646))
		w := randomWorld(r, skips)
		check(t, r, w)
		if t.Failed() {
			t.Fatalf("seed %d: parents %v sides %v causes %v skips %v", seed, w.parents, w.sides, w.causes, w.skips)
		}
	}
}

func points(causes []Cause) []Point {
	var list []Point
	for _, c := range causes {
		list = append(list, c.Point)
	}
	return list
}

func TestAllCausesAreFoundAndTheAnswerIsComplete(t *testing.T) {
	eachWorld(t, false, func(t *testing.T, r *rand.Rand, w *world) {
		s := NewSearch(w.space, Options{Confirm: 2, CertifyProbes: 1 << 20})
		if _, err := solve(s, w.verdict); err != nil {
			t.Error(err)
		}
		f := s.Finding()
		want := w.minimal()
		for _, p := range want {
			if !slices.ContainsFunc(points(f.Causes), p.Equal) {
				t.Errorf("%v is missing among the causes %v", p, points(f.Causes))
			}
		}
		for _, p := range points(f.Causes) {
			if !w.isCause(p) {
				t.Errorf("blamed %v; want %v", p, want)
			}
		}
		if !f.Complete || f.Outcome != Isolated {
			t.Errorf("%s, complete %v", f.Outcome, f.Complete)
		}
	})
}

func TestEveryClaimIsWitnessedByItsTrials(t *testing.T) {
	eachWorld(t, true, func(t *testing.T, r *rand.Rand, w *world) {
		s := NewSearch(w.space, Options{Confirm: 2, CertifyProbes: 8})
		asked, err := solve(s, w.verdict)
		if err != nil {
			t.Error(err)
		}
		at := func(id int) Point { return asked[id-1].Point }
		for _, c := range s.Finding().Causes {
			if c.Confirmed < 2 || len(c.Bad) < 2 {
				t.Errorf("cause %v confirmed %d times", c.Point, c.Confirmed)
			}
			for _, id := range c.Bad {
				if !at(id).Equal(c.Point) || w.verdict(at(id)) != Bad {
					t.Errorf("trial %d at %v is no bad witness of %v", id, at(id), c.Point)
				}
			}
			if len(c.Good) != len(w.space.Steps(c.Point)) {
				t.Errorf("cause %v has %d steps down and %d witnesses", c.Point, len(w.space.Steps(c.Point)), len(c.Good))
			}
			for _, g := range c.Good {
				step := c.Point.With(g.Step.Axis, g.Step.Level)
				for _, id := range g.Trials {
					if w.verdict(at(id)) != Good || !w.space.Vouches(at(id), step) {
						t.Errorf("trial %d at %v does not witness %v", id, at(id), step)
					}
				}
			}
		}
	})
}

func TestSkipsNeverHideTheTruth(t *testing.T) {
	eachWorld(t, true, func(t *testing.T, r *rand.Rand, w *world) {
		s := NewSearch(w.space, Options{Confirm: 1, CertifyProbes: 1 << 20})
		if _, err := solve(s, w.verdict); err != nil {
			t.Error(err)
		}
		f := s.Finding()
		want := w.minimal()
		for _, c := range f.Causes {
			if !w.isCause(c.Point) {
				t.Errorf("blamed %v; want one of %v", c.Point, want)
			}
		}
		if f.Complete && len(f.Causes) < len(want) {
			t.Errorf("complete with %v; want %v", points(f.Causes), want)
		}
		if f.Outcome == Inconclusive && len(f.Candidates) < 2 {
			t.Errorf("inconclusive with candidates %v", f.Candidates)
		}
		if f.Outcome == Inconclusive {
			// The descent ended at its first candidate; a true cause lies at or below it and is not excluded.
			top := f.Candidates[0].Point
			if !slices.ContainsFunc(want, func(c Point) bool { return w.space.Leq(c, top) }) {
				t.Errorf("no cause of %v lies below %v", want, top)
			}
		}
	})
}

func TestNothingIsBuiltTwiceButForConfirmation(t *testing.T) {
	eachWorld(t, true, func(t *testing.T, r *rand.Rand, w *world) {
		s := NewSearch(w.space, Options{Confirm: 2, CertifyProbes: 16})
		asked, err := solve(s, w.verdict)
		if err != nil {
			t.Error(err)
		}
		seen := map[string]bool{}
		for _, q := range asked {
			if k := fmt.Sprint(q.Point); !q.Repeat && seen[k] {
				t.Errorf("%s is asked twice", k)
			} else {
				seen[k] = true
			}
		}
	})
}

func TestRecordedTrialsGiveTheSameQuestions(t *testing.T) {
	eachWorld(t, true, func(t *testing.T, r *rand.Rand, w *world) {
		options := Options{Confirm: 2, CertifyProbes: 8}
		first := NewSearch(w.space, options)
		asked, _ := solve(first, w.verdict)
		again := NewSearch(w.space, options)
		repeated, _ := solve(again, w.verdict)
		if fmt.Sprint(asked) != fmt.Sprint(repeated) || fmt.Sprint(first.Finding()) != fmt.Sprint(again.Finding()) {
			t.Error("two searches over the same verdicts differ")
		}
	})
}

func TestOneMisreadTrialOfAWitnessIsSeenAsAContradiction(t *testing.T) {
	caught := 0
	eachWorld(t, false, func(t *testing.T, r *rand.Rand, w *world) {
		s := NewSearch(w.space, Options{Confirm: 2, CertifyProbes: 0})
		lie, n := 1+r.IntN(8), 0
		_, err := solve(s, func(p Point) Verdict {
			n++
			v := w.verdict(p)
			if n == lie {
				return map[Verdict]Verdict{Good: Bad, Bad: Good}[v]
			}
			return v
		})
		if err != nil {
			t.Error(err)
		}
		f := s.Finding()
		for _, c := range f.Causes {
			if f.Outcome == Isolated && !w.isCause(c.Point) {
				t.Errorf("trial %d was misread, and %v is blamed", lie, c.Point)
			}
		}
		if f.Outcome != Isolated {
			caught++
		}
	})
	if caught == 0 {
		t.Error("no misread trial was noticed")
	}
}

func TestNobodyIsBlamedForWhatWasBrokenAndRepairedBeforeGood(t *testing.T) {
	noticed := 0
	eachWorld(t, true, func(t *testing.T, r *rand.Rand, w *world) {
		if len(w.sides) < 3 || w.sides[1] != Before {
			return
		}
		w.repaired = 1
		if r.IntN(2) == 0 { // and its own build cannot be judged
			for level, side := range w.sides {
				if p := w.space.Bad().With(0, level); side != After && r.IntN(3) == 0 {
					w.skips[fmt.Sprint(p)] = true
				}
			}
		}
		s := NewSearch(w.space, Options{Confirm: 1, CertifyProbes: 1 << 20})
		if _, err := solve(s, w.verdict); err != nil {
			t.Error(err)
		}
		f := s.Finding()
		if f.Outcome == Inconsistent {
			noticed++
			return
		}
		for _, c := range f.Causes {
			if !w.isCause(c.Point) {
				t.Errorf("blamed %v, whose parent fails as well", c.Point)
			}
		}
	})
	if noticed == 0 {
		t.Error("no world had a branch from before good at fault")
	}
}

func TestTheFindingHoldsAtEveryMoment(t *testing.T) {
	eachWorld(t, true, func(t *testing.T, r *rand.Rand, w *world) {
		s := NewSearch(w.space, Options{Confirm: 1 + r.IntN(3), CertifyProbes: r.IntN(9)})
		for id := 1; ; id++ {
			f := s.Finding()
			explained := func(p Point) bool {
				return slices.ContainsFunc(f.Causes, func(c Cause) bool { return w.space.Leq(c.Point, p) })
			}
			for _, c := range f.Causes {
				if !w.isCause(c.Point) {
					t.Errorf("after %d trials: blamed %v", id-1, c.Point)
				}
			}
			if len(f.Causes) > 0 && len(f.Untested) == 0 && len(f.Candidates) == 0 {
				for _, p := range w.minimal() {
					if !explained(p) {
						t.Errorf("after %d trials: nothing is untested, and %v is not found", id-1, p)
					}
				}
			}
			q, ok := s.Next()
			if !ok {
				return
			}
			if r.IntN(40) == 0 {
				s.EndCertificate("time")
			}
			if err := s.Tell(Trial{ID: id, Point: q.Point, Verdict: w.verdict(q.Point)}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestACandidateIsTheTruthWhereSkipsLeaveItOpen(t *testing.T) {
	eachWorld(t, true, func(t *testing.T, r *rand.Rand, w *world) {
		s := NewSearch(w.space, Options{Confirm: 1})
		if _, err := solve(s, w.verdict); err != nil {
			t.Error(err)
		}
		f := s.Finding()
		if f.Outcome != Inconclusive || slices.Contains(w.sides, Beside) {
			return
		}
		if !slices.ContainsFunc(f.Candidates, func(c Candidate) bool { return w.isCause(c.Point) }) {
			t.Errorf("no cause among the candidates %v; want one of %v", f.Candidates, w.minimal())
		}
	})
}

func TestIdenticalStatesAreBuiltOnce(t *testing.T) {
	eachWorld(t, false, func(t *testing.T, r *rand.Rand, w *world) {
		// Commits 2k and 2k+1 in line have the same tree.
		n := 2 + r.IntN(30)
		commit := Chain("commit", n)
		space, _ := NewSpace(commit, Chain("tool", 2))
		culprit := 1 + r.IntN(n-1)
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
			t.Error(err)
		}
		built := map[string]bool{}
		for _, q := range asked {
			if built[identity(q.Point)] {
				t.Errorf("%v is built again", q.Point)
			}
			built[identity(q.Point)] = true
		}
	})
}
