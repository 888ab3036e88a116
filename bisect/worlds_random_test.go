package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	. "buildbisect/bisect"
	"buildbisect/bisect/testkit"
)

// features are what a random world may have; it has each of them about half the time.
type features struct {
	beside  bool // causes that do not show on branches from before good
	rules   bool // points that cannot exist
	skips   bool // single points, islands of commits, tools that do not run together, other failures
	repairs bool // broken, repaired, broken again
}

// randomWorld draws a world: commits in line, in the way of pull requests, or of any shape; up to three tools
// or many toggles; one to three causes.
func randomWorld(r *rand.Rand, has features) *world {
	w := &world{skips: map[string]bool{}, islands: map[int]bool{}}
	n, tools, most := 2+r.IntN(20), r.IntN(4), 4
	switch r.IntN(100) {
	case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9:
		n += r.IntN(60)
	case 10:
		n, tools, most = 2+r.IntN(4), 12+r.IntN(29), 1
		if has.skips { // where one commit is an island, there are as many points to try as combinations of toggles
			tools = 8 + r.IntN(6)
		}
	}
	switch k := r.IntN(10); {
	case k < 3:
		w.parents, w.sides = testkit.Grow(r, n, 0, 0), make([]Side, n)
	case k < 5 && n > 4:
		skip := r.IntN(9)
		for _, shape := range testkit.Shapes() {
			w.parents = shape(r, n)
			if skip--; skip < 0 {
				break
			}
		}
		w.sides = make([]Side, n)
	default:
		w.parents, w.sides = randomDAG(r, n)
	}
	commit, err := DAG("commit", w.parents, w.sides)
	if err != nil {
		panic(err)
	}
	axes := []*Axis{commit}
	for i := range tools {
		axes = append(axes, Chain(fmt.Sprintf("tool%d", i), 2+r.IntN(most)))
	}
	if w.space, err = NewSpace(axes...); err != nil {
		panic(err)
	}
	for _, a := range axes {
		if r.IntN(4) == 0 {
			weights := make([]float64, a.Len())
			for i := range weights {
				weights[i] = 0.1 + r.ExpFloat64()
			}
			if err := a.SetPrior(weights); err != nil {
				panic(err)
			}
		}
	}
	w.addCauses(r, has.beside)
	if r.IntN(3) == 0 {
		w.addTwins(r)
	}
	if has.rules && tools > 1 && most > 1 && r.IntN(2) == 0 {
		w.addRules(r)
	}
	if has.skips {
		w.addSkips(r)
	}
	if has.repairs {
		w.addRepairs(r)
	}
	return w
}

func (w *world) addCauses(r *rand.Rand, beside bool) {
	for range 1 + r.IntN(3) {
		p := w.space.Good()
		for slices.Max(p) == 0 || w.sides[p[0]] == Before {
			for i, a := range w.space.Axes {
				p[i] = 0
				if r.IntN(2) == 0 && (i == 0 || r.IntN(len(p)) < 4) {
					p[i] = r.IntN(a.Len())
				}
			}
			switch k := r.IntN(8); {
			case len(w.causes) == 0:
			case k < 2: // one commit broke it twice
				p[0] = w.causes[0].point[0]
			case k == 2: // two commits with one tool
				copy(p[1:], w.causes[0].point[1:])
			}
		}
		w.causes = append(w.causes, cause{p, beside && p[0] == 0 && r.IntN(2) == 0})
	}
}

// addTwins gives some commits the tree of their only parent.
func (w *world) addTwins(r *rand.Rand) {
	w.twins = []int{0}
	for level := 1; level < len(w.parents); level++ {
		w.twins = append(w.twins, level)
		p := w.parents[level][0]
		blamed := slices.ContainsFunc(w.causes, func(c cause) bool { return c.point[0] == level })
		if len(w.parents[level]) == 1 && w.sides[p] == w.sides[level] && !blamed && r.IntN(3) == 0 {
			w.twins[level] = w.twins[p]
		}
	}
}

// addRules excludes combinations of tools, the ends apart.
func (w *world) addRules(r *rand.Rand) {
	some := func(axis int) []int {
		var levels []int
		from := r.IntN(w.space.Axes[axis].Len())
		for level := range w.space.Axes[axis].Len() {
			if level == from || r.IntN(2) == 0 {
				levels = append(levels, level)
			}
		}
		return levels
	}
	for range 1 + r.IntN(3) {
		a := 1 + r.IntN(len(w.space.Axes)-1)
		b := 1 + (a+r.IntN(len(w.space.Axes)-2))%(len(w.space.Axes)-1)
		one := rule{axis: a, with: b, levels: some(a), need: some(b)}
		if one.allows(w.space.Good()) && one.allows(w.space.Bad()) {
			w.rules = append(w.rules, one)
		}
	}
}

// anyPoint draws a point, high on most axes.
func (w *world) anyPoint(r *rand.Rand) Point {
	p := w.space.Bad()
	for i, a := range w.space.Axes {
		if r.IntN(2) == 0 {
			p[i] = r.IntN(a.Len())
		}
	}
	return p
}

// anyBox draws a box without either end.
func (w *world) anyBox(r *rand.Rand) box {
	b := box{w.space.Good(), w.space.Good()}
	for slices.Max(b.low) == 0 || slices.Max(b.end) == 0 || !w.space.Leq(b.end, w.space.Bad()) {
		for i, a := range w.space.Axes {
			if r.IntN(len(b.low)) < 2 {
				b.low[i], b.end[i] = r.IntN(a.Len()), r.IntN(a.Len())
			}
		}
	}
	return b
}

func (w *world) addSkips(r *rand.Rand) {
	tips := func(p Point) bool { return p.Equal(w.tree(w.space.Bad())) || p.Equal(w.space.Good()) }
	if r.IntN(2) == 0 {
		for range r.IntN(12) {
			if p := w.tree(w.anyPoint(r)); !tips(p) {
				w.skips[fmt.Sprint(p)] = true
			}
		}
	}
	if r.IntN(2) == 0 {
		last := len(w.parents) - 1
		from := 1 + r.IntN(last)
		for level := from; level < min(last, from+1+r.IntN(last)); level++ {
			if w.tree(w.space.Bad())[0] != level {
				w.islands[level] = true
			}
		}
	}
	if n := len(w.space.Axes); n > 2 && r.IntN(3) == 0 {
		pair := r.Perm(n - 1)[:2]
		a, b := 1+pair[0], 1+pair[1]
		x, y := r.IntN(w.space.Axes[a].Len()), r.IntN(w.space.Axes[b].Len())
		good, bad := x+y == 0, x == w.space.Axes[a].Len()-1 && y == w.space.Axes[b].Len()-1
		if !good && !bad {
			w.clashes = append(w.clashes, Step{Axis: a, Level: x}, Step{Axis: b, Level: y})
		}
	}
	if r.IntN(3) == 0 {
		w.masks = append(w.masks, w.anyBox(r))
	}
	if w.twins != nil && w.in(w.masks, w.tree(w.space.Bad())) {
		w.masks = nil
	}
}

func (w *world) addRepairs(r *rand.Rand) {
	for range 1 + r.IntN(2) {
		w.repairs = append(w.repairs, w.anyBox(r))
	}
	w.twins = nil
}

// randomDAG makes a history in the way pull requests do: a trunk from level 0, side branches that leave from
// it or from before it, and merges.
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
