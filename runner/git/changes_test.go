package git

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git/gittest"
)

func hashOf(id string) plumbing.Hash { return plumbing.NewHash(id) }

func TestChangesAreThoseThatGitLists(t *testing.T) {
	t.Parallel()
	r, all := pathWorlds(t, gittest.Fewer(6), true)
	merges := 0
	for seed, w := range all {
		for i := range w.parents {
			c := resolve(t, r, fmt.Sprint("b", w.first+i))
			against := []string{"--root", c.ID}
			if len(c.Parents) > 0 {
				against = []string{c.Parents[0], c.ID}
			}
			merges += max(0, len(c.Parents)-1)
			want := strings.Fields(gittest.Run(t, r.GitDir, append([]string{"diff-tree", "-r", "--no-commit-id", "--name-only"}, against...)...))
			got, err := r.Changes(t.Context(), c)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("seed %d, %v, commit %d: %v, %v, git says %v", seed, w, i, got, err, want)
			}
		}
	}
	if merges == 0 {
		t.Error("no merge among them")
	}
}

// TestChangesOfOddTreesAreThoseThatGitLists has what random worlds lack: modes, links, submodules, a file in
// the place of a folder and the other way, names that sort between a folder and a file, and modes of old
// repositories.
func TestChangesOfOddTreesAreThoseThatGitLists(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q", "--bare")
	blob := gittest.Run(t, dir, "hash-object", "-w", "--stdin")
	other := func(content string) string {
		out, err := gittest.Try(t, dir, content, "hash-object", "-w", "--stdin")
		if err != nil {
			t.Fatal(out)
		}
		return strings.TrimSpace(out)
	}
	x := other("x")
	tree := func(entries ...string) string {
		// hash-object, not mktree, which would put right what is odd.
		var raw strings.Builder
		for _, entry := range entries {
			words := strings.Fields(entry)
			id := hashOf(words[1])
			raw.WriteString(words[0] + " " + words[2] + "\x00" + string(id[:]))
		}
		out, err := gittest.Try(t, dir, raw.String(), "hash-object", "-w", "-t", "tree", "--stdin", "--literally")
		if err != nil {
			t.Fatal(out)
		}
		return strings.TrimSpace(out)
	}
	inner, innerX, innerOld := tree("100644 "+blob+" f"), tree("100644 "+x+" f"), tree("100664 "+blob+" f")
	empty := tree()
	trees := []string{
		empty,
		tree("100644 "+blob+" a", "40000 "+inner+" b"),
		tree("100654 "+blob+" a", "40000 "+innerOld+" b"), // nothing to git
		tree("100755 "+blob+" a", "40000 "+innerX+" b"),
		tree("120000 "+blob+" a", "160000 "+blob+" b"),
		tree("40000 "+inner+" a", "100644 "+x+" b"),
		tree("100644 "+blob+" a", "100644 "+blob+" a-b", "100644 "+blob+" a.b", "100644 "+blob+" a0"),
		tree("100644 "+blob+" a-b", "100644 "+blob+" a.b", "40000 "+inner+" a", "100644 "+x+" a0"),
		tree("40000 "+empty+" a", "40000 "+inner+" b"), // a folder of nothing
	}
	r := open(t, dir)
	for i, from := range trees {
		before := gittest.Run(t, dir, "commit-tree", "-m", "before", from)
		for j, to := range trees {
			after := gittest.Run(t, dir, "commit-tree", "-m", "after", "-p", before, to)
			want := gittest.Run(t, dir, "diff-tree", "-r", "--name-only", before, after)
			got, err := r.Changes(t.Context(), Commit{ID: after})
			if err != nil || strings.Join(got, "\n") != want {
				t.Errorf("tree %d to %d: %q, %v, git says %q", i, j, got, err, want)
			}
		}
	}
}

func TestChangesAcrossAShallowClonesEndAreNotGuessed(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 5)
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", "--depth=2", "file://"+dir, clone)
	r := open(t, clone)
	if got, err := r.Changes(t.Context(), resolve(t, r, "HEAD")); err != nil || !slices.Equal(got, []string{"number"}) {
		t.Errorf("the commit above it: %v, %v", got, err)
	}
	_, err := r.Changes(t.Context(), resolve(t, r, "HEAD~1"))
	if shallow := (*ShallowError)(nil); !errors.As(err, &shallow) || titles(shallow.Ends) != "4" {
		t.Errorf("got %v, want a ShallowError at 4", err)
	}
}

func TestATreeThatNamesItselfIntoBillionsEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q", "--bare")
	out, err := gittest.Try(t, dir, "100644 blob "+gittest.Run(t, dir, "hash-object", "-w", "--stdin")+"\tf\n", "mktree")
	if err != nil {
		t.Fatal(out)
	}
	for range 60 { // 10^60 files
		var b strings.Builder
		for i := range 10 {
			fmt.Fprintf(&b, "040000 tree %s\t%d\n", strings.TrimSpace(out), i)
		}
		if out, err = gittest.Try(t, dir, b.String(), "mktree"); err != nil {
			t.Fatal(out)
		}
	}
	bomb := strings.TrimSpace(out)
	r := open(t, dir)
	found := 0
	diff := treeDiff{objects: r.Objects, limit: 10_000, found: func(string) bool { found++; return true }}
	err = diff.differ(t.Context(), emptyTree, hashOf(bomb))
	if hostile := (*HostileTreeError)(nil); !errors.As(err, &hostile) || found == 0 || found > 10_000 {
		t.Errorf("after %d files %v, want a HostileTreeError", found, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	diff = treeDiff{objects: r.Objects, limit: MostEntries, found: func(string) bool { cancel(errors.New("enough")); return true }}
	if err = diff.differ(ctx, emptyTree, hashOf(bomb)); err == nil || err.Error() != "enough" {
		t.Errorf("cancelled: %v", err)
	}
}
