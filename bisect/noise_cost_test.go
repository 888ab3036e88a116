package bisect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"buildbisect/bisect/testkit"
)

// A flaky build, and what is asked of it.
type flaky struct {
	broken, healthy float64
	space           *Space
	culprit         Point // nil: a flake, always at the healthy rate
}

func (w flaky) bad(r *rand.Rand, q Point) bool {
	if w.culprit != nil && w.space.Leq(w.culprit, q) {
		return r.Float64() < w.broken
	}
	return r.Float64() < w.healthy
}

// confidences are those at which answers are judged.
func confidences() []float64 { return []float64{0.9, 0.95, 0.99} }

// answers are what stood when the posterior first reached each of the confidences.
type answers []struct {
	trials int
	point  Point // nil: a flake
}

// askUntilSure runs a belief against a flaky build, for so many trials at most. With unknown rates it starts
// as a search does: the bad end until it has failed, the good end once. What that takes is counted.
func askUntilSure(r *rand.Rand, w flaky, rates *Rates, most int) (reached answers) {
	b := newBelief(w.space, w.space.Bad(), beliefOptions{rates: rates, flake: flakePrior})
	trials := 0
	try := func(q Point) bool {
		bad := w.bad(r, q)
		b.observe(q, bad)
		trials++
		return bad
	}
	if rates == nil {
		for trials < most && !try(w.space.Bad()) {
		}
		try(w.space.Good())
	}
	for {
		point, probability := b.likeliest()
		if b.flake() > probability {
			point, probability = nil, b.flake()
		}
		for _, level := range confidences()[len(reached):] {
			if probability >= level {
				reached = append(reached, answers{{trials, point}}...)
			}
		}
		if len(reached) == len(confidences()) || trials >= most {
			return reached
		}
		q, _, ok := b.ask(nil)
		if !ok {
			return reached
		}
		try(q)
	}
}

// runs is how often a figure is measured: often for make bench, enough to see a gross mistake elsewhere.
func runs(full int) int {
	switch {
	case os.Getenv("BISECT_BENCH") != "":
		return full
	case testkit.Soaking():
		return full / 20
	}
	return full / 50
}

// capacity of the binary asymmetric channel with these probabilities of a bad answer, in bits (Cover and
// Thomas, Elements of Information Theory, chapter 7): the most that a trial can tell of the culprit.
func capacity(broken, healthy float64) float64 {
	// The derivative of the mutual information by the share of broken points falls; it is zero at the best.
	low, high := 0.0, 1.0
	information := func(share float64) float64 {
		return entropy(share*broken+(1-share)*healthy) - share*entropy(broken) - (1-share)*entropy(healthy)
	}
	for range 100 {
		if x, y := low+(high-low)/3, high-(high-low)/3; information(x) < information(y) {
			low = x
		} else {
			high = y
		}
	}
	return information(low)
}

// divergence of Kullback and Leibler between two coins, in bits.
func divergence(p, q float64) float64 {
	return p*math.Log2(p/q) + (1-p)*math.Log2((1-p)/(1-q))
}

func TestNoiseCostsLittleMoreThanTheChannelAllows(t *testing.T) {
	const n = 1024
	space := lineSpace(t, n)
	for _, rates := range []Rates{{0.9, 0.1}, {0.8, 0.2}, {0.5, 0.001}, {0.3, 0.001}} {
		for _, known := range []bool{true, false} {
			count, full := runs(1000), runs(1000) == 1000
			sum, squares, right := 0.0, 0.0, make([]int, len(confidences()))
			for run := range count {
				r := rand.New(rand.NewPCG(uint64(run), 1))
				w := flaky{rates.Broken, rates.Healthy, space, Point{1 + r.IntN(n)}}
				told := &rates
				if !known {
					told = nil
				}
				reached := askUntilSure(r, w, told, 5000)
				if len(reached) < len(confidences()) {
					t.Fatalf("%v, run %d: not sure after 5000 trials", rates, run)
				}
				for i, a := range reached {
					if a.point.Equal(w.culprit) {
						right[i]++
					}
				}
				trials := float64(reached[1].trials)
				sum += trials
				squares += trials * trials
			}
			mean := sum / float64(count)
			deviation := math.Sqrt((squares/float64(count) - mean*mean) / float64(count))
			c := capacity(rates.Broken, rates.Healthy)
			c1 := max(divergence(rates.Broken, rates.Healthy), divergence(rates.Healthy, rates.Broken))
			const delta = 0.05
			// Burnashev's bound, with the slack that the design allows.
			name, yardstick := "known", 1.1*((1-delta)*math.Log2(n)/c+math.Log2(1/delta)/c1)
			if !known {
				name, yardstick = "unknown", 2*math.Log2(n)/c
			}
			name = fmt.Sprintf("noise/%v/%v/%s", rates.Broken, rates.Healthy, name)
			if full {
				fmt.Printf("bench %s/trials %.1f %.1f\n", name, mean, yardstick)
			}
			// A few runs may be unlucky, three standard deviations of their mean.
			if slack := 3 * deviation; mean > yardstick && (full || mean-slack > yardstick) {
				t.Errorf("%s: mean %.1f trials; want at most %.1f", name, mean, yardstick)
			}
			for i, level := range confidences() {
				least := level*float64(count) - 3.1*math.Sqrt(float64(count)*level*(1-level))
				if full {
					fmt.Printf("bench %s/right-at-%.0f %d %.0f\n", name, level*100, right[i], least)
				}
				if float64(right[i]) < math.Floor(least) {
					t.Errorf("%s: right in %d of %d runs at confidence %v; want at least %.0f", name, right[i], count, level, least)
				}
			}
		}
	}
}

func TestAFlakeIsNotBlamedOnAChange(t *testing.T) {
	space := lineSpace(t, 1024)
	for _, rate := range []float64{0.02, 0.1, 0.3, 0.5, 0.8} {
		count, full := runs(500), runs(500) == 500
		blamed, said, sum := 0, 0, 0
		for run := range count {
			r := rand.New(rand.NewPCG(uint64(run), 2))
			reached := askUntilSure(r, flaky{healthy: rate, space: space}, nil, 600)
			switch {
			case len(reached) < 2:
			case reached[1].point == nil:
				said++
				sum += reached[1].trials
			default:
				blamed++
			}
		}
		most := 0.05*float64(count) + 3.1*math.Sqrt(float64(count)*0.05*0.95)
		least := 0.9*float64(count) - 3.1*math.Sqrt(float64(count)*0.9*0.1)
		if full {
			fmt.Printf("bench noise/flake/%v/blamed-at-95 %d %.0f\n", rate, blamed, most)
			fmt.Printf("bench noise/flake/%v/said-at-95 %d %.0f\n", rate, said, least)
		}
		t.Logf("rate %v: %d of %d said to be a flake, after %.0f trials on average; %d blamed on a change", rate, said, count, float64(sum)/float64(max(said, 1)), blamed)
		if float64(blamed) > most {
			t.Errorf("rate %v: %d of %d flakes blamed on a change at confidence 0.95; want at most %.0f", rate, blamed, count, most)
		}
		if float64(said) < least {
			t.Errorf("rate %v: %d of %d flakes said to be flakes; want at least %.0f", rate, said, count, least)
		}
	}
}

func TestTheRatesLieInTheIntervalStated(t *testing.T) {
	space := lineSpace(t, 256)
	count := runs(1000)
	inside := 0
	for run := range count {
		r := rand.New(rand.NewPCG(uint64(run), 3))
		w := flaky{broken: 0.5 + r.Float64()/2, space: space, culprit: Point{1 + r.IntN(256)}}
		w.healthy = r.Float64() * (w.broken - 0.3)
		b := newBelief(space, space.Bad(), beliefOptions{flake: flakePrior})
		for range 150 {
			q, _, ok := b.ask(nil)
			if !ok {
				break
			}
			b.observe(q, w.bad(r, q))
		}
		n := b.noise()
		for _, c := range []struct {
			rate Rate
			true float64
		}{{n.Broken, w.broken}, {n.Healthy, w.healthy}} {
			if c.rate.Low > c.rate.Mean || c.rate.Mean > c.rate.High {
				t.Fatalf("run %d: mean %v is not between %v and %v", run, c.rate.Mean, c.rate.Low, c.rate.High)
			}
			if c.rate.Low <= c.true && c.true <= c.rate.High {
				inside++
			}
		}
	}
	if least := 0.93*float64(2*count) - 3.1*math.Sqrt(float64(2*count)*0.93*0.07); float64(inside) < least {
		t.Errorf("%d of %d rates lie in their 95 %% intervals; want at least %.0f", inside, 2*count, least)
	}
	t.Logf("%d of %d rates lie in their 95 %% intervals", inside, 2*count)
}
