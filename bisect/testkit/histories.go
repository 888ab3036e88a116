package testkit

import (
	"iter"
	"math/rand/v2"
	"slices"
)

// Shapes are histories of n commits as parents of levels, level 0 being good and the last one bad. The names
// are in order.
func Shapes() iter.Seq2[string, func(r *rand.Rand, n int) [][]int] {
	return func(yield func(string, func(r *rand.Rand, n int) [][]int) bool) {
		for _, s := range []struct {
			name string
			grow func(r *rand.Rand, n int) [][]int
		}{
			{"line", func(r *rand.Rand, n int) [][]int { return Grow(r, n, 0, 0) }},
			{"pull requests", PullRequests},
			{"integrators", Integrators},
			{"octopus", octopus},
			{"criss-cross", func(r *rand.Rand, n int) [][]int { return Grow(r, n, 0.2, 2) }},
			{"wide", Wide},
			{"wider", func(r *rand.Rand, n int) [][]int { return Grow(r, n, 0.5, n/5) }},
			{"roots", roots},
			{"any", AnyDAG},
		} {
			if !yield(s.name, s.grow) {
				return
			}
		}
	}
}

// Wide has twenty lines of work that merge each other.
func Wide(r *rand.Rand, n int) [][]int { return Grow(r, n, 0.3, 20) }

// roots has commits, here and there, that start anew from the good side.
func roots(r *rand.Rand, n int) [][]int {
	parents := Grow(r, n, 0.2, 5)
	for i := 1; i < n-1; i++ {
		if r.IntN(8) == 0 {
			parents[i] = []int{0}
		}
	}
	return Top(parents)
}

// Top makes the last commit a merge of all that nothing else contains.
func Top(parents [][]int) [][]int {
	last := len(parents) - 1
	contained := make([]bool, last)
	for _, list := range parents[:last] {
		for _, p := range list {
			contained[p] = true
		}
	}
	contained[0] = true
	var heads []int
	for i, c := range contained {
		if !c {
			heads = append(heads, i)
		}
	}
	if len(heads) == 0 {
		heads = []int{0}
	}
	parents[last] = heads
	return parents
}

// Grow makes a history with a number of lines of work, whose commits merge another line with the given
// probability and go on with their own. Lines that merge each other give criss-cross merges.
func Grow(r *rand.Rand, n int, merge float64, lines int) [][]int {
	heads := make([]int, lines+1)
	parents := make([][]int, n)
	for i := 1; i < n-1; i++ {
		h := r.IntN(len(heads))
		parents[i] = []int{heads[h]}
		if other := heads[r.IntN(len(heads))]; r.Float64() < merge && other != heads[h] {
			parents[i] = append(parents[i], other)
		}
		heads[h] = i
	}
	return Top(parents)
}

// octopus is a trunk with merges of many branches at once, and one in the end of all that is left.
func octopus(r *rand.Rand, n int) [][]int {
	parents := make([][]int, n)
	trunk, tips := 0, []int(nil)
	for i := 1; i < n-1; i++ {
		switch k := r.IntN(20); {
		case k == 0 && len(tips) > 0 && i > n/2:
			some := 1 + r.IntN(len(tips))
			parents[i] = append([]int{trunk}, tips[:some]...)
			trunk, tips = i, tips[some:]
		case k < 15:
			parents[i] = []int{trunk}
			tips = append(tips, i)
		case k < 18 && len(tips) > 0:
			parents[i] = []int{tips[len(tips)-1]}
			tips[len(tips)-1] = i
		default:
			parents[i] = []int{trunk}
			trunk = i
		}
	}
	return Top(parents)
}

// AnyDAG has no shape at all: commits descend from any one to three.
func AnyDAG(r *rand.Rand, n int) [][]int {
	parents := make([][]int, n)
	for i := 1; i < n; i++ {
		for range 1 + r.IntN(3) {
			if p := r.IntN(i); !slices.Contains(parents[i], p) {
				parents[i] = append(parents[i], p)
			}
		}
	}
	return Top(parents)
}

// PullRequests is a trunk that merges branches of 1 to 10 commits, each from a rather recent state of it.
func PullRequests(r *rand.Rand, n int) [][]int {
	h := history{r: r, parents: make([][]int, 1, n)}
	trunk := lineOfWork{0}
	for len(h.parents) < n {
		trunk.merge(&h, h.branch(trunk.recent(r, 30), 1+r.IntN(10)))
	}
	return Top(h.parents[:n])
}

// Integrators is a history in the way of git.git, kubernetes and linux: integrators merge branches of 1 to 10
// commits, some of which took in their trunk on the way, into their own lines; those are merged into the
// trunk, and the trunk into them, and a few long-lived lines of maintenance are merged upwards. One commit in
// four is a merge.
func Integrators(r *rand.Rand, n int) [][]int {
	h := history{r: r, parents: make([][]int, 1, n)}
	trunk := lineOfWork{0}
	lines := make([]lineOfWork, 8)
	for i := range lines {
		lines[i] = lineOfWork{0}
	}
	for len(h.parents) < n {
		l := &lines[r.IntN(len(lines))]
		switch k := r.IntN(40); {
		case k < 2:
			trunk.merge(&h, l.head())
		case k < 3:
			l.merge(&h, trunk.head())
		case k < 4:
			l.merge(&h, lines[r.IntN(len(lines))].head())
		case k < 24:
			trunk.merge(&h, h.topic(&trunk))
		default:
			l.merge(&h, h.topic(l))
		}
	}
	return Top(h.parents[:n])
}

type history struct {
	r       *rand.Rand
	parents [][]int
}

func (h *history) commit(parents ...int) int {
	h.parents = append(h.parents, parents)
	return len(h.parents) - 1
}

// branch adds commits in line.
func (h *history) branch(from, commits int) int {
	for range commits {
		from = h.commit(from)
	}
	return from
}

// topic is a branch from a recent state of a line that may take in a later state of it.
func (h *history) topic(l *lineOfWork) int {
	tip := h.branch(l.recent(h.r, 60), 1+h.r.IntN(5))
	if later := l.recent(h.r, 10); h.r.IntN(4) == 0 {
		tip = h.commit(tip, later)
	}
	return h.branch(tip, h.r.IntN(3))
}

// A lineOfWork is the states that a branch went through.
type lineOfWork []int

func (l lineOfWork) head() int { return l[len(l)-1] }

func (l lineOfWork) recent(r *rand.Rand, window int) int {
	return l[len(l)-1-r.IntN(min(window, len(l)))]
}

func (l *lineOfWork) merge(h *history, tip int) {
	if tip != l.head() {
		*l = append(*l, h.commit(l.head(), tip))
	}
}

// MergeHeavy is the history that the midpoint is measured on, in the shape of git.git and kubernetes: one
// commit in four is a merge.
func MergeHeavy(n int) (parents [][]int, merges int) {
	parents = Integrators(rand.New(rand.NewPCG(80_000, 20_000)), n)
	for _, list := range parents {
		if len(list) > 1 {
			merges++
		}
	}
	return parents, merges
}
