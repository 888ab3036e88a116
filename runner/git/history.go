package git

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git/pattern"
)

// History is what lies between a good and a bad commit.
type History struct {
	Good, Bad Commit
	// Bases are the best common ancestors, ordered by id, when good is no ancestor of bad; else there are
	// none. The build is expected to be good at every one of them.
	Bases []Commit
	// Base is the merge base when there is exactly one.
	Base Commit
	// Commits are those that bad contains and good does not, less what HistoryOptions leave out: parents
	// before children, Newest last, always in the same order. Their Parents are rewritten past what was left
	// out, and each stands there once: one that is not among Commits is of the good side.
	Commits []Commit
	// Newest is the last of Commits, and stands for bad: it is bad itself, but where that does not touch
	// HistoryOptions.Paths the newest commit that does. Whether it is bad as well is for a build to tell.
	Newest Commit

	holdsGood []bool // for each of Commits: all of the good side are its ancestors
}

// History returns what lies between good and bad. It is exact, whatever the dates of the commits say: the
// ancestors of good are walked to the end, at a few microseconds each, less where git keeps a commit-graph.
// Paths cost some trees more for each commit.
//
// What can be said of the ends is said before that: *SameCommitError; *SwappedError when good contains bad,
// as when one asks which change repaired a build; *UnrelatedError; *ShallowError. *UntouchedError says that
// the options leave nothing.
func (r *Repository) History(ctx context.Context, good, bad Commit, o HistoryOptions) (*History, error) {
	if good.ID == bad.ID {
		return nil, &SameCommitError{Commit: bad}
	}
	paths, err := o.paths()
	if err != nil {
		return nil, err
	}
	goodID, badID := plumbing.NewHash(good.ID), plumbing.NewHash(bad.ID)
	_, ofGood, err := r.Graph.Ancestors(ctx, []plumbing.Hash{goodID}, nil)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", good.Short(), err)
	}
	if ofGood[badID] {
		return nil, &SwappedError{Good: good, Bad: bad}
	}
	walked, inRange, err := r.Graph.Ancestors(ctx, []plumbing.Hash{badID}, ofGood)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", bad.Short(), err)
	}
	if err := r.checkDepth(walked); err != nil {
		return nil, err
	}
	bases, err := r.mergeBases(ctx, walked, ofGood)
	if err != nil {
		return nil, fmt.Errorf("merge base of %s and %s: %w", good.Short(), bad.Short(), err)
	}
	h := &History{Good: good, Bad: bad}
	switch {
	case len(bases) == 0:
		if len(r.Graph.Shallow) > 0 {
			return nil, r.shallowError(r.CutsIn(ofGood))
		}
		return nil, &UnrelatedError{Good: good, Bad: bad}
	case len(bases) == 1 && bases[0] == goodID:
	default:
		for _, id := range bases {
			base, err := r.commit(id)
			if err != nil {
				return nil, err
			}
			h.Bases = append(h.Bases, base)
		}
		if len(h.Bases) == 1 {
			h.Base = h.Bases[0]
		}
	}
	order, err := r.Graph.parentsFirst(ctx, badID, inRange)
	if err != nil {
		return nil, err
	}
	s := &simplifier{repo: r, firstParent: o.FirstParent, paths: paths, good: goodID, base: bases[0], order: order}
	if err := s.simplify(ctx); err != nil {
		return nil, fmt.Errorf("history of %s: %w", bad.Short(), err)
	}
	if len(s.kept) == 0 {
		return nil, r.untouched(ctx, h, o.Paths)
	}
	holdsGood, err := r.Graph.holders(ctx, order, bases)
	if err != nil {
		return nil, err
	}
	return h, h.fill(ctx, s, holdsGood)
}

// mergeBases returns the best common ancestors of the good side and of the commits in the range, ordered by
// id. Every common ancestor is reached through an edge that leaves the range for an ancestor of good; the
// best are those edges' ends that no other of them can reach.
func (r *Repository) mergeBases(ctx context.Context, walked []plumbing.Hash, ofGood map[plumbing.Hash]bool) ([]plumbing.Hash, error) {
	ends := map[plumbing.Hash]bool{}
	for _, id := range walked {
		parents, err := r.Graph.Parents(id)
		if err != nil {
			return nil, err
		}
		for _, parent := range parents {
			if ofGood[parent] {
				ends[parent] = true
			}
		}
	}
	if len(ends) < 2 {
		return inOrder(ends), nil
	}
	var below []plumbing.Hash
	for end := range ends {
		parents, err := r.Graph.Parents(end)
		if err != nil {
			return nil, err
		}
		below = append(below, parents...)
	}
	_, reached, err := r.Graph.Ancestors(ctx, below, nil)
	if err != nil {
		return nil, err
	}
	for end := range ends {
		if reached[end] {
			delete(ends, end)
		}
	}
	return inOrder(ends), nil
}

// checkDepth refuses a range that a shallow clone cuts: a commit whose parents are unknown would look like a
// root.
func (r *Repository) checkDepth(walked []plumbing.Hash) error {
	var cuts []plumbing.Hash
	for _, id := range walked {
		if r.Graph.Shallow[id] {
			cuts = append(cuts, id)
		}
	}
	if len(cuts) == 0 {
		return nil
	}
	return r.shallowError(cuts)
}

// CutsIn lists those of set, ordered by id, at which a shallow clone was cut.
func (r *Repository) CutsIn(set map[plumbing.Hash]bool) []plumbing.Hash {
	cuts := map[plumbing.Hash]bool{}
	for id := range r.Graph.Shallow {
		if set[id] {
			cuts[id] = true
		}
	}
	return inOrder(cuts)
}

func (r *Repository) shallowError(cuts []plumbing.Hash) error {
	e := &ShallowError{Command: r.unshallow()}
	for _, id := range cuts[:min(3, len(cuts))] {
		end, err := r.commit(id)
		if err != nil {
			return err
		}
		e.Ends = append(e.Ends, end)
	}
	return e
}

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
	tree, err := r.Graph.Tree(commit)
	if err != nil {
		return false, err
	}
	none, err := r.sameIn(ctx, commit, plumbing.ZeroHash, tree, paths)
	return !none, err
}
