package git

import (
	"context"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git/pattern"
)

// HistoryOptions leave part of a history out.
type HistoryOptions struct {
	// FirstParent follows only the first parent of each merge, from bad back to what good contains.
	FirstParent bool
	// Paths leaves only the commits that touch one of these, as ParsePaths reads them; nil: all commits.
	Paths []string
}

// simplifier leaves part of a history out as `git rev-list --parents good..bad -- paths` does, by git's
// default history simplification (git-log(1), History Simplification).
//
// A commit is the same as a parent when the paths are. It is left out when it is the same as some parent, and
// then its history goes on through the first such parent alone: the other sides of a merge changed nothing
// that is left. Two kinds of parents do not count as long as there are others, since to follow them would
// lose those:
//
//   - ancestors of good other than good itself, as in git. Git knows of an ancestor only once it has met it on its way
//     back through the dates, and follows those it has not; here all are known.
//   - parents that share no history with good, unlike in git, of commits that do. The merge that brought in another
//     project would be left out and bad with it; of the project, nothing can be compared with good.
//
// With FirstParent there is but the one parent to compare with.
type simplifier struct {
	repo        *Repository
	firstParent bool
	paths       *pattern.Paths // nil: all
	good        plumbing.Hash
	base        plumbing.Hash // stands for the good side
	order       []plumbing.Hash

	at        map[plumbing.Hash]int // position in order; what is not there is good's
	connected []bool                // shares history with good
	followed  [][]plumbing.Hash     // parents; in the end as rewritten
	kept      []int                 // positions, ascending
}

// paths reads the options' paths, nil for all.
func (o HistoryOptions) paths() (*pattern.Paths, error) {
	if len(o.Paths) == 0 {
		return nil, nil
	}
	return pattern.Parse(o.Paths)
}

// simplify finds what is kept and its parents: it walks from the last commit of the order, children before
// parents, and then back to rewrite.
func (s *simplifier) simplify(ctx context.Context) error {
	n := len(s.order)
	s.at = make(map[plumbing.Hash]int, n)
	for i, id := range s.order {
		s.at[id] = i
	}
	if err := s.connect(); err != nil {
		return err
	}
	reached, same := make([]bool, n), make([]bool, n)
	s.followed = make([][]plumbing.Hash, n)
	reached[n-1] = true
	for i := n - 1; i >= 0; i-- {
		if !reached[i] {
			continue
		}
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		parents, err := s.repo.Graph.Parents(s.order[i])
		if err != nil {
			return err
		}
		if s.firstParent {
			parents = parents[:min(1, len(parents))]
		}
		if s.followed[i], same[i], err = s.follow(ctx, i, parents); err != nil {
			return err
		}
		for _, parent := range s.followed[i] {
			if at, ok := s.at[parent]; ok {
				reached[at] = true
			}
		}
	}
	for i := range n {
		if reached[i] {
			s.followed[i] = s.rejoin(i, s.rewrite(s.followed[i], same))
		}
		if reached[i] && !same[i] {
			s.kept = append(s.kept, i)
		}
	}
	return nil
}

// rewrite puts what is left of its history in place of each parent that is left out. That was rewritten
// before, for parents come first.
func (s *simplifier) rewrite(parents []plumbing.Hash, same []bool) []plumbing.Hash {
	leftOut := func(id plumbing.Hash) bool {
		at, ok := s.at[id]
		return ok && same[at]
	}
	if !slices.ContainsFunc(parents, leftOut) {
		return parents
	}
	var rewritten []plumbing.Hash
	for _, parent := range parents {
		if leftOut(parent) {
			rewritten = append(rewritten, s.followed[s.at[parent]]...)
		} else {
			rewritten = append(rewritten, parent)
		}
	}
	return rewritten
}

// connect finds which commits share history with good.
func (s *simplifier) connect() error {
	s.connected = make([]bool, len(s.order))
	for i, id := range s.order {
		parents, err := s.repo.Graph.Parents(id)
		if err != nil {
			return err
		}
		s.connected[i] = slices.ContainsFunc(parents, s.isConnected)
	}
	return nil
}

func (s *simplifier) isConnected(id plumbing.Hash) bool {
	at, inRange := s.at[id]
	return !inRange || s.connected[at]
}

// counts reports whether commit i, if the same as this parent, goes on through it alone.
func (s *simplifier) counts(i int, parent plumbing.Hash) bool {
	at, inRange := s.at[parent]
	if !inRange {
		return parent == s.good
	}
	return s.connected[at] || !s.connected[i]
}

// follow returns the parents that history goes on through from commit i, and whether it is left out.
func (s *simplifier) follow(ctx context.Context, i int, parents []plumbing.Hash) (followed []plumbing.Hash, same bool, err error) {
	if s.paths == nil {
		return parents, false, nil
	}
	if len(parents) == 0 {
		same, err := s.same(ctx, i, plumbing.ZeroHash)
		return nil, same, err
	}
	counted, changed := false, false // changed: against a parent that does not count
	for _, parent := range parents {
		same, err := s.same(ctx, i, parent)
		counts := s.counts(i, parent)
		switch {
		case err != nil:
			return nil, false, err
		case same && counts:
			return []plumbing.Hash{parent}, true, nil
		case counts:
			counted = true
		case !same:
			changed = true
		}
	}
	if counted || changed {
		return parents, false, nil
	}
	if s.connected[i] {
		parents = slices.DeleteFunc(slices.Clone(parents), func(id plumbing.Hash) bool { return !s.isConnected(id) })
	}
	return parents, true, nil
}

// same reports whether the paths are the same in commit i and in a parent, the zero id being an empty tree.
func (s *simplifier) same(ctx context.Context, i int, parent plumbing.Hash) (bool, error) {
	var before plumbing.Hash
	var err error
	if !parent.IsZero() {
		if before, err = s.repo.Graph.Tree(parent); err != nil {
			return false, err
		}
	}
	after, err := s.repo.Graph.Tree(s.order[i])
	if err != nil {
		return false, err
	}
	return s.repo.sameIn(ctx, s.order[i], before, after, s.paths)
}

// sameIn reports whether no file of paths differs in two trees; commit is what errors speak of.
func (r *Repository) sameIn(ctx context.Context, commit, a, b plumbing.Hash, paths *pattern.Paths) (bool, error) {
	same := true
	diff := treeDiff{objects: r.Objects, limit: MostEntries, commit: commit.String(), paths: paths, found: func(string) bool {
		same = false
		return false
	}}
	err := diff.differ(ctx, a, b)
	return same, err
}

// rejoin returns a commit's rewritten parents, each once. One that shares history with good, but whose
// parents that are left do not (the first parent of a merge can be another project), follows good.
func (s *simplifier) rejoin(i int, parents []plumbing.Hash) []plumbing.Hash {
	once := parents
	if len(parents) > 1 {
		once = nil
		for _, id := range parents {
			if !slices.Contains(once, id) {
				once = append(once, id)
			}
		}
	}
	if s.connected[i] && !slices.ContainsFunc(once, s.isConnected) {
		once = append(slices.Clip(once), s.base)
	}
	return once
}
