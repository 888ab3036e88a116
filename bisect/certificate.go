package bisect

import "slices"

// region is a maximal point among those that contain no cause found so far.
type region struct {
	point  Point
	weight int // points one axis away from it that may still fail, to order the asking
}

// certify looks for a failure that no cause explains. It returns a question, or the top of a new descent.
//
// A failing point that contains none of the causes lies at or below a maximal such point; if all of those are
// good, no further cause exists (as long as moving toward bad never repairs).
func (s *Search) certify() (Question, state, Point) {
	ask, _, failing := s.regions()
	if len(failing) > 0 {
		return Question{}, settled, failing[0]
	}
	flying := 0
	for _, q := range s.pending {
		if q.Why == Certificate && !q.Repeat {
			flying++
		}
	}
	heaviest, wait := -1, false
	for i, r := range ask {
		again := s.attempts(r.point) > 0 // where noise is modelled, or what was skipped is built again
		switch {
		case s.inFlight(r.point) > 0:
			wait = true
		case !again && s.certified >= s.options.CertifyProbes:
		case !again && s.certified+flying >= s.options.CertifyProbes:
			wait = true
		case heaviest < 0 || r.weight > ask[heaviest].weight:
			heaviest = i
		}
	}
	switch {
	case s.closed != "" || heaviest < 0 && !wait:
		return Question{}, settled, nil
	case heaviest < 0:
		return Question{}, waiting, nil
	}
	p := ask[heaviest].point
	return Question{Point: p, Why: Certificate, Repeat: s.at(p) != Unknown, chance: 0.2}, asked, nil
}

// untested lists what keeps the certificate from being complete.
func (s *Search) untested() []Untested {
	ask, skipped, failing := s.regions()
	why := s.closed
	switch {
	case why != "":
	case s.stopped != "":
		why = s.stopped
	case len(s.turns) > 0:
		why = "the order does not hold"
	case s.certified >= s.options.CertifyProbes:
		why = "budget"
	default:
		why = "not reached"
	}
	var list []Untested
	for _, p := range append(slices.Clone(s.causes[s.confirmed:]), failing...) {
		list = append(list, Untested{Point: p, Why: "fails, and no cause found so far explains it", Cost: 1})
	}
	for _, r := range ask {
		list = append(list, Untested{Point: r.point, Why: why, Cost: 1})
	}
	return append(list, skipped...)
}

// mostRegions bounds, together with what may be asked, the points that take the place of skipped ones.
const mostRegions = 64

// regions sorts the maximal points that avoid every cause into those to ask and those that could not be
// judged; failing is one that is known to fail. A point that could not be judged is replaced by the points
// just below it, and itself stays untested, with whatever lies between.
func (s *Search) regions() (ask []region, skipped []Untested, failing []Point) {
	queue := s.maximalAvoiding()
	seen := map[string]bool{}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		if seen[p.key()] {
			continue
		}
		seen[p.key()] = true
		switch verdict := s.judge(p); {
		case verdict == Good: //mutate:skipgood
		case verdict == Bad && s.exists(p):
			failing = append(failing, p)
		case s.untestable(p) || !s.exists(p) || s.noise.on && s.attempts(p) >= s.options.Repeat:
			exists := s.exists(p)
			if exists {
				skipped = append(skipped, Untested{Point: p, Why: s.skipReason(p), Cost: 1})
				if len(ask)+len(queue) > s.options.CertifyProbes+mostRegions {
					continue // more than can be asked
				}
			}
			for _, step := range s.space.Steps(p) {
				if exists || !s.space.Axes[step.Axis].Commit { // what cannot exist cannot at any commit
					queue = append(queue, p.With(step.Axis, step.Level))
				}
			}
		default:
			ask = append(ask, region{point: p})
		}
	}
	ask = slices.DeleteFunc(ask, func(r region) bool {
		return slices.ContainsFunc(ask, func(t region) bool {
			return !t.point.Equal(r.point) && s.space.ImpliesGood(t.point, r.point)
		})
	})
	for i := range ask {
		for axis := range s.space.Axes {
			ask[i].weight += s.open(ask[i].point, axis).Count()
		}
	}
	return ask, skipped, failing
}

// judge is what is known of p: by the trials there, good also by those above, and bad by those below.
func (s *Search) judge(p Point) Verdict {
	if s.noise.on {
		return s.judgeNoisy(p)
	}
	if v := s.implied(p); v != Unknown {
		return v
	}
	return s.at(p)
}

// maximalAvoiding lists the maximal points that contain no cause: from the bad end, one step down for each
// cause, in all combinations, without those that another of them contains.
func (s *Search) maximalAvoiding() []Point {
	points := []Point{s.space.Bad()}
	for _, cause := range s.causes {
		var next []Point
		for _, p := range points {
			if !s.space.Leq(cause, p) {
				next = append(next, p)
				continue
			}
			for i, a := range s.space.Axes {
				if cause[i] == 0 { //mutate:stepdown
					continue
				}
				for _, level := range a.maximalAvoiding(p[i], cause[i]) {
					next = append(next, p.With(i, level))
				}
			}
		}
		points = s.maximal(next)
	}
	return points
}

// maximal drops every point that another one vouches for, and repetitions.
func (s *Search) maximal(points []Point) []Point {
	var kept []Point
	for i, p := range points {
		dominated := slices.ContainsFunc(points[:i], p.Equal) ||
			slices.ContainsFunc(points, func(q Point) bool { return !q.Equal(p) && s.space.ImpliesGood(q, p) })
		if !dominated {
			kept = append(kept, p)
		}
	}
	return kept
}

func (s *Search) skipReason(p Point) string {
	for _, t := range s.trials {
		if t.Point.Equal(p) && t.Class == Other {
			return "fails differently"
		}
	}
	if !s.skipped(p) {
		return "noise"
	}
	return "skipped"
}
