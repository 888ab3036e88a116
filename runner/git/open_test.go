package git

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

func TestARepositoryIsFoundFromWhereverOneStandsInIt(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 3)
	gittest.Run(t, dir, "pack-refs", "--all")
	gittest.Run(t, dir, "gc", "-q")
	base := t.TempDir()
	work, bare, shared := filepath.Join(base, "work"), filepath.Join(base, "bare"), filepath.Join(base, "shared")
	gittest.Run(t, dir, "worktree", "add", "-q", "--detach", work, "v2")
	gittest.Run(t, dir, "clone", "-q", "--bare", dir, bare)
	gittest.Run(t, dir, "clone", "-q", "--shared", dir, shared)
	gittest.Run(t, shared, "commit", "-q", "--allow-empty", "-m", "own")
	second := filepath.Join(base, "second")
	gittest.Run(t, dir, "clone", "-q", "--bare", "--shared", shared, second) // borrows from one that borrows

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
	gittest.Run(t, sha256, "init", "-q", "--object-format=sha256")
	reftable := gittest.Line(t, 1)
	gittest.Run(t, reftable, "config", "core.repositoryformatversion", "1")
	gittest.Run(t, reftable, "config", "extensions.refStorage", "reftable")
	moved := t.TempDir()
	gittest.WriteFiles(t, moved, map[string]string{".git": "gitdir: /nowhere/at/all\n"})
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
	dir := gittest.Line(t, 2)
	gittest.Run(t, dir, "config", "core.repositoryformatversion", "1")
	gittest.Run(t, dir, "config", "extensions.worktreeConfig", "true")
	gittest.Run(t, dir, "config", "extensions.relativeWorktrees", "true")
	if got := resolve(t, open(t, dir), "HEAD~1").Subject; got != "1" {
		t.Errorf("HEAD~1 is %q", got)
	}
}
