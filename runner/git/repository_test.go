package git

import (
	"strings"
	"testing"
)

func open(t testing.TB, dir string) *Repository {
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

func resolve(t testing.TB, r *Repository, rev string) Commit {
	t.Helper()
	c, err := r.Resolve(rev)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func titles(commits []Commit) string {
	var all []string
	for _, c := range commits {
		all = append(all, c.Subject)
	}
	return strings.Join(all, " ")
}
