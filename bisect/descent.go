package bisect

import (
	"math"
	"slices"

	"buildbisect/bisect/order"
)

// The prior. Tool axes are independent: each is irrelevant with probability one half, or more where there are
// so many that hardly all of them can matter (then about expectedTools do), else its bad levels are equally
// likely. Commits are equally likely, but for commitIrrelevant, the probability that no commit is to blame
// once a tool is. Weights given to levels ([Axis.SetPrior]) shift what is said here to be equal.
const (
	expectedTools    = 2.0
	commitIrrelevant = 1.0 / 8
)

// priorZero is the weight of level 0 of an axis, on the scale of the weights of its other levels.
func (s *Space) priorZero(axis int) float64 {
	a := s.Axes[axis]
	others := float64(a.Len() - 1) // weights are 1 on average
	if a.Commit {
		return others * commitIrrelevant / (1 - commitIrrelevant)
	}
	tools := 0
	for _, b := range s.Axes {
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
	levels order.Set // those not excluded
	list   []int     // the same, in order
	zero   float64   // weight of level 0, where it is among them
	total  float64   // weight of levels, and of staying
	below  *order.Weighing
}

// share is the probability of what lies at or below the i-th level of the list.
func (o opening) share(i int) float64 { return (o.zero + o.below.Sums[i]) / o.total }

// irrelevant is the probability that the axis does not matter.
func (o opening) irrelevant() float64 { return o.zero / o.total }

// suspects counts the commits that may still be to blame, f's among them: what is good or older than good is
// none.
func (k *knowledge) suspects(o opening) int {
	n := 1
	for _, level := range o.list {
		if level != 0 && k.space.Axes[o.axis].sides[level] != Before {
			n++
		}
	}
	return n
}

func (k *knowledge) opening(f Point, axis int) opening {
	a := k.space.Axes[axis]
	o := opening{axis: axis, levels: k.open(f, axis)}
	if !a.Commit && k.options.Exists != nil {
		for _, level := range o.levels.Members() {
			if !k.exists(f.With(axis, level)) {
				o.levels.Remove(level)
			}
		}
	}
	if o.levels.Has(0) {
		o.zero = k.space.priorZero(axis)
	}
	o.below = a.Weigh(o.levels)
	o.list, o.total = o.below.Members, o.zero+a.Weight(f[axis])
	for _, level := range o.list {
		o.total += a.Weight(level)
	}
	return o
}

// openings lists the axes on which f may still be moved down: tools, and commits.
func (k *knowledge) openings(f Point) (tools, commits []opening) {
	for i, a := range k.space.Axes {
		o := k.opening(f, i)
		switch {
		case len(o.list) == 0:
		case a.Commit:
			commits = append(commits, o)
		default:
			tools = append(tools, o)
		}
	}
	return tools, commits
}

// descend goes on with the descent from s.top.
//
// Invariant: f fails, and everything that was found good at or below s.top is not above f. Only points below
// f are asked. If such a point fails, f moves there; if it is good, all below it is out. When no axis can
// move, every step down from f is good by some trial, and f is a cause. Because f only moves down, this is
// right whatever the number of causes.
//
// Where nothing but skips is in the way, the points that were skipped are built again, those first that were
// built least often.
func (s *Search) descend() (Question, state) {
	f := s.lowestBad(s.top)
	tools, commits := s.openings(f)
	undecided := false
	defer func() { s.looks = 1 }()
	for s.looks = 1; s.looks <= mostLooks; s.looks++ {
		var q Question
		var state state
		if q, state, undecided = s.lower(f, tools, commits); state != settled {
			return q, state
		}
		switch {
		case undecided && len(s.pending) > 0:
			return Question{}, draining
		case !undecided || s.options.SkipsAreFinal:
			s.looks = mostLooks
		}
	}
	s.top = nil
	if undecided {
		list, more := s.left(f)
		s.candidates, s.more = append(s.candidates, list...), s.more || more
		s.passedBy = s.passing()
	} else {
		s.causes = append(s.causes, f)
	}
	return Question{}, settled
}

// lower asks for a point below f that a descent may ask by now; undecided reports that f may move, with
// nothing left to ask.
func (k *knowledge) lower(f Point, tools, commits []opening) (_ Question, _ state, undecided bool) {
	offer := func(q Question) (Question, state, bool) {
		q, state := k.offer(q)
		return q, state, false
	}
	// Tools first: changing one reuses the tree; changing the commit does not.
	if q, ok := k.askRelevance(f, tools); ok {
		return offer(q)
	}
	for _, o := range tools {
		if q, state := k.askSplit(f, o, LevelStep); state != settled {
			return q, state, false
		}
	}
	for _, o := range commits {
		if q, ok := k.askBlamed(f, o); ok {
			return offer(q)
		}
		if q, state := k.askSplit(f, o, Midpoint); state != settled {
			return q, state, false
		}
	}
	undecided = len(tools)+len(commits) > 0
	if k.options.Exists != nil {
		// Where single steps cannot exist, what is just below may lie further down than any axis leads.
		for _, q := range k.below(f) {
			if _, good := k.good(q); good {
				continue
			}
			if !k.avoided(q) {
				return offer(Question{Point: q, Why: Relevance, Axes: k.moved(f, q), chance: 0.3})
			}
			undecided = true
		}
	}
	return Question{}, settled, undecided
}

// askRelevance asks whether a group of axes is needed at all: it holds them at good and leaves the others.
// Where a group is known to hold at least one needed axis, a part of it is asked, so that d needed axes of n
// cost O(d log n): group testing as in delta debugging and golang.org/x/tools/cmd/bisect.
func (k *knowledge) askRelevance(f Point, tools []opening) (Question, bool) {
	var free []opening
	for _, o := range tools {
		if o.levels.Has(0) {
			free = append(free, o)
		}
	}
	all := 0.0 // probability that the whole group is irrelevant
	if group := k.neededGroup(f, free); group != nil {
		free = slices.DeleteFunc(free, func(o opening) bool { return !slices.Contains(group, o.axis) })
		all = 1
		for _, o := range free {
			all *= o.irrelevant()
		}
	}
	var best Question
	bestDistance := math.Inf(1)
	q, axes, product := f, []int(nil), 1.0
	for _, o := range free {
		q, axes = q.With(o.axis, 0), append(axes, o.axis)
		product *= o.irrelevant()
		// Given that not all of the group is irrelevant.
		chance := (product - all) / (1 - all)
		distance := math.Abs(chance - 0.5)
		if _, known := k.good(q); known || k.unaskable(q) || distance >= bestDistance-1e-9 {
			continue
		}
		best = Question{Point: q, Why: Relevance, Axes: slices.Clone(axes), chance: chance}
		bestDistance = distance
	}
	if best.Point != nil {
		return best, true
	}
	// Groups ran into skips: single axes are left.
	for _, o := range free {
		if q := f.With(o.axis, 0); !k.unaskable(q) {
			return Question{Point: q, Why: Relevance, Axes: []int{o.axis}, chance: o.irrelevant()}, true
		}
	}
	return Question{}, false
}

// neededGroup is the smallest set of at least two free axes that, held at good together, makes f good.
func (k *knowledge) neededGroup(f Point, free []opening) []int {
	var smallest []int
	for _, t := range k.goods {
		if k.isIsolated(t.Point) {
			continue
		}
		var group []int
		for i, a := range k.space.Axes {
			if a.impliesGood(t.Point[i], f[i]) {
				continue
			}
			isFree := slices.ContainsFunc(free, func(o opening) bool { return o.axis == i })
			if !isFree || !a.impliesGood(t.Point[i], 0) {
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

// askBlamed tries the commits of earlier causes first, and where such a commit fails, the ones just below it:
// one change often breaks a build in two ways.
func (k *knowledge) askBlamed(f Point, o opening) (Question, bool) {
	try := func(level int, chance float64) (Question, bool) {
		q := f.With(o.axis, level)
		if !o.levels.Has(level) || k.unaskable(q) {
			return Question{}, false
		}
		return Question{Point: q, Why: Blamed, Axes: []int{o.axis}, Left: k.suspects(o), chance: chance}, true
	}
	for _, c := range k.causes {
		if q, ok := try(c[o.axis], 0.6); ok {
			return q, true
		}
		if c[o.axis] != f[o.axis] {
			continue
		}
		for _, parent := range k.space.Axes[o.axis].Parents(f[o.axis]) {
			if q, ok := try(parent, 0.3); ok {
				return q, true
			}
		}
	}
	return Question{}, false
}
