package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

// pathWorld is a random history with one root, in which files come, go and come back: merges that take each
// file from any parent, that take everything from one, and that change what no parent had.
type pathWorld struct {
	first     int // number of its first commit; its branches are b<number>
	parents   [][]int
	trees     []map[string]string // path to content
	good, bad int
	ofGood    []bool
}

var worldFiles = []string{"a", "b/x", "b/y", "b/c/z", "mk/one.mk", "two.mk"}

var worldPaths = [][]string{nil, {"a"}, {"b"}, {"b/"}, {"b/c"}, {"b/c/z", "a"}, {"*.mk"}, {"b/*"}, {"m?/*"}, {"."}, {"[ab]"}, {"a", "b"}, {"nowhere"}, {":!b"}, {":(glob)*.mk"}, {"b", ":(exclude,icase)B/C"}, {":(icase)MK"}}

func newPathWorld(rng *rand.Rand, first int) pathWorld {
	n := 4 + rng.IntN(26)
	w := pathWorld{first: first, parents: randomParents(rng, n), trees: make([]map[string]string, n), ofGood: make([]bool, n)}
	for i := 1; i < n; i++ {
		if len(w.parents[i]) == 0 {
			w.parents[i] = []int{i - 1}
		}
	}
	for i := range n {
		w.trees[i] = map[string]string{}
		if i == 0 {
			for _, file := range worldFiles[:3] {
				w.trees[0][file] = "0"
			}
			continue
		}
		whole := rng.IntN(3) == 0
		from := w.parents[i][rng.IntN(len(w.parents[i]))]
		for _, file := range worldFiles {
			if !whole {
				from = w.parents[i][rng.IntN(len(w.parents[i]))]
			}
			if content, ok := w.trees[from][file]; ok {
				w.trees[i][file] = content
			}
		}
		if len(w.parents[i]) > 1 && rng.IntN(4) > 0 {
			continue
		}
		for range rng.IntN(3) {
			file := worldFiles[rng.IntN(len(worldFiles))]
			if content := rng.IntN(4); content > 0 {
				w.trees[i][file] = fmt.Sprint(content)
			} else {
				delete(w.trees[i], file)
			}
		}
	}
	w.bad = n - 1
	w.good = rng.IntN(n - 1)
	w.ofGood[w.good] = true
	for i := w.good; i >= 0; i-- {
		if w.ofGood[i] {
			for _, p := range w.parents[i] {
				w.ofGood[p] = true
			}
		}
	}
	return w
}

// write gives fast-import text. Only if git knows all ancestors of good before it meets the rest does it
// treat them alike, so they get the later dates; asGit is false for dates that people's clocks could have
// given.
func (w pathWorld) write(b *strings.Builder, asGit bool) {
	for i, of := range w.parents {
		date := 1000000000 + i
		if asGit && w.ofGood[i] {
			date += 1000000
		}
		fmt.Fprintf(b, "commit refs/heads/b%d\nmark :%d\ncommitter C <c@example.com> %d +0000\ndata <<.\n%d\n.\n", w.first+i, w.first+i+1, date, w.first+i)
		for j, parent := range of {
			fmt.Fprintf(b, "%s :%d\n", []string{"from", "merge"}[min(j, 1)], w.first+parent+1)
		}
		b.WriteString("deleteall\n")
		for _, file := range slices.Sorted(maps.Keys(w.trees[i])) {
			fmt.Fprintf(b, "M 100644 inline %s\ndata <<.\n%s\n.\n", file, w.trees[i][file])
		}
		b.WriteString("\n")
	}
}

// gitRange asks git for the commits of a range, each with its parents as rewritten.
func gitRange(t *testing.T, r *Repository, good, bad Commit, o HistoryOptions) map[string][]string {
	t.Helper()
	args := []string{"rev-list", "--parents"}
	if o.FirstParent {
		args = append(args, "--first-parent")
	}
	args = append(args, good.ID+".."+bad.ID, "--")
	all := map[string][]string{}
	for row := range strings.Lines(gittest.Run(t, r.GitDir, append(args, o.Paths...)...)) {
		words := strings.Fields(row)
		all[words[0]] = words[1:]
	}
	return all
}

// hidesTheFirst reports whether git --first-parent -- paths leaves the oldest commit of the line out,
// whatever it changed: a merge whose first parent is an older ancestor of good, and whose second is not, it
// never compares with either.
func (w pathWorld) hidesTheFirst() bool {
	i := w.bad
	for ; !w.ofGood[w.parents[i][0]]; i = w.parents[i][0] {
	}
	of := w.parents[i]
	return of[0] != w.good && len(of) > 1 && (!w.ofGood[of[1]] || of[1] == w.good)
}

func (w pathWorld) String() string {
	return fmt.Sprintf("good %d, parents %v, trees %v", w.good, w.parents, w.trees)
}

// pathWorlds imports many worlds into one repository.
func pathWorlds(t *testing.T, n int, asGit bool) (*Repository, []pathWorld) {
	t.Helper()
	var text strings.Builder
	var all []pathWorld
	first := 0
	for seed := range n {
		w := newPathWorld(rand.New(rand.NewPCG(uint64(seed), 11)), first)
		w.write(&text, asGit)
		all = append(all, w)
		first += len(w.parents)
	}
	return importText(t, t.TempDir(), text.String()), all
}

func (w pathWorld) ends(t *testing.T, r *Repository) (good, bad Commit) {
	return resolve(t, r, fmt.Sprint("b", w.first+w.good)), resolve(t, r, fmt.Sprint("b", w.first+w.bad))
}

func TestHistoriesOfPathsAndFirstParentsAreThoseOfGit(t *testing.T) {
	t.Parallel()
	r, all := pathWorlds(t, gittest.Fewer(100), true)
	compared, empty, shifted := 0, 0, 0
	for seed, w := range all {
		rng := rand.New(rand.NewPCG(uint64(seed), 12))
		good, bad := w.ends(t, r)
		for range 5 {
			o := HistoryOptions{FirstParent: rng.IntN(3) == 0, Paths: worldPaths[rng.IntN(len(worldPaths))]}
			if o.FirstParent && o.Paths != nil && w.hidesTheFirst() {
				continue // its own test is below
			}
			at := fmt.Sprintf("seed %d, %+v, %v", seed, o, w)
			want := gitRange(t, r, good, bad, o)
			h, err := r.History(t.Context(), good, bad, o)
			if len(want) == 0 {
				empty++
				if untouched := (*UntouchedError)(nil); !errors.As(err, &untouched) {
					t.Errorf("%s: %v, git says that there is nothing", at, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", at, err)
				continue
			}
			compared++
			if h.Newest.ID != bad.ID {
				shifted++
			}
			if got := ids(h.Commits); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
				t.Errorf("%s: %s, git says %v", at, titles(h.Commits), slices.Collect(maps.Keys(want)))
				continue
			}
			w.checkParents(t, at, r, h, want, o)
			w.checkShape(t, at, h)
		}
	}
	t.Logf("%d histories compared, of which %d end before bad; %d more are empty", compared, shifted, empty)
	if compared < len(all) || shifted < len(all)/4 || empty < len(all)/4 {
		t.Error("the worlds have become too simple")
	}
}

// checkParents compares parents with git's. Two things git prints are of no use to a search: second parents
// with --first-parent, and merges of ancestors of good that are left out and yet named.
func (w pathWorld) checkParents(t *testing.T, at string, r *Repository, h *History, want map[string][]string, o HistoryOptions) {
	t.Helper()
	id := func(i int) string { return resolve(t, r, fmt.Sprint("b", w.first+i)).ID }
	for _, c := range h.Commits {
		parents := want[c.ID]
		if o.FirstParent {
			parents = parents[:min(1, len(parents))]
		}
		var expected []string
		for _, parent := range parents {
			n := w.number(t, r, parent) - w.first
			named := []string{parent}
			if _, shown := want[parent]; !shown && !w.ofGood[n] {
				named = nil
				for _, p := range w.parents[n] {
					if !w.ofGood[p] || p == w.good {
						t.Fatalf("%s: git names %d, which it left out, as a parent", at, n)
					}
					named = append(named, id(p))
				}
			}
			for _, name := range named {
				if !slices.Contains(expected, name) {
					expected = append(expected, name)
				}
			}
		}
		if !slices.Equal(c.Parents, expected) {
			t.Errorf("%s: parents of %s: %v, git says %v", at, c.Subject, c.Parents, expected)
		}
	}
}

func (w pathWorld) number(t *testing.T, r *Repository, id string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(resolve(t, r, id).Subject, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// checkShape checks what the DAG promises of any history: an order, one last commit, and who holds good.
func (w pathWorld) checkShape(t *testing.T, at string, h *History) {
	t.Helper()
	if last := h.Commits[len(h.Commits)-1]; last.ID != h.Newest.ID {
		t.Errorf("%s: newest is %s, the last is %s", at, h.Newest, last)
	}
	nodes, holds := h.DAG()
	inner := map[int]bool{}
	for i, parents := range nodes {
		for _, p := range parents {
			inner[p] = true
			if p >= i {
				t.Errorf("%s: node %d comes before its parent %d", at, i, p)
			}
		}
		if i > 0 && len(parents) == 0 {
			t.Errorf("%s: node %d has no parent, though there is but one root", at, i)
		}
	}
	if len(inner) != len(nodes)-1 || inner[len(nodes)-1] {
		t.Errorf("%s: nodes %v do not all lead to the last", at, nodes)
	}
	for i, c := range h.Commits {
		var n int
		fmt.Sscan(c.Subject, &n)
		reach := map[int]bool{n - w.first: true}
		for m := n - w.first; m >= 0; m-- {
			if reach[m] {
				for _, p := range w.parents[m] {
					reach[p] = true
				}
			}
		}
		want := reach[w.good]
		if len(h.Bases) > 0 {
			want = true
			for _, base := range h.Bases {
				var b int
				fmt.Sscan(base.Subject, &b)
				want = want && reach[b-w.first]
			}
		}
		if holds[i+1] != want {
			t.Errorf("%s: %s holds good: %v", at, c.Subject, holds[i+1])
		}
	}
}

// TestNoCommitThatGitLeavesIsLostWhateverTheDates uses dates that rise along history, as they do. Git then
// follows some merges into ancestors of good that it has not yet met, and loses their other sides.
func TestNoCommitThatGitLeavesIsLostWhateverTheDates(t *testing.T) {
	t.Parallel()
	r, all := pathWorlds(t, gittest.Fewer(60), false)
	for seed, w := range all {
		good, bad := w.ends(t, r)
		o := HistoryOptions{Paths: worldPaths[1+seed%(len(worldPaths)-1)]}
		var got []string
		if h, err := r.History(t.Context(), good, bad, o); err == nil {
			got = ids(h.Commits)
		}
		for id := range gitRange(t, r, good, bad, o) {
			if !slices.Contains(got, id) {
				t.Errorf("seed %d, %+v, %v: %d is not there", seed, o, w, w.number(t, r, id))
			}
		}
	}
}

// shape imports a history of known shape: of each commit its parents and its files.
func shape(t *testing.T, good, bad int, parents [][]int, trees ...string) (*Repository, pathWorld) {
	t.Helper()
	w := pathWorld{parents: parents, good: good, bad: bad, ofGood: make([]bool, len(parents))}
	for _, files := range trees {
		tree := map[string]string{}
		for _, file := range strings.Fields(files) {
			name, content, _ := strings.Cut(file, "=")
			tree[name] = content
		}
		w.trees = append(w.trees, tree)
	}
	var b strings.Builder
	w.write(&b, false)
	return importText(t, t.TempDir(), b.String()), w
}

func TestHistoriesOfPathsThatGitWouldMislead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		good, bad int
		parents   [][]int
		trees     []string
		o         HistoryOptions
		commits   string // titles, each with those of its parents
	}{
		{
			"a merge that follows an older ancestor of good keeps its other side", // git's date order loses 3
			2, 4, [][]int{{}, {0}, {1}, {0}, {3, 0}}, []string{"a=0", "a=1", "a=2", "a=3", "a=0"},
			HistoryOptions{Paths: []string{"a"}}, "3(0) 4(3 0)",
		},
		{
			"a merge whose first parent is an older ancestor of good is judged by it", // git --first-parent loses 3
			1, 3, [][]int{{}, {0}, {0}, {0, 2}}, []string{"a=0", "a=1", "a=2", "a=3"},
			HistoryOptions{Paths: []string{"a"}, FirstParent: true}, "3(0)",
		},
		{
			"the merge that brings in another project stands for bad", // git leaves that project alone, and 3 out
			0, 4, [][]int{{}, {0}, {}, {1, 2}, {3}}, []string{"a=0", "a=1", "lib/x=1", "a=1 lib/x=1", "a=2 lib/x=1"},
			HistoryOptions{Paths: []string{"lib"}}, "2() 3(0 2)",
		},
		{
			"within another project merges are followed as git does",
			0, 5, [][]int{{}, {}, {1}, {1}, {2, 3}, {0, 4}}, []string{"a=0", "lib/x=1", "lib/x=2", "lib/x=3", "lib/x=2", "a=0 lib/x=2"},
			HistoryOptions{Paths: []string{"lib"}}, "1() 2(1) 5(0 2)",
		},
		{
			"another project that is the same as what was there is left out with its merge", // git shows 2
			1, 4, [][]int{{}, {0}, {}, {0, 2}, {3}}, []string{"a=0", "a=1", "a=0", "a=0", "a=5"},
			HistoryOptions{Paths: []string{"a"}}, "4(0)",
		},
		{
			"a line of first parents that ends in another project joins good", // as git, and 3 has a parent
			0, 3, [][]int{{}, {}, {1}, {2, 0}}, []string{"a=0", "b=1", "b=2", "a=0 b=3"},
			HistoryOptions{FirstParent: true}, "1() 2(1) 3(2 0)",
		},
		{
			"the newest commit that touches the paths stands for bad",
			0, 4, [][]int{{}, {0}, {1}, {2}, {3}}, []string{"a=0", "a=1", "a=1 b=1", "a=2 b=1", "a=2 b=2"},
			HistoryOptions{Paths: []string{"a"}}, "1(0) 3(1)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, w := shape(t, c.good, c.bad, c.parents, c.trees...)
			good, bad := w.ends(t, r)
			h, err := r.History(t.Context(), good, bad, c.o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, commit := range h.Commits {
				var parents []string
				for _, id := range commit.Parents {
					parents = append(parents, resolve(t, r, id).Subject)
				}
				got = append(got, commit.Subject+"("+strings.Join(parents, " ")+")")
			}
			if text := strings.Join(got, " "); text != c.commits || h.Newest.ID != h.Commits[len(h.Commits)-1].ID {
				t.Errorf("%s, newest %s, want %s", text, h.Newest, c.commits)
			}
		})
	}
}

func TestPathsThatNothingTouchesSayWhatToDo(t *testing.T) {
	t.Parallel()
	r, w := shape(t, 0, 2, [][]int{{}, {0}, {1}}, "a=0 b=0", "a=1 b=0", "a=2 b=0")
	good, bad := w.ends(t, r)
	for spec, next := range map[string]string{
		"b":              "touches b; widen the paths",
		"bb":             "neither commit has bb, is it spelled",
		"elsewhere/*.mk": "neither commit has elsewhere/*.mk",
	} {
		_, err := r.History(t.Context(), good, bad, HistoryOptions{Paths: []string{spec}})
		if untouched := (*UntouchedError)(nil); !errors.As(err, &untouched) || !strings.Contains(err.Error(), next) {
			t.Errorf("%q: %v, want an UntouchedError with %q", spec, err, next)
		}
	}
}

// TestSwappedEndsAreKnownWhateverIsLeftOut: the command turns them round, and asks what repaired the build.
func TestSwappedEndsAreKnownWhateverIsLeftOut(t *testing.T) {
	t.Parallel()
	r, w := shape(t, 2, 0, [][]int{{}, {0}, {1}}, "a=0", "a=1", "a=2")
	good, bad := w.ends(t, r)
	for _, o := range []HistoryOptions{{}, {FirstParent: true}, {Paths: []string{"nowhere"}}, {FirstParent: true, Paths: []string{"a"}}} {
		_, err := r.History(t.Context(), good, bad, o)
		swapped := (*SwappedError)(nil)
		if !errors.As(err, &swapped) {
			t.Errorf("%+v: %v, want a SwappedError", o, err)
			continue
		}
		o.Paths = nil
		if h, err := r.History(t.Context(), swapped.Bad, swapped.Good, o); err != nil || titles(h.Commits) != "1 2" {
			t.Errorf("%+v, turned round: %v", o, err)
		}
	}
}

func TestHistoriesOfPathsCanBeCancelled(t *testing.T) {
	t.Parallel()
	r, w := shape(t, 0, 2, [][]int{{}, {0}, {1}}, "a=0", "a=1", "a=2")
	good, bad := w.ends(t, r)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if _, err := r.History(ctx, good, bad, HistoryOptions{Paths: []string{"a"}}); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("got %v", err)
	}
}
