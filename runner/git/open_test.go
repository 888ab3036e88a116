package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestARepositoryIsFoundFromWhereverOneStandsInIt(t *testing.T) {
	t.Parallel()
	dir := line(t, 3)
	runGit(t, dir, "pack-refs", "--all")
	runGit(t, dir, "gc", "-q")
	base := t.TempDir()
	work, bare, shared := filepath.Join(base, "work"), filepath.Join(base, "bare"), filepath.Join(base, "shared")
	runGit(t, dir, "worktree", "add", "-q", "--detach", work, "v2")
	runGit(t, dir, "clone", "-q", "--bare", dir, bare)
	runGit(t, dir, "clone", "-q", "--shared", dir, shared)
	runGit(t, shared, "commit", "-q", "--allow-empty", "-m", "own")
	second := filepath.Join(base, "second")
	runGit(t, dir, "clone", "-q", "--bare", "--shared", shared, second) // borrows from one that borrows

	for _, c := range []struct{ name, path, rev, want string }{
		{"its top", dir, "HEAD", "3"},
		{"a folder in it", filepath.Join(dir, "folder"), "HEAD", "3"},
		{"a file in it", filepath.Join(dir, "folder", "same"), "HEAD", "3"},
		{"its git folder", filepath.Join(dir, ".git"), "HEAD", "3"},
		{"a linked work tree", work, "HEAD", "2"},
		{"a folder in a linked work tree", filepath.Join(work, "folder"), "main", "3"},
		{"a bare repository", bare, "v1", "1"},
		{"one that borrows objects", shared, "HEAD", "own"},
		{"one that borrows objects, an old commit", shared, "HEAD~3", "1"},
		{"one that borrows from a borrower", second, "HEAD~1", "3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := resolve(t, open(t, c.path), c.rev).Subject; got != c.want {
				t.Errorf("%s is %q, want %q", c.rev, got, c.want)
			}
		})
	}
}

func TestWhatIsNoReadableRepositorySaysWhatToDo(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	sha256 := t.TempDir()
	runGit(t, sha256, "init", "-q", "--object-format=sha256")
	reftable := line(t, 1)
	runGit(t, reftable, "config", "core.repositoryformatversion", "1")
	runGit(t, reftable, "config", "extensions.refStorage", "reftable")
	moved := t.TempDir()
	writeFiles(t, moved, map[string]string{".git": "gitdir: /nowhere/at/all\n"})
	for _, c := range []struct{ path, want string }{
		{empty, "git init"},
		{filepath.Join(empty, "absent"), "no such folder"},
		{sha256, "sha256"},
		{reftable, "refs migrate"},
		{moved, "worktree repair"},
	} {
		_, err := Open(c.path)
		var not *NotRepositoryError
		if !errors.As(err, &not) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a NotRepositoryError with %q", c.path, err, c.want)
		}
	}
}

func TestAConfigThatGoGitRefusesIsNoObstacle(t *testing.T) {
	t.Parallel()
	dir := line(t, 2)
	runGit(t, dir, "config", "core.repositoryformatversion", "1")
	runGit(t, dir, "config", "extensions.worktreeConfig", "true")
	runGit(t, dir, "config", "extensions.relativeWorktrees", "true")
	if got := resolve(t, open(t, dir), "HEAD~1").Subject; got != "1" {
		t.Errorf("HEAD~1 is %q", got)
	}
}

func TestTheRepositoryIsNeverWrittenTo(t *testing.T) {
	t.Parallel()
	dir := line(t, 5)
	runGit(t, dir, "gc", "-q")
	before := snapshot(t, dir)
	r := open(t, dir)
	good, bad := resolve(t, r, "v2"), resolve(t, r, "HEAD")
	if _, err := r.History(t.Context(), good, bad, HistoryOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve("no-such-thing"); err == nil {
		t.Fatal("found no-such-thing")
	}
	unpack(t, NewSource(r, SourceOptions{Git: true, Submodules: true}), bad.ID)
	if after := snapshot(t, dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestARepackBesideUsTakesNothingAway(t *testing.T) {
	t.Parallel()
	dir := line(t, 6)
	r := open(t, dir)
	resolve(t, r, "v1") // the list of packs is now read
	runGit(t, dir, "gc", "-q", "--prune=now")
	if got := resolve(t, r, "v4").Subject; got != "4" {
		t.Errorf("v4 is %q", got)
	}
	writeFiles(t, dir, map[string]string{"new": "new\n"})
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "7")
	runGit(t, dir, "repack", "-q", "-a", "-d")
	got := unpack(t, NewSource(r, SourceOptions{}), resolve(t, r, "HEAD").ID)
	if content, err := os.ReadFile(filepath.Join(got, "new")); err != nil || string(content) != "new\n" {
		t.Errorf("new holds %q, %v", content, err)
	}
}

func TestAMissingObjectOfAPartialCloneSaysHowToFetchIt(t *testing.T) {
	t.Parallel()
	dir := line(t, 3)
	runGit(t, dir, "config", "uploadpack.allowFilter", "true")
	clone := filepath.Join(t.TempDir(), "clone")
	runGit(t, dir, "clone", "-q", "--bare", "--filter=blob:none", "file://"+dir, clone)
	r := open(t, clone)
	h, err := r.History(t.Context(), resolve(t, r, "v1"), resolve(t, r, "v3"), HistoryOptions{})
	if err != nil || titles(h.Commits) != "2 3" {
		t.Fatalf("history: %v, %v", h, err)
	}
	err = NewSource(r, SourceOptions{}).WriteTar(t.Context(), h.Bad.ID, discard{})
	var missing *MissingObjectError
	if !errors.As(err, &missing) || !missing.Partial {
		t.Fatalf("got %v, want a MissingObjectError of a partial clone", err)
	}
	// The command it gives is run as it stands, and helps.
	runGit(t, t.TempDir(), strings.Fields(missing.Command)[1:]...)
	if err := NewSource(open(t, clone), SourceOptions{}).WriteTar(t.Context(), h.Bad.ID, discard{}); err != nil {
		t.Errorf("after %s: %v", missing.Command, err)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
