package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "buildbisect/bisect"
	"buildbisect/bisect/testkit"
)

// BenchmarkNoisyQuestion measures what a trial and the choice of the next question take, little beside any
// build, and what the first one takes on top.
func BenchmarkNoisyQuestion(b *testing.B) {
	line := func(n int) [][]int { return testkit.Grow(rand.New(rand.NewPCG(1, 1)), n, 0, 0) }
	pulls := func(n int) [][]int { return testkit.Integrators(rand.New(rand.NewPCG(1, 1)), n) }
	for _, c := range []struct {
		name      string
		parents   [][]int
		steps     []int
		yardstick time.Duration
	}{
		{"line-1024x4x4x2", line(1025), []int{4, 4, 2}, 20 * time.Millisecond},
		{"merges-1024x4x4x2", pulls(1025), []int{4, 4, 2}, 20 * time.Millisecond},
		{"wide-1024x4x4x2", testkit.Wide(rand.New(rand.NewPCG(1, 1)), 1025), []int{4, 4, 2}, 20 * time.Millisecond},
		{"any-1024x4x4x2", testkit.AnyDAG(rand.New(rand.NewPCG(1, 1)), 1025), []int{4, 4, 2}, 20 * time.Millisecond},
		{"merges-80000x1x1x1", pulls(80_000), []int{1, 1, 1}, time.Second},
		{"toggles-40", line(2), steps(40), time.Second},
		{"toggles-40-and-1024", line(1025), steps(40), time.Second},
	} {
		b.Run(c.name, func(b *testing.B) {
			axes := []*Axis{commits(b, c.parents)}
			for i, k := range c.steps {
				axes = append(axes, Chain(fmt.Sprint("tool", i), k+1))
			}
			space, err := NewSpace(axes...)
			if err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			NewBelief(space)
			first := time.Since(began)
			r := rand.New(rand.NewPCG(2, 2))
			var spent []time.Duration
			for b.Loop() {
				belief := NewBelief(space)
				for range 10 {
					began := time.Now()
					q, _, ok := belief.Ask()
					if !ok {
						b.Fatal("nothing to ask")
					}
					belief.Observe(q, r.IntN(2) == 0)
					spent = append(spent, time.Since(began))
				}
			}
			sum := time.Duration(0)
			for _, d := range spent {
				sum += d
			}
			mean := sum / time.Duration(len(spent))
			fmt.Printf("bench noise/question/%s/ms %.1f %d\n", c.name, mean.Seconds()*1e3, c.yardstick.Milliseconds())
			fmt.Printf("bench noise/question/%s/start-ms %.1f 1000\n", c.name, first.Seconds()*1e3)
			fmt.Printf("bench noise/question/%s/listed %d %d\n", c.name, axes[0].ListedForSums(), 8*len(c.parents))
		})
	}
}

// steps is n toggles.
func steps(n int) []int { return slices.Repeat([]int{1}, n) }
