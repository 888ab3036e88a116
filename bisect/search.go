package bisect

import "fmt"

// Options tune a search.
type Options struct {
	Confirm       int // builds in all behind each part of a reported claim; at least 1
	CertifyProbes int // points the certificate may try
	// Identity, if set, tells what a trial at a point is made of. Points with the same identity are built once.
	Identity func(Point) string
}

// Why is the purpose of a question.
type Why string

const (
	Endpoint     Why = "endpoint"     // do the two ends differ at all?
	Relevance    Why = "relevance"    // are these axes needed for the failure?
	LevelStep    Why = "level"        // which level of a needed axis?
	Midpoint     Why = "midpoint"     // which commit?
	Blamed       Why = "blamed"       // a commit already blamed in another cause, or just below it
	Necessity    Why = "necessity"    // is a parent that does not contain the good commit really good?
	Confirmation Why = "confirmation" // is a witness seen again?
	Certificate  Why = "certificate"  // does anything fail that avoids every cause found?
	Drift        Why = "drift"        // do the ends still say what they said?
)

// A Question is a point to build.
type Question struct {
	Point  Point
	Why    Why
	Axes   []int // the axes asked about, where there are any
	Left   int   // commits still suspected, where the commit axis is asked about; 1: only whether that one matters is open
	Repeat bool  // build it even though it was built before
}

// A Search finds the causes of a failure in a space, question by question.
type Search struct {
	space   *Space
	options Options
	evidence
	pending    *Question
	ended      bool
	probes     int
	certified  int     // certificate points tried
	closed     string  // why the certificate was ended early
	top        Point   // where the current descent started, nil between descents
	causes     []Point // minimal failing points, in the order found
	confirmed  int     // how many of causes have been through confirmation
	candidates []Candidate
	more       bool              // there are more candidates than were listed
	identities map[string]string // of points, by key
	conflicts  []Contradiction
	aliases    []Trial // points answered by a trial at another, made of the same things
}

// NewSearch starts a search in space.
func NewSearch(space *Space, options Options) *Search {
	options.Confirm = max(options.Confirm, 1)
	return &Search{space: space, options: options, evidence: evidence{space: space}, top: space.Bad(), identities: map[string]string{}}
}

// Next returns the question whose answer the search needs, or false when it has ended. Asked again before Tell, it
// returns the same question.
func (s *Search) Next() (Question, bool) {
	for {
		q, ok := s.next()
		if !ok {
			s.pending, s.ended = nil, true
			return Question{}, false
		}
		if known, found := s.remembered(q); found {
			known.Point = q.Point
			s.aliases = append(s.aliases, known)
			s.record(known)
			continue
		}
		s.pending = &q
		return q, true
	}
}

// Tell adds the trial that answers the question last asked.
func (s *Search) Tell(t Trial) error {
	switch {
	case s.pending == nil || !s.pending.Point.Equal(t.Point):
		return fmt.Errorf("trial %d at %v answers no question", t.ID, t.Point)
	case t.Verdict == Unknown:
		return fmt.Errorf("trial %d at %v has no verdict", t.ID, t.Point)
	}
	if !s.pending.Repeat {
		s.probes++
	}
	if s.pending.Why == Certificate {
		s.certified++
	}
	s.pending = nil
	s.record(t)
	return nil
}

// EndCertificate makes the search stop looking for further causes, for instance because time is up. What is still
// untested is reported with this reason.
func (s *Search) EndCertificate(why string) { s.closed = why }

// Proved is the number of causes found and confirmed so far.
func (s *Search) Proved() int { return s.confirmed }

func (s *Search) record(t Trial) {
	s.conflicts = append(s.conflicts, s.evidence.contradictions(t)...)
	s.evidence.add(t)
}

// remembered finds a trial made of the same things as q's point.
func (s *Search) remembered(q Question) (Trial, bool) {
	if q.Repeat || s.options.Identity == nil {
		return Trial{}, false
	}
	identity := s.identity(q.Point)
	for _, t := range s.trials {
		if s.identity(t.Point) == identity {
			return t, true
		}
	}
	return Trial{}, false
}

// identity asks once for each point.
func (s *Search) identity(p Point) string {
	key := p.key()
	id, known := s.identities[key]
	if !known {
		id = s.options.Identity(p)
		s.identities[key] = id
	}
	return id
}

// next decides from the evidence alone what to ask.
func (s *Search) next() (Question, bool) {
	for _, end := range []Point{s.space.Bad(), s.space.Good()} {
		if s.at(end) == Unknown {
			return Question{Point: end, Why: Endpoint}, true
		}
	}
	if !s.bracketed() {
		return Question{}, false
	}
	for len(s.conflicts) == 0 {
		if s.confirmed < len(s.causes) {
			if s.withdraw(s.causes[s.confirmed]) {
				continue
			}
			if q, ok := s.confirm(s.causes[s.confirmed]); ok {
				return q, true
			}
			s.confirmed++
			continue
		}
		if s.top != nil {
			if q, ok := s.descend(); ok {
				return q, true
			}
			continue
		}
		if len(s.candidates) > 0 {
			break // what could not be decided would be found again and again
		}
		q, top := s.certify()
		if top != nil {
			s.top = top
			continue
		}
		if q != nil {
			return *q, true
		}
		break
	}
	if len(s.conflicts) == 0 && s.options.Confirm > 1 {
		return s.drift()
	}
	return Question{}, false
}

func (s *Search) bracketed() bool {
	return s.at(s.space.Bad()) == Bad && s.at(s.space.Good()) == Good
}

// retries is how many trials beyond the wanted ones a repeat may lose to skips.
const retries = 2

// confirm asks for the trials that a cause's witnesses still lack, to avoid false accusations: one misread trial
// contradicts nothing, because the search never asks what earlier verdicts imply.
func (s *Search) confirm(cause Point) (Question, bool) {
	for _, step := range s.space.Steps(cause) {
		// A parent that does not contain the good commit may be called good by way of a merge that repaired it.
		q := cause.With(step.Axis, step.Level)
		if s.space.Axes[step.Axis].sides[step.Level] != After && s.at(q) == Unknown {
			return Question{Point: q, Why: Necessity, Axes: []int{step.Axis}}, true
		}
	}
	claims := []struct {
		at Point
		v  Verdict
	}{{cause, Bad}}
	for _, step := range s.space.Steps(cause) {
		if t, ok := s.good(cause.With(step.Axis, step.Level)); ok {
			claims = append(claims, struct {
				at Point
				v  Verdict
			}{t.Point, Good})
		}
	}
	for _, c := range claims {
		if len(s.agreeing(c.at, c.v)) < s.options.Confirm && s.attempts(c.at) < s.options.Confirm+retries {
			return Question{Point: c.at, Why: Confirmation, Repeat: true}, true
		}
	}
	return Question{}, false
}

// withdraw makes candidates of a cause and of those of its parents, beside the good commit or before it, that could not be
// judged. That they are good by way of what contains them is no witness: it may have repaired them.
func (s *Search) withdraw(cause Point) bool {
	open := []Point{cause}
	for _, step := range s.space.Steps(cause) {
		q := cause.With(step.Axis, step.Level)
		if s.space.Axes[step.Axis].sides[step.Level] != After && s.skipped(q) {
			open = append(open, q)
		}
	}
	if len(open) == 1 {
		return false
	}
	for _, p := range open {
		s.candidates = append(s.candidates, Candidate{Point: p, Probability: 1 / float64(len(open))})
	}
	s.causes = s.causes[:s.confirmed]
	return true
}

// drift asks for both ends once more: if the world changed under the search, its verdicts do not fit together.
func (s *Search) drift() (Question, bool) {
	for _, end := range []Point{s.space.Bad(), s.space.Good()} {
		if s.attempts(end) < 2 {
			return Question{Point: end, Why: Drift, Repeat: true}, true
		}
	}
	return Question{}, false
}

// Finding sums up what is known now. Before the search has ended it holds what is proved so far.
func (s *Search) Finding() Finding {
	f := Finding{Candidates: s.candidates, MoreCandidates: s.more, Contradictions: s.conflicts, Aliases: s.aliases, Probes: s.probes}
	for _, t := range s.skips {
		if t.Class == Other {
			f.Differently = append(f.Differently, t)
		}
	}
	for _, p := range s.causes[:s.confirmed] {
		f.Causes = append(f.Causes, s.prove(p))
	}
	ends := s.at(s.space.Bad()) != Unknown && s.at(s.space.Good()) != Unknown
	switch {
	case len(f.Contradictions) > 0:
		f.Outcome = Inconsistent
	case ends && !s.bracketed():
		f.Outcome = NotBracketed
	case len(f.Causes) > 0:
		f.Outcome = Isolated
		f.Untested = s.untested()
		f.Complete = s.ended && len(f.Untested) == 0 && len(f.Candidates) == 0
		for _, c := range f.Causes {
			f.Complete = f.Complete && c.Confirmed >= s.options.Confirm
		}
	default:
		f.Outcome = Inconclusive
	}
	return f
}

// prove gathers the trials behind a cause.
func (s *Search) prove(p Point) Cause {
	cause := Cause{Point: p, Bad: s.agreeing(p, Bad)}
	cause.Confirmed = len(cause.Bad)
	for _, step := range s.space.Steps(p) {
		t, _ := s.good(p.With(step.Axis, step.Level))
		w := Witness{Step: step, Trials: s.agreeing(t.Point, Good)}
		cause.Confirmed = min(cause.Confirmed, len(w.Trials))
		cause.Good = append(cause.Good, w)
	}
	return cause
}
