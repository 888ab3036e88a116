package bisect

import "slices"

// mostCandidates bounds the list of what was left undecided.
const mostCandidates = 1000

// incredible is the part of their probability that candidates may hold which are not worth naming.
const incredible = 1e-3

// credible drops, where noise is modelled, the least likely of a list by falling probability.
func credible(list []Candidate) []Candidate {
	sum := 0.0
	for _, c := range list {
		sum += c.Probability
	}
	rest := sum
	for i, c := range list {
		if rest -= c.Probability; rest <= incredible*sum { //mutate:incredible
			return list[:i+1]
		}
	}
	return list
}

// left lists what may still be a minimal failing point at or below f: f, and every point below it that no
// good trial excludes. Moving one axis alone would not do: where every single step is skipped, the cause may
// lie two steps down. Their probabilities add up to one; more says that there are others.
func (k *knowledge) left(f Point) (list []Candidate, more bool) {
	open := make([][]int, len(f))
	for axis := range f {
		open[axis] = append(k.open(f, axis).Members(), f[axis])
		slices.Reverse(open[axis])
	}
	sum := 0.0
	var walk func(p Point, axis int, weight float64)
	walk = func(p Point, axis int, weight float64) {
		if len(list) == mostCandidates {
			more = true
			return
		}
		if axis == len(f) {
			if _, good := k.good(p); p.Equal(f) || !good && k.exists(p) { //mutate:candidates
				list = append(list, Candidate{Point: p, Probability: weight})
				sum += weight
			}
			return
		}
		a := k.space.Axes[axis]
		for _, level := range open[axis] {
			w := a.Weight(level)
			if level == 0 {
				w = k.space.priorZero(axis)
			}
			walk(p.With(axis, level), axis+1, weight*w)
		}
	}
	walk(f, 0, 1)
	for i := range list {
		list[i].Probability /= sum
	}
	return list, more
}

// undecided lists what a search that was stopped in a descent, or before a cause was confirmed, knows of that
// cause.
func (s *Search) undecided() ([]Candidate, bool) {
	if !s.bracketed() {
		return nil, false
	}
	top := s.top
	if s.noise.on {
		if top == nil || len(s.candidates) > 0 {
			return s.candidates, false
		}
		return s.posterior(top).candidates(mostCandidates), false
	}
	if s.confirmed < len(s.causes) {
		top = s.causes[s.confirmed]
	}
	if top == nil {
		return s.candidates, s.more
	}
	list, more := s.left(s.lowestBad(top))
	return append(s.candidates[:len(s.candidates):len(s.candidates)], list...), s.more || more
}
