package bisect

import (
	"fmt"
	"math"
	"slices"
)

// Options tune a search.
type Options struct {
	Confirm       int // builds in all behind each part of a reported claim; at least 1
	CertifyProbes int // points the certificate may try
	Workers       int // questions that may be in flight at once; at least 1
	MaxTrials     int // in all; 0: no limit

	// Identity, if set, tells what a trial at a point is made of. Points with the same identity are built
	// once.
	Identity func(Point) string
	// Exists, if set, tells the points that can exist. Both ends do, and it does not depend on the commit.
	Exists func(Point) bool
	// Known are trials made before the search began. Their ids are smaller than those of the search.
	Known []Trial

	// Noise. A search turns to modelling it when a build contradicts itself; with Flaky or Rates it does so
	// from the start.
	Flaky      bool
	Rates      *Rates  // how often broken and healthy builds fail, where that is known
	Confidence float64 // asked of an answer where noise is modelled; default 0.99
	Repeat     int     // trials at one point where noise is modelled; default 50

	// SkipsAreFinal builds no point again that was skipped, as searches did at first: their journals are
	// replayed so.
	SkipsAreFinal bool

	// AllTransitions goes on to try every level of each axis, the others at their bad ends.
	AllTransitions bool
}

// A Search finds the causes of a failure in a space, question by question. It decides what to ask next, from
// what it knows.
type Search struct {
	knowledge
	nextID  int
	asked   int    // questions handed out and not cancelled
	stopped string // why the search was ended early
	closed  string // why the certificate was ended early
	ended   bool

	top        Point   // where the current descent started, nil between descents
	tops       []Point // where descents are still to start
	candidates []Candidate
	more       bool // there are more candidates than were listed
	certified  int  // certificate points tried
	passedBy   int  // kinds of faults seen to pass when the candidates were last looked through
	broken     bool // the failure was there, and repaired, before the good end
}

// NewSearch starts a search in space.
func NewSearch(space *Space, options Options) *Search {
	options.Confirm = max(options.Confirm, 1)
	options.Workers = max(options.Workers, 1)
	if options.Confidence == 0 {
		options.Confidence = 0.99
	}
	if options.Repeat == 0 {
		options.Repeat = 50
	}
	s := &Search{top: space.Bad(), nextID: 1}
	s.evidence = evidence{space: space, options: options, identities: map[string]string{}}
	s.noise.on = options.Flaky || options.Rates != nil
	for _, t := range options.Known {
		if t.Verdict == Unknown {
			continue
		}
		s.nextID = max(s.nextID, t.ID+1)
		s.record(t)
	}
	return s
}

// Next hands out a question, which is in flight until it is told or cancelled. Without one there is nothing
// to ask now: the search has ended if nothing is in flight, and else waits for what is.
//
// With several workers free at once they are planned for together, so ask as often as there are free workers.
func (s *Search) Next() (Question, bool) {
	if s.stopped != "" || len(s.pending) >= s.options.Workers {
		return Question{}, false
	}
	if s.options.MaxTrials > 0 && s.asked >= s.options.MaxTrials {
		if len(s.pending) == 0 && !s.idle() {
			s.Stop("max-trials")
		}
		return Question{}, false
	}
	// What is concluded in finding no question is not kept: asking in vain must not change what comes later.
	next := s.clone()
	q, state := next.advance()
	switch {
	case state == asked || state == settled && len(s.pending) == 0:
		*s = *next
	case state == waiting:
		if q, state = next.speculate(); state == asked {
			*s = *next
		}
	}
	if state != asked {
		s.ended = state == settled && len(s.pending) == 0
		return Question{}, false
	}
	q.ID = s.nextID
	s.nextID++
	s.asked++
	s.pending = append(s.pending, q)
	return q, true
}

// idle reports whether a search that may not ask any more has nothing to ask either.
func (s *Search) idle() bool {
	next := s.clone()
	if _, state := next.advance(); state != settled {
		return false
	}
	*s = *next
	s.ended = true
	return true
}

// Tell adds the trial that answers the question with its id.
func (s *Search) Tell(t Trial) error {
	i := slices.IndexFunc(s.pending, func(q Question) bool { return q.ID == t.ID })
	switch {
	case i < 0 || !s.pending[i].Point.Equal(t.Point):
		return fmt.Errorf("trial %d at %v answers no question", t.ID, t.Point)
	case t.Verdict != Good && t.Verdict != Bad && t.Verdict != Skip:
		return fmt.Errorf("trial %d at %v has no verdict", t.ID, t.Point)
	}
	s.answer(i, t)
	return nil
}

func (s *Search) answer(i int, t Trial) {
	q := s.pending[i]
	s.pending = slices.Concat(s.pending[:i], s.pending[i+1:])
	if !q.Repeat {
		s.probes++
	}
	if q.Why == Certificate && !q.Repeat {
		s.certified++
	}
	s.record(t)
}

// Cancel takes back a question in flight, without an answer. If it is needed after all, it is asked again.
func (s *Search) Cancel(id int) {
	before := len(s.pending)
	s.pending = slices.DeleteFunc(slices.Clone(s.pending), func(q Question) bool { return q.ID == id })
	s.asked -= before - len(s.pending) //mutate:cancelled
}

// Pending lists the questions in flight, in the order asked.
func (s *Search) Pending() []Question { return slices.Clone(s.pending) }

// EndCertificate makes the search stop looking for further causes, for instance because time is up. What is
// still untested is reported with this reason.
func (s *Search) EndCertificate(why string) { s.closed = why }

// Stop ends the search: nothing more is asked, and the finding says what is known, and why no more is.
func (s *Search) Stop(why string) {
	if s.stopped == "" && !s.ended {
		s.stopped = why
	}
}

// Proved lists the causes found and confirmed so far, in that order.
func (s *Search) Proved() []Cause {
	if !s.noise.on {
		s = s.concluded()
	}
	return s.proved()
}

// concluded is the search with all that follows from its evidence by now, the last trials' included.
func (s *Search) concluded() *Search {
	next := s.clone()
	next.advance()
	return next
}

func (k *knowledge) proved() []Cause {
	var list []Cause
	for _, p := range k.causes[:k.confirmed] {
		if k.noise.on || !k.fails(k.below(p)) {
			list = append(list, k.prove(p))
		}
	}
	return list
}

func (s *Search) record(t Trial) {
	contradicted := false
	for _, c := range s.evidence.conflicts(t) {
		s.conflicts = append(s.conflicts, c)
		if c.Bad.Point.Equal(c.Good.Point) {
			contradicted = true
		}
	}
	s.evidence.add(t)
	if contradicted && !s.noise.on { //mutate:noise
		s.modelNoise()
	}
}

// advance decides what to ask, and answers by itself what was built elsewhere.
func (s *Search) advance() (Question, state) {
	for {
		q, state := s.decide()
		skipped := state == asked && s.skipped(q.Point)
		q.Repeat = q.Repeat || skipped
		if !s.options.SkipsAreFinal {
			q.chance = math.Round(q.chance*1e9) / 1e9 // sums of the same weights in another order differ in the last digits
		}
		if state != asked || q.Repeat && !skipped || s.options.Identity == nil {
			return q, state
		}
		identity := s.identity(q.Point)
		if slices.ContainsFunc(s.pending, func(p Question) bool { return s.identity(p.Point) == identity }) {
			return Question{}, waiting
		}
		known, ok := s.twin(q.Point, identity)
		if !ok {
			return q, asked
		}
		known.Point = q.Point
		s.aliases = append(s.aliases, known)
		s.record(known)
	}
}

// twin is a trial at another point of the same identity as p that is not known to answer for p: the first
// that was judged, else the first.
func (e *evidence) twin(p Point, identity string) (found Trial, ok bool) {
	for _, t := range e.trials {
		if e.identity(t.Point) != identity || slices.ContainsFunc(e.trials, func(u Trial) bool { return u.ID == t.ID && u.Point.Equal(p) }) {
			continue
		}
		if t.Verdict != Skip {
			return t, true
		}
		if !ok {
			found, ok = t, true
		}
	}
	return found, ok
}

// identity asks once for each point.
func (e *evidence) identity(p Point) string {
	key := p.key()
	id, known := e.identities[key]
	if !known {
		id = e.options.Identity(p)
		e.identities[key] = id
	}
	return id
}

// clone is a search that can be told what s is not.
func (s *Search) clone() *Search {
	c := *s
	c.knowledge = s.knowledge.clone() //mutate:imagined
	c.tops, c.candidates = slices.Clip(s.tops), slices.Clip(s.candidates)
	return &c
}

// inFlight counts the questions at p that are in flight.
func (k *knowledge) inFlight(p Point) int {
	n := 0
	for _, q := range k.pending {
		if q.Point.Equal(p) {
			n++
		}
	}
	return n
}

// offer asks q, or waits for it where it is in flight.
func (k *knowledge) offer(q Question) (Question, state) {
	if k.inFlight(q.Point) > 0 {
		return Question{}, waiting
	}
	return q, asked
}

// unaskable reports a point that a descent does not ask: it was tried and could not be judged, or it cannot
// exist.
func (e *evidence) unaskable(p Point) bool { return e.avoided(p) || !e.exists(p) }

func (e *evidence) exists(p Point) bool { return e.options.Exists == nil || e.options.Exists(p) }
