package bisect

import (
	"math"
	"slices"
)

// A build that cannot be judged says nothing of good or bad, and may be a passing fault: a download that
// failed, a machine that was slow. So a skip is doubted, and its point built again, before it costs anything:
// at an end at once; in a descent when only skips keep it from an answer, and until then the search moves
// away from it; just below a cause, and in the certificate, at once. A point of which nothing but skips is
// seen is untestable where these are no longer to be explained by faults that pass.
const (
	// endLooks is how often an end is built that is skipped alike each time, where such a fault was not seen
	// to pass: one that strikes every second build does so in less than 2 % of runs. One that is skipped in
	// other ways, or by a fault that can pass, has a little more.
	endLooks, doubtedEndLooks = 6, 8

	// alikeLooks is the same for any other point: there the search goes on, and what comes may show that the
	// fault can pass.
	alikeLooks = 5

	// mostLooks is how often a point is built that never says good or bad.
	mostLooks = 12

	// Odds from which on skips at a point are taken to be there to stay: where they look alike, and where
	// they do not.
	alikeOdds, unlikeOdds = 40.0, 1000.0
)

// looked is what was seen of a point that was skipped.
type looked struct {
	builds  int    // that were skipped
	symptom string // of the first
	alike   bool   // all have that symptom
	judged  bool   // another build there was good or bad
	lasting bool   // one of them says that it will be so each time
}

// faults is what was seen of skips with one symptom, or of all.
type faults struct {
	passed  int // skips at points that were judged as well
	judged  int // those points
	stuck   int // points where nothing else was seen
	twice   int // of these, those built more than once
	repeats int // builds there beyond the first of each
}

func (f *faults) add(l looked) {
	switch {
	case l.judged:
		f.passed, f.judged = f.passed+l.builds, f.judged+1
	default:
		f.stuck, f.repeats = f.stuck+1, f.repeats+l.builds-1
		if l.builds > 1 {
			f.twice++
		}
	}
}

// A skipLog sums up all skips among the first trials.
type skipLog struct {
	trials int // that it sums up
	judged int // builds that were good or bad
	points map[string]looked
	kinds  map[string]*faults // by symptom
	all    faults
}

// skipLog is made anew when there are new trials, and never changed: clones share it.
func (e *evidence) skipLog() *skipLog {
	if e.log != nil && e.log.trials == len(e.trials) {
		return e.log
	}
	log := &skipLog{trials: len(e.trials), points: map[string]looked{}, kinds: map[string]*faults{}}
	type build struct {
		id    int
		point string
	}
	seen := map[build]bool{} // one that answered twice, as where two points have the same tree
	judged := map[string]bool{}
	for _, t := range e.trials {
		at := build{t.ID, t.Point.key()}
		switch {
		case seen[at]:
			continue
		case t.Verdict != Skip:
			log.judged++
			judged[at.point] = true
		default:
			l, again := log.points[at.point]
			if !again {
				l = looked{symptom: t.Symptom, alike: true}
			}
			l.builds++
			l.lasting = l.lasting || t.Lasting
			l.alike = l.alike && l.symptom == t.Symptom
			log.points[at.point] = l
		}
		seen[at] = true
	}
	for key, l := range log.points {
		l.judged = judged[key]
		log.points[key] = l
		if log.kinds[l.symptom] == nil {
			log.kinds[l.symptom] = &faults{}
		}
		log.kinds[l.symptom].add(l)
		log.all.add(l)
	}
	e.log = log
	return log
}

// faults are those that the skips at a point are compared with: all, where these do not look alike.
func (log *skipLog) faults(l looked) *faults {
	if !l.alike {
		return &log.all
	}
	return log.kinds[l.symptom]
}

// rate is how often a build is hit by a fault that passes, by those that did (Jeffreys).
func (log *skipLog) rate(f *faults) float64 {
	return (float64(f.passed) + 0.5) / (float64(f.passed+log.judged) + 1)
}

// odds are those that a point is untestable, of which nothing but skips was seen. Where such faults were not
// seen to pass, all points that show them are taken together: either all are untestable, or all were hit by
// chance, first and in each repeat.
func (log *skipLog) odds(l looked) float64 {
	f := log.faults(l)
	if f.judged == 0 {
		chance := (float64(f.stuck) + 0.5) / float64(f.stuck+log.judged+1)
		return math.Pow(chance, -float64(f.repeats))
	}
	others := f.twice
	if l.builds > 1 {
		others--
	}
	return float64(1+2*others) / float64(1+2*f.judged) * math.Pow(log.rate(f), -float64(l.builds-1))
}

// looked is what was seen of p, if that is skips and nothing else.
func (e *evidence) looked(p Point) (l looked, ok bool) {
	if len(e.skips) == 0 {
		return l, false
	}
	l, ok = e.skipLog().points[p.key()]
	return l, ok && !l.judged
}

// skipsAt counts the builds at p that were skipped.
func (e *evidence) skipsAt(p Point) int {
	if len(e.skips) == 0 {
		return 0
	}
	return e.skipLog().points[p.key()].builds
}

// untestable reports whether p cannot be judged, however often it is built.
func (e *evidence) untestable(p Point) bool {
	l, ok := e.looked(p)
	switch {
	case !ok:
		return false
	case e.options.SkipsAreFinal || l.lasting || l.builds >= mostLooks:
		return true
	case l.builds < 2:
		return false //mutate:skiponce
	case l.alike:
		never := e.skipLog().faults(l).judged == 0
		return never && l.builds >= alikeLooks || e.skipLog().odds(l) >= alikeOdds
	}
	return e.skipLog().odds(l) >= unlikeOdds
}

// avoided reports whether a descent moves away from p: it was skipped, and as often as it may have been by
// now. Where such a fault was seen to pass, a point is built once more before that.
func (e *evidence) avoided(p Point) bool {
	l, ok := e.looked(p)
	if !ok || e.untestable(p) {
		return ok
	}
	looks := max(1, e.looks)
	if e.skipLog().faults(l).judged > 0 {
		looks++
	}
	return l.builds >= looks
}

// unjudged reports whether a build at p may still be the first that says good or bad.
func (e *evidence) unjudged(p Point) bool {
	_, skipped := e.looked(p)
	return e.at(p) == Unknown || skipped && !e.untestable(p)
}

// worth is the part of what a verdict at p would tell that is to be expected of one more build: some points
// can hardly be judged.
func (e *evidence) worth(p Point) float64 {
	l, ok := e.looked(p)
	switch {
	case !e.exists(p) || e.attempts(p) >= e.options.Repeat || ok && e.untestable(p):
		return 0
	case !ok:
		return 1
	}
	return 1 / (1 + e.skipLog().odds(l))
}

// lookAgainAtEnds asks for an end again of which nothing but skips was seen. It gives up when one was skipped
// too often, and at once where both are, twice each and all alike: that is no matter of what changed between
// them.
func (s *Search) lookAgainAtEnds() (Question, state) {
	var ends []Point
	for _, end := range []Point{s.space.Bad(), s.space.Good()} {
		l, skipped := s.looked(end)
		if !skipped {
			continue
		}
		most := doubtedEndLooks
		if l.alike && s.skipLog().faults(l).judged == 0 {
			most = endLooks
		}
		if s.options.SkipsAreFinal || l.lasting || l.builds >= most {
			return Question{}, settled
		}
		ends = append(ends, end)
	}
	if len(ends) == 0 || s.EndsSkipAlike() {
		return Question{}, settled
	}
	// The one built less often comes first: with both built twice the other may be in vain.
	slices.SortStableFunc(ends, func(p, q Point) int { return s.skipsAt(p) - s.skipsAt(q) })
	for _, end := range ends {
		if s.inFlight(end) > 0 && s.skipsAt(end) < 2 {
			return Question{}, waiting
		}
		if s.inFlight(end) == 0 {
			return Question{Point: end, Why: Endpoint, chance: 0.5}, asked
		}
	}
	return Question{}, waiting
}

// EndsSkipAlike reports whether nothing was seen of both ends but skips that look the same, in two builds of
// each at least.
func (s *Search) EndsSkipAlike() bool {
	bad, skipped := s.looked(s.space.Bad())
	good, both := s.looked(s.space.Good())
	return skipped && both && bad.alike && good.alike && bad.symptom == good.symptom && min(bad.builds, good.builds) > 1 //mutate:endonce
}

// passing counts the kinds of faults that were seen to pass.
func (e *evidence) passing() int {
	n := 0
	if len(e.skips) > 0 {
		for _, f := range e.skipLog().kinds {
			if f.judged > 0 {
				n++
			}
		}
	}
	return n
}

// reopen takes up again what skips left undecided, where it is seen only afterwards that such a fault can
// pass. Otherwise it would only end as before.
func (s *Search) reopen() bool {
	if len(s.candidates) == 0 || s.passing() == s.passedBy {
		return false
	}
	s.passedBy = s.passing()
	doubted := slices.ContainsFunc(s.skips, func(t Trial) bool { return s.skipped(t.Point) && !s.untestable(t.Point) })
	if !doubted {
		return false
	}
	for _, c := range s.candidates {
		s.refused = slices.DeleteFunc(slices.Clone(s.refused), c.Point.Equal)
		if s.at(c.Point) == Bad {
			s.tops = append(s.tops, c.Point)
		}
	}
	s.candidates, s.more = nil, false
	return true
}
