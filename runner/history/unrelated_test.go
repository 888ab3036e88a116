package history

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildbisect/bisect"
	"buildbisect/runner/git"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// TestTheCommitToBlameIsThatOfGitBisectWhereUnrelatedHistoriesWereMerged compares with `git bisect run` on
// random histories, one in six commits a root: one commit breaks the build, of the good side's own history or
// of another's, a root now and then.
func TestTheCommitToBlameIsThatOfGitBisectWhereUnrelatedHistoriesWereMerged(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	rounds := 24
	if testing.Short() {
		rounds = 8
	}
	compared, unrelated, roots, ours, theirs := 0, 0, 0, 0, 0
	for seed := 0; compared < rounds; seed++ {
		w := newRootedWorld(rand.New(rand.NewPCG(uint64(seed), 21)))
		if w == nil {
			continue
		}
		want, asked := w.gitBisect(t)
		got, built, apart := w.search(t)
		if got != want || want != fmt.Sprint(w.culprit) {
			t.Errorf("seed %d: commits with parents %v, good %d, bad %d: blames %s, git bisect %s, broken by %d", seed, w.parents, w.good, w.bad, got, want, w.culprit)
		}
		compared, ours, theirs = compared+1, ours+built, theirs+asked
		if apart {
			unrelated++
		}
		if len(w.parents[w.culprit]) == 0 {
			roots++
		}
	}
	t.Logf("%d histories: the same commit as git bisect, %d of them in a history of its own, %d roots; %d builds, git bisect %d", compared, unrelated, roots, ours, theirs)
	if unrelated == 0 || roots == 0 {
		t.Error("no unrelated history was to blame")
	}
}

// rootedWorld is a history with several roots in which one commit breaks the build.
type rootedWorld struct {
	parents            [][]int
	above              [][]bool // above[n][m]: n contains m
	good, bad, culprit int
}

// newRootedWorld makes a history, or nil where it has nothing to find.
func newRootedWorld(rng *rand.Rand) *rootedWorld {
	n := 6 + rng.IntN(16)
	w := &rootedWorld{parents: make([][]int, n), above: make([][]bool, n), bad: n - 1}
	for i := range n {
		w.above[i] = make([]bool, n)
		w.above[i][i] = true
		for range []int{0, 1, 1, 1, 2, 2}[rng.IntN(6)] {
			if p := max(0, i-1-rng.IntN(5)); p < i && !slices.Contains(w.parents[i], p) {
				w.parents[i] = append(w.parents[i], p)
			}
		}
		for _, p := range w.parents[i] {
			for m := range n {
				w.above[i][m] = w.above[i][m] || w.above[p][m]
			}
		}
	}
	w.good = rng.IntN(n - 1)
	shared := false
	var suspects, apart []int
	for m := range n {
		shared = shared || w.above[w.good][m] && w.above[w.bad][m]
	}
	for m := range n {
		if !w.above[w.bad][m] || w.above[w.good][m] {
			continue
		}
		suspects = append(suspects, m)
		if !slices.ContainsFunc(w.below(m), func(k int) bool { return w.above[w.good][k] }) {
			apart = append(apart, m)
		}
	}
	if !shared || len(apart) == 0 || w.above[w.good][w.bad] {
		return nil
	}
	if w.culprit = suspects[rng.IntN(len(suspects))]; rng.IntN(3) > 0 {
		w.culprit = apart[rng.IntN(len(apart))]
	}
	return w
}

func (w *rootedWorld) below(n int) (all []int) {
	for m, is := range w.above[n] {
		if is {
			all = append(all, m)
		}
	}
	return all
}

// write loads the history into a repository; a commit's title is its number, and a file says whether it
// builds.
func (w *rootedWorld) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	w.git(t, dir, "", "init", "-q", "-b", "none")
	var text strings.Builder
	for n, parents := range w.parents {
		fmt.Fprintf(&text, "commit refs/heads/b%d\nmark :%d\ncommitter C <c@example.com> %d +0000\ndata <<.\n%d\n.\n", n, n+1, 1600000000+n, n)
		for i, p := range parents {
			fmt.Fprintf(&text, "%s :%d\n", []string{"from", "merge"}[min(i, 1)], p+1)
		}
		state := "builds"
		if w.above[n][w.culprit] {
			state = "fails"
		}
		fmt.Fprintf(&text, "deleteall\nM 100644 inline state\ndata <<.\n%s\n.\n\n", state)
	}
	w.git(t, dir, text.String(), "fast-import", "--quiet")
	w.git(t, dir, "", "update-ref", "HEAD", "b0")
	return dir
}

func (w *rootedWorld) git(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TEMPLATE_DIR=", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w *rootedWorld) gitBisect(t *testing.T) (blamed string, builds int) {
	dir := w.write(t)
	asked := filepath.Join(t.TempDir(), "asked")
	w.git(t, dir, "", "bisect", "start", "--no-checkout", fmt.Sprint("b", w.bad), fmt.Sprint("b", w.good))
	w.git(t, dir, "", "bisect", "run", "sh", "-c", `echo >>"$1"; test "$(git show BISECT_HEAD:state)" = builds`, "sh", asked)
	count, err := os.ReadFile(asked)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return w.git(t, dir, "", "log", "-1", "--format=%s", "refs/bisect/bad"), len(count)
}

// search asks the commits that the search wants to know, as a run does.
func (w *rootedWorld) search(t *testing.T) (blamed string, builds int, inApart bool) {
	repo, err := git.Open(w.write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	var ends [2]git.Commit
	for i, n := range []int{w.good, w.bad} {
		if ends[i], err = repo.Resolve(fmt.Sprint("b", n)); err != nil {
			t.Fatal(err)
		}
	}
	r := &Reader{Repo: repo, Scenario: &scenarios.Scenario{}, Slow: func(string) func() { return func() {} }, Note: func(string) {}}
	space, err := r.Between(t.Context(), ends[0], ends[1])
	if err != nil {
		t.Fatal(err)
	}
	search := bisect.NewSearch(space.Space, bisect.Options{Confirm: 1})
	for {
		q, more := search.Next()
		if !more {
			break
		}
		builds++
		verdict := bisect.Good
		if w.above[number(t, space, q.Point)][w.culprit] {
			verdict = bisect.Bad
		}
		if err := search.Tell(bisect.Trial{ID: q.ID, Point: q.Point, Verdict: verdict}); err != nil {
			t.Fatal(err)
		}
	}
	f := search.Finding()
	if len(f.Causes) != 1 || f.Outcome != bisect.Isolated {
		return fmt.Sprintf("%s, %d causes", f.Outcome, len(f.Causes)), builds, false
	}
	n := number(t, space, f.Causes[0].Point)
	return fmt.Sprint(n), builds, !slices.ContainsFunc(w.below(n), func(k int) bool { return w.above[w.good][k] })
}

// number is a point's commit by its title.
func number(t *testing.T, space *space.Space, p bisect.Point) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(space.History.Commits[p[0]].Subject, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
