package order_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	. "buildbisect/bisect/order"
	"buildbisect/bisect/testkit"
)

func BenchmarkExactAndEstimatedWeights(b *testing.B) {
	for _, n := range []int{80_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			parents, _ := testkit.MergeHeavy(n)
			a := New(parents)
			set := all(a)
			set = set[:len(set)-1]
			for b.Loop() {
				a.Exact()
				exact := testkit.Median(func() time.Duration { a.Forget(); return testkit.Elapsed(func() { a.Nearest(set) }) })
				members, sums, _ := a.WeighLevels(set)
				split := func(level int) float64 {
					i, _ := slices.BinarySearch(members, level)
					return min(sums[i], float64(a.Len()-1)-sums[i])
				}
				best := split(a.Nearest(set))
				a.Estimate(4096)
				estimated := testkit.Median(func() time.Duration { a.Forget(); return testkit.Elapsed(func() { a.Nearest(set) }) })
				fmt.Printf("bench midpoint/%dk/estimated %v of %v counted exactly\n", n/1000, estimated.Round(time.Microsecond), exact.Round(time.Microsecond))
				fmt.Printf("bench midpoint/%dk/estimated-split %.4f at-least 0.9 (of the best)\n", n/1000, split(a.Nearest(set))/best)
			}
		})
	}
}
