package bisect

import (
	"slices"
	"testing"
)

// apartWorld is good 0, its child 1, a history of five commits of its own (2 to 6), and merge 7, the bad end.
func apartWorld(t *testing.T) *Space {
	t.Helper()
	commit, err := DAG("commit", [][]int{nil, {0}, {0}, {2}, {3}, {4}, {5}, {1, 6}}, []Side{After, After, Apart, Apart, Apart, Apart, Apart, After})
	if err != nil {
		t.Fatal(err)
	}
	space, err := NewSpace(commit)
	if err != nil {
		t.Fatal(err)
	}
	return space
}

// searched answers questions by level until the search ends, and returns the levels asked for.
func searched(t *testing.T, verdict func(level int) Verdict) (f Finding, asked []int) {
	t.Helper()
	s := NewSearch(apartWorld(t), Options{Confirm: 1, CertifyProbes: 100})
	for {
		q, more := s.Next()
		if !more {
			return s.Finding(), asked
		}
		level := q.Point[0]
		asked = append(asked, level)
		if err := s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: verdict(level)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACommitOfAHistoryThatStandsApartIsBlamed(t *testing.T) {
	for culprit := 1; culprit < 8; culprit++ {
		space := apartWorld(t)
		f, asked := searched(t, func(level int) Verdict {
			if space.Axes[0].Leq(culprit, level) {
				return Bad
			}
			return Good
		})
		if f.Outcome != Isolated || len(f.Causes) != 1 || f.Causes[0].Point[0] != culprit || !f.Complete {
			t.Errorf("culprit %d: %+v after %v", culprit, f, asked)
		}
	}
}

func TestAHistoryThatStandsApartIsNotLookedIntoWhereItsTipCannotBeBuilt(t *testing.T) {
	f, asked := searched(t, func(level int) Verdict {
		switch {
		case level >= 2 && level <= 6:
			return Skip
		case level == 7:
			return Bad
		}
		return Good
	})
	if f.Outcome != Inconclusive || len(f.Candidates) != 2 {
		t.Errorf("%+v", f)
	}
	for level := 2; level < 6; level++ {
		if slices.Contains(asked, level) {
			t.Errorf("asked for %v: level %d, below a tip that cannot be built", asked, level)
		}
	}
}
