package checkout

import (
	"testing"

	"buildbisect/runner/git"
)

// opened opens the repository in dir, and closes it when the test has ended.
func opened(t testing.TB, dir string) *git.Repository {
	t.Helper()
	r, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// resolved is the commit that rev names.
func resolved(t testing.TB, r *git.Repository, rev string) git.Commit {
	t.Helper()
	c, err := r.Resolve(rev)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
