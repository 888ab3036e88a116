package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	. "buildbisect/bisect"
)

// world is a build whose causes are known: the oracle of the search tests.
type world struct {
	space    *Space
	parents  [][]int // of the commit axis, which is axis 0
	sides    []Side
	causes   []cause
	skips    map[string]bool
	repaired int // a level before good whose failure good repaired; 0: none
}

// cause makes every point at or above it fail. With onGood it also needs the good commit itself, so that it does not show on
// side branches that left before it.
type cause struct {
	point  Point
	onGood bool
}

// randomDAG makes a history in the way pull requests do: a trunk from level 0, side branches that leave from it or from
// before it, and merges.
func randomDAG(r *rand.Rand, n int) (parents [][]int, sides []Side) {
	before := r.IntN(4)
	n += before
	parents = make([][]int, n)
	sides = make([]Side, n)
	heads := []int{0}
	for i := 1; i < n; i++ {
		switch k := r.IntN(10); {
		case i <= before:
			parents[i], sides[i] = []int{0}, Before
			continue
		case i == n-1: // the bad commit contains every branch
			parents[i] = slices.Clone(heads)
			heads = []int{i}
		case k < 2 && len(heads) < 6: // a branch leaves from the good side, from before it half the time
			parents[i] = []int{r.IntN(before + 1)}
			heads = append(heads, i)
		case k < 4 && len(heads) < 6 && i > before+1: // a branch leaves from some commit
			parents[i] = []int{before + 1 + r.IntN(i-before-1)}
			heads = append(heads, i)
		case k < 6 && len(heads) > 1: // a merge
			a := r.IntN(len(heads))
			b := (a + 1 + r.IntN(len(heads)-1)) % len(heads)
			parents[i] = []int{heads[a], heads[b]}
			heads[a] = i
			heads = slices.Delete(heads, b, b+1)
		default:
			h := r.IntN(len(heads))
			parents[i] = []int{heads[h]}
			heads[h] = i
		}
		sides[i] = Beside
		if slices.ContainsFunc(parents[i], func(p int) bool { return sides[p] == After }) {
			sides[i] = After
		}
	}
	return parents, sides
}

func randomWorld(r *rand.Rand, skips bool) *world {
	w := &world{}
	w.parents, w.sides = randomDAG(r, 2+r.IntN(60))
	commit, err := DAG("commit", w.parents, w.sides)
	if err != nil {
		panic(err)
	}
	axes := []*Axis{commit}
	for i := range r.IntN(4) {
		axes = append(axes, Chain(fmt.Sprintf("tool%d", i), 2+r.IntN(4)))
	}
	w.space, err = NewSpace(axes...)
	if err != nil {
		panic(err)
	}
	for range 1 + r.IntN(3) {
		p := w.space.Good()
		for slices.Max(p) == 0 || w.sides[p[0]] == Before {
			for i, a := range axes {
				p[i] = 0
				if r.IntN(2) == 0 {
					p[i] = r.IntN(a.Len())
				}
			}
		}
		w.causes = append(w.causes, cause{p, p[0] == 0 && r.IntN(2) == 0})
	}
	if skips {
		w.skips = map[string]bool{}
		for range r.IntN(12) {
			p := w.space.Good()
			for i, a := range axes {
				p[i] = r.IntN(a.Len())
				if r.IntN(2) == 0 {
					p[i] = a.Len() - 1
				}
			}
			if !p.Equal(w.space.Bad()) && !p.Equal(w.space.Good()) {
				w.skips[fmt.Sprint(p)] = true
			}
		}
	}
	return w
}

func (w *world) fails(p Point) bool {
	if w.repaired > 0 && w.sides[p[0]] != After && w.space.Axes[0].Leq(w.repaired, p[0]) {
		return true
	}
	return slices.ContainsFunc(w.causes, func(c cause) bool {
		return w.space.Leq(c.point, p) && !(c.onGood && w.sides[p[0]] != After)
	})
}

func (w *world) verdict(p Point) Verdict {
	switch {
	case w.skips[fmt.Sprint(p)]:
		return Skip
	case w.fails(p):
		return Bad
	}
	return Good
}

// minimal lists the causes that no other cause lies below. A cause of tools alone, proved at the good commit, is taken to
// explain every commit under those tools, those that do not contain the good commit too: there is no commit to name.
func (w *world) minimal() []Point {
	var list []Point
	for _, c := range w.causes {
		covered := slices.ContainsFunc(w.causes, func(d cause) bool {
			return !d.point.Equal(c.point) && w.space.Leq(d.point, c.point)
		})
		if !covered && !slices.ContainsFunc(list, c.point.Equal) {
			list = append(list, c.point)
		}
	}
	return list
}

// isCause reports whether p fails and no step down from it does.
func (w *world) isCause(p Point) bool {
	return w.fails(p) && !slices.ContainsFunc(w.space.Steps(p), func(step Step) bool { return w.fails(p.With(step.Axis, step.Level)) })
}

// solve runs a search to its end against an oracle and returns what it asked.
func solve(s *Search, verdict func(Point) Verdict) (asked []Question, err error) {
	for id := 1; ; id++ {
		q, ok := s.Next()
		if !ok {
			return asked, nil
		}
		if id > 5000 {
			return asked, fmt.Errorf("no end after %d questions", id)
		}
		asked = append(asked, q)
		if err := s.Tell(Trial{ID: id, Point: q.Point, Verdict: verdict(q.Point)}); err != nil {
			return asked, err
		}
	}
}
