package order_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "buildbisect/bisect/order"
	"buildbisect/bisect/testkit"
)

// between lays out what bad contains and no good commit does as an order, and tells which commit each level
// is. What lies outside is level 0.
func between(t testing.TB, parents [][]int, bad int, goods []int) (a *Order, commit []int) {
	t.Helper()
	contained := func(tips ...int) []bool {
		set := make([]bool, len(parents))
		for _, tip := range tips {
			set[tip] = true
		}
		for i := len(parents) - 1; i >= 0; i-- {
			if set[i] {
				for _, p := range parents[i] {
					set[p] = true
				}
			}
		}
		return set
	}
	inBad, inGood := contained(bad), contained(goods...)
	level := make([]int, len(parents))
	levels := [][]int{nil}
	commit = []int{-1}
	for i := range parents {
		if !inBad[i] || inGood[i] {
			continue
		}
		var list []int
		for _, p := range parents[i] {
			list = append(list, level[p])
		}
		if len(list) == 0 {
			list = []int{0}
		}
		level[i] = len(levels)
		levels, commit = append(levels, list), append(commit, i)
	}
	if len(levels) == 1 {
		return nil, nil
	}
	return New(levels), commit
}

// checkDistances compares with what git says of the same range.
func checkDistances(t *testing.T, dir string, ids []string, parents [][]int, bad int, goods []int) {
	t.Helper()
	args := []string{"rev-list", "--bisect-all", ids[bad]}
	for _, g := range goods {
		args = append(args, "^"+ids[g])
	}
	want := map[string]float64{}
	for line := range strings.Lines(testkit.Git(t, dir, nil, args...)) {
		id, rest, _ := strings.Cut(line, " ") // (dist=3), or (name of a branch, dist=3)
		_, number, _ := strings.Cut(rest, "dist=")
		distance, err := strconv.Atoi(strings.TrimSuffix(number, ")\n"))
		if err != nil {
			t.Fatalf("git says %q: %v", line, err)
		}
		want[id] = float64(distance)
	}
	a, commit := between(t, parents, bad, goods)
	if a == nil {
		if len(want) > 0 {
			t.Errorf("git finds %d commits where there are none", len(want))
		}
		return
	}
	members, sums, exact := a.WeighLevels(all(a))
	if !exact || len(members) != len(want) {
		t.Errorf("%d commits, exact %v; git finds %d", len(members), exact, len(want))
	}
	for i, m := range members {
		id := ids[commit[m]]
		if got := min(sums[i], float64(len(members))-sums[i]); got != want[id] {
			t.Errorf("commit %d: distance %v; git says %v", commit[m], got, want[id])
		}
	}
}

// rooted makes roots of some commits of a history: further ones, without anything in common with the first.
func rooted(r *rand.Rand, parents [][]int) [][]int {
	if r.IntN(3) > 0 {
		return parents
	}
	for i := range parents {
		if r.IntN(10) == 0 {
			parents[i] = nil
		}
	}
	return parents
}

func TestDistancesAreThoseOfGit(t *testing.T) {
	seeds := 60
	if !testkit.Soaking() {
		seeds = 25
	}
	type history struct {
		shape   string
		seed    int
		parents [][]int
	}
	var made []history
	var all [][][]int
	for shape, grow := range testkit.Shapes() {
		for seed := range seeds {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			h := history{shape, seed, rooted(r, grow(r, 3+r.IntN(120)))}
			made, all = append(made, h), append(all, h.parents)
		}
	}
	dir := t.TempDir()
	ids := testkit.ImportHistories(t, dir, all)
	for i, h := range made {
		r := rand.New(rand.NewPCG(uint64(h.seed), 2))
		bad := len(h.parents) - 1 - r.IntN(1+len(h.parents)/10)
		goods := []int{r.IntN(len(h.parents))}
		for r.IntN(2) == 0 {
			goods = append(goods, r.IntN(len(h.parents)))
		}
		if r.IntN(3) == 0 {
			goods = []int{0}
		}
		checkDistances(t, dir, ids[i], h.parents, bad, goods)
		if t.Failed() {
			t.Fatalf("%s, seed %d: bad %d, good %v, parents %v", h.shape, h.seed, bad, goods, h.parents)
		}
	}
}

func TestDistancesAreThoseOfGitInALargeHistory(t *testing.T) {
	n := 20_000
	if !testkit.Soaking() {
		n = 8_000
	}
	parents := testkit.Integrators(rand.New(rand.NewPCG(7, 7)), n)
	merges := 0
	for _, list := range parents {
		if len(list) > 1 {
			merges++
		}
	}
	if merges < n/5 {
		t.Fatalf("%d merges of %d commits; want a history heavy with merges", merges, n)
	}
	dir := t.TempDir()
	ids := testkit.ImportHistories(t, dir, [][][]int{parents})
	testkit.Git(t, dir, nil, "commit-graph", "write", "--reachable")
	checkDistances(t, dir, ids[0], parents, n-1, []int{0})
	checkDistances(t, dir, ids[0], parents, n-1, []int{n / 3, n / 4, slices.Max(parents[n-1]) - 500})
}

// BISECT_REPOSITORY is a repository of the machine to compare on, such as a clone of git.git. It is only
// read.
func TestDistancesAreThoseOfGitInARealRepository(t *testing.T) {
	dir := os.Getenv("BISECT_REPOSITORY")
	if dir == "" {
		t.Skip("BISECT_REPOSITORY names no repository")
	}
	var ids []string
	var parents [][]int
	number := map[string]int{}
	for line := range strings.Lines(testkit.Git(t, dir, nil, "rev-list", "--topo-order", "--reverse", "--parents", "HEAD")) {
		words := strings.Fields(line)
		var list []int
		for _, id := range words[1:] {
			list = append(list, number[id])
		}
		number[words[0]] = len(ids)
		ids, parents = append(ids, words[0]), append(parents, list)
	}
	last := len(ids) - 1
	for _, good := range []int{last - 300, last - last/10, last - last/3, last / 2} {
		start := time.Now()
		checkDistances(t, dir, ids, parents, last, []int{good})
		t.Logf("%d commits before the last: compared in %v", last-good, time.Since(start).Round(time.Millisecond))
	}
}
