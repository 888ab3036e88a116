package checkout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

// TestGitItselfWorksInTheTar reads the result with the real git, as release scripts do.
func TestGitItselfWorksInTheTar(t *testing.T) {
	t.Parallel()
	dir := awkward(t)
	gittest.Run(t, dir, "tag", "-a", "-m", "one", "v1.0")
	gittest.Run(t, dir, "checkout", "-q", "-b", "side")
	gittest.Run(t, dir, "commit", "-q", "--allow-empty", "-m", "side")
	gittest.Run(t, dir, "checkout", "-q", "main")
	for i := range 3 {
		gittest.WriteFiles(t, dir, map[string]string{"number": fmt.Sprint(i)})
		gittest.Run(t, dir, "add", "-A")
		gittest.Run(t, dir, "commit", "-q", "-m", fmt.Sprint(i))
	}
	gittest.Run(t, dir, "merge", "-q", "--no-ff", "-m", "merge", "side")
	gittest.Run(t, dir, "tag", "light")
	head := gittest.Run(t, dir, "rev-parse", "HEAD")
	gittest.WriteFiles(t, dir, map[string]string{"later": "x"})
	gittest.Run(t, dir, "add", "-A")
	gittest.Run(t, dir, "commit", "-q", "-m", "later")
	gittest.Run(t, dir, "tag", "-a", "-m", "two", "v2.0")

	r := opened(t, dir)
	got := unpack(t, NewSource(r, SourceOptions{Git: true}), head)
	gittest.Run(t, dir, "checkout", "-q", head)
	for _, args := range [][]string{
		{"rev-parse", "HEAD"}, {"log", "--oneline"}, {"log", "--format=%H %P %an %s"}, {"describe", "--tags"}, {"describe"}, {"describe", "--dirty", "--always"},
		{"describe", "--abbrev=14", "--match=v*"}, {"tag", "--merged", "HEAD"}, {"ls-tree", "-r", "HEAD"}, {"ls-files", "-s"}, {"show", "HEAD:folder/.hidden"}, {"cat-file", "tag", "v1.0"},
	} {
		if a, b := gittest.Run(t, got, args...), gittest.Run(t, dir, args...); a != b {
			t.Errorf("git %s:\n%s\nin the repository:\n%s", args, a, b)
		}
	}
	// Plumbing first: it never looks inside files, and status would refresh what it sees.
	for _, args := range [][]string{{"diff-index", "--quiet", "HEAD", "--"}, {"diff-files", "--quiet"}, {"diff", "HEAD"}, {"status", "--porcelain", "--ignored"}, {"stash", "list"}} {
		if out := gittest.Run(t, got, args...); out != "" {
			t.Errorf("git %s: %s", args, out)
		}
	}
	if out := gittest.Run(t, got, "tag"); out != "light\nv1.0" {
		t.Errorf("tags %q: those of later commits must not be there", out)
	}
	// Changes are seen: one of the same size, one of the mode, one new.
	gittest.WriteFiles(t, got, map[string]string{"number": "9", "new": "x"})
	if err := os.Chmod(filepath.Join(got, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out := gittest.Run(t, got, "status", "--porcelain"); out != " M empty\n M number\n?? new" {
		t.Errorf("after changes: %q", out)
	}
	// And git can go on from there.
	gittest.Run(t, got, "add", "-A")
	gittest.Run(t, got, "commit", "-q", "-m", "on top")
	if out := gittest.Run(t, got, "describe", "--tags"); !strings.HasPrefix(out, "light-1-g") {
		t.Errorf("after a commit: %s", out)
	}
}

func TestTheGitOfAShallowCloneEndsWhereTheCloneEnds(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 6)
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", "--depth=3", "file://"+dir, clone)
	r := opened(t, clone)
	got := unpack(t, NewSource(r, SourceOptions{Git: true}), resolved(t, r, "HEAD~1").ID)
	if out := gittest.Run(t, got, "log", "--format=%s"); out != "5\n4" {
		t.Errorf("log %q", out)
	}
	if out := gittest.Run(t, got, "status", "--porcelain"); out != "" {
		t.Errorf("status %q", out)
	}
}
