package bisect

import "slices"

// A turn is a good point with a failing one below it, both built again and standing: between them the failure
// is repaired, and above the good point it comes back.
type turn struct {
	bad, good Point
}

// reconcile has both sides of a contradiction built again. If a build contradicts itself, that is noise. If
// both stand, the order does not hold between them, and the good point from now on speaks for itself alone.
func (s *Search) reconcile() (Question, state) {
	for _, c := range s.conflicts {
		if s.isIsolated(c.Good.Point) {
			continue
		}
		wait := false
		for _, claim := range []Trial{c.Bad, c.Good} {
			q, state := s.again(claim.Point, claim.Verdict, max(2, s.options.Confirm), Contradiction)
			if state == asked {
				return q, asked
			}
			wait = wait || state == waiting
		}
		if wait {
			return Question{}, waiting
		}
		if s.before(c) {
			s.broken = true
			return Question{}, settled
		}
		s.isolated = append(s.isolated, c.Good.Point)
		if !s.onPath(c) {
			s.turns = append(s.turns, turn{c.Bad.Point, c.Good.Point})
		}
		s.restart()
	}
	return Question{}, settled
}

// before reports a failure that good contains, and repaired: a branch from back then brought it in again.
func (k *knowledge) before(c Conflict) bool {
	for i, a := range k.space.Axes {
		if a.sides[c.Bad.Point[i]] == Before && a.sides[c.Good.Point[i]] == After {
			return true
		}
	}
	return false
}

// onPath reports whether a contradiction was met in following a known turn, or in walking, and is no turn of
// its own to follow.
func (k *knowledge) onPath(c Conflict) bool {
	for _, t := range k.turns {
		for _, path := range [][]Point{k.space.path(t.bad, t.good), k.space.path(t.good, k.space.Bad())} {
			if slices.ContainsFunc(path, c.Good.Point.Equal) {
				return true
			}
		}
	}
	return false
}

// restart takes all causes back: what called their neighbours good may no longer do so.
func (s *Search) restart() {
	s.tops = slices.Concat(s.causes, s.tops)
	if s.top != nil {
		s.tops = append(s.tops, s.top)
	}
	for _, c := range s.candidates { // what was left undecided comes up again
		if s.at(c.Point) == Bad {
			s.tops = append(s.tops, c.Point)
		}
	}
	s.causes, s.confirmed, s.candidates, s.more, s.top = nil, 0, nil, false, nil
}

// followTurns finds, for each turn, where the failure is repaired and where it comes back. What brings it
// back is a cause like any other if all points just below are good.
func (k *knowledge) followTurns() (Question, state) {
	wait := false
	for _, t := range k.turns {
		_, q, state := k.flip(k.space.path(t.bad, t.good))
		if state == asked {
			return q, asked
		}
		wait = wait || state == waiting
		back, q, state := k.flip(k.space.path(t.good, k.space.Bad()))
		if state == asked {
			return q, asked
		}
		wait = wait || state == waiting
		if back != nil && state == settled && !slices.ContainsFunc(k.causes, back.Equal) && !slices.ContainsFunc(k.refused, back.Equal) {
			k.causes = append(k.causes, back)
			return Question{}, settled
		}
	}
	if wait {
		return Question{}, waiting
	}
	return Question{}, settled
}

// flip finds two neighbours on a path of points that differ in verdict, by bisection between its ends, which
// do; it returns the upper one. It is nil where the points between could not be judged.
func (k *knowledge) flip(path []Point) (Point, Question, state) {
	low, high := 0, len(path)-1
	for {
		// Of the points in between that were judged take the nearest to the middle.
		middle, nearest, open := (low+high)/2, -1, -1
		for i := low + 1; i < high; i++ {
			switch k.at(path[i]) {
			case Good, Bad:
				if nearest < 0 || abs(i-middle) < abs(nearest-middle) {
					nearest = i
				}
			default:
				closer := open < 0 || abs(i-middle) < abs(open-middle)
				if open >= 0 && k.skipped(path[i]) != k.skipped(path[open]) {
					closer = k.skipped(path[open]) // what was not built yet comes first
				}
				if k.unjudged(path[i]) && k.exists(path[i]) && closer {
					open = i
				}
			}
		}
		switch {
		case nearest >= 0 && k.at(path[nearest]) == k.at(path[low]):
			low = nearest
		case nearest >= 0:
			high = nearest
		case high-low == 1:
			return path[high], Question{}, settled
		case open < 0:
			return nil, Question{}, settled
		default:
			q, state := k.offer(Question{Point: path[open], Why: Turn, Axes: k.moved(path[low], path[high]), Left: high - low, chance: 0.5})
			return nil, q, state
		}
	}
}

func abs(n int) int { return max(n, -n) }

// path lists points from low up to high, each one step above the one before: the axes in turn, tools first.
func (s *Space) path(low, high Point) []Point {
	down := []Point{high}
	at := high
	for _, commits := range []bool{true, false} {
		for i, a := range s.Axes {
			if a.Commit != commits {
				continue
			}
			for at[i] != low[i] {
				next := low[i] // where no parent holds it, it is held by way of the good commit
				for _, p := range a.Parents(at[i]) {
					if a.Leq(low[i], p) {
						next = p // the latest parent that still holds low
					}
				}
				at = at.With(i, next)
				down = append(down, at)
			}
		}
	}
	slices.Reverse(down)
	return down
}

// walk asks for every level of each axis, the others at their bad ends, from coarse to fine.
func (k *knowledge) walk() (Question, state) {
	wait := false
	for i, a := range k.space.Axes {
		stride := 1
		for stride < a.Len() {
			stride *= 2
		}
		for ; stride > 0; stride /= 2 {
			for level := 0; level < a.Len(); level += stride {
				p := k.space.Bad().With(i, level)
				if !k.unjudged(p) || !k.exists(p) || a.sides[level] == Before {
					continue
				}
				if q, state := k.offer(Question{Point: p, Why: Walk, Axes: []int{i}, chance: 0.5}); state == asked {
					return q, asked
				}
				wait = true
			}
		}
	}
	if wait {
		return Question{}, waiting
	}
	return Question{}, settled
}

// transitions lists the neighbours that were both built and differ.
func (k *knowledge) transitions() []Transition {
	var list []Transition
	for _, judged := range [][]Trial{k.bads, k.goods} {
		for _, t := range judged {
			for _, step := range k.space.Steps(t.Point) {
				from := t.Point.With(step.Axis, step.Level)
				got := k.at(from)
				if got != Good && got != Bad || got == t.Verdict {
					continue
				}
				list = append(list, Transition{
					Axis: step.Axis, From: from, To: t.Point, Breaks: t.Verdict == Bad,
					FromTrials: k.agreeing(from, got), Trials: k.agreeing(t.Point, t.Verdict),
				})
			}
		}
	}
	slices.SortFunc(list, func(a, b Transition) int {
		if c := slices.Compare(a.To, b.To); c != 0 {
			return c
		}
		return slices.Compare(a.From, b.From)
	})
	return list
}

// notMonotone lists the axes along which a repair was seen.
func (k *knowledge) notMonotone() []int {
	var axes []int
	for _, t := range k.turns {
		path := k.space.path(t.bad, t.good)
		if at, _, _ := k.flip(path); at != nil {
			i := slices.IndexFunc(path, at.Equal)
			axes = append(axes, k.moved(path[i-1], at)...)
		} else {
			axes = append(axes, k.moved(t.bad, t.good)...)
		}
	}
	slices.Sort(axes)
	return slices.Compact(axes)
}
