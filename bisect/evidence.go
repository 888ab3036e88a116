package bisect

import (
	"slices"

	"buildbisect/bisect/order"
)

// A Trial is one build, as the search is told of it.
type Trial struct {
	ID      int
	Point   Point
	Verdict Verdict
	Class   string // "" or Other
	Symptom string // of a skip: where and with what words it ended; equal ones look alike
	Lasting bool   // of a skip: another build would end the same way, as where a tool does not run
}

// evidence holds the trials, in the order in which the search was told of them, and what can be concluded from
// the trials alone.
type evidence struct {
	space    *Space
	options  Options
	trials   []Trial
	goods    []Trial // one for each good point, the first of it
	bads     []Trial // one for each bad point, the first of it
	skips    []Trial // one for each point with a skip
	isolated []Point // good points with a failure below them that stood: they speak for themselves alone
	log      *skipLog
	looks    int // builds of a point that is skipped, after which a descent moves away from it

	identities map[string]string // of points, by key: all clones share it
	aliases    []Trial           // points answered by a trial at another, made of the same things
}

func (e evidence) clone() evidence {
	e.trials, e.goods, e.bads, e.skips, e.isolated = slices.Clip(e.trials), slices.Clip(e.goods), slices.Clip(e.bads), slices.Clip(e.skips), slices.Clip(e.isolated)
	e.aliases = slices.Clip(e.aliases)
	return e
}

func (e *evidence) add(t Trial) {
	t.Point = slices.Clone(t.Point)
	e.trials = append(e.trials, t)
	list := &e.skips
	switch t.Verdict {
	case Good:
		list = &e.goods
	case Bad:
		list = &e.bads
	}
	if !slices.ContainsFunc(*list, func(u Trial) bool { return u.Point.Equal(t.Point) }) {
		*list = append(*list, t)
	}
}

// at is what was seen at p itself. A good or bad verdict outweighs a skip: the point could be built after
// all.
func (e *evidence) at(p Point) Verdict {
	for _, list := range [][]Trial{e.bads, e.goods, e.skips} {
		for _, t := range list {
			if t.Point.Equal(p) {
				return t.Verdict
			}
		}
	}
	return Unknown
}

// good reports whether p is good by a trial at or above it, and by which; a trial at p itself comes first.
func (e *evidence) good(p Point) (Trial, bool) {
	var found Trial
	ok := false
	for _, t := range e.goods {
		if t.Point.Equal(p) {
			return t, true
		}
		if !ok && e.space.ImpliesGood(t.Point, p) && !e.isIsolated(t.Point) {
			found, ok = t, true
		}
	}
	return found, ok
}

// skipped reports whether p was tried and could not be judged.
func (e *evidence) skipped(p Point) bool { return e.at(p) == Skip }

// agreeing lists the trials at p with verdict v.
func (e *evidence) agreeing(p Point, v Verdict) []int {
	var ids []int
	seen := map[int]bool{} // one that answered twice, as where two points have the same tree
	for _, t := range e.trials {
		if t.Verdict == v && t.Point.Equal(p) && !seen[t.ID] {
			seen[t.ID] = true
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// attempts counts the trials at p, whatever they said.
func (e *evidence) attempts(p Point) int {
	n := 0
	for _, t := range e.trials {
		if t.Point.Equal(p) {
			n++
		}
	}
	return n
}

func (e *evidence) isIsolated(p Point) bool { return slices.ContainsFunc(e.isolated, p.Equal) }

// conflicts lists pairs of a bad trial and a good one at or above it, for the newest trial t.
func (e *evidence) conflicts(t Trial) []Conflict {
	var found []Conflict
	switch t.Verdict {
	case Good:
		for _, b := range e.bads {
			if e.space.ImpliesGood(t.Point, b.Point) {
				found = append(found, Conflict{Bad: b, Good: t})
			}
		}
	case Bad:
		for _, g := range e.goods {
			if e.space.ImpliesGood(g.Point, t.Point) {
				found = append(found, Conflict{Bad: t, Good: g})
			}
		}
	}
	return found
}

// lowestBad follows the bad trials down from top, in the order they were told.
func (e *evidence) lowestBad(top Point) Point {
	f := top
	for moved := true; moved; {
		moved = false
		for _, t := range e.bads {
			if !t.Point.Equal(f) && e.space.Leq(t.Point, f) {
				f, moved = t.Point, true
			}
		}
	}
	return f
}

// open is the set of levels below f's on axis that may still fail with f's other levels: no good trial
// excludes them. It is empty once every step down is good. That also settles level 0 where f's commit is on a
// branch that left before the good commit: the parent is good, so the commit matters, and the good commit
// itself need not be built.
func (e *evidence) open(f Point, axis int) order.Set {
	a := e.space.Axes[axis]
	set := slices.Clone(a.Down(f[axis]))
	set.Remove(f[axis])
	if a.sides[f[axis]] != Apart {
		for _, level := range a.inner {
			set.Remove(level)
		}
	}
	for _, t := range e.goods {
		if e.impliesGoodBeside(t.Point, f, axis) && !e.isIsolated(t.Point) {
			set.RemoveAll(a.impliedGood(t.Point[axis])) //mutate:ancestry
		}
	}
	for _, t := range e.goods { // one that speaks for itself alone
		if e.isIsolated(t.Point) && t.Point.With(axis, f[axis]).Equal(f) {
			set.Remove(t.Point[axis])
		}
	}
	for _, parent := range a.Parents(f[axis]) {
		if set.Has(parent) {
			return set
		}
	}
	return order.NewSet(a.Len())
}

// impliesGoodBeside reports whether a good build at q speaks for f on every axis but one.
func (e *evidence) impliesGoodBeside(q, f Point, axis int) bool {
	for i, a := range e.space.Axes {
		if i != axis && !a.impliesGood(q[i], f[i]) {
			return false
		}
	}
	return true
}
