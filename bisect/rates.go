package bisect

import (
	"math"
	"slices"
)

// Rates are the probabilities that a build is bad, each in [0, 1], where they are known.
type Rates struct {
	Broken  float64 // P(bad | broken), more than Healthy
	Healthy float64 // P(bad | healthy)
}

// A Rate is what the trials say of a probability.
type Rate struct {
	Mean      float64 // posterior mean
	Low, High float64 // between them it lies with probability 95 %
}

// Noise is what a search has learned of builds that contradict themselves.
type Noise struct {
	Broken  Rate    // P(bad | broken), given that some change is to blame
	Healthy Rate    // P(bad | healthy), likewise
	Flake   float64 // probability that no change is to blame: every build is bad at one rate, wherever it is
}

// The grid over unknown rates is even in the angle asin(√rate), in which rates that n trials can just tell
// apart lie equally far from each other everywhere (the spread of an estimated angle is 1/(2√n) whatever the
// rate): equal weights there are Jeffreys' prior, Beta(½, ½). It is fine near 0 and 1, where 0.001 and 0.02
// are worlds apart and 0.45 and 0.47 are not.
const (
	gridRates = 64 // a rate lies within 1/80 radian of the grid, which shows after 1,600 trials
	// A break moves the rate by at least this many radians (0.05 to 0.17, or 0.4 to 0.6), else it is called a
	// flake. 50 trials at either end tell two such rates apart by two standard deviations: what cannot be
	// told from a flake is none.
	leastShift = 0.2
	// Healthy builds lean to never failing: Beta(0.4, 2), mean ⅙. Even weights cost about a tenth more trials
	// where they never do (0.5 and 0.001), and a stronger lean leaves the stated confidence little to spare
	// where they often do (0.8 and 0.2).
	healthyAlpha, healthyBeta = 0.4, 2
)

// rateGrid is a prior over both rates: any of broken with any of healthy that is at least gap places below
// it, by the product of their weights; and over the one rate of a flake.
type rateGrid struct {
	broken, healthy, flake []weightedRate
	gap                    int     // healthy[j] goes with broken[i] if j + gap ≤ i
	total                  float64 // sum of the products of weights
}

type weightedRate struct {
	rate, weight    float64
	logBad, logGood float64
}

func weigh(rate, weight float64) weightedRate {
	// No rate is quite certain: a trial against a certainty would leave no hypothesis at all.
	const certain = 1e-9
	rate = min(max(rate, certain), 1-certain)
	return weightedRate{rate, weight, math.Log(rate), math.Log1p(-rate)}
}

func newRateGrid(known *Rates) *rateGrid {
	if known != nil {
		// Where nothing is broken every build is healthy.
		healthy := []weightedRate{weigh(known.Healthy, 1)}
		return &rateGrid{broken: []weightedRate{weigh(known.Broken, 1)}, healthy: healthy, flake: healthy, total: 1}
	}
	step := math.Pi / 2 / gridRates
	g := &rateGrid{gap: int(math.Round(leastShift / step))}
	for i := range gridRates {
		s := math.Sin((float64(i) + 0.5) * step)
		g.flake = append(g.flake, weigh(s*s, 1.0/gridRates))
	}
	g.broken, g.healthy = g.flake, slices.Clone(g.flake)
	for i, r := range g.healthy {
		g.healthy[i].weight *= math.Pow(r.rate, healthyAlpha-0.5) * math.Pow(1-r.rate, healthyBeta-0.5)
	}
	for i := range g.broken {
		for j := 0; j+g.gap <= i; j++ {
			g.total += g.broken[i].weight * g.healthy[j].weight
		}
	}
	return g
}

// tally counts trials by their verdict.
type tally struct{ bads, goods int }

func (t tally) minus(u tally) tally { return tally{t.bads - u.bads, t.goods - u.goods} }

// A class is all that the trials say of a hypothesis about which change is to blame: hypotheses with the same
// tally of trials at or above them share it.
type class struct {
	likelihood      float64 // relative to the best
	logLikelihood   float64
	broken, healthy float64 // P(the next trial is bad) where it is broken, and where not
	// The same in bits: the entropy of that trial.
	brokenEntropy, healthyEntropy float64
}

// likelihoods is each weight times the likelihood of t, relative to e^top.
func likelihoods(rates []weightedRate, t tally) (l []float64, top float64) {
	l, top = make([]float64, len(rates)), math.Inf(-1)
	for i, r := range rates {
		l[i] = float64(t.bads)*r.logBad + float64(t.goods)*r.logGood
		top = max(top, l[i])
	}
	for i, r := range rates {
		l[i] = r.weight * math.Exp(l[i]-top)
	}
	return l, top
}

// hopeless is below the logarithm of any likelihood that matters, and finite.
const hopeless = -1e6

// judge integrates the rates out, for a hypothesis with these trials at or above it and those elsewhere.
func (g *rateGrid) judge(above, elsewhere tally) class {
	pb, topB := likelihoods(g.broken, above)
	ph, topH := likelihoods(g.healthy, elsewhere)
	var c class
	var sum, sumH, sumHRate float64
	j := 0
	for i, r := range g.broken {
		for ; j+g.gap <= i && j < len(ph); j++ {
			sumH += ph[j]
			sumHRate += ph[j] * g.healthy[j].rate
		}
		sum += pb[i] * sumH
		c.broken += pb[i] * r.rate * sumH
		c.healthy += pb[i] * sumHRate
	}
	if sum < math.SmallestNonzeroFloat64*1e20 {
		// The tallies ask for a broken rate below the healthy one.
		return class{logLikelihood: hopeless, broken: 0.5, healthy: 0.5, brokenEntropy: 1, healthyEntropy: 1}
	}
	c.logLikelihood = topB + topH + math.Log(sum/g.total)
	c.broken /= sum
	c.healthy /= sum
	c.brokenEntropy, c.healthyEntropy = entropy(c.broken), entropy(c.healthy)
	return c
}

// judgeFlake does the same where no change is to blame; healthy is the rate of all builds then.
func (g *rateGrid) judgeFlake(all tally) class {
	p, top := likelihoods(g.flake, all)
	var c class
	var sum, total float64
	for i, r := range g.flake {
		total += r.weight
		sum += p[i]
		c.healthy += p[i] * r.rate
	}
	c.logLikelihood = top + math.Log(sum/total)
	c.healthy /= sum
	c.broken = c.healthy
	c.healthyEntropy = entropy(c.healthy)
	c.brokenEntropy = c.healthyEntropy
	return c
}
