package bisect

// Backwards says how many commits before a bad one to look for a good one: 1, 2, 4, 8 and so on, and last the
// oldest. What broke the build is then no further from the good commit found than twice what was needed, and
// finding it took a number of builds that grows with the logarithm of the distance (Bentley and Yao, An
// almost optimal algorithm for unbounded searching, 1976).
func Backwards(oldest int) []int {
	var steps []int
	for step := 1; step < oldest; step *= 2 {
		steps = append(steps, step)
	}
	if oldest > 0 {
		steps = append(steps, oldest)
	}
	return steps
}

// A GoodSearch goes down a ladder from the bad end to a good commit: levels of axis 0 of which the last is
// the bad one and each other is one that Backwards names, the oldest first. A rung that cannot be judged, in
// [rungLooks] builds, is passed by. It asks one question at a time, and is told as a [Search] is.
type GoodSearch struct {
	options  Options
	good     Point // all else good
	bad      Point // the bad end
	rung     int
	first    int // the bad end's rung
	id       int // of the last question
	inFlight *Question
	probes   int
	stopped  string

	failing, passing int // builds at the bad end
	confirmed        int // builds of the rung, all good but for those that were skipped
	skips            int // builds of the rung that were skipped
	found            bool
}

// NewGoodSearch begins at bad, which lies rungs-1 levels above good on axis 0.
func NewGoodSearch(good, bad Point, rungs int, o Options) *GoodSearch {
	return &GoodSearch{options: o, good: good, bad: bad, rung: rungs - 1, first: rungs - 1}
}

// Next is the rung to build. There is none while one is built, and after the end: a good commit is found, the
// bad end is not bad, there is nothing older, or the search was stopped.
func (g *GoodSearch) Next() (q Question, ok bool) {
	if g.over() || g.inFlight != nil {
		return q, false
	}
	if most := g.options.MaxTrials; most > 0 && g.id >= most {
		g.Stop("max-trials")
		return q, false
	}
	g.id++
	q = Question{ID: g.id, Point: g.good.With(0, g.rung), Why: WhyGoodSearch, Repeat: g.confirmed+g.skips > 0}
	if g.rung == g.first {
		q.Point, q.Why, q.Repeat = g.bad, Endpoint, g.passing+g.skips > 0
	}
	g.inFlight = &q
	return q, true
}

func (g *GoodSearch) over() bool { return g.found || g.rung < 0 || g.stopped != "" }

// Good is the level of the good commit, once one is found.
func (g *GoodSearch) Good() (level int, found bool) { return g.rung, g.found }

// Probes counts the rungs that were built.
func (g *GoodSearch) Probes() int { return g.probes }

// Stop ends the search. The first reason stands.
func (g *GoodSearch) Stop(why string) {
	if g.stopped == "" {
		g.stopped = why
	}
}

// Stopped is why the search was ended early; "": it was not.
func (g *GoodSearch) Stopped() string { return g.stopped }

// Cancel takes a question back that is not answered. It is asked again under another id.
func (g *GoodSearch) Cancel(int) { g.inFlight = nil }

// Obsolete is empty: nothing answers a question before its build does.
func (g *GoodSearch) Obsolete() []int { return nil }

// Tell takes the answer to the question that was asked last.
func (g *GoodSearch) Tell(t Trial) error {
	if !g.inFlight.Repeat {
		g.probes++
	}
	g.inFlight = nil
	g.tell(t.Verdict, t.Lasting)
	return nil
}

// rungLooks is how often a commit is built that is skipped each time, before an older one takes its place.
// None takes the place of the bad end and of the oldest commit: they are built up to endLooks times.
const rungLooks = 2

// lookAgain reports whether a rung that was skipped is built again: the fault may pass.
func (g *GoodSearch) lookAgain(lasting bool) bool {
	g.skips++
	most := rungLooks
	if g.rung == g.first || g.rung == 0 {
		most = endLooks
	}
	return !g.options.SkipsAreFinal && !lasting && g.skips < most
}

// step goes on with the next older rung, or with none.
func (g *GoodSearch) step(rung int) { g.rung, g.confirmed, g.skips = rung, 0, 0 }

// tell is what a build of the rung was; lasting: a skip that another build would not change.
func (g *GoodSearch) tell(v Verdict, lasting bool) {
	switch {
	case v == Skip && g.lookAgain(lasting):
	case g.rung == g.first:
		g.tellBad(v)
	case v == Good:
		g.confirmed++
		g.found = g.confirmed >= g.enough()
	default:
		g.step(g.rung - 1)
	}
}

// tellBad takes a build of the bad end, which has to fail once. A flaky one is built on, to see how often it
// does.
func (g *GoodSearch) tellBad(v Verdict) {
	once, most := 1, max(2, g.options.Confirm)
	if g.options.Flaky {
		once, most = max(1, g.options.Confirm), g.options.Repeat
	}
	switch v {
	case Bad:
		g.failing++
	case Good:
		g.passing++
	default:
		g.passing = most
	}
	switch {
	case g.failing >= once || g.failing > 0 && g.failing+g.passing >= most:
		g.step(g.rung - 1)
	case g.passing >= most:
		g.step(-1)
	}
}

// enough is how many good builds make a commit good. Where builds are flaky a broken one must hardly ever
// pass for good. How often it passes is known from those of the bad end, and integrated over what they leave
// open (a beta distribution).
func (g *GoodSearch) enough() int {
	n := max(1, g.options.Confirm)
	if !g.options.Flaky {
		return n
	}
	pass, all := float64(g.passing+1), float64(g.passing+g.failing+2)
	allPass := 1.0 // probability that so many builds of a broken commit are all good
	for builds := 1; builds <= g.options.Repeat; builds++ {
		if allPass *= pass / all; allPass <= 1-g.options.Confidence {
			return max(n, builds)
		}
		pass, all = pass+1, all+1
	}
	return max(n, g.options.Repeat)
}
