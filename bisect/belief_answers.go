package bisect

import (
	"cmp"
	"slices"
)

// flake is the posterior that no change is to blame.
func (b *belief) flake() float64 {
	b.update()
	return b.flaky.weight
}

// failing is the posterior that p is at or above the minimal failing point. It is 0 where p is not at or
// below top.
func (b *belief) failing(p Point) float64 {
	b.update()
	sum := 0.0
	b.eachAtOrBelow(p, func(h int) { sum += b.weight[h] })
	return sum
}

// likeliest is the point that most likely is the minimal failing one, and its posterior.
func (b *belief) likeliest() (Point, float64) {
	list := b.candidates(1)
	if len(list) == 0 {
		return nil, 0
	}
	return list[0].Point, list[0].Probability
}

// candidates lists the points that may be the minimal failing one by falling posterior, at most most of them.
func (b *belief) candidates(most int) []Candidate {
	b.update()
	var list []Candidate
	floor := 0.0
	for h, w := range b.weight {
		// Both readings of level 0 are one point.
		if node := h / b.combos.n; len(b.commit.levels) > 1 && b.commit.levels[1] == 0 {
			switch node {
			case 0:
				w += b.weight[h+b.combos.n]
			case 1:
				continue
			}
		}
		if w <= floor {
			continue
		}
		list = append(list, Candidate{b.pointInto(b.space.Good(), h/b.combos.n, h%b.combos.n), w})
		if len(list) >= 2*most+64 {
			list = heaviest(list, most)
			floor = list[most-1].Probability
		}
	}
	return heaviest(list, most)
}

func heaviest(list []Candidate, most int) []Candidate {
	slices.SortStableFunc(list, func(x, y Candidate) int { return cmp.Compare(y.Probability, x.Probability) })
	return list[:min(most, len(list))]
}
