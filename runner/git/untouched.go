package git

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git/pattern"
)

// untouched says that nothing in a history touches the paths, and which of them are nowhere to be found.
func (r *Repository) untouched(ctx context.Context, h *History, paths []string) error {
	e := &UntouchedError{Good: h.Good, Bad: h.Bad, Paths: paths}
	for _, spec := range paths {
		one, err := pattern.Parse([]string{spec})
		if err != nil {
			return err
		}
		inGood, err := r.hasAny(ctx, plumbing.NewHash(h.Good.ID), one)
		if err != nil {
			return err
		}
		inBad, err := r.hasAny(ctx, plumbing.NewHash(h.Bad.ID), one)
		if err != nil {
			return err
		}
		if !inGood && !inBad {
			e.Absent = append(e.Absent, spec)
		}
	}
	return e
}

// hasAny reports whether a commit has a file of paths.
func (r *Repository) hasAny(ctx context.Context, commit plumbing.Hash, paths *pattern.Paths) (bool, error) {
	tree, err := r.graph.tree(commit)
	if err != nil {
		return false, err
	}
	none, err := r.sameIn(ctx, commit, plumbing.ZeroHash, tree, paths)
	return !none, err
}
