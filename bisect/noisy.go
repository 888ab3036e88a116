package bisect

import (
	"math"
	"math/bits"
	"slices"
)

const (
	// leastGain is what a trial must tell, in bits, to be worth a build.
	leastGain = 1e-5

	// unasked bounds the builds of a step where nobody said that the build is flaky, and so agreed to many.
	unasked = 20
)

// patience is how many trials a descent is given: as many as if every step of a plain bisection, and both
// ends, were built as often as a point may be.
func (k *knowledge) patience() int {
	repeat := k.options.Repeat
	if !k.options.Flaky && k.options.Rates == nil {
		repeat = min(repeat, unasked)
	}
	steps := 2
	for _, a := range k.space.Axes {
		steps += bits.Len(uint(a.Len() - 1))
	}
	return steps * repeat
}

// noise is what a search knows where builds contradict themselves: every trial then moves a posterior, and
// none decides alone.
type noise struct {
	on        bool
	belief    *belief
	top       Point // of belief
	seen      int   // trials that belief was told, of the evidence's
	from      int   // trials there were when top was first looked below
	rates     *Rates
	flake     bool // nothing changed: that is the answer
	undecided bool // all that may be asked was asked
	blocked   bool // what would have told more cannot be judged
	proofs    []proof
}

// proof is a cause found by its posterior.
type proof struct {
	point      Point
	confidence float64
}

func (n noise) clone() noise {
	if n.belief != nil {
		n.belief = n.belief.clone()
	}
	n.proofs = slices.Clip(n.proofs)
	return n
}

// modelNoise starts over, with all trials so far as evidence and none as proof.
func (s *Search) modelNoise() {
	s.noise.on = true
	s.causes, s.confirmed, s.candidates, s.more = nil, 0, nil, false
	s.tops, s.turns, s.isolated, s.refused = nil, nil, nil, nil
	s.top = s.space.Bad()
}

// posterior is the belief about the minimal failing point at or below top, after all trials.
func (k *knowledge) posterior(top Point) *belief {
	n := &k.noise
	if n.belief == nil || !n.top.Equal(top) {
		n.belief = newBelief(k.space, top, beliefOptions{rates: k.options.Rates, exists: k.options.Exists, flake: flakePrior})
		n.top, n.seen, n.from, n.rates = top, 0, len(k.trials), nil
	}
	for ; n.seen < len(k.trials); n.seen++ {
		t := k.trials[n.seen]
		if t.Verdict == Skip || k.isAlias(t) {
			continue
		}
		switch {
		case k.space.Leq(t.Point, top):
			n.belief.observe(t.Point, t.Verdict == Bad)
			n.rates = nil
		case k.space.Leq(top, t.Point) && len(k.causes) == 0:
			n.belief.observe(top, t.Verdict == Bad)
			n.rates = nil
		}
	}
	return n.belief
}

// decideNoisy asks the point whose trial tells most of where the minimal failing point lies, until one is as
// likely as was asked for: the greedy rule of posterior matching (Horstein 1963; Burnashev and Zigangirov
// 1974) with the rates of misreading integrated out. Since a posterior is no better than the assumption of
// one cause, that point and those just below it are then built until they speak for themselves.
func (s *Search) decideNoisy() (Question, state) {
	for !s.noise.flake && !s.noise.undecided {
		if s.top == nil {
			q, state, top := s.certify()
			if top == nil && state == settled {
				return s.drift()
			}
			if top == nil {
				return q, state
			}
			s.top = top
			continue
		}
		b := s.posterior(s.top)
		if p := s.surelyBad(); p != nil {
			s.top = p
			continue
		}
		if b.flake() >= s.options.Confidence {
			// Beyond a cause that was found it means no more than that this point fails as what is below it
			// does.
			s.noise.flake, s.noise.undecided = len(s.causes) == 0, true
			break
		}
		point, probability := b.likeliest()
		if probability >= s.options.Confidence {
			if q, state := s.verify(point, probability); state != settled {
				return q, state
			}
			continue
		}
		if len(s.pending) > 0 {
			return Question{}, waiting
		}
		q, gain, ok := b.ask(s.worth)
		tells := ok && gain >= leastGain
		if !tells || s.judgedSince(s.noise.from) >= s.patience() {
			s.noise.undecided, s.noise.blocked = true, !tells && s.wouldTell(b)
			break
		}
		return s.noisyQuestion(q, s.purpose(q)), asked
	}
	return Question{}, settled
}

// judgedSince counts the trials after the first n that were good or bad: a skip is none of those that a
// descent is given.
func (k *knowledge) judgedSince(n int) int {
	judged := 0
	for _, t := range k.trials[n:] {
		if t.Verdict != Skip {
			judged++
		}
	}
	return judged
}

// wouldTell reports whether a point would tell more if it could be judged.
func (k *knowledge) wouldTell(b *belief) bool {
	if len(k.skips) == 0 {
		return false
	}
	_, gain, ok := b.ask(func(p Point) float64 {
		if k.exists(p) && k.untestable(p) {
			return 1
		}
		return 0
	})
	return ok && gain >= leastGain
}

// purpose says what a question below the top of a descent is after.
func (s *Search) purpose(q Point) Why {
	axes := s.moved(s.top, q)
	switch {
	case len(axes) == 0:
		return Confirmation
	case len(axes) == 1 && s.space.Axes[axes[0]].Commit:
		return Midpoint
	case len(axes) == 1 && q[axes[0]] != 0:
		return LevelStep
	}
	return Relevance
}

func (s *Search) noisyQuestion(p Point, why Why) Question {
	broken, healthy := s.rates()
	failing := s.noise.belief.failing(p)
	q := Question{Point: p, Why: why, Repeat: s.at(p) != Unknown, chance: failing*broken + (1-failing)*healthy}
	if s.top != nil {
		q.Axes = s.moved(s.top, p)
	}
	if why == Midpoint {
		commits := map[int]bool{}
		for _, c := range s.noise.belief.candidates(mostCandidates) {
			if c.Probability > 1e-3 {
				commits[c.Point[q.Axes[0]]] = true
			}
		}
		q.Left = max(2, len(commits))
	}
	return q
}

func (k *knowledge) rates() (broken, healthy float64) {
	if k.noise.rates == nil {
		n := k.noise.belief.noise()
		k.noise.rates = &Rates{Broken: n.Broken.Mean, Healthy: n.Healthy.Mean}
	}
	return k.noise.rates.Broken, k.noise.rates.Healthy
}

// weighTrials is the logarithm of the odds that the trials at points for which counts is true give to
// "broken" over "healthy".
func (k *knowledge) weighTrials(counts func(Point) bool) float64 {
	broken, healthy := k.rates()
	sum := 0.0
	for _, t := range k.trials {
		if t.Verdict == Skip || !counts(t.Point) || k.isAlias(t) {
			continue
		}
		if t.Verdict == Bad {
			sum += math.Log(broken / healthy)
		} else {
			sum += math.Log((1 - broken) / (1 - healthy))
		}
	}
	return sum
}

// isAlias reports whether t is a trial made elsewhere, which counts there.
func (k *knowledge) isAlias(t Trial) bool {
	return slices.ContainsFunc(k.aliases, func(a Trial) bool { return a.ID == t.ID && a.Point.Equal(t.Point) })
}

// surely is the logarithm of the odds that make one part of a claim sure enough.
func (k *knowledge) surely() float64 {
	return math.Log(k.options.Confidence / (1 - k.options.Confidence))
}

// verify builds the likeliest point, and those just below it, until each shows by its own trials what is
// claimed of it.
func (s *Search) verify(p Point, probability float64) (Question, state) {
	var open []Point
	if s.weighTrials(p.Equal) < s.surely() {
		open = append(open, p)
	}
	for _, q := range s.below(p) {
		switch {
		case s.weighTrials(q.Equal) > s.surely():
			s.top = q // it fails after all, and the cause lies further down
			return Question{}, settled
		case s.weighTrials(s.shows(p, q)) > -s.surely():
			open = append(open, q)
		}
	}
	if len(open) == 0 {
		s.noise.proofs = append(s.noise.proofs, proof{p, probability})
		s.causes = append(s.causes, p)
		s.confirmed++
		s.top = nil
		return Question{}, settled
	}
	// The one tried least comes first, so that the repeats of one point are spread in time: failures come in
	// bursts.
	best := -1
	for i, q := range open {
		if s.untestable(q) || !s.exists(q) || s.attempts(q) >= s.options.Repeat {
			s.candidates = append(s.candidates, s.noise.belief.candidates(mostCandidates)...)
			s.noise.undecided, s.noise.blocked = true, s.untestable(q)
			return Question{}, settled
		}
		if best < 0 || s.attempts(q)+s.inFlight(q) < s.attempts(open[best])+s.inFlight(open[best]) {
			best = i
		}
	}
	if s.inFlight(open[best]) > 0 {
		return Question{}, waiting
	}
	return s.noisyQuestion(open[best], Confirmation), asked
}

// shows tells the points whose good trials speak for q, just below p: those at or above q that do not contain
// p.
func (k *knowledge) shows(p, q Point) func(Point) bool {
	return func(r Point) bool { return k.space.Leq(q, r) && !k.space.Leq(p, r) }
}

// judgeNoisy is what the trials at p, and the good ones above it that contain no cause, are enough to say of
// it.
func (k *knowledge) judgeNoisy(p Point) Verdict {
	if k.weighTrials(p.Equal) > k.surely() {
		return Bad
	}
	above := func(r Point) bool {
		return k.space.ImpliesGood(r, p) && !slices.ContainsFunc(k.causes, func(c Point) bool { return k.space.Leq(c, r) })
	}
	if k.weighTrials(above) < -k.surely() {
		return Good
	}
	return Unknown
}

func (k *knowledge) proveNoisy(p Point) Cause {
	cause := Cause{Point: p, Bad: k.agreeing(p, Bad)}
	for _, proof := range k.noise.proofs {
		if proof.point.Equal(p) {
			cause.Confidence = proof.confidence
		}
	}
	cause.Confirmed = len(cause.Bad)
	for _, q := range k.below(p) {
		w := Witness{Point: q}
		shows := k.shows(p, q)
		for _, t := range k.goods {
			if shows(t.Point) {
				w.Trials = append(w.Trials, k.agreeing(t.Point, Good)...)
			}
		}
		slices.Sort(w.Trials)
		w.Trials = slices.Compact(w.Trials)
		cause.Confirmed = min(cause.Confirmed, len(w.Trials))
		cause.Good = append(cause.Good, w)
	}
	return cause
}

// surelyBad is a point below the top of the descent that its own trials show to fail: some minimal failing
// point is below it, whatever the number of causes. It is judged by what the ends themselves were seen to do:
// the rates of a posterior that assumes a single cause are off where there are several.
func (s *Search) surelyBad() Point {
	broken, healthy := s.badShare(s.space.Bad()), s.badShare(s.space.Good())
	if broken <= healthy {
		return nil
	}
	for _, t := range s.bads {
		if t.Point.Equal(s.top) || !s.space.Leq(t.Point, s.top) {
			continue
		}
		bads, goods := float64(len(s.agreeing(t.Point, Bad))), float64(len(s.agreeing(t.Point, Good)))
		if bads*math.Log(broken/healthy)+goods*math.Log((1-broken)/(1-healthy)) > s.surely()+math.Log(10) {
			return t.Point
		}
	}
	return nil
}

// badShare is the share of trials at p that fail, with half a trial of either kind added (Jeffreys).
func (k *knowledge) badShare(p Point) float64 {
	bads, goods := float64(len(k.agreeing(p, Bad))), float64(len(k.agreeing(p, Good)))
	return (bads + 0.5) / (bads + goods + 1)
}
