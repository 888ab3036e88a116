package git

import "testing"

// opened opens the repository in dir, and closes it when the test has ended.
func opened(t testing.TB, dir string) *Repository {
	t.Helper()
	r, err := Open(dir)
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
func resolved(t testing.TB, r *Repository, rev string) Commit {
	t.Helper()
	c, err := r.Resolve(rev)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
