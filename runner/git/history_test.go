package git

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

// commitText writes commit n as fast-import text: its title is its number, a branch bN and its only file's
// content too.
func commitText(b *strings.Builder, n int, parents []int, seconds int) {
	fmt.Fprintf(b, "commit refs/heads/b%d\nmark :%d\ncommitter C <c@example.com> %d +0000\ndata <<.\n%d\n.\n", n, n+1, seconds, n)
	for i, parent := range parents {
		fmt.Fprintf(b, "%s :%d\n", []string{"from", "merge"}[min(i, 1)], parent+1)
	}
	fmt.Fprintf(b, "M 100644 inline number\ndata <<.\n%d\n.\n\n", n)
}

func importText(t testing.TB, dir, text string) *Repository {
	t.Helper()
	r, err := Import(t.Context(), strings.NewReader(text), filepath.Join(dir, "imported"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// world imports a DAG given by the parents of each commit.
func world(t testing.TB, parents [][]int) *Repository {
	t.Helper()
	var b strings.Builder
	for n, of := range parents {
		commitText(&b, n, of, 1600000000+n)
	}
	return importText(t, t.TempDir(), b.String())
}

func between(t testing.TB, r *Repository, good, bad int) (*History, error) {
	t.Helper()
	return r.History(t.Context(), resolve(t, r, fmt.Sprint("b", good)), resolve(t, r, fmt.Sprint("b", bad)), HistoryOptions{})
}

func TestHistoriesOfKnownShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		parents   [][]int
		good, bad int
		commits   string // titles in order
		bases     string
		nodes     string // DAG, parents of nodes 1…
		holds     string
	}{
		{"a line", [][]int{{}, {0}, {1}, {2}}, 1, 3, "2 3", "", "[[0] [1]]", "[true true]"},
		{"an octopus", [][]int{{}, {0}, {0}, {0}, {1, 2, 3}}, 0, 4, "1 2 3 4", "", "[[0] [0] [0] [1 2 3]]", "[true true true true]"},
		{"a side branch forked before good", [][]int{{}, {0}, {0}, {1}, {3, 2}}, 1, 4, "3 2 4", "", "[[0] [0] [1 2]]", "[true false true]"},
		{"a merge of good and of what is before it", [][]int{{}, {0}, {1, 0}}, 1, 2, "2", "", "[[0]]", "[true]"},
		{"good beside bad", [][]int{{}, {0}, {0}, {2}}, 1, 3, "2 3", "0", "[[0] [1]]", "[true true]"},
		{"good beside bad, and a branch older than their base", [][]int{{}, {0}, {1}, {1}, {0}, {3, 4}}, 2, 5, "3 4 5", "1", "[[0] [0] [1 2]]", "[true false true]"},
		{"criss-cross", [][]int{{}, {0}, {0}, {1, 2}, {2, 1}, {3}, {4}}, 5, 6, "4 6", "1 2", "[[0] [1]]", "[true true]"},
		{"several roots", [][]int{{}, {0}, {}, {2}, {1, 3}}, 0, 4, "1 2 3 4", "", "[[0] [] [2] [1 3]]", "[true false false true]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := between(t, world(t, c.parents), c.good, c.bad)
			if err != nil {
				t.Fatal(err)
			}
			parents, holds := h.DAG()
			bases := strings.Fields(titles(h.Bases))
			slices.Sort(bases)
			if got := titles(h.Commits); got != c.commits {
				t.Errorf("commits %s, want %s", got, c.commits)
			}
			if got := strings.Join(bases, " "); got != c.bases {
				t.Errorf("bases %q, want %q", got, c.bases)
			}
			if (h.Base.ID != "") != (len(h.Bases) == 1) {
				t.Errorf("base %q with %d bases", h.Base, len(h.Bases))
			}
			if got := strings.ReplaceAll(fmt.Sprint(parents[1:]), "{}", "[]"); got != c.nodes || len(parents[0]) != 0 {
				t.Errorf("nodes %s, want %s", got, c.nodes)
			}
			if got := fmt.Sprint(holds[1:]); got != c.holds || !holds[0] {
				t.Errorf("holds good %s, want %s", got, c.holds)
			}
		})
	}
}

func TestHistoriesWithoutAnAnswerSayWhy(t *testing.T) {
	t.Parallel()
	r := world(t, [][]int{{}, {0}, {}})
	_, err := between(t, r, 1, 1)
	if same := (*SameCommitError)(nil); !errors.As(err, &same) {
		t.Errorf("good = bad: %v", err)
	}
	_, err = between(t, r, 1, 0)
	if swapped := (*SwappedError)(nil); !errors.As(err, &swapped) {
		t.Errorf("good after bad: %v", err)
	}
	_, err = between(t, r, 2, 1)
	if unrelated := (*UnrelatedError)(nil); !errors.As(err, &unrelated) {
		t.Errorf("no common ancestor: %v", err)
	}
}

// randomParents makes a DAG of n commits: mostly lines and merges, now and then an octopus or a root.
func randomParents(rng *rand.Rand, n int) [][]int {
	parents := make([][]int, n)
	for i := 1; i < n; i++ {
		count := []int{1, 1, 1, 1, 1, 2, 2, 2, 3, 0}[rng.IntN(10)]
		for range count {
			p := max(0, i-1-rng.IntN(6))
			if !slices.Contains(parents[i], p) {
				parents[i] = append(parents[i], p)
			}
		}
	}
	return parents
}

// worlds imports many random DAGs into one repository, their commits numbered on, and returns where each
// begins and its parents by number.
func worlds(t testing.TB, seeds int, date func(rng *rand.Rand, n int) int) (*Repository, map[int][][]int) {
	t.Helper()
	var text strings.Builder
	all := map[int][][]int{}
	first := 0
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		parents := randomParents(rng, 4+rng.IntN(26))
		for n := range parents {
			for i := range parents[n] {
				parents[n][i] += first
			}
			commitText(&text, first+n, parents[n], date(rng, n))
		}
		all[first] = parents
		first += len(parents)
	}
	return importText(t, t.TempDir(), text.String()), all
}

func TestHistoriesAreThoseOfGitOnRandomDAGs(t *testing.T) {
	t.Parallel()
	r, all := worlds(t, gittest.Fewer(25), func(_ *rand.Rand, n int) int { return 1600000000 + n })
	for first, parents := range all {
		rng := rand.New(rand.NewPCG(uint64(first), 2))
		good, bad := first+rng.IntN(len(parents)-1), first+len(parents)-1
		h, err := between(t, r, good, bad)
		if err != nil {
			continue // compared in the next test, where all pairs are
		}
		g, b := fmt.Sprint("b", good), fmt.Sprint("b", bad)
		if got, want := ids(h.Commits), gittest.Sorted(strings.Fields(gittest.Run(t, r.GitDir, "rev-list", "--topo-order", g+".."+b))); !slices.Equal(got, want) {
			t.Errorf("%v, %s..%s: %v, git says %v", parents, g, b, got, want)
		}
		bases := ids(h.Bases)
		if len(bases) == 0 {
			bases = []string{h.Good.ID}
		}
		if want := gittest.Sorted(strings.Fields(gittest.Run(t, r.GitDir, "merge-base", "--all", g, b))); !slices.Equal(bases, want) {
			t.Errorf("%v, merge bases of %s and %s: %v, git says %v", parents, g, b, bases, want)
		}
	}
}

func ids(commits []Commit) []string {
	var all []string
	for _, c := range commits {
		all = append(all, c.ID)
	}
	return gittest.Sorted(all)
}

// TestHistoriesAreExactWhateverTheDates compares with the definition itself, on DAGs whose dates are in no
// order.
func TestHistoriesAreExactWhateverTheDates(t *testing.T) {
	t.Parallel()
	r, all := worlds(t, gittest.Fewer(50), func(rng *rand.Rand, _ int) int { return rng.IntN(2000000000) })
	for first, of := range all {
		parents := map[int][]int{}
		commits := map[int]Commit{}
		reach := map[int]map[int]bool{} // ancestors, itself included
		for i := range of {
			n := first + i
			commits[n] = resolve(t, r, fmt.Sprint("b", n))
			parents[n], reach[n] = of[i], map[int]bool{n: true}
			for _, p := range of[i] {
				for a := range reach[p] {
					reach[n][a] = true
				}
			}
		}
		for good := range parents {
			for bad := range parents {
				if (good+bad)%4 != 0 { // every fourth pair is enough
					continue
				}
				h, err := r.History(t.Context(), commits[good], commits[bad], HistoryOptions{})
				checkHistory(t, fmt.Sprintf("%v, %d..%d", parents, good, bad), h, err, parents, reach, good, bad)
			}
		}
	}
}

func checkHistory(t *testing.T, at string, h *History, err error, parents map[int][]int, reach map[int]map[int]bool, good, bad int) {
	t.Helper()
	var common, tops []int
	for n := range parents {
		if reach[good][n] && reach[bad][n] {
			common = append(common, n)
		}
	}
	var same *SameCommitError
	var swapped *SwappedError
	var unrelated *UnrelatedError
	switch {
	case good == bad:
		if !errors.As(err, &same) {
			t.Errorf("%s: %v", at, err)
		}
		return
	case reach[good][bad]:
		if !errors.As(err, &swapped) {
			t.Errorf("%s: %v", at, err)
		}
		return
	case len(common) == 0:
		if !errors.As(err, &unrelated) {
			t.Errorf("%s: %v", at, err)
		}
		return
	case err != nil:
		t.Errorf("%s: %v", at, err)
		return
	}
	slices.Sort(common)
	for _, n := range common {
		if !slices.ContainsFunc(common, func(m int) bool { return m != n && reach[m][n] }) {
			tops = append(tops, n)
		}
	}
	number := func(c Commit) (n int) { fmt.Sscan(c.Subject, &n); return n }
	gotTops := []int{good}
	if len(h.Bases) > 0 {
		gotTops = nil
		for _, c := range h.Bases {
			gotTops = append(gotTops, number(c))
		}
		slices.Sort(gotTops)
	}
	if !slices.Equal(gotTops, tops) {
		t.Errorf("%s: bases %v, want %v", at, gotTops, tops)
	}
	inRange := 0
	for n := range parents {
		if reach[bad][n] && !reach[good][n] {
			inRange++
		}
	}
	if len(h.Commits) != inRange || number(h.Commits[len(h.Commits)-1]) != bad {
		t.Fatalf("%s: commits %s, want %d and %d last", at, titles(h.Commits), inRange, bad)
	}
	nodes, holds := h.DAG()
	for i, c := range h.Commits {
		n := number(c)
		if !reach[bad][n] || reach[good][n] {
			t.Errorf("%s: %d is not in the range", at, n)
		}
		if want := !slices.ContainsFunc(tops, func(top int) bool { return !reach[n][top] }); holds[i+1] != want {
			t.Errorf("%s: %d holds the good side: %v", at, n, holds[i+1])
		}
		outside := false
		for _, p := range parents[n] {
			outside = outside || reach[good][p]
			if !reach[good][p] && !slices.ContainsFunc(nodes[i+1], func(node int) bool { return node > 0 && number(h.Commits[node-1]) == p }) {
				t.Errorf("%s: node %d lacks parent %d", at, n, p)
			}
		}
		if slices.Contains(nodes[i+1], 0) != outside {
			t.Errorf("%s: node %d and the good side: %v", at, n, nodes[i+1])
		}
		for _, node := range nodes[i+1] {
			if node > i {
				t.Errorf("%s: node %d comes before its parent %d", at, i+1, node)
			}
		}
	}
}

func TestTheOrderOfCommitsIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	parents := randomParents(rng, 60)
	for n := 1; n < len(parents); n++ {
		if len(parents[n]) == 0 {
			parents[n] = []int{n - 1}
		}
	}
	r := world(t, parents)
	var first string
	for range 5 {
		h, err := r.History(t.Context(), resolve(t, r, "b0"), resolve(t, r, "b59"), HistoryOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = titles(h.Commits)
		}
		if got := titles(h.Commits); got != first {
			t.Fatalf("%s, then %s", first, got)
		}
	}
}

func TestACommitGraphChangesNoAnswer(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	parents := randomParents(rng, 80)
	parents[79] = []int{70, 71, 72, 73}
	dir := t.TempDir()
	plain := world(t, parents)
	gittest.Run(t, dir, "clone", "-q", "--mirror", plain.GitDir, "single")
	gittest.Run(t, dir, "clone", "-q", "--mirror", plain.GitDir, "chain")
	gittest.Run(t, dir, "--git-dir=single", "commit-graph", "write", "--reachable")
	out, err := gittest.Try(t, filepath.Join(dir, "chain"), gittest.Run(t, plain.GitDir, "rev-parse", "b40")+"\n", "commit-graph", "write", "--stdin-commits", "--split=no-merge")
	if err != nil {
		t.Fatal(out)
	}
	gittest.Run(t, dir, "--git-dir=chain", "commit-graph", "write", "--reachable", "--split=no-merge")
	gittest.Run(t, dir, "clone", "-q", "--mirror", plain.GitDir, "garbage")
	gittest.WriteFiles(t, dir, map[string]string{"garbage/objects/info/commit-graph": "garbage"})
	for _, name := range []string{"single", "chain", "garbage"} {
		r := open(t, filepath.Join(dir, name))
		if (r.Graph.index != nil) != (name != "garbage") {
			t.Fatalf("%s: the commit-graph is used: %v", name, r.Graph.index != nil)
		}
		for n := range 79 {
			want, wantErr := between(t, plain, n, 79)
			got, err := between(t, r, n, 79)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%s, from %d: %v, without %v", name, n, err, wantErr)
			}
			if err == nil && (titles(got.Commits) != titles(want.Commits) || titles(got.Bases) != titles(want.Bases)) {
				t.Errorf("%s, from %d: %s, without %s", name, n, titles(got.Commits), titles(want.Commits))
			}
		}
	}
}

func TestAShallowCloneThatLacksTheRangeSaysHowToDeepen(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 9)
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", "--depth=4", "file://"+dir, clone)
	r := open(t, clone)
	h, err := r.History(t.Context(), resolve(t, r, "HEAD~3"), resolve(t, r, "HEAD"), HistoryOptions{})
	if err != nil || titles(h.Commits) != "7 8 9" {
		t.Fatalf("a range that is here: %v", err)
	}
	_, err = r.Resolve("v2")
	var not *NotFoundError
	if !errors.As(err, &not) || !strings.Contains(err.Error(), "fetch --unshallow") {
		t.Errorf("a tag beyond the end: %v", err)
	}
	_, err = r.Resolve("HEAD~7")
	if !errors.As(err, &not) || !strings.Contains(err.Error(), "fetch --unshallow") {
		t.Errorf("a commit beyond the end: %v", err)
	}
	// v2 alone, as an island: its connection to HEAD is not here.
	gittest.Run(t, clone, "fetch", "-q", "--depth=1", "origin", "tag", "v2")
	r = open(t, clone)
	_, err = r.History(t.Context(), resolve(t, r, "v2"), resolve(t, r, "HEAD"), HistoryOptions{})
	var shallow *ShallowError
	if !errors.As(err, &shallow) || titles(shallow.Ends) != "6" {
		t.Fatalf("got %v, want a ShallowError that ends at 6", err)
	}
	gittest.Run(t, t.TempDir(), strings.Fields(shallow.Command)[1:]...) // as it stands
	r = open(t, clone)
	if h, err = r.History(t.Context(), resolve(t, r, "v2"), resolve(t, r, "HEAD"), HistoryOptions{}); err != nil || titles(h.Commits) != "3 4 5 6 7 8 9" {
		t.Errorf("after %s: %v", shallow.Command, err)
	}
}
