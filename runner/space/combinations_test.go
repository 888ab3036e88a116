package space

import (
	"fmt"
	"testing"

	"buildbisect/scenarios"
)

func TestEveryCombinationComesOnce(t *testing.T) {
	axes := []scenarios.Axis{{Levels: make([]scenarios.Level, 2)}, {Levels: make([]scenarios.Level, 3)}, {Levels: make([]scenarios.Level, 4)}}
	all, ok := Combinations(axes)
	if !ok {
		t.Fatal("too many")
	}
	seen := map[string]bool{}
	for levels := range all {
		seen[fmt.Sprint(levels)] = true
	}
	if len(seen) != 24 || !seen["[0 0 0]"] || !seen["[1 2 3]"] {
		t.Errorf("%d combinations: %v", len(seen), seen)
	}
	if all, _ := Combinations(nil); all != nil {
		n := 0
		for range all {
			n++
		}
		if n != 1 {
			t.Errorf("of no axes: %d", n)
		}
	}
	if _, ok := Combinations([]scenarios.Axis{{Levels: make([]scenarios.Level, MostCombinations)}, axes[0]}); ok {
		t.Error("more than the bound are gone through")
	}
}
