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
func (k *knowledge) regions() (ask []region, skipped []Untested, failing []Point) {
	queue := k.maximalAvoiding()
	seen := map[string]bool{}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		if seen[p.key()] {
			continue
		}
		seen[p.key()] = true
		switch verdict := k.judge(p); {
		case verdict == Good: //mutate:skipgood
		case verdict == Bad && k.exists(p):
			failing = append(failing, p)
		case k.untestable(p) || !k.exists(p) || k.noise.on && k.attempts(p) >= k.options.Repeat:
			exists := k.exists(p)
			if exists {
				skipped = append(skipped, Untested{Point: p, Why: k.skipReason(p), Cost: 1})
				if len(ask)+len(queue) > k.options.CertifyProbes+mostRegions {
					continue // more than can be asked
				}
			}
			for _, step := range k.space.Steps(p) {
				if exists || !k.space.Axes[step.Axis].Commit { // what cannot exist cannot at any commit
					queue = append(queue, p.With(step.Axis, step.Level))
				}
			}
		default:
			ask = append(ask, region{point: p})
		}
	}
	ask = slices.DeleteFunc(ask, func(r region) bool {
		return slices.ContainsFunc(ask, func(t region) bool {
			return !t.point.Equal(r.point) && k.space.ImpliesGood(t.point, r.point)
		})
	})
	for i := range ask {
		for axis := range k.space.Axes {
			ask[i].weight += k.open(ask[i].point, axis).Count()
		}
	}
	return ask, skipped, failing
}

// judge is what is known of p: by the trials there, good also by those above, and bad by those below.
func (k *knowledge) judge(p Point) Verdict {
	if k.noise.on {
		return k.judgeNoisy(p)
	}
	if v := k.implied(p); v != Unknown {
		return v
	}
	return k.at(p)
}

// maximalAvoiding lists the maximal points that contain no cause: from the bad end, one step down for each
// cause, in all combinations, without those that another of them contains.
func (k *knowledge) maximalAvoiding() []Point {
	points := []Point{k.space.Bad()}
	for _, cause := range k.causes {
		var next []Point
		for _, p := range points {
			if !k.space.Leq(cause, p) {
				next = append(next, p)
				continue
			}
			for i, a := range k.space.Axes {
				if cause[i] == 0 { //mutate:stepdown
					continue
				}
				for _, level := range a.maximalAvoiding(p[i], cause[i]) {
					next = append(next, p.With(i, level))
				}
			}
		}
		points = k.maximal(next)
	}
	return points
}

// maximal drops every point that another one vouches for, and repetitions.
func (e *evidence) maximal(points []Point) []Point {
	var kept []Point
	for i, p := range points {
		dominated := slices.ContainsFunc(points[:i], p.Equal) ||
			slices.ContainsFunc(points, func(q Point) bool { return !q.Equal(p) && e.space.ImpliesGood(q, p) })
		if !dominated {
			kept = append(kept, p)
		}
	}
	return kept
}

func (e *evidence) skipReason(p Point) string {
	for _, t := range e.trials {
		if t.Point.Equal(p) && t.Class == Other {
			return "fails differently"
		}
	}
	if !e.skipped(p) {
		return "noise"
	}
	return "skipped"
}
