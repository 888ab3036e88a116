package bisect

import (
	"cmp"
	"slices"
)

// Outcome sums a search up.
type Outcome string

const (
	Isolated     Outcome = "isolated"      // at least one cause is proved
	Inconclusive Outcome = "inconclusive"  // skips or an early stop left no cause proved
	NotBracketed Outcome = "not-bracketed" // the bad end is not bad, or the good end not good
	Inconsistent Outcome = "inconsistent"  // verdicts contradict each other
	NoCulprit    Outcome = "no-culprit"    // nothing changed between the ends: a flake
)

// A Cause is a minimal failing point with the trials that prove it.
type Cause struct {
	Point     Point
	Bad       []int     // trials at the point, all bad
	Good      []Witness // one for each step down, all good
	Confirmed int       // the least number of trials that stand behind any part of the claim
	// Confidence is the posterior probability of the cause where noise is modelled, else 0: not computed.
	Confidence float64
}

// A Witness is a point just below a cause and the good trials at or above it. It lies one step down on one
// axis; only where that point cannot exist, it may differ on more.
type Witness struct {
	Point  Point
	Trials []int
}

// Candidate is a point that may be a minimal failing one, where skips, noise or a budget kept it from being
// decided.
type Candidate struct {
	Point       Point
	Probability float64 // where noise is modelled the posterior, else the share of the prior among all candidates of its descent
}

// Untested is a point that keeps the certificate from being complete.
type Untested struct {
	Point Point
	Why   string
	Cost  int // builds it would take
}

// Conflict is a bad build with a good one at or above it.
type Conflict struct {
	Bad, Good Trial
}

// Transition is a pair of neighbours, From one step toward good of To, that were built and differ.
type Transition struct {
	Axis               int
	From, To           Point
	Breaks             bool // From is good and To is bad; else To is a repair
	FromTrials, Trials []int
}

// Finding is all that a search found, and what it did not look at.
type Finding struct {
	Outcome        Outcome
	Complete       bool    // no further cause exists, as far as the order assumed holds
	Causes         []Cause // those of the fewest changes first
	Candidates     []Candidate
	MoreCandidates bool // than are listed; the probabilities are among those
	Untested       []Untested
	Differently    []Trial // failures without the signature
	Contradictions []Conflict
	Aliases        []Trial // points that a trial elsewhere answered, being made of the same things
	Probes         int     // questions answered, repeats apart
	Stopped        string  // the budget that ended the search early

	Noise       *Noise       // where noise was modelled
	NotMonotone []int        // axes along which a failure was seen to be repaired
	Transitions []Transition // witnessed, where the order does not hold or all levels were asked for
}

// Finding sums up what is known now. Before the search has ended it holds what is proved so far.
func (s *Search) Finding() Finding {
	s = s.concluded()
	f := Finding{Aliases: s.aliases, Probes: s.probes, Stopped: s.stopped, Causes: s.proved()}
	slices.SortFunc(f.Causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(len(s.moved(a.Point, s.space.Good())), len(s.moved(b.Point, s.space.Good()))), slices.Compare(a.Point, b.Point))
	})
	for _, t := range s.trials {
		if t.Class == Other && !slices.ContainsFunc(f.Differently, func(u Trial) bool { return u.Point.Equal(t.Point) }) {
			f.Differently = append(f.Differently, t)
		}
	}
	f.Outcome = s.outcome(len(f.Causes) > 0)
	if s.stopped != "" || s.noise.undecided {
		f.Candidates, f.MoreCandidates = s.undecided()
	} else {
		f.Candidates, f.MoreCandidates = s.candidates, s.more
	}
	if s.noise.on {
		f.Candidates = credible(f.Candidates)
	}
	switch {
	case f.Outcome == Inconsistent:
		f.Contradictions = s.conflicts
	case !s.noise.on: // stopped before both sides of them were built again
		f.Contradictions = slices.DeleteFunc(slices.Clone(s.conflicts), func(c Conflict) bool { return s.isIsolated(c.Good.Point) })
	}
	if f.Outcome == Isolated {
		f.Untested = s.untested()
		f.Complete = s.ended && len(f.Untested) == 0 && len(f.Candidates) == 0 && len(s.turns) == 0
		for _, c := range f.Causes {
			f.Complete = f.Complete && (s.noise.on || c.Confirmed >= s.options.Confirm)
		}
	}
	if s.noise.on && s.noise.belief != nil {
		n := s.noise.belief.noise()
		f.Noise = &n
	}
	f.NotMonotone = s.notMonotone()
	if len(s.turns) > 0 || s.options.AllTransitions && !s.noise.on {
		f.Transitions = s.transitions()
	}
	return f
}

func (s *Search) outcome(proved bool) Outcome {
	switch {
	case s.broken:
		return Inconsistent
	case s.at(s.space.Bad()) != Unknown && s.at(s.space.Good()) != Unknown && !s.bracketed():
		return NotBracketed
	case s.noise.flake:
		return NoCulprit
	case proved:
		return Isolated
	case s.noise.undecided && !s.noise.blocked && len(s.conflicts) > 0: //mutate:undecided
		return Inconsistent
	}
	return Inconclusive
}
