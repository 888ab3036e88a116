package bisect_test

import (
	"fmt"
	"slices"
	"testing"

	. "buildbisect/bisect"
)

// branches is a merge (6) of three branches: commit 1, 2 and 4, 3 and 5.
func branches(t *testing.T) *Space {
	commit, err := DAG("commit", [][]int{nil, {0}, {0}, {0}, {2}, {3}, {1, 4, 5}}, make([]Side, 7))
	if err != nil {
		t.Fatal(err)
	}
	space, err := NewSpace(commit)
	if err != nil {
		t.Fatal(err)
	}
	return space
}

var threeBad = []Trial{{ID: 1, Point: Point{1}, Verdict: Bad}, {ID: 2, Point: Point{2}, Verdict: Bad}, {ID: 3, Point: Point{3}, Verdict: Bad}}

func TestNoQuestionIsObsoleteWhenItIsAsked(t *testing.T) {
	s := NewSearch(branches(t), Options{Confirm: 1, CertifyProbes: 9, Workers: 2, Known: threeBad})
	for {
		q, ok := s.Next()
		if !ok {
			break
		}
		if slices.Contains(s.Obsolete(), q.ID) {
			t.Fatalf("asked %+v, whose answer is implied", q)
		}
		v := Bad
		if q.Point[0] == 0 {
			v = Good
		}
		if err := s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: v}); err != nil {
			t.Fatal(err)
		}
	}
	if f := s.Finding(); len(f.Causes) != 3 || !f.Complete {
		t.Errorf("found %+v", f)
	}
}

// The same with a driver that cancels at once what is obsolete whenever an answer lands, as the runner does.
func TestASearchEndsWhereWhatIsObsoleteIsCancelled(t *testing.T) {
	s := NewSearch(branches(t), Options{Confirm: 1, CertifyProbes: 9, Workers: 2, Known: threeBad})
	var flying []Question
	unwanted := map[int]bool{}
	for range 1000 {
		for q, ok := s.Next(); ok; q, ok = s.Next() {
			flying = append(flying, q)
		}
		if len(flying) == 0 {
			return
		}
		q := flying[0]
		flying = flying[1:]
		switch {
		case unwanted[q.ID]:
			s.Cancel(q.ID)
		case q.Point[0] == 0:
			s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: Good})
		default:
			s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: Bad})
		}
		for _, id := range s.Obsolete() {
			unwanted[id] = true
		}
	}
	t.Errorf("no end: %+v", s.Pending())
}

func TestAFailureThatIsKnownIsExplainedWithoutAnyBudget(t *testing.T) {
	s := NewSearch(branches(t), Options{Confirm: 1, Known: threeBad})
	solve(s, func(p Point) Verdict { return map[bool]Verdict{true: Bad, false: Good}[p[0] > 0] })
	if f := s.Finding(); len(f.Causes) != 3 {
		t.Errorf("1, 2 and 3 fail, and are minimal; found %v, untested %v", points(f.Causes), f.Untested)
	}
}

func TestATrialBudgetKeepsWhatTheLastTrialProved(t *testing.T) {
	space, _ := NewSpace(Chain("commit", 4))
	for _, stop := range []bool{false, true} {
		o := Options{Confirm: 2, CertifyProbes: 9, MaxTrials: 6}
		if stop {
			o.MaxTrials = 0
		}
		s := NewSearch(space, o)
		for range 6 {
			q, ok := s.Next()
			if !ok {
				t.Fatal("ended early")
			}
			s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: map[bool]Verdict{true: Bad, false: Good}[q.Point[0] >= 2]})
		}
		if stop {
			s.Stop("time")
		} else {
			s.Next()
		}
		if f := s.Finding(); f.Outcome != Isolated || f.Causes[0].Confirmed != 2 {
			t.Errorf("2 was bad twice and 1 good twice; found %+v", f)
		}
	}
}

func TestATransitionIsNotClaimedWhereBuildsContradictThemselves(t *testing.T) {
	space, _ := NewSpace(Chain("commit", 6))
	s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 9, AllTransitions: true})
	n := map[int]int{}
	solve(s, func(p Point) Verdict {
		n[p[0]]++
		if p[0] >= 3 && !(p[0] == 3 && n[3] == 2) {
			return Bad
		}
		return Good
	})
	f := s.Finding()
	if f.Noise == nil {
		t.Fatal("no noise was met")
	}
	for _, c := range f.Transitions {
		if c.To[0] == 3 || c.From[0] == 3 {
			t.Errorf("transition %+v; commit 3 was both", c)
		}
	}
}

func TestATrialThatAnswersForTwinsIsOneWitness(t *testing.T) {
	space, _ := NewSpace(Chain("commit", 8), Chain("tool", 2))
	s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 9, Flaky: true, Identity: func(p Point) string { return fmt.Sprint(p[0]) }})
	n := 0
	solve(s, func(p Point) Verdict {
		n++
		return map[bool]Verdict{true: Bad, false: Good}[p[0] >= 4 && n%3 > 0]
	})
	for _, c := range s.Finding().Causes {
		for _, g := range c.Good {
			if once := slices.Compact(slices.Clone(g.Trials)); len(once) < len(g.Trials) {
				t.Errorf("cause %v: witness %+v names a trial twice", c.Point, g)
			}
		}
	}
}
