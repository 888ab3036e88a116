package bisect

import (
	"math"
	"slices"
)

// The prior. Tool axes are independent: each is irrelevant with probability one half, or more where there are so many that
// hardly all of them can matter (then about expectedTools do), else its bad levels are equally likely. Commits are equally
// likely, but for commitIrrelevant, the probability that no commit is to blame once a tool is.
const (
	expectedTools    = 1.5
	commitIrrelevant = 1.0 / 8
)

// priorZero is the weight of level 0 of an axis, where each other level weighs 1.
func (s *Search) priorZero(axis int) float64 {
	a := s.space.Axes[axis]
	others := float64(a.Len() - 1)
	if a.Commit {
		return others * commitIrrelevant / (1 - commitIrrelevant)
	}
	tools := 0
	for _, b := range s.space.Axes {
		if !b.Commit {
			tools++
		}
	}
	irrelevant := max(0.5, 1-expectedTools/float64(tools))
	return others * irrelevant / (1 - irrelevant)
}

// An opening is an axis on which the lowest failing point of a descent may still be moved down.
type opening struct {
	axis   int
	levels bitset    // those not excluded
	total  float64   // weight of levels, and of staying
	list   []int     // levels, in order
	weight []float64 // for each of list: the weight of the levels at or below it
}

// suspects counts the commits that may still be to blame, f's among them: what is good or older than good is none.
func (s *Search) suspects(o opening) int {
	n := 1
	for _, level := range o.list {
		if level != 0 && s.space.Axes[o.axis].sides[level] != Before {
			n++
		}
	}
	return n
}

func (s *Search) opening(f Point, axis int) opening {
	o := opening{axis: axis, levels: s.open(f, axis)}
	zero := 0.0
	if o.levels.has(0) {
		zero = s.priorZero(axis)
	}
	list, counts := s.space.Axes[axis].weighBelow(o.levels)
	o.list, o.total = list, zero+1
	for i, level := range list {
		o.weight = append(o.weight, zero+float64(counts[i]))
		if level != 0 {
			o.total++
		}
	}
	return o
}

// descend goes on with the descent from s.top.
//
// Invariant: f fails, and everything that was found good at or below s.top is not above f. Only points below f are asked.
// If such a point fails, f moves there; if it is good, all below it is out. When no axis can move, every step down from f
// is good by some trial, and f is a cause. Because f only moves down, this is right whatever the number of causes.
func (s *Search) descend() (Question, bool) {
	f := s.lowestBad(s.top)
	var tools, commits []opening
	stuck := false
	for i, a := range s.space.Axes {
		o := s.opening(f, i)
		switch {
		case len(o.list) == 0:
			continue
		case a.Commit:
			commits = append(commits, o)
		default:
			tools = append(tools, o)
		}
		stuck = true
	}
	// Tools first: changing one reuses the tree; changing the commit does not.
	if q, ok := s.askRelevance(f, tools); ok {
		return q, true
	}
	for _, o := range tools {
		if q, ok := s.askNearestHalf(f, o, LevelStep); ok {
			return q, true
		}
	}
	for _, o := range commits {
		if q, ok := s.askBlamed(f, o); ok {
			return q, true
		}
		if q, ok := s.askNearestHalf(f, o, Midpoint); ok {
			return q, true
		}
	}
	s.top = nil
	if stuck {
		s.giveUp(f, append(tools, commits...))
		return Question{}, false
	}
	s.causes = append(s.causes, f)
	return Question{}, false
}

// askRelevance asks whether a group of axes is needed at all: it holds them at good and leaves the others. Where a group is
// known to hold at least one needed axis, a part of it is asked, so that d needed axes of n cost O(d log n): group testing
// as in delta debugging and golang.org/x/tools/cmd/bisect.
func (s *Search) askRelevance(f Point, tools []opening) (Question, bool) {
	var free []opening
	for _, o := range tools {
		if o.levels.has(0) {
			free = append(free, o)
		}
	}
	group := s.neededGroup(f, free)
	all := 1.0 // probability that the whole group is irrelevant
	if group != nil {
		free = slices.DeleteFunc(free, func(o opening) bool { return !slices.Contains(group, o.axis) })
		for _, o := range free {
			all *= o.weight[0] / o.total
		}
	} else {
		all = 0
	}
	var best Question
	bestDistance := math.Inf(1)
	q, axes, product := f, []int(nil), 1.0
	for _, o := range free {
		q, axes = q.With(o.axis, 0), append(axes, o.axis)
		product *= o.weight[0] / o.total
		// Given that not all of the group is irrelevant.
		distance := math.Abs((product-all)/(1-all) - 0.5)
		if _, known := s.good(q); known || s.skipped(q) || distance >= bestDistance-1e-9 {
			continue
		}
		best = Question{Point: q, Why: Relevance, Axes: slices.Clone(axes)}
		bestDistance = distance
	}
	if best.Point == nil {
		// Groups ran into skips: single axes are left.
		for _, o := range free {
			if q := f.With(o.axis, 0); !s.skipped(q) {
				return Question{Point: q, Why: Relevance, Axes: []int{o.axis}}, true
			}
		}
		return Question{}, false
	}
	return best, true
}

// neededGroup is the smallest set of at least two free axes that, held at good together, makes f good.
func (s *Search) neededGroup(f Point, free []opening) []int {
	var smallest []int
	for _, t := range s.goods {
		var group []int
		for i, a := range s.space.Axes {
			if a.vouches(t.Point[i], f[i]) {
				continue
			}
			isFree := slices.ContainsFunc(free, func(o opening) bool { return o.axis == i })
			if !isFree || !a.vouches(t.Point[i], 0) {
				group = nil
				break
			}
			group = append(group, i)
		}
		if len(group) > 1 && (smallest == nil || len(group) < len(smallest)) {
			smallest = group
		}
	}
	return smallest
}

// askNearestHalf asks for the level that splits the axis's weight most evenly: the one whose answer tells most. In a graph
// of commits that is the exact midpoint by the number of suspects at or below each.
func (s *Search) askNearestHalf(f Point, o opening, why Why) (Question, bool) {
	best, bestDistance := -1, math.Inf(1)
	for i, level := range o.list {
		distance := math.Abs(o.weight[i]/o.total - 0.5)
		if distance < bestDistance-1e-12 && !s.skipped(f.With(o.axis, level)) {
			best, bestDistance = level, distance
		}
	}
	if best < 0 {
		return Question{}, false
	}
	return Question{Point: f.With(o.axis, best), Why: why, Axes: []int{o.axis}, Left: s.suspects(o)}, true
}

// askBlamed tries the commits of earlier causes first, and where such a commit fails, the ones just below it: one change
// often breaks a build in two ways.
func (s *Search) askBlamed(f Point, o opening) (Question, bool) {
	try := func(level int) (Question, bool) {
		q := f.With(o.axis, level)
		if !o.levels.has(level) || s.skipped(q) {
			return Question{}, false
		}
		return Question{Point: q, Why: Blamed, Axes: []int{o.axis}, Left: s.suspects(o)}, true
	}
	for _, c := range s.causes {
		if q, ok := try(c[o.axis]); ok {
			return q, true
		}
		if c[o.axis] != f[o.axis] {
			continue
		}
		for _, parent := range s.space.Axes[o.axis].Parents(f[o.axis]) {
			if q, ok := try(parent); ok {
				return q, true
			}
		}
	}
	return Question{}, false
}

// mostCandidates bounds the list of what skips left undecided.
const mostCandidates = 1000

// giveUp records what skips left undecided: f, and every point below it that the stuck axes allow and no good trial excludes.
// Moving one axis alone would not do: where every single step is skipped, the cause may lie two steps down.
func (s *Search) giveUp(f Point, stuck []opening) {
	from, sum := len(s.candidates), 0.0
	var walk func(p Point, rest []opening, weight float64)
	walk = func(p Point, rest []opening, weight float64) {
		if len(s.candidates)-from == mostCandidates {
			s.more = true
			return
		}
		if len(rest) == 0 {
			if _, good := s.good(p); !good {
				s.candidates = append(s.candidates, Candidate{Point: p, Probability: weight})
				sum += weight
			}
			return
		}
		o := rest[0]
		walk(p, rest[1:], weight)
		for _, level := range o.list {
			w := 1.0
			if level == 0 {
				w = s.priorZero(o.axis)
			}
			walk(p.With(o.axis, level), rest[1:], weight*w)
		}
	}
	walk(f, stuck, 1)
	for i := from; i < len(s.candidates); i++ {
		s.candidates[i].Probability /= sum
	}
}
