// Package history lays out what a repository holds as the levels of the commit axis: the commits between good
// and bad (history.go), each with its weight (prior.go); or, where no good one is given, those to look at for
// one (ladder.go).
package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/git"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// Reader reads histories for a scenario.
type Reader struct {
	Repo     *git.Repository
	Scenario *scenarios.Scenario
	Slow     func(what string) (done func()) // is told what may take longer than a second, and when it is done
	Note     func(text string)               // is told what whoever reads the answer should know of the history
}

// Between reads the history between two commits and spans the scenario's axes over it. Where good is
// newer than bad the question is which change repaired the build, and the history runs from bad to good.
func (r *Reader) Between(ctx context.Context, good, bad git.Commit) (*space.Space, error) {
	o := git.HistoryOptions{FirstParent: r.Scenario.Source.FirstParent, Paths: r.Scenario.Source.Paths}
	defer r.Slow("reading the history between good and bad")()
	h, err := r.Repo.History(ctx, good, bad, o)
	repair := false
	if swapped := (*git.SwappedError)(nil); errors.As(err, &swapped) {
		repair = true
		if h, err = r.Repo.History(ctx, bad, good, o); err != nil {
			err = asAsked(err)
		}
	}
	if same := (*git.SameCommitError)(nil); errors.As(err, &same) && len(r.Scenario.Axes) > 0 {
		return nil, fmt.Errorf("source: %w; to search the tools alone, give the commit's parent as good", err)
	}
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	levels, apart, aside, err := r.levels(h, repair)
	if err != nil {
		return nil, err
	}
	levels.Path, levels.Repair = r.Repo.Path(), repair
	if levels.Weights, err = r.weights(ctx, levels); err != nil {
		return nil, err
	}
	weighApart(levels, apart)
	if levels.Note != "" {
		r.Note(levels.Note)
	}
	if h.Newest.ID != h.Bad.ID {
		r.Note(fmt.Sprintf("%s touches none of source.paths; commit %s stands for it, the newest that does", h.Bad.Short(), h.Newest.Short()))
	}
	if aside > 0 {
		r.Note(english.Plural(aside, "commit does", "commits do") + " not contain the broken one, and so cannot show a repair; each counts as part of the merge that brought it in")
	}
	if len(apart) > 0 {
		r.Note(apartNote(levels, apart))
	}
	return space.NewSpace(levels, r.Scenario.Axes)
}

// asAsked gives an error of a history read from bad to good the names that the scenario has for its ends.
func asAsked(err error) error {
	if untouched := (*git.UntouchedError)(nil); errors.As(err, &untouched) {
		untouched.Good, untouched.Bad = untouched.Bad, untouched.Good
	}
	return err
}

// levels lays a history out as the levels of the commit axis: the good side; the parents, older than good, of
// branches that left before it; then the commits between good and bad.
//
// Commits without any common history with good (an imported project, a subtree) are levels like the others,
// and apart lists them: what broke the build may have come with them, and git bisect looks there, too. Where
// such a history begins there is no parent to step down to; the good side stands for it, which is what is
// left without that history.
//
// In looking for a repair, commits that do not contain the broken one are left out, and aside counts them:
// they build because they never had what broke it.
func (r *Reader) levels(h *git.History, repair bool) (out *space.History, apart []int, aside int, err error) {
	good := h.Good
	out = &space.History{}
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
			before, err := r.Repo.Resolve(id)
			if err != nil {
				return nil, nil, 0, fmt.Errorf("parent of %s: %w", c.Short(), err)
			}
			level[id] = add(before, bisect.Before, []int{0})
		}
	}
	for i, c := range h.Commits {
		if repair && !contains[i+1] {
			aside++
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
		side := bisect.Beside
		if contains[i+1] {
			side = bisect.After
		}
		alone := !slices.ContainsFunc(parents, func(p int) bool { return out.Sides[p] != bisect.Apart })
		if len(parents) == 0 {
			parents = []int{0}
		}
		if alone {
			side = bisect.Apart
		}
		level[c.ID] = add(c, side, parents)
		if alone {
			apart = append(apart, level[c.ID])
		}
	}
	return out, apart, aside, nil
}

// weighApart has all commits that share no history with good weigh as much as one that does, apart from the
// tips of their histories: those are what the search asks for first.
func weighApart(h *space.History, apart []int) {
	if len(apart) == 0 {
		return
	}
	if h.Weights == nil {
		h.Weights = slices.Repeat([]float64{1}, len(h.Commits))
	}
	tip := map[int]bool{}
	for i, parents := range h.Parents {
		for _, p := range parents {
			tip[p] = tip[p] || h.Sides[i] != bisect.Apart
		}
	}
	for _, level := range apart {
		if !tip[level] {
			h.Weights[level] /= float64(len(apart))
		}
	}
}

// apartNote says what is peculiar to commits that share no history with good.
func apartNote(h *space.History, apart []int) string {
	note := english.Plural(len(apart), "commit shares", "commits share") + " no history with good, and " + english.PluralWord(len(apart), "is", "are") + " searched too, as by git bisect"
	var roots []string
	for _, level := range apart {
		if slices.Equal(h.Parents[level], []int{0}) {
			roots = append(roots, report.Short(h.Commits[level].ID))
		}
	}
	if more := len(roots) - 3; more > 0 {
		roots = append(roots[:3], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%s; where such a history begins (%s) there is no parent to build, and good stands for it: a commit blamed there fails by itself", note, strings.Join(roots, ", "))
}

func named(c git.Commit) space.Commit {
	return space.Commit{ID: c.ID, Subject: c.Subject, Author: c.AuthorName, When: c.When}
}
