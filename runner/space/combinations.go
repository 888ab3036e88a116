package space

import (
	"iter"

	"buildbisect/scenarios"
)

// MostCombinations is up to how many combinations of levels are looked at one by one.
const MostCombinations = 1 << 20

// Combinations goes through all combinations of the axes' levels, those of the first axis fastest. Each is one
// level for each axis, and is valid until the next one. It reports false if there are more than
// [MostCombinations].
func Combinations(axes []scenarios.Axis) (iter.Seq[[]int], bool) {
	all := 1
	for _, a := range axes {
		if all *= len(a.Levels); all > MostCombinations {
			return nil, false
		}
	}
	return func(yield func([]int) bool) {
		levels := make([]int, len(axes))
		for n := range all {
			for i, a := range axes {
				levels[i], n = n%len(a.Levels), n/len(a.Levels)
			}
			if !yield(levels) {
				return
			}
		}
	}, true
}
