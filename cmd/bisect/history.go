package main

import (
	"fmt"

	"buildbisect/bisect"
	"buildbisect/runner"
	"buildbisect/runner/git"
)

// levels lays a history out as the levels of the commit axis: the good side; the parents, older than good, of branches that
// left before it; then the commits between good and bad.
//
// Commits without any common history with good (an imported project, a subtree) are left out, and apart counts them: they have
// nothing to be compared with, so that the merge that brought them in is the change.
func (s *session) levels(h *git.History) (out *runner.History, apart int, err error) {
	good := h.Good
	out = &runner.History{}
	switch {
	case h.Base.ID != "":
		good = h.Base
		out.Note = fmt.Sprintf("good (%s) is no ancestor of bad, so their merge base %s stands for it, as in git bisect", h.Good.Short(), h.Base.Short())
	case len(h.Bases) > 1:
		out.Note = fmt.Sprintf("good (%s) is no ancestor of bad; they have %d merge bases, which it is taken to contain", h.Good.Short(), len(h.Bases))
	}
	_, contains := h.DAG()
	add := func(c git.Commit, side bisect.Side, parents []int) int {
		out.Commits = append(out.Commits, runner.Commit{ID: c.ID, Subject: c.Subject, Author: c.AuthorName, When: c.When})
		out.Sides = append(out.Sides, side)
		out.Parents = append(out.Parents, parents)
		return len(out.Commits) - 1
	}
	add(good, bisect.After, nil)

	inRange := map[string]bool{}
	for _, c := range h.Commits {
		inRange[c.ID] = true
	}
	level := map[string]int{good.ID: 0} // of what has one
	for i, c := range h.Commits {
		for _, id := range c.Parents {
			if _, known := level[id]; known || inRange[id] || contains[i+1] {
				continue
			}
			before, err := s.repo.Resolve(id)
			if err != nil {
				return nil, 0, fmt.Errorf("parent of %s: %w", c.Short(), err)
			}
			level[id] = add(before, bisect.Before, []int{0})
		}
	}
	for i, c := range h.Commits {
		var parents []int
		for _, id := range c.Parents {
			if p, known := level[id]; known {
				parents = append(parents, p)
			} else if !inRange[id] {
				parents = append(parents, 0)
			}
		}
		if len(parents) == 0 {
			apart++
			continue
		}
		side := bisect.Beside
		if contains[i+1] {
			side = bisect.After
		}
		level[c.ID] = add(c, side, parents)
	}
	return out, apart, nil
}
