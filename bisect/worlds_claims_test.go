package bisect_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	. "buildbisect/bisect"
)

// check holds a run to what is true of every search in every world.
func (u *run) check(t *testing.T) {
	t.Helper()
	u.checkQuestions(t)
	u.checkCauses(t)
	u.checkOthers(t)
	u.checkLists(t)
}

// checkQuestions: nothing is built twice without reason, nothing that cannot exist, and no budget is
// exceeded.
func (u *run) checkQuestions(t *testing.T) {
	t.Helper()
	o := u.options
	name := func(p Point) string {
		if o.Identity != nil {
			return o.Identity(p)
		}
		return fmt.Sprint(p)
	}
	built, flying, attempts := map[string]bool{}, map[string]int{}, map[string]int{}
	for _, k := range o.Known {
		built[name(k.Point)] = true
	}
	certified, probes, asked := 0, 0, 0
	for _, a := range u.acts {
		switch q := u.asked[a.asked.ID+a.told.ID+a.cancelled]; {
		case a.told.ID > 0:
			built[name(q.Point)] = true
			flying[name(q.Point)]--
			attempts[fmt.Sprint(q.Point)]++
			if !q.Repeat {
				probes++
			}
			if q.Why == Certificate && !q.Repeat {
				certified++
			}
		case a.cancelled > 0:
			flying[name(q.Point)]--
			asked--
		default:
			asked++
			if !q.Repeat && built[name(q.Point)] {
				t.Errorf("question %d: %v is built again", q.ID, q.Point)
			}
			if !q.Repeat && flying[name(q.Point)] > 0 {
				t.Errorf("question %d: %v is in flight", q.ID, q.Point)
			}
			if !u.world.exists(q.Point) {
				t.Errorf("question %d: %v cannot exist", q.ID, q.Point)
			}
			flying[name(q.Point)]++
		}
		if o.MaxTrials > 0 && asked > o.MaxTrials {
			t.Errorf("%d trials; at most %d were allowed", asked, o.MaxTrials)
		}
	}
	if certified > o.CertifyProbes {
		t.Errorf("%d trials for the certificate; at most %d were allowed", certified, o.CertifyProbes)
	}
	if probes != u.finding.Probes {
		t.Errorf("%d probes are reported; there were %d", u.finding.Probes, probes)
	}
	judged := max(2, o.Confirm) + 2
	if u.finding.Noise != nil || o.Flaky {
		judged = 50
	}
	for p, n := range attempts {
		most := judged
		switch skips := u.skips(p); {
		case u.erased > 0:
			most = max(12, judged+min(skips, 12)) // what was lost to a skip is made up for
		case skips > 0:
			most = max(5, judged) // and what always is one is looked at again
		}
		if n > most {
			t.Errorf("%s was built %d times; want at most %d", p, n, most)
		}
	}
}

// skips counts the trials at a point that were skipped.
func (u *run) skips(at string) (n int) {
	for _, t := range u.told() {
		if t.Verdict == Skip && fmt.Sprint(t.Point) == at {
			n++
		}
	}
	return n
}

// checkCauses: every claim names the trials that witness it.
func (u *run) checkCauses(t *testing.T) {
	t.Helper()
	f, w := u.finding, u.world
	if isolated := f.Outcome == Isolated; isolated && len(f.Causes) == 0 {
		t.Error("isolated without a cause")
	}
	for _, c := range f.Causes {
		least := len(c.Bad)
		for _, id := range c.Bad {
			if b, ok := u.trial(id); !ok || b.Verdict != Bad || !w.tree(b.Point).Equal(w.tree(c.Point)) {
				t.Errorf("trial %+v is no bad witness of %v", b, c.Point)
			}
		}
		want, have := fmt.Sprint(sorted(w.below(c.Point))), []Point{}
		for _, g := range c.Good {
			least = min(least, len(g.Trials))
			have = append(have, g.Point)
			for _, id := range g.Trials {
				if b, ok := u.trial(id); !ok || b.Verdict != Good || !u.speaks(b.Point, g.Point, c.Point) {
					t.Errorf("trial %+v does not witness that %v is good, below %v", b, g.Point, c.Point)
				}
			}
		}
		if got := fmt.Sprint(sorted(have)); got != want {
			t.Errorf("below %v there are witnesses of %s; want %s", c.Point, got, want)
		}
		if least == 0 || c.Confirmed != least {
			t.Errorf("cause %v is said to be confirmed %d times, and is %d times", c.Point, c.Confirmed, least)
		}
		if f.Complete && f.Noise == nil && c.Confirmed < u.options.Confirm {
			t.Errorf("complete, and cause %v is confirmed %d times only", c.Point, c.Confirmed)
		}
	}
}

// speaks reports whether a good build at p, or at what has the same tree, shows that q is good, just below a
// cause.
func (u *run) speaks(p, q, cause Point) bool {
	w := u.world
	for level := range w.parents {
		r := p.With(0, level)
		switch {
		case !w.tree(r).Equal(w.tree(p)):
		case w.tree(r).Equal(w.tree(q)):
			return true
		case len(u.finding.NotMonotone) > 0: // it may be good by a repair
		case u.finding.Noise != nil:
			if w.space.Leq(q, r) && !w.space.Leq(cause, r) {
				return true
			}
		case w.space.ImpliesGood(r, q):
			return true
		}
	}
	return false
}

// checkOthers: failures without the signature are all listed, and transitions lie between neighbours that
// were built.
func (u *run) checkOthers(t *testing.T) {
	t.Helper()
	f := u.finding
	for _, o := range u.trials {
		listed := slices.ContainsFunc(f.Differently, func(d Trial) bool { return d.Point.Equal(o.Point) })
		if o.Class == Other && !listed {
			t.Errorf("trial %+v failed differently and is not listed", o)
		}
	}
	for _, d := range f.Differently {
		if d.Class != Other || d.Verdict != Skip {
			t.Errorf("trial %+v is listed as failing differently", d)
		}
	}
	for _, c := range f.Transitions {
		if !slices.Contains(u.world.space.Steps(c.To), Step{Axis: c.Axis, Level: c.From[c.Axis]}) || !c.From.Equal(c.To.With(c.Axis, c.From[c.Axis])) {
			t.Errorf("transition %+v is not between neighbours", c)
		}
		before, after := Good, Bad
		if !c.Breaks {
			before, after = Bad, Good
		}
		u.checkBuilt(t, c.From, before, c.FromTrials)
		u.checkBuilt(t, c.To, after, c.Trials)
	}
	for _, c := range f.Contradictions {
		if c.Bad.Verdict != Bad || c.Good.Verdict != Good || !u.world.space.ImpliesGood(c.Good.Point, c.Bad.Point) {
			t.Errorf("%+v is no contradiction", c)
		}
	}
}

func (u *run) checkBuilt(t *testing.T, p Point, want Verdict, ids []int) {
	t.Helper()
	if len(ids) == 0 {
		t.Errorf("nothing shows that %v is %s", p, want)
	}
	for _, id := range ids {
		if b, ok := u.trial(id); !ok || b.Verdict != want || !u.world.tree(b.Point).Equal(u.world.tree(p)) {
			t.Errorf("trial %+v does not show that %v is %s", b, p, want)
		}
	}
}

// checkLists: candidates and untested points are such that could be tried, and candidates have probabilities.
func (u *run) checkLists(t *testing.T) {
	t.Helper()
	f := u.finding
	judged := func(p Point) bool {
		return slices.ContainsFunc(u.trials, func(t Trial) bool { return t.Verdict == Good && t.Point.Equal(p) })
	}
	for _, c := range f.Candidates {
		if !(c.Probability > 0 && c.Probability <= 1+1e-9) || math.IsNaN(c.Probability) {
			t.Errorf("candidate %v has probability %v", c.Point, c.Probability)
		}
		if !u.world.exists(c.Point) || f.Noise == nil && judged(c.Point) {
			t.Errorf("candidate %v does not exist or is good", c.Point)
		}
	}
	for _, p := range f.Untested {
		if !u.world.exists(p.Point) || f.Noise == nil && judged(p.Point) || p.Why == "" {
			t.Errorf("%+v is listed as untested", p)
		}
	}
	if f.Complete && (f.Outcome != Isolated || len(f.Untested)+len(f.Candidates)+len(f.NotMonotone) > 0 || f.Stopped != "") {
		t.Errorf("complete, with %+v", f)
	}
}

func sorted(points []Point) []Point {
	list := slices.Clone(points)
	slices.SortFunc(list, func(p, q Point) int { return slices.Compare(p, q) })
	return list
}
