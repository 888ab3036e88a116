package git

import (
	"context"
	"iter"

	"github.com/go-git/go-git/v5/plumbing"
)

// FirstParents walks back from a commit along first parents and yields their full ids, the commit's own
// first, a root last. Nothing but parents is read, and no further than the caller goes.
//
// An error comes once, as the last pair, with no id: a *ShallowError where the clone was cut, so that there
// is more but not here; the context's cause; or what could not be read.
func (r *Repository) FirstParents(ctx context.Context, from Commit) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for id := plumbing.NewHash(from.ID); ; {
			if ctx.Err() != nil {
				yield("", context.Cause(ctx))
				return
			}
			if !yield(id.String(), nil) {
				return
			}
			if r.graph.shallow[id] {
				yield("", r.shallowError([]plumbing.Hash{id}))
				return
			}
			parents, err := r.graph.parents(id)
			if err != nil {
				yield("", err)
				return
			}
			if len(parents) == 0 {
				return
			}
			id = parents[0]
		}
	}
}
