package git

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

func walkFirst(ctx context.Context, r *Repository, from Commit, most int) (ids []string, err error) {
	for id, err := range r.FirstParents(ctx, from) {
		if err != nil {
			return ids, err
		}
		if ids = append(ids, id); len(ids) == most {
			break
		}
	}
	return ids, nil
}

func TestFirstParentsAreThoseOfGitDownToTheRoot(t *testing.T) {
	t.Parallel()
	r, all := pathWorlds(t, gittest.Fewer(8), true)
	for _, w := range all {
		_, bad := w.ends(t, r)
		want := strings.Fields(gittest.Run(t, r.GitDir, "rev-list", "--first-parent", bad.ID))
		if got, err := walkFirst(t.Context(), r, bad, 0); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: %v, %v, git says %v", w, got, err, want)
		}
		if got, err := walkFirst(t.Context(), r, bad, 2); err != nil || !slices.Equal(got, want[:2]) {
			t.Errorf("%v, two of them: %v, %v", w, got, err)
		}
	}
}

func TestFirstParentsStopWhereAShallowCloneDoes(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 9)
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", "--depth=4", "file://"+dir, clone)
	r := open(t, clone)
	got, err := walkFirst(t.Context(), r, resolve(t, r, "HEAD"), 0)
	if shallow := (*ShallowError)(nil); !errors.As(err, &shallow) || titles(shallow.Ends) != "6" || len(got) != 4 {
		t.Errorf("got %d commits and %v, want 4 and a ShallowError at 6", len(got), err)
	}
	if got, err = walkFirst(t.Context(), r, resolve(t, r, "HEAD"), 4); err != nil || len(got) != 4 {
		t.Errorf("what is here: %d commits, %v", len(got), err)
	}
}

func TestFirstParentsCanBeCancelled(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 3)
	r := open(t, dir)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	n := 0
	for _, err := range r.FirstParents(ctx, resolve(t, r, "HEAD")) {
		if n++; n == 2 && (err == nil || err.Error() != "enough") {
			t.Errorf("got %v", err)
		}
		cancel(errors.New("enough"))
	}
	if n != 2 {
		t.Errorf("%d pairs, want one commit and one error", n)
	}
}
