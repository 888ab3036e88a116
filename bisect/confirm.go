package bisect

import "slices"

// confirmNext goes on with the first cause that is not confirmed.
func (s *Search) confirmNext() (Question, state) {
	cause := s.causes[s.confirmed]
	if s.overturned(cause) || s.withdraw(cause) {
		return Question{}, settled
	}
	q, state := s.confirm(cause)
	if state == settled {
		s.confirmed++
	}
	return q, state
}

// overturned takes back a cause below which a failure was seen after all, where the order does not hold.
func (s *Search) overturned(cause Point) bool {
	if len(s.turns) == 0 || !s.fails(s.below(cause)) {
		return false
	}
	s.causes = slices.Concat(s.causes[:s.confirmed], s.causes[s.confirmed+1:])
	s.refused = append(s.refused, cause)
	s.tops = append(s.tops, cause)
	return true
}

// fails reports whether one of the points was seen to fail.
func (e *evidence) fails(points []Point) bool {
	return slices.ContainsFunc(points, func(q Point) bool { return e.at(q) == Bad })
}

// confirm asks for the trials that a cause's witnesses still lack, to avoid false accusations: one misread
// trial contradicts nothing, because the search never asks what earlier verdicts imply.
func (k *knowledge) confirm(cause Point) (Question, state) {
	wait := false
	try := func(q Question, st state) bool {
		wait = wait || st == waiting
		return st == asked
	}
	below := k.below(cause)
	for _, q := range below {
		// Being good by way of what contains it is no witness where that may have been a repair.
		if k.needsOwn(cause, q) && k.unjudged(q) {
			if q, st := k.offer(Question{Point: q, Why: Necessity, Axes: k.moved(cause, q)}); try(q, st) {
				return q, asked
			}
		}
	}
	if q, st := k.again(cause, Bad, k.options.Confirm, Confirmation); try(q, st) {
		return q, asked
	}
	for _, q := range below {
		if at := k.witness(cause, q); at != nil && !k.skipped(at) {
			if q, st := k.again(at, Good, k.options.Confirm, Confirmation); try(q, st) { //mutate:confirm
				return q, asked
			}
		}
	}
	if wait {
		return Question{}, waiting
	}
	return Question{}, settled
}

// needsOwn reports whether q, just below a cause, has to be built itself: it stands beside the good commit,
// or before it, and may be called good by way of a merge that repaired it; or the order was seen not to hold.
func (k *knowledge) needsOwn(cause, q Point) bool {
	if len(k.turns) > 0 {
		return true //mutate:repaired
	}
	for i, a := range k.space.Axes {
		if q[i] != cause[i] && a.sides[q[i]] != After {
			return true
		}
	}
	return false
}

// witness is the point whose good trials speak for q, just below a cause: q itself where it has to be, else
// of those at or above q the one built most often, nil if there is none.
func (k *knowledge) witness(cause, q Point) Point {
	if k.needsOwn(cause, q) {
		return q
	}
	var best Point
	most := 0
	for _, t := range k.goods {
		if !k.space.ImpliesGood(t.Point, q) || k.isIsolated(t.Point) {
			continue
		}
		n := len(k.agreeing(t.Point, Good))
		if n > most || n == most && t.Point.Equal(q) {
			best, most = t.Point, n
		}
	}
	return best
}

// moved lists the axes on which p and q differ.
func (e *evidence) moved(p, q Point) []int {
	var axes []int
	for i := range p {
		if p[i] != q[i] {
			axes = append(axes, i)
		}
	}
	return axes
}

// withdraw makes candidates of a cause and of those points just below it that need a trial of their own and
// could not be judged.
func (s *Search) withdraw(cause Point) bool {
	open := []Point{cause}
	for _, q := range s.below(cause) {
		if s.needsOwn(cause, q) && s.untestable(q) {
			open = append(open, q)
		}
	}
	if len(open) == 1 {
		return false
	}
	for _, p := range open {
		s.candidates = append(s.candidates, Candidate{Point: p, Probability: 1 / float64(len(open))})
	}
	s.refused = append(s.refused, cause)
	s.causes = slices.Concat(s.causes[:s.confirmed], s.causes[s.confirmed+1:])
	return true
}

// below lists the points just below p: one axis moved one step toward good. Where such a point cannot exist,
// the highest that can stand for it.
func (e *evidence) below(p Point) []Point {
	var list []Point
	queue := []Point{p}
	for first := true; len(queue) > 0; first = false {
		q := queue[0]
		queue = queue[1:]
		for _, step := range e.space.Steps(q) {
			if !first && e.space.Axes[step.Axis].Commit {
				continue // what cannot exist cannot at any commit
			}
			r := q.With(step.Axis, step.Level)
			switch {
			case slices.ContainsFunc(list, r.Equal) || slices.ContainsFunc(queue, r.Equal):
			case e.exists(r): //mutate:exists
				list = append(list, r)
			default:
				queue = append(queue, r)
			}
		}
	}
	if e.options.Exists == nil {
		return list
	}
	return slices.DeleteFunc(list, func(q Point) bool {
		return slices.ContainsFunc(list, func(r Point) bool { return !r.Equal(q) && e.space.ImpliesGood(r, q) })
	})
}

// prove gathers the trials behind a cause.
func (k *knowledge) prove(p Point) Cause {
	if k.noise.on {
		return k.proveNoisy(p)
	}
	cause := Cause{Point: p, Bad: k.agreeing(p, Bad)}
	cause.Confirmed = len(cause.Bad)
	for _, q := range k.below(p) {
		w := Witness{Point: q, Trials: k.agreeing(k.witness(p, q), Good)}
		cause.Confirmed = min(cause.Confirmed, len(w.Trials))
		cause.Good = append(cause.Good, w)
	}
	return cause
}
