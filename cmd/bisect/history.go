package main

import (
	"context"
	"errors"
	"fmt"

	"buildbisect/bisect"
	"buildbisect/runner"
	"buildbisect/runner/git"

	"github.com/dustin/go-humanize/english"
)

// spaceBetween reads the history between two commits and spans the scenario's axes over it. Where good is newer than bad the
// question is which change repaired the build, and the history runs from bad to good.
func (s *session) spaceBetween(ctx context.Context, good, bad git.Commit) (*runner.Space, error) {
	o := git.HistoryOptions{FirstParent: s.scenario.Source.FirstParent, Paths: s.scenario.Source.Paths}
	defer s.progress.whenSlow("reading the history between good and bad")()
	h, err := s.repo.History(ctx, good, bad, o)
	repair := false
	if swapped := (*git.SwappedError)(nil); errors.As(err, &swapped) {
		repair = true
		if h, err = s.repo.History(ctx, bad, good, o); err != nil {
			err = asAsked(err)
		}
	}
	if same := (*git.SameCommitError)(nil); errors.As(err, &same) && len(s.scenario.Axes) > 0 {
		return nil, fmt.Errorf("source: %w; to search the tools alone, give the commit's parent as good", err)
	}
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	levels, apart, err := s.levels(h, repair)
	if err != nil {
		return nil, err
	}
	levels.Path, levels.Repair = s.repo.Path(), repair
	if levels.Weights, err = s.weights(ctx, levels); err != nil {
		return nil, err
	}
	if levels.Note != "" {
		s.notes = append(s.notes, levels.Note)
	}
	if h.Newest.ID != h.Bad.ID {
		s.notes = append(s.notes, fmt.Sprintf("%s touches none of source.paths; commit %s stands for it, the newest that does", h.Bad.Short(), h.Newest.Short()))
	}
	if s.aside > 0 {
		s.notes = append(s.notes, english.Plural(s.aside, "commit does", "commits do")+" not contain the broken one, and so cannot show a repair; each counts as part of the merge that brought it in")
	}
	if apart > 0 {
		s.notes = append(s.notes, english.Plural(apart, "commit shares", "commits share")+" no history with good; each counts as part of the merge that brought it in")
	}
	return runner.NewSpace(levels, s.scenario.Axes)
}

// asAsked gives an error of a history read from bad to good the names that the scenario has for its ends.
func asAsked(err error) error {
	if untouched := (*git.UntouchedError)(nil); errors.As(err, &untouched) {
		untouched.Good, untouched.Bad = untouched.Bad, untouched.Good
	}
	return err
}

// levels lays a history out as the levels of the commit axis: the good side; the parents, older than good, of branches that
// left before it; then the commits between good and bad.
//
// Commits without any common history with good (an imported project, a subtree) are left out, and apart counts them: they have
// nothing to be compared with, so that the merge that brought them in is the change. In looking for a repair, so are those
// that do not contain the broken commit: they build because they never had what broke it.
func (s *session) levels(h *git.History, repair bool) (out *runner.History, apart int, err error) {
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
		out.Commits = append(out.Commits, named(c))
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
			if _, known := level[id]; known || inRange[id] || contains[i+1] || repair {
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
		if repair && !contains[i+1] {
			s.aside++
			continue
		}
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

func named(c git.Commit) runner.Commit {
	return runner.Commit{ID: c.ID, Subject: c.Subject, Author: c.AuthorName, When: c.When}
}
