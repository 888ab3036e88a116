package runner

import "buildbisect/bisect"

// GoodSearch is the purpose of a trial that looks for a good commit.
const GoodSearch bisect.Why = "good-search"

// Backwards says how many commits before a bad one to look for a good one: 1, 2, 4, 8 and so on, and last the oldest. What
// broke the build is then no further from the good commit found than twice what was needed, and finding it took a number of
// builds that grows with the logarithm of the distance (Bentley and Yao, An almost optimal algorithm for unbounded searching,
// 1976).
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

// goodSearch goes down a ladder from the bad end to a good commit. Its rungs are the commits that Backwards names, the oldest
// first and the bad one last. One that cannot be judged, in [rungLooks] builds, is passed by.
type goodSearch struct {
	options bisect.Options
	rung    int
	first   int // the bad end's rung

	failing, passing int // builds at the bad end
	good             int // builds of the rung, all good but for those that were skipped
	skips            int // builds of the rung that were skipped
	found            bool
}

func newGoodSearch(rungs int, o bisect.Options) *goodSearch {
	return &goodSearch{options: o, rung: rungs - 1, first: rungs - 1}
}

// next is the rung to build. Without one the search is over: a good commit is found, the bad end is not bad, or there is
// nothing older.
func (g *goodSearch) next() (q bisect.Question, ok bool) {
	if g.found || g.rung < 0 {
		return q, false
	}
	if g.rung == g.first {
		return bisect.Question{Why: bisect.Endpoint, Repeat: g.passing+g.skips > 0}, true
	}
	return bisect.Question{Why: GoodSearch, Repeat: g.good+g.skips > 0}, true
}

const (
	// rungLooks is how often a commit is built that is skipped each time, before an older one takes its place.
	rungLooks = 2
	// endLooks is the same for the bad end and for the oldest commit, whose place none takes.
	endLooks = 6
)

// lookAgain reports whether a rung that was skipped is built again: the fault may pass.
func (g *goodSearch) lookAgain(lasting bool) bool {
	g.skips++
	most := rungLooks
	if g.rung == g.first || g.rung == 0 {
		most = endLooks
	}
	return !g.options.SkipsAreFinal && !lasting && g.skips < most
}

// step goes on with the next older rung, or with none.
func (g *goodSearch) step(rung int) { g.rung, g.good, g.skips = rung, 0, 0 }

// tell is what a build of the rung was; lasting: a skip that another build would not change.
func (g *goodSearch) tell(v bisect.Verdict, lasting bool) {
	switch {
	case v == bisect.Skip && g.lookAgain(lasting):
	case g.rung == g.first:
		g.tellBad(v)
	case v == bisect.Good:
		g.good++
		g.found = g.good >= g.enough()
	default:
		g.step(g.rung - 1)
	}
}

// tellBad takes a build of the bad end, which has to fail once. A flaky one is built on, to see how often it does.
func (g *goodSearch) tellBad(v bisect.Verdict) {
	once, most := 1, max(2, g.options.Confirm)
	if g.options.Flaky {
		once, most = max(1, g.options.Confirm), g.options.Repeat
	}
	switch v {
	case bisect.Bad:
		g.failing++
	case bisect.Good:
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

// enough is how many good builds make a commit good. Where builds are flaky a broken one must hardly ever pass for good. How
// often it passes is known from those of the bad end, and integrated over what they leave open (a beta distribution).
func (g *goodSearch) enough() int {
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
