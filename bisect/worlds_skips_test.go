package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "buildbisect/bisect"
)

// search drives a search to its end, and holds it to what is true of all.
func (w *world) search(t *testing.T, r *rand.Rand, o Options) *run {
	t.Helper()
	u, err := w.drive(r, o, manner{fickle: r.IntN(4) == 0})
	if err != nil {
		t.Fatal(err)
	}
	u.check(t)
	return u
}

// checkNothingIsHidden: what was not found lies below what is listed as untested, or among the candidates.
func (u *run) checkNothingIsHidden(t *testing.T) {
	t.Helper()
	f, w := u.finding, u.world
	want := w.minimal()
	below := func(p Point) bool {
		return slices.ContainsFunc(want, func(c Point) bool { return w.space.Leq(c, p) })
	}
	switch {
	case f.Outcome == Isolated:
		for _, p := range want {
			explained := slices.ContainsFunc(f.Causes, func(c Cause) bool { return w.space.Leq(c.Point, p) })
			listed := slices.ContainsFunc(f.Untested, func(u Untested) bool { return w.space.Leq(p, u.Point) })
			if !explained && !listed {
				t.Errorf("%v is hidden: causes %v, untested %v", p, u.points(), f.Untested)
			}
		}
	case f.Outcome != Inconclusive:
		t.Errorf("outcome %s", f.Outcome)
	case len(f.Candidates) == 0:
		if u.says(w.space.Bad()) == Bad && u.says(w.space.Good()) == Good {
			t.Error("inconclusive without candidates")
		}
	case !below(f.Candidates[0].Point):
		t.Errorf("no cause of %v lies below the first candidate of %v", want, f.Candidates)
	case !slices.Contains(w.sides, Beside) && !f.MoreCandidates && !slices.ContainsFunc(f.Candidates, func(c Candidate) bool { return w.isCause(c.Point) }):
		t.Errorf("no cause of %v is among the candidates %v", want, f.Candidates)
	}
}

// says is what was told of p so far.
func (u *run) says(p Point) Verdict {
	for _, t := range u.trials {
		if t.Point.Equal(p) {
			return t.Verdict
		}
	}
	return Unknown
}

func TestSkipsNeverHideTheTruth(t *testing.T) {
	eachWorld(t, 24_000, features{beside: true, rules: true, skips: true}, func(t *testing.T, r *rand.Rand, w *world) {
		u := w.search(t, r, w.options(r))
		u.checkNothingIsHidden(t)
		for _, p := range u.points() {
			if !w.isCause(p) {
				t.Errorf("blamed %v; want one of %v", p, w.minimal())
			}
		}
	})
}

func TestTheAnswerNamesExactlyTheCommitsThatCannotBeToldApart(t *testing.T) {
	eachWorld(t, 6_000, features{}, func(t *testing.T, r *rand.Rand, w *world) {
		n := 3 + r.IntN(30)
		w.line(n)
		culprit := w.space.Good().With(0, 1+r.IntN(n-1))
		for i := 1; i < len(culprit); i++ {
			culprit[i] = r.IntN(w.space.Axes[i].Len())
		}
		w.causes, w.twins = []cause{{point: culprit}}, nil
		for range 1 + r.IntN(3) {
			from := 1 + r.IntN(n-1)
			for level := from; level < min(n-1, from+1+r.IntN(n)); level++ {
				w.islands[level] = true
			}
		}
		u := w.search(t, r, w.options(r))
		good, bad := culprit[0]-1, culprit[0]
		for w.islands[good] {
			good--
		}
		for w.islands[bad] {
			bad++
		}
		if good+1 == bad {
			if !slices.ContainsFunc(u.points(), culprit.Equal) || len(u.points()) != 1 {
				t.Errorf("found %v; want %v", u.points(), culprit)
			}
			return
		}
		var want, got []Point
		for level := good + 1; level <= bad; level++ {
			want = append(want, culprit.With(0, level))
			if u.says(culprit.With(0, level)) == Unknown {
				t.Errorf("%v was not tried", culprit.With(0, level))
			}
		}
		for _, c := range u.finding.Candidates {
			got = append(got, c.Point)
		}
		if u.finding.Outcome != Inconclusive || fmt.Sprint(sorted(got)) != fmt.Sprint(want) {
			t.Errorf("%s, candidates %v; want %v", u.finding.Outcome, sorted(got), want)
		}
	})
}

// line makes the commits n in line, the good one among them.
func (w *world) line(n int) {
	w.parents, w.sides = make([][]int, n), make([]Side, n)
	for i := 1; i < n; i++ {
		w.parents[i] = []int{i - 1}
	}
	commit, err := DAG("commit", w.parents, w.sides)
	if err != nil {
		panic(err)
	}
	w.space.Axes[0] = commit
}
