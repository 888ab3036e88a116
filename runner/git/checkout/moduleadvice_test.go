package checkout

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittest"
)

// TestTheAdviceForASubmoduleThatCannotBeHadGetsIt runs each command that is given, as it stands, until all
// submodules are there.
func TestTheAdviceForASubmoduleThatCannotBeHadGetsIt(t *testing.T) {
	t.Parallel()
	outer, origin := nested(t) // a clone, of which no submodule was fetched
	had := resolved(t, opened(t, origin), "HEAD").ID
	left := filepath.Join(t.TempDir(), "left")
	gittest.Run(t, origin, "clone", "-q", origin, left)
	gittest.Run(t, left, "rm", "-q", "-r", "third party", ".gitmodules")
	gittest.Run(t, left, "commit", "-q", "-m", "without middle")
	bare := filepath.Join(t.TempDir(), "bare.git")
	gittest.Run(t, origin, "clone", "-q", "--mirror", origin, bare)
	work := filepath.Join(t.TempDir(), "work")
	gittest.Run(t, left, "worktree", "add", "-q", "--detach", work)
	for _, c := range []struct {
		name, dir string
		want      []string // the commands, by what they are
	}{
		{"the commit that is checked out has it", outer, []string{" submodule update "}},
		{"it has it no more", left, []string{" clone --bare -- ", " clone --bare -- "}},
		{"a bare repository", bare, []string{" clone --bare -- ", " clone --bare -- "}},
		{"a linked work tree, after the other", work, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, want := range append(c.want, "") {
				err := NewSource(opened(t, c.dir), SourceOptions{Submodules: true}).WriteTar(t.Context(), had, io.Discard)
				if want == "" {
					if err != nil {
						t.Errorf("in the end: %v", err)
					}
					return
				}
				var missing *git.SubmodulesError
				if !errors.As(err, &missing) || len(missing.Missing) != 1 || !strings.Contains(missing.Missing[0].Command, want) {
					t.Fatalf("got %v, want a command with %q", err, want)
				}
				runAdvice(t, missing.Missing[0].Command)
			}
		})
	}
}

func TestACopyOfASubmoduleThatLacksTheCommitIsFetchedInto(t *testing.T) {
	t.Parallel()
	outer, _ := nested(t)
	gittest.Run(t, outer, "submodule", "update", "-q", "--init", "--recursive")
	middle := gittest.Run(t, outer, "config", "submodule.third party/middle.url")
	gittest.Run(t, middle, "commit", "-q", "--allow-empty", "-m", "newer")
	gittest.Run(t, outer, "update-index", "--cacheinfo", "160000,"+gittest.Run(t, middle, "rev-parse", "HEAD")+",third party/middle")
	gittest.Run(t, outer, "commit", "-q", "-m", "newer middle")
	id := resolved(t, opened(t, outer), "HEAD").ID
	err := NewSource(opened(t, outer), SourceOptions{Submodules: true}).WriteTar(t.Context(), id, io.Discard)
	var missing *git.SubmodulesError
	if !errors.As(err, &missing) || len(missing.Missing) != 1 {
		t.Fatalf("got %v, want one submodule", err)
	}
	runAdvice(t, missing.Missing[0].Command)
	if err := NewSource(opened(t, outer), SourceOptions{Submodules: true}).WriteTar(t.Context(), id, io.Discard); err != nil {
		t.Errorf("after %s: %v", missing.Missing[0].Command, err)
	}
}

// runAdvice runs a command that a message gave, in a shell, as a user does who pastes it.
func runAdvice(t testing.TB, command string) {
	t.Helper()
	gittest.Run(t, t.TempDir(), "-c", "alias.advice=!cd / && "+command, "advice")
}

func TestNoAdviceComesFromAHostileSubmodule(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 1)
	for _, c := range []struct{ name, url string }{
		{"m", "ext::sh -c touch% /tmp/pwned"}, {"m", "fd::17"}, {"m", "--upload-pack=touch x"}, {"m", "-x"}, {"m", "ssh://-oProxyCommand=x/y"}, {"m", "-oProxyCommand=x:y"},
		{"m", "https://example.org/\x1b]52;c;eA==\a"}, {"m\x1b[2J", "https://example.org/x"}, {"../../hooks", "https://example.org/x"}, {"a/../b", "https://example.org/x"}, {"m", ""},
	} {
		gittest.WriteFiles(t, dir, map[string]string{"gitmodules": ""})
		gittest.Run(t, dir, "config", "--file", "gitmodules", "submodule."+c.name+".path", "module")
		gittest.Run(t, dir, "config", "--file", "gitmodules", "submodule."+c.name+".url", c.url)
		blob := gittest.Run(t, dir, "hash-object", "-w", "gitmodules")
		gittest.Run(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module", "--cacheinfo", "100644,"+blob+",.gitmodules")
		commit := gittest.Run(t, dir, "commit-tree", "-m", "hostile", gittest.Run(t, dir, "write-tree"))
		err := NewSource(opened(t, dir), SourceOptions{Submodules: true}).WriteTar(t.Context(), commit, io.Discard)
		var missing *git.SubmodulesError
		if !errors.As(err, &missing) || len(missing.Missing) != 1 {
			t.Errorf("%q: got %v, want one submodule", c, err)
			continue
		}
		if got := missing.Missing[0].Command; got != "" {
			t.Errorf("%q: advises %s", c, got)
		}
		if text := err.Error(); strings.ContainsAny(text, "\x1b\a") {
			t.Errorf("%q: %q would move the terminal", c, text)
		}
	}
}

func TestURLsOfSubmodulesAreThoseOfGit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, url, want string }{
		{"https://example.org/a/b.git", "../c.git", "https://example.org/a/c.git"},
		{"https://example.org/a/b/", "../../c", "https://example.org/c"},
		{"git@example.org:a/b", "../c", "git@example.org:a/c"},
		{"git@example.org:b", "../c", "git@example.org:c"},
		{"/srv/b", "./c", "/srv/b/c"},
		{"/srv/b", "https://example.org/c", "https://example.org/c"},
		{"/srv/b", "alias:c", "alias:c"},
	} {
		r := &git.Repository{Objects: &git.Objects{URL: c.base}}
		if got := r.URLOf(c.url); got != c.want {
			t.Errorf("%s from %s is %s, want %s", c.url, c.base, got, c.want)
		}
		if !fetchable.MatchString(c.want) {
			t.Errorf("%s is not to be fetched from", c.want)
		}
	}
}
