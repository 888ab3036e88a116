package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	. "buildbisect/bisect"
)

// erasure draws how often builds are skipped by faults that pass, up to half of all, and in how many ways
// these show themselves.
func erasure(r *rand.Rand) manner {
	return manner{erased: 0.05 + 0.45*r.Float64(), faults: []int{0, 1, 1, 5, 1 << 30}[r.IntN(5)], fickle: r.IntN(4) == 0}
}

// erase drives a search in which builds are skipped by faults that pass, and holds it to what is true of all.
func (w *world) erase(t *testing.T, r *rand.Rand, o Options, m manner) *run {
	t.Helper()
	u, err := w.drive(r, o, m)
	if err != nil {
		t.Fatal(err)
	}
	u.check(t)
	if err := u.again(r); err != nil {
		t.Error(err)
	}
	return u
}

func TestFaultsThatPassBlameNobodyAndHideNothing(t *testing.T) {
	var c, plain tally
	t.Cleanup(func() {
		fmt.Printf("bench erased/isolated %.4f at-least 0.97 (%.1f trials; without faults %.1f)\n", c.share(&c.isolated), c.share(&c.trials), plain.share(&plain.trials))
		if c.worlds.Load() > 200 && c.share(&c.isolated) < 0.97 {
			t.Errorf("%.4f of the searches end with a cause; want 0.97, as nearly all do without faults", c.share(&c.isolated))
		}
	})
	eachWorld(t, 3_000, features{beside: true, rules: true}, func(t *testing.T, r *rand.Rand, w *world) {
		o := w.options(r)
		u := w.erase(t, r, o, erasure(r))
		u.mustBlameNoInnocent(t)
		if u.finding.Outcome == Isolated {
			u.checkNothingIsHidden(t)
		}
		c.add(u)
		plain.add(w.search(t, r, o))
	})
}

func TestFaultsThatPassAmongPointsThatCannotBeJudgedBlameNobody(t *testing.T) {
	eachWorld(t, 3_000, features{beside: true, rules: true, skips: true}, func(t *testing.T, r *rand.Rand, w *world) {
		u := w.erase(t, r, w.options(r), erasure(r))
		u.mustBlameNoInnocent(t)
		if u.finding.Outcome == Isolated {
			u.checkNothingIsHidden(t)
		}
	})
}

func TestFaultsThatPassWhereTheOrderDoesNotHoldBlameNobody(t *testing.T) {
	eachWorld(t, 1_500, features{rules: true, skips: true, repairs: true}, func(t *testing.T, r *rand.Rand, w *world) {
		o := w.options(r)
		o.AllTransitions = r.IntN(4) == 0
		u := w.erase(t, r, o, erasure(r))
		for _, p := range u.points() {
			if len(u.finding.NotMonotone) > 0 && !w.isCause(p) {
				t.Errorf("blamed %v, which does not fail or has a failure below it", p)
			}
		}
		if u.finding.Noise != nil {
			t.Error("noise, and no build contradicts itself")
		}
	})
}

// mustBlameNoInnocent: where builds are skipped or as they should be, no two contradict each other, and
// nobody is blamed wrongly.
func (u *run) mustBlameNoInnocent(t *testing.T) {
	t.Helper()
	for _, p := range u.points() {
		if !u.world.isCause(p) {
			t.Errorf("blamed %v; want one of %v", p, u.world.minimal())
		}
	}
	if u.finding.Noise != nil || u.finding.Outcome == Inconsistent {
		t.Errorf("%s, noise %v, and no two builds contradict each other", u.finding.Outcome, u.finding.Noise)
	}
}

func TestMisreadTrialsAndFaultsThatPassHardlyEverMislead(t *testing.T) {
	var c tally
	t.Cleanup(func() {
		fmt.Printf("bench wrong/misread=0.02,erased %.4f at-most 0.0100 (of %d worlds %d blame an innocent, %d are complete with a cause missing, %d deny the failure; %.4f isolated, %.1f trials)\n",
			float64(c.blamed.Load()+c.missed.Load())/float64(c.worlds.Load()), c.worlds.Load(), c.blamed.Load(), c.missed.Load(), c.denied.Load(), c.share(&c.isolated), c.share(&c.trials))
		if most := 0.01*float64(c.worlds.Load()) + 2; float64(c.blamed.Load()+c.missed.Load()) > most {
			t.Errorf("%d of %d answers are wrong; want at most 0.01", c.blamed.Load()+c.missed.Load(), c.worlds.Load())
		}
	})
	eachWorld(t, 800, features{}, func(t *testing.T, r *rand.Rand, w *world) {
		if len(w.space.Axes) > 6 {
			return
		}
		o := w.options(r)
		o.Confirm, o.CertifyProbes, o.Known = 2, 16, nil
		if r.IntN(4) > 0 {
			o.Workers = 1
		}
		m := erasure(r)
		m.misread = 0.02
		c.add(w.erase(t, r, o, m))
	})
}
