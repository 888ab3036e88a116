package bisect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	. "buildbisect/bisect"
	"buildbisect/bisect/testkit"
)

// answers is what a search is told, trial by trial, of the points it asks for.
func answers(t *testing.T, s *Search, of func(q Question, n int) Trial) (asked []Question) {
	t.Helper()
	seen := map[string]int{}
	for {
		q, ok := s.Next()
		if !ok {
			return asked
		}
		if asked = append(asked, q); len(asked) > mostQuestions {
			t.Fatal("no end")
		}
		seen[fmt.Sprint(q.Point)]++
		a := of(q, seen[fmt.Sprint(q.Point)])
		a.ID, a.Point = q.ID, q.Point
		if err := s.Tell(a); err != nil {
			t.Fatal(err)
		}
	}
}

// from fails from a commit on.
func from(culprit int) func(Point) Trial {
	return func(p Point) Trial {
		if p[0] >= culprit {
			return Trial{Verdict: Bad}
		}
		return Trial{Verdict: Good}
	}
}

func TestBothEndsThatSkipAlikeEndTheSearchAtOnce(t *testing.T) {
	for _, c := range []struct {
		about string
		skip  func(q Question, n int) Trial
		want  int
		alike bool
	}{
		{"alike", func(Question, int) Trial { return Trial{Verdict: Skip, Symptom: "fetch"} }, 4, true},
		{"lasting", func(Question, int) Trial { return Trial{Verdict: Skip, Symptom: "no loader", Lasting: true} }, 2, false},
		{"each end with words of its own", func(q Question, _ int) Trial { return Trial{Verdict: Skip, Symptom: fmt.Sprint(q.Point)} }, 11, false},
		{"other words each time", func(_ Question, n int) Trial { return Trial{Verdict: Skip, Symptom: fmt.Sprint(n)} }, 15, false},
	} {
		space, _ := NewSpace(Chain("commit", 9))
		s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 9})
		if asked := answers(t, s, c.skip); len(asked) != c.want || s.EndsSkipAlike() != c.alike {
			t.Errorf("%s: %d builds, both ends alike: %v; want %d, %v", c.about, len(asked), s.EndsSkipAlike(), c.want, c.alike)
		}
		if f := s.Finding(); f.Outcome != NotBracketed {
			t.Errorf("%s: %s", c.about, f.Outcome)
		}
	}
}

func TestAnEndThatIsSkippedAgainAndAgainIsGivenUp(t *testing.T) {
	for _, end := range []int{0, 8} {
		space, _ := NewSpace(Chain("commit", 9))
		s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 9})
		asked := answers(t, s, func(q Question, _ int) Trial {
			if q.Point[0] == end {
				return Trial{Verdict: Skip, Symptom: "fetch"}
			}
			return from(5)(q.Point)
		})
		if f := s.Finding(); f.Outcome != NotBracketed || len(asked) != 7 {
			t.Errorf("end %d: %s after %d builds; want it built 6 times, and the other once", end, f.Outcome, len(asked))
		}
	}
}

func TestEverySecondBuildOfAPointMaySkip(t *testing.T) {
	for _, flaky := range []bool{false, true} {
		space, _ := NewSpace(Chain("commit", 17))
		s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 9, Flaky: flaky})
		answers(t, s, func(q Question, n int) Trial {
			if n%2 == 1 {
				return Trial{Verdict: Skip, Symptom: "fetch"}
			}
			return from(5)(q.Point)
		})
		if f := s.Finding(); !f.Complete || len(f.Causes) != 1 || f.Causes[0].Point[0] != 5 {
			t.Errorf("flaky %v: %s, complete %v, causes %v, candidates %v", flaky, f.Outcome, f.Complete, f.Causes, f.Candidates)
		}
	}
}

func TestAWitnessThatIsOftenSkippedIsConfirmedAllTheSame(t *testing.T) {
	space, _ := NewSpace(Chain("commit", 9))
	s := NewSearch(space, Options{Confirm: 3, CertifyProbes: 9})
	answers(t, s, func(q Question, n int) Trial {
		if n%3 != 1 && (q.Point[0] == 4 || q.Point[0] == 5) {
			return Trial{Verdict: Skip, Symptom: "fetch"}
		}
		return from(5)(q.Point)
	})
	if f := s.Finding(); !f.Complete || f.Causes[0].Confirmed != 3 {
		t.Errorf("complete %v, causes %+v; want it confirmed 3 times", f.Complete, f.Causes)
	}
}

// A point that is skipped each time, next to the culprit, in a build that is known to be flaky: no two
// verdicts contradict each other, so it is said which commits are left, and only those.
func TestWhereNoiseIsModelledOnlyWhatSkipsKeepApartIsNamed(t *testing.T) {
	for _, fault := range []float64{0, 0.3} {
		r := rand.New(rand.NewPCG(1, uint64(10*fault)))
		space, _ := NewSpace(Chain("commit", 33))
		s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 9, Flaky: true})
		answers(t, s, func(q Question, _ int) Trial {
			switch {
			case q.Point[0] == 12:
				return Trial{Verdict: Skip, Symptom: "does not compile"}
			case r.Float64() < fault:
				return Trial{Verdict: Skip, Symptom: "fetch"}
			}
			return from(12)(q.Point)
		})
		f := s.Finding()
		if f.Outcome != Inconclusive || len(f.Candidates) != 2 || f.Candidates[0].Point[0]+f.Candidates[1].Point[0] != 25 {
			t.Errorf("fault %v: %s, candidates %v; want inconclusive, 12 and 13", fault, f.Outcome, f.Candidates)
		}
	}
}

func TestASkipIsFinalWhereItIsSaidToBe(t *testing.T) {
	space, _ := NewSpace(Chain("commit", 9))
	s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 9, SkipsAreFinal: true})
	seen := map[int]int{}
	answers(t, s, func(q Question, n int) Trial {
		seen[q.Point[0]] = n
		if q.Point[0] == 4 || q.Point[0] == 5 {
			return Trial{Verdict: Skip}
		}
		return from(5)(q.Point)
	})
	if f := s.Finding(); seen[4] != 1 || seen[5] != 1 || len(f.Candidates) != 3 {
		t.Errorf("4 was built %d times, 5 %d times, candidates %v", seen[4], seen[5], f.Candidates)
	}
}

// What a second look costs where skips are there to stay.
func TestLookingAtSkipsAgainCostsLittle(t *testing.T) {
	var once, again tally
	eachWorld(t, 3_000, features{skips: true}, func(t *testing.T, r *rand.Rand, w *world) {
		o := w.options(r)
		o.CertifyProbes, o.Workers = 16, 1
		again.add(w.search(t, r, o))
		o.SkipsAreFinal = true
		once.add(w.search(t, r, o))
	})
	t.Cleanup(func() {
		ratio := again.share(&again.trials) / once.share(&once.trials)
		fmt.Printf("bench skips/second-look %.2f at-most 1.35 (%.1f trials; %.1f where a skip is final)\n", ratio, again.share(&again.trials), once.share(&once.trials))
		if ratio > 1.35 {
			t.Errorf("%.2f times as many builds as where a skip is final; want at most 1.35", ratio)
		}
	})
}

func TestWhereNoiseIsModelledFaultsThatPassCostTheirBuildsAndNothingElse(t *testing.T) {
	runs := 80
	if !testkit.Soaking() {
		runs = 25
	}
	for _, rates := range []Rates{{Broken: 0.9, Healthy: 0.1}, {Broken: 0.5, Healthy: 0.001}} {
		right, builds := map[float64]int{}, map[float64]int{}
		for _, erased := range []float64{0, 0.5} {
			blamed := 0
			for run := range runs {
				r := rand.New(rand.NewPCG(uint64(run), 98646))
				space, _ := NewSpace(Chain("commit", 65), Chain("tool", 2))
				culprit := Point{1 + r.IntN(64), r.IntN(2)}
				s := NewSearch(space, Options{Confirm: 2, CertifyProbes: 4, Flaky: true})
				asked := answers(t, s, func(q Question, _ int) Trial {
					rate := rates.Healthy
					if space.Leq(culprit, q.Point) {
						rate = rates.Broken
					}
					verdict := Good
					if r.Float64() < rate {
						verdict = Bad
					}
					if r.Float64() < erased {
						return Trial{Verdict: Skip, Symptom: "fetch"}
					}
					return Trial{Verdict: verdict}
				})
				builds[erased] += len(asked)
				if s.EndsSkipAlike() {
					right[erased]++ // 4 builds that all skip alike, as one run of 16 begins: it is said, and nobody is blamed
				}
				for _, c := range s.Finding().Causes {
					if c.Point.Equal(culprit) {
						right[erased]++
					} else {
						blamed++
					}
				}
			}
			// The stated confidence, with three standard deviations of luck.
			if most := 0.01*float64(runs) + 3*math.Sqrt(0.01*0.99*float64(runs)); float64(blamed) > most {
				t.Errorf("rates %v, %v of the builds erased: %d of %d runs blame an innocent; want at most %.0f", rates, erased, blamed, runs, most)
			}
		}
		ratio := float64(builds[0.5]) / float64(builds[0])
		fmt.Printf("bench erased/rates=%v/%v builds-ratio %.2f about 2; right %d of %d (%d without)\n", rates.Broken, rates.Healthy, ratio, right[0.5], runs, right[0])
		if few := 3 * math.Sqrt(float64(runs)) / 4; float64(right[0.5]) < float64(right[0])-few || ratio > 2.6 {
			t.Errorf("rates %v: with half of the builds erased right in %d of %d runs, without in %d; %.2f times the builds", rates, right[0.5], runs, right[0], ratio)
		}
	}
}
