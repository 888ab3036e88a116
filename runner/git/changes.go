package git

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
)

// Changes returns the files, links and submodules that a commit changed against its first parent, in git's
// order, each once: what `git diff-tree -r` lists, a renamed file under both names. Of a root that is
// everything. Their number is the commit's size as far as it is known here: lines would take the files'
// contents, which are not read, and in a partial clone are not there. A merge counts as what it brought to
// its first parent.
//
// It fails with a *ShallowError where the clone was cut, since what came before is not known.
func (r *Repository) Changes(ctx context.Context, commit Commit) (paths []string, err error) {
	id := plumbing.NewHash(commit.ID)
	if r.Graph.Shallow[id] {
		return nil, r.shallowError([]plumbing.Hash{id})
	}
	parents, err := r.Graph.Parents(id) // not commit.Parents, which a History may have rewritten
	if err != nil {
		return nil, err
	}
	var before plumbing.Hash
	if len(parents) > 0 {
		if before, err = r.Graph.Tree(parents[0]); err != nil {
			return nil, err
		}
	}
	after, err := r.Graph.Tree(id)
	if err != nil {
		return nil, err
	}
	diff := treeDiff{objects: r.Objects, limit: MostEntries, commit: commit.ID, found: func(path string) bool {
		paths = append(paths, path)
		return true
	}}
	if err := diff.differ(ctx, before, after); err != nil {
		return nil, err
	}
	return paths, nil
}
