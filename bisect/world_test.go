package bisect_test

import (
	"fmt"
	"slices"

	. "buildbisect/bisect"
)

// world is a build of which all is known: the oracle of the search tests. Axis 0 is the commits.
type world struct {
	space    *Space
	parents  [][]int // of the commit axis
	sides    []Side
	causes   []cause
	repairs  []box // where no cause shows: broken, repaired, broken again
	repaired int   // a level before good whose failure good repaired; 0: none

	rules   []rule          // points that cannot exist
	skips   map[string]bool // single points
	islands map[int]bool    // commits that cannot be built at all
	clashes []Step          // a pair of tool levels in turn, that do not run together
	masks   []box           // where another failure comes first

	twins []int // for each commit the earliest one with the same tree
}

// cause makes every point at or above it fail. With onGood it also needs the good commit itself, so that it
// does not show on side branches that left before it.
type cause struct {
	point  Point
	onGood bool
}

// box is the points at or above low that are not at or above end.
type box struct{ low, end Point }

func (w *world) in(boxes []box, p Point) bool {
	return slices.ContainsFunc(boxes, func(b box) bool { return w.space.Leq(b.low, p) && !w.space.Leq(b.end, p) })
}

// rule lets no point exist that stands at one of some levels of an axis and at none of some levels of
// another.
type rule struct {
	axis, with   int
	levels, need []int
}

func (r rule) allows(p Point) bool {
	return !slices.Contains(r.levels, p[r.axis]) || slices.Contains(r.need, p[r.with])
}

func (w *world) exists(p Point) bool {
	return !slices.ContainsFunc(w.rules, func(r rule) bool { return !r.allows(p) })
}

// tree is p with the commit that first had the same tree.
func (w *world) tree(p Point) Point {
	if w.twins == nil {
		return p
	}
	return p.With(0, w.twins[p[0]])
}

func (w *world) fails(p Point) bool {
	if w.repaired > 0 && w.sides[p[0]] != After && w.space.Axes[0].Leq(w.repaired, p[0]) {
		return true
	}
	return !w.in(w.repairs, p) && slices.ContainsFunc(w.causes, func(c cause) bool {
		return w.space.Leq(c.point, p) && !(c.onGood && w.sides[p[0]] != After)
	})
}

// verdict is what a build at p says, and its class.
func (w *world) verdict(p Point) (Verdict, string) {
	p = w.tree(p)
	for i := 0; i < len(w.clashes); i += 2 {
		if a, b := w.clashes[i], w.clashes[i+1]; p[a.Axis] == a.Level && p[b.Axis] == b.Level {
			return Skip, ""
		}
	}
	switch {
	case w.skips[fmt.Sprint(p)] || w.islands[p[0]]:
		return Skip, ""
	case w.in(w.masks, p):
		return Skip, Other
	case w.fails(p):
		return Bad, ""
	}
	return Good, ""
}

// below lists the highest points under p that exist: one step down on one axis, or where rules are in the way
// further.
func (w *world) below(p Point) []Point {
	var list []Point
	for _, step := range w.space.Steps(p) {
		if q := p.With(step.Axis, step.Level); w.exists(q) {
			list = append(list, q)
		}
	}
	if len(w.rules) == 0 {
		return list
	}
	for _, q := range w.tools(p) {
		if !q.Equal(p) && !slices.ContainsFunc(list, func(r Point) bool { return w.space.Leq(q, r) }) {
			list = append(list, q)
		}
	}
	return slices.DeleteFunc(list, func(q Point) bool {
		return slices.ContainsFunc(list, func(r Point) bool { return !r.Equal(q) && w.space.ImpliesGood(r, q) })
	})
}

// tools lists the points at or below p that exist and have its commit.
func (w *world) tools(p Point) []Point {
	list := []Point{p}
	for axis := 1; axis < len(p); axis++ {
		for _, q := range slices.Clone(list) {
			for level := range p[axis] {
				list = append(list, q.With(axis, level))
			}
		}
	}
	return slices.DeleteFunc(list, func(q Point) bool { return !w.exists(q) })
}

// minimal lists the failing points that no other lies below. A cause of tools alone, proved at the good
// commit, is taken to explain every commit under those tools, those that do not contain the good commit too:
// there is no commit to name.
func (w *world) minimal() []Point {
	var all []Point
	for _, c := range w.causes {
		if w.exists(c.point) {
			all = append(all, c.point)
			continue
		}
		for _, p := range w.tools(w.space.Bad().With(0, c.point[0])) {
			if w.space.Leq(c.point, p) {
				all = append(all, p)
			}
		}
	}
	var list []Point
	for _, p := range all {
		covered := slices.ContainsFunc(all, func(q Point) bool { return !q.Equal(p) && w.space.Leq(q, p) })
		if !covered && !slices.ContainsFunc(list, p.Equal) {
			list = append(list, p)
		}
	}
	return list
}

// isCause reports whether p fails and nothing just below it does.
func (w *world) isCause(p Point) bool {
	return w.exists(p) && w.fails(p) && !slices.ContainsFunc(w.below(p), w.fails)
}

func (w *world) String() string {
	sizes := []int{}
	for _, a := range w.space.Axes[1:] {
		sizes = append(sizes, a.Len())
	}
	return fmt.Sprintf("parents %v sides %v tools %v causes %v repairs %v repaired %d rules %v skips %v islands %v clashes %v masks %v twins %v",
		w.parents, w.sides, sizes, w.causes, w.repairs, w.repaired, w.rules, w.skips, w.islands, w.clashes, w.masks, w.twins)
}
