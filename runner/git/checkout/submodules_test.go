package checkout

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittest"
	"buildbisect/runner/git/gittext"
)

// nested makes an outer repository with a submodule that has one itself, and returns it and where it is
// cloned from.
func nested(t testing.TB) (outer, origin string) {
	t.Helper()
	inner, middle := gittest.Line(t, 2), gittest.Line(t, 2)
	gittest.Run(t, middle, "submodule", "add", "-q", "--name", "in ner", inner, "deps/inner")
	gittest.Run(t, middle, "commit", "-q", "-m", "with inner")
	origin = gittest.Line(t, 1)
	gittest.Run(t, origin, "submodule", "add", "-q", middle, "third party/middle")
	gittest.Run(t, origin, "commit", "-q", "-m", "with middle")
	outer = filepath.Join(t.TempDir(), "outer")
	gittest.Run(t, origin, "clone", "-q", origin, outer)
	return outer, origin
}

func TestSubmodulesComeAtTheirPinnedCommits(t *testing.T) {
	t.Parallel()
	outer, _ := nested(t)
	gittest.Run(t, outer, "submodule", "update", "-q", "--init", "--recursive")
	// Their work trees have moved on; what is pinned counts.
	gittest.Run(t, filepath.Join(outer, "third party/middle"), "checkout", "-q", "v1")
	work := filepath.Join(t.TempDir(), "work")
	gittest.Run(t, outer, "worktree", "add", "-q", "--detach", work, "HEAD")
	for _, dir := range []string{outer, work} {
		r := opened(t, dir)
		id := resolved(t, r, "HEAD").ID
		for _, git := range []bool{false, true} {
			got := unpack(t, NewSource(r, SourceOptions{Submodules: true, Git: git}), id)
			for _, name := range []string{"third party/middle/number", "third party/middle/deps/inner/number"} {
				if content, err := os.ReadFile(filepath.Join(got, name)); err != nil || string(content) != "2\n" {
					t.Errorf("%s: %q, %v", name, content, err)
				}
			}
			if git {
				if out := gittest.Run(t, got, "status", "--porcelain"); out != "" {
					t.Errorf("status %q", out)
				}
			}
		}
		got := unpack(t, NewSource(r, SourceOptions{Git: true}), id)
		if entries, err := os.ReadDir(filepath.Join(got, "third party/middle")); err != nil || len(entries) != 0 {
			t.Errorf("without submodules: %v, %v", entries, err)
		}
		if out := gittest.Run(t, got, "status", "--porcelain"); out != "" {
			t.Errorf("without submodules, status %q", out)
		}
	}
}

func TestASubmoduleThatKeepsItsOwnGitFolderIsFound(t *testing.T) {
	t.Parallel()
	_, origin := nested(t) // `submodule add` moved middle's git folder; put it back where old gits left it
	work := filepath.Join(origin, "third party/middle")
	if err := os.Remove(filepath.Join(work, ".git")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(origin, ".git/modules/third party/middle"), filepath.Join(work, ".git")); err != nil {
		t.Fatal(err)
	}
	gittest.Run(t, origin, "config", "--file", filepath.Join(work, ".git/config"), "--unset", "core.worktree")
	gittest.Run(t, work, "submodule", "update", "-q", "--init")
	r := opened(t, origin)
	got := unpack(t, NewSource(r, SourceOptions{Submodules: true}), resolved(t, r, "HEAD").ID)
	if content, err := os.ReadFile(filepath.Join(got, "third party/middle/deps/inner/number")); err != nil || string(content) != "2\n" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestEverySubmoduleThatCannotBeHadIsNamed(t *testing.T) {
	t.Parallel()
	outer, _ := nested(t)
	second := gittest.Line(t, 2)
	gittest.Run(t, outer, "submodule", "add", "-q", second, "second")
	lost := gittest.Run(t, second, "rev-parse", "HEAD")
	gittest.Run(t, outer, "update-index", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",second")
	gittest.Run(t, outer, "update-index", "--add", "--cacheinfo", "160000,"+lost+",unmapped")
	gittest.Run(t, outer, "commit", "-q", "-m", "two more")
	r := opened(t, outer)
	err := NewSource(r, SourceOptions{Submodules: true}).WriteTar(t.Context(), resolved(t, r, "HEAD").ID, io.Discard)
	var missing *git.SubmodulesError
	if !errors.As(err, &missing) || len(missing.Missing) != 3 {
		t.Fatalf("got %v, want three submodules", err)
	}
	if untestable := (interface{ Untestable() })(nil); errors.As(err, &untestable) {
		t.Errorf("%v: two of them can be fetched, and it would be a skip", err)
	}
	for i, want := range []string{"lacks the commit", "never fetched", "does not mention it"} {
		if got := missing.Missing[i]; !strings.Contains(got.Why, want) {
			t.Errorf("%s: %s, want %q", got.Path, got.Why, want)
		}
	}
}

func TestSubmodulesThatNoFetchingCanMendMakeTheirCommitUntestable(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 1)
	gittest.Run(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module")
	gittest.Run(t, dir, "commit", "-q", "-m", "unmapped")
	unmapped := gittest.Run(t, dir, "rev-parse", "HEAD")
	if err := os.WriteFile(filepath.Join(dir, ".gitmodules"), []byte("[submodule \"x\npath = module\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	gittest.Run(t, dir, "add", ".gitmodules")
	gittest.Run(t, dir, "commit", "-q", "-m", "unreadable")
	r := opened(t, dir)
	for commit, want := range map[string]string{unmapped: "does not mention it", gittest.Run(t, dir, "rev-parse", "HEAD"): "cannot be read: "} {
		err := NewSource(r, SourceOptions{Submodules: true}).WriteTar(t.Context(), commit, io.Discard)
		if untestable := (interface{ Untestable() })(nil); !errors.As(err, &untestable) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an untestable commit and %q", err, want)
		}
	}
}

func TestACommandMadeOfOthersNamesIsSafeToPaste(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"/plain/path-1.0": "/plain/path-1.0", "": "''", "a b": "'a b'", "$(reboot)": "'$(reboot)'", "it's": `'it'\''s'`, "x;y": "'x;y'", "esc\x1b[2J": "'esc\uFFFD[2J'",
	} {
		if got := gittext.Quoted(word); got != want {
			t.Errorf("%q becomes %s, want %s", word, got, want)
		}
	}
}
