package bisect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "buildbisect/bisect"
)

// line is a space of n commits in line and tool axes with the given numbers of steps.
func line(t testing.TB, n int, steps ...int) *Space {
	axes := []*Axis{Chain("commit", n+1)}
	axes[0].Commit = true
	for i, k := range steps {
		axes = append(axes, Chain(fmt.Sprintf("tool%d", i), k+1))
	}
	space, err := NewSpace(axes...)
	if err != nil {
		t.Fatal(err)
	}
	return space
}

// drawCause draws from the yardstick's prior: each tool axis irrelevant with probability one half, else
// uniform; commits uniform.
func drawCause(r *rand.Rand, s *Space) Point {
	p := s.Good()
	for i, a := range s.Axes {
		if a.Commit || r.IntN(2) == 0 {
			p[i] = 1 + r.IntN(a.Len()-1)
		}
	}
	return p
}

// descentProbes counts what finding one cause takes, the ends and the confirmations apart.
func descentProbes(t testing.TB, space *Space, cause Point) int {
	s := NewSearch(space, Options{Confirm: 1})
	asked, err := solve(s, func(p Point) Verdict {
		if space.Leq(cause, p) {
			return Bad
		}
		return Good
	})
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Finding(); len(f.Causes) != 1 || !f.Causes[0].Point.Equal(cause) {
		t.Fatalf("found %v; want %v", f.Causes, cause)
	}
	return len(asked) - 2
}

func TestOneCauseCostsLittleMoreThanItsEntropy(t *testing.T) {
	for _, c := range []struct {
		commits int
		steps   []int
	}{{1024, nil}, {1024, []int{1}}, {1024, []int{1, 1, 1}}, {1024, []int{3, 3, 1}}, {4000, []int{6, 8, 1, 1}}} {
		space := line(t, c.commits, c.steps...)
		entropy, bound := math.Log2(float64(c.commits)), math.Ceil(math.Log2(float64(c.commits+1)))+1
		for _, k := range c.steps {
			entropy += 1 + 0.5*math.Log2(float64(k))
			bound += math.Ceil(math.Log2(float64(k+1))) + 1
		}
		r := rand.New(rand.NewPCG(1, 2))
		sum, worst, draws := 0, 0, 1000
		for range draws {
			n := descentProbes(t, space, drawCause(r, space))
			sum, worst = sum+n, max(worst, n)
		}
		mean := float64(sum) / float64(draws)
		name := fmt.Sprintf("probes/%dx%s", c.commits, strings.Trim(strings.ReplaceAll(fmt.Sprint(c.steps), " ", "x"), "[]"))
		if len(c.steps) == 0 {
			name += "{}"
		}
		fmt.Printf("bench %s/mean %.2f at-most %.2f, the entropy + 0.5\n", name, mean, entropy+0.5)
		fmt.Printf("bench %s/worst %d at-most %.0f\n", name, worst, bound)
		if mean > entropy+0.5 {
			t.Errorf("%d commits x %v: mean %.2f probes; want at most the entropy %.2f + 0.5", c.commits, c.steps, mean, entropy)
		}
		// The half probability that no commit is to blame may cost a probe on top.
		if float64(worst) > bound+1 {
			t.Errorf("%d commits x %v: worst %d probes; want at most %.0f", c.commits, c.steps, worst, bound+1)
		}
	}
}

func TestFewOfManyTogglesAreFoundByGroupTesting(t *testing.T) {
	steps := make([]int, 40)
	for i := range steps {
		steps[i] = 1
	}
	space := line(t, 1, steps...)
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range []int{1, 2, 3} {
		sum, draws := 0, 60
		for range draws {
			cause := space.Good()
			for _, i := range r.Perm(40)[:d] {
				cause[1+i] = 1
			}
			sum += descentProbes(t, space, cause)
		}
		mean := float64(sum) / float64(draws)
		combinations := 1.0
		for i := range d {
			combinations *= float64(40-i) / float64(i+1)
		}
		yardstick := math.Log2(combinations) + float64(d)
		fmt.Printf("bench toggles/40/interacting=%d %.1f about %.1f, log2 of the combinations + %d\n", d, mean, yardstick, d)
		if mean > yardstick+3 {
			t.Errorf("%d of 40 toggles: mean %.1f probes; want about %.1f", d, mean, yardstick)
		}
	}
}

func BenchmarkFirstQuestionOnALongHistory(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				r := rand.New(rand.NewPCG(5, 6))
				parents, sides := randomDAG(r, n)
				commit, err := DAG("commit", parents, sides)
				if err != nil {
					b.Fatal(err)
				}
				space, _ := NewSpace(commit, Chain("tool", 2))
				s := NewSearch(space, Options{})
				for range 4 {
					q, _ := s.Next()
					v := Bad
					if q.Point.Equal(space.Good()) {
						v = Good
					}
					if err := s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: v}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
