package bisect

import "slices"

// decide tells from the evidence, and what is in flight, what to ask next. It is the whole order of a search.
func (s *Search) decide() (Question, state) {
	if q, state := s.ends(); state != settled {
		return q, state
	}
	if !s.bracketed() {
		return Question{}, settled
	}
	if s.noise.on {
		return s.decideNoisy()
	}
	for {
		if q, state := s.reconcile(); state != settled || s.broken {
			return q, state
		}
		if s.confirmed < len(s.causes) {
			q, state := s.confirmNext()
			if state != settled {
				return q, state
			}
			continue
		}
		if s.reopen() {
			continue
		}
		if s.top == nil && len(s.tops) > 0 {
			s.startOver()
			continue
		}
		if s.top != nil {
			if q, state := s.descend(); state != settled {
				return q, state
			}
			continue
		}
		if q, state := s.beyond(); state != settled {
			return q, state
		}
		if s.top != nil || s.confirmed < len(s.causes) {
			continue
		}
		if s.options.AllTransitions {
			if q, state := s.walk(); state != settled {
				return q, state
			}
		}
		return s.drift()
	}
}

// beyond looks past the causes found: for others, or, where the order does not hold, for where it turns.
func (s *Search) beyond() (Question, state) {
	switch {
	case len(s.turns) > 0:
		return s.followTurns()
	case len(s.candidates) > 0:
		return Question{}, settled // what could not be decided would be found again and again
	}
	q, state, top := s.certify()
	s.top = top
	return q, state
}

// flakyGood is how often the good end of a flaky build may fail in a row: one that is good at least every
// second time does so in less than 1 % of cases.
const flakyGood = 7

// ends asks for both ends. One that is not what it was taken for is built again before that is said.
func (s *Search) ends() (Question, state) {
	ends := []struct {
		at     Point
		want   Verdict
		chance float64
	}{{s.space.Bad(), Bad, 0.95}, {s.space.Good(), Good, 0.05}}
	missing := false
	for _, end := range ends {
		if s.at(end.at) != Unknown {
			continue
		}
		missing = true
		if s.inFlight(end.at) == 0 {
			return Question{Point: end.at, Why: Endpoint, chance: end.chance}, asked
		}
	}
	if missing {
		return Question{}, waiting
	}
	if q, state := s.lookAgainAtEnds(); state != settled {
		return q, state
	}
	for _, end := range ends {
		got := s.at(end.at)
		if got == end.want || got == Skip || s.mixed(end.at) {
			continue
		}
		tries := max(3, s.options.Confirm)
		switch {
		case s.options.Flaky && end.want == Bad:
			tries = s.options.Repeat // it may fail seldom
		case s.options.Flaky:
			tries = flakyGood
		}
		if q, state := s.again(end.at, got, tries, Endpoint); state != settled {
			return q, state
		}
	}
	return Question{}, settled
}

// bracketed reports whether the two ends are what they were taken for. Where noise is modelled, having been
// so once is enough.
func (e *evidence) bracketed() bool {
	return len(e.agreeing(e.space.Bad(), Bad)) > 0 && len(e.agreeing(e.space.Good(), Good)) > 0
}

// mixed reports whether p was both good and bad.
func (e *evidence) mixed(p Point) bool {
	return len(e.agreeing(p, Good)) > 0 && len(e.agreeing(p, Bad)) > 0
}

// retries is how many trials beyond the wanted ones a repeat may take.
const retries = 2

// again asks for trials at p until n of them say v. Those that are skipped are made up for.
func (k *knowledge) again(p Point, v Verdict, n int, why Why) (Question, state) {
	have, made, flying := len(k.agreeing(p, v)), k.attempts(p), k.inFlight(p)
	if skips := k.skipsAt(p); !k.options.SkipsAreFinal && skips < mostLooks {
		made -= skips //mutate:lostrepeat
	}
	switch {
	case have >= n || made >= n+retries: //mutate:inflight
		return Question{}, settled
	case have+flying >= n || made+flying >= n+retries:
		return Question{}, waiting
	}
	chance := 0.02
	if v == Bad {
		chance = 0.98
	}
	return Question{Point: p, Why: why, Repeat: k.at(p) != Unknown || flying > 0, chance: chance}, asked
}

// drift asks for both ends once more: if the world changed under the search, its verdicts do not fit
// together.
func (k *knowledge) drift() (Question, state) {
	if k.options.Confirm < 2 {
		return Question{}, settled
	}
	wait := false
	for _, end := range []Point{k.space.Bad(), k.space.Good()} {
		switch {
		case k.driftSeen(end):
		case k.inFlight(end) > 0:
			wait = true
		default:
			return Question{Point: end, Why: Drift, Repeat: true}, asked
		}
	}
	if wait {
		return Question{}, draining
	}
	return Question{}, settled
}

// driftSeen reports whether an end was built again, as far as it can be.
func (e *evidence) driftSeen(end Point) bool {
	made, skips := e.attempts(end), e.skipsAt(end)
	return made >= 2 && e.options.SkipsAreFinal || made-skips >= 2 || skips >= endLooks
}

// startOver begins the next descent that is due, unless it would only find what is known.
func (s *Search) startOver() {
	top := s.lowestBad(s.tops[0])
	s.tops = s.tops[1:]
	undecided := func(c Candidate) bool { return c.Point.Equal(top) }
	if !slices.ContainsFunc(s.causes, top.Equal) && !slices.ContainsFunc(s.candidates, undecided) {
		s.top = top
	}
}
