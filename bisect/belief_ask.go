package bisect

import (
	"cmp"
	"slices"
)

// nearlyEqual is the part of the best gain from which on a point's other virtues decide.
const nearlyEqual = 0.98

// An outlook is what is expected of the next trial, in a form that can be summed: each hypothesis at or below
// the point tried adds its own part to what holds where none is.
type outlook struct {
	bad, entropy   float64   // where nothing is at or below the point: P(bad), and the bits left once the culprit is known
	dBad, dEntropy []float64 // for each hypothesis, what it adds
}

// gain is the mutual information in bits between the culprit and a trial at a point, given the sums over what
// is at or below it: the entropy of the trial, less what is left of it once the culprit is known. With known
// rates and any split at hand, to take the largest each time is best over any number of questions (Jedynak,
// Frazier and Sznitman, Twenty questions with noise: Bayes optimal policies for entropy loss, 2012); on a
// line it is Horstein's posterior matching (1963), whose cost Burnashev and Zigangirov (1974) and Ben-Or and
// Hassidim (2008) bound.
//
// Rates that are not known need no questions of their own: a culprit is confounded with the rates that fit
// it, and what tells such culprits apart is asked for that, at an end of the range too. Questions for the
// rates' own sake were tried, and made the whole no shorter.
func (o *outlook) gain(dBad, dEntropy float64) float64 {
	return entropy(o.bad+dBad) - o.entropy - dEntropy
}

func (b *belief) outlook() *outlook {
	b.update()
	o := &outlook{dBad: make([]float64, len(b.weight)), dEntropy: make([]float64, len(b.weight))}
	flake := b.grid.judgeFlake(b.all)
	o.bad = b.flaky.weight * flake.healthy
	o.entropy = b.flaky.weight * flake.healthyEntropy
	for h, w := range b.weight {
		if w == 0 {
			continue
		}
		c := b.class(h)
		o.bad += w * c.healthy
		o.entropy += w * c.healthyEntropy
		o.dBad[h] = w * (c.broken - c.healthy)
		o.dEntropy[h] = w * (c.brokenEntropy - c.healthyEntropy)
	}
	return o
}

// ask finds the point at or below top whose trial tells most of the culprit, in bits; ok is false where none
// tells anything. It never asks a commit before the good one. What a trial tells counts for as much as worth
// says of its point, between 0 and 1: where builds are often skipped, that much of it is to be expected (nil:
// 1 everywhere).
//
// Where all combinations of levels are hypotheses, all are compared; else the best is looked for by lowering
// one axis at a time, which is how a half of many toggles is found that together matter with probability one
// half.
func (b *belief) ask(worth func(Point) float64) (q Point, gain float64, ok bool) {
	if b.combos.strides == nil {
		return b.askGreedily(worth)
	}
	o := b.outlook()
	n := b.combos.n
	spare := make([]float64, len(o.dBad))
	o.dBad, spare = b.sumAll(o.dBad, spare)
	o.dEntropy, spare = b.sumAll(o.dEntropy, spare)
	gains := spare
	for h := range gains {
		gains[h] = 0
		if b.askable(h / n) {
			gains[h] = o.gain(o.dBad[h], o.dEntropy[h])
		}
	}
	return b.choose(gains, func(h int) Point { return b.pointInto(b.space.Good(), h/n, h%n) }, worth)
}

// askable reports whether a commit's node is one to build.
func (b *belief) askable(node int) bool {
	level := b.commit.levels[node]
	return b.commitAt < 0 || int(b.commit.nodes[level]) == node && b.space.Axes[b.commitAt].sides[level] != Before
}

// sumAll replaces what each hypothesis has by the sum over those at or below it, one axis after the other. It
// writes to both slices, and returns the one with the sums first.
func (b *belief) sumAll(x, y []float64) (sums, spare []float64) {
	for i, o := range b.tools {
		stride := b.combos.strides[i]
		block := stride * len(o.levels)
		for from := 0; from < len(x); from += block {
			o.sumBelow(y[from:from+block], x[from:from+block], stride)
		}
		x, y = y, x
	}
	b.commit.sumBelow(y, x, b.combos.n)
	return y, x
}

// choose takes the largest gain times its worth. Among nearly equal ones it prefers a point other than the
// last, because failures come in bursts; then one with the last one's commit, then with top's, because
// another commit is another tree. It overwrites gains of what is worth less.
func (b *belief) choose(gains []float64, point func(i int) Point, worth func(Point) float64) (Point, float64, bool) {
	const nothing = 1e-12
	weighed := map[int]bool{}
	for {
		most := 0.0
		for _, g := range gains {
			most = max(most, g)
		}
		if most < nothing {
			return nil, 0, false
		}
		type choice struct {
			at     int
			point  Point
			virtue int
		}
		var choices []choice
		for i, g := range gains {
			if g >= nearlyEqual*most {
				p := point(i)
				choices = append(choices, choice{i, p, b.virtue(p)})
			}
		}
		slices.SortStableFunc(choices, func(x, y choice) int {
			return cmp.Or(cmp.Compare(y.virtue, x.virtue), cmp.Compare(gains[y.at], gains[x.at]))
		})
		for _, c := range choices {
			share := 1.0
			if worth != nil && !weighed[c.at] {
				share = worth(c.point)
			}
			if share == 1 {
				return c.point, gains[c.at], true
			}
			gains[c.at] *= share
			weighed[c.at] = true
		}
	}
}

func (b *belief) virtue(p Point) int {
	switch {
	case p.Equal(b.last):
		return 0
	case b.commitAt < 0:
		return 1
	case b.last != nil && p[b.commitAt] == b.last[b.commitAt]:
		return 3
	case p[b.commitAt] == b.top[b.commitAt]:
		return 2
	}
	return 1
}
