package bisect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	. "buildbisect/bisect"
	"buildbisect/bisect/testkit"
)

// tally counts how many answers were wrong, and in which way.
type tally struct{ worlds, wrong, blamed, missed, denied, isolated, trials atomic.Int64 }

func (c *tally) add(u *run) {
	f, w := u.finding, u.world
	blamed := slices.ContainsFunc(u.points(), func(p Point) bool { return !w.isCause(p) })
	missed := f.Complete && slices.ContainsFunc(w.minimal(), func(p Point) bool { return !slices.ContainsFunc(u.points(), p.Equal) })
	denied := f.Outcome == NotBracketed || f.Outcome == NoCulprit
	for _, is := range []struct {
		count *atomic.Int64
		true  bool
	}{
		{&c.worlds, true}, {&c.blamed, blamed}, {&c.missed, missed}, {&c.denied, denied},
		{&c.wrong, blamed || missed || denied}, {&c.isolated, f.Outcome == Isolated},
	} {
		if is.true {
			is.count.Add(1)
		}
	}
	c.trials.Add(int64(len(u.told())))
}

// share is the part of the worlds that a count is.
func (c *tally) share(count *atomic.Int64) float64 {
	return float64(count.Load()) / float64(c.worlds.Load())
}

func TestMisreadTrialsHardlyEverMisleadTheDefaultSettings(t *testing.T) {
	for misread, worlds := range map[float64]int{0.02: 1_600, 0.05: 500} {
		t.Run(fmt.Sprintf("misread %v", misread), func(t *testing.T) {
			var c tally
			t.Cleanup(func() {
				wanted := ""
				if misread == 0.02 {
					wanted = "at-most 0.0100 "
				}
				fmt.Printf("bench wrong/misread=%v %.4f %s(of %d worlds %d blame an innocent, %d are complete with a cause missing, %d deny the failure; %.4f isolated, %.1f trials)\n",
					misread, c.share(&c.wrong), wanted, c.worlds.Load(), c.blamed.Load(), c.missed.Load(), c.denied.Load(), c.share(&c.isolated), c.share(&c.trials))
				most := 0.01
				if !testkit.Soaking() { // few worlds may be unlucky, three standard deviations of their share
					most += 3 * math.Sqrt(0.01*0.99/float64(c.worlds.Load()))
				}
				if wanted != "" && c.share(&c.wrong) > most {
					t.Errorf("%.4f of the answers are wrong; want at most %.4f", c.share(&c.wrong), most)
				}
			})
			eachWorld(t, worlds, features{}, func(t *testing.T, r *rand.Rand, w *world) {
				if len(w.space.Axes) > 8 {
					return
				}
				o := w.options(r)
				o.Confirm, o.CertifyProbes, o.Known = 2, 16, nil
				if r.IntN(4) > 0 {
					o.Workers = 1
				}
				u, err := w.drive(r, o, manner{misread: misread, fickle: r.IntN(4) == 0})
				if err != nil {
					t.Fatal(err)
				}
				u.check(t)
				c.add(u)
			})
		})
	}
}

func TestASearchEndsWhateverTheBuildsSay(t *testing.T) {
	eachWorld(t, 100, features{beside: true, rules: true, skips: true, repairs: true}, func(t *testing.T, r *rand.Rand, w *world) {
		points := 1
		for _, a := range w.space.Axes {
			points *= a.Len()
		}
		if points > 100 {
			return // a flaky build is built often, and this need not be slow
		}
		o := w.options(r)
		o.Flaky, o.AllTransitions, o.CertifyProbes, o.Workers = r.IntN(2) == 0, r.IntN(4) == 0, r.IntN(17), 1
		u, err := w.drive(r, o, manner{misread: r.Float64() / 2, fickle: r.IntN(4) == 0})
		if err != nil {
			t.Fatal(err)
		}
		u.check(t)
		if err := u.again(r); err != nil {
			t.Error(err)
		}
	})
}
