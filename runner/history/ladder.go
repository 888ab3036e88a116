package history

import (
	"context"
	"errors"
	"fmt"

	"buildbisect/bisect"
	"buildbisect/runner/git"
	"buildbisect/runner/space"
)

// NothingOlderError says that no good commit can be looked for.
type NothingOlderError struct{ Bad git.Commit }

func (e *NothingOlderError) Error() string {
	return fmt.Sprintf("good is left out, and nothing is older than bad (%s); give source.good, or another bad", e.Bad)
}

// Down is the ladder down which a good commit will be looked for, bad at its top, and how many commits there
// are below.
func (r *Reader) Down(ctx context.Context, bad git.Commit) (ladder *space.Space, older int, err error) {
	ids, older, err := r.stepsBack(ctx, bad)
	if err != nil {
		return nil, 0, fmt.Errorf("source.bad: %w", err)
	}
	if len(ids) == 0 {
		return nil, 0, &NothingOlderError{bad}
	}
	var rungs []git.Commit
	for i := len(ids) - 1; i >= 0; i-- {
		c, err := r.Repo.Resolve(ids[i])
		if err != nil {
			return nil, 0, err
		}
		rungs = append(rungs, c)
	}
	ladder, err = r.Ladder(append(rungs, bad)...)
	return ladder, older, err
}

// stepsBack are the commits to look at for a good one, nearest first: see bisect.Backwards.
func (r *Reader) stepsBack(ctx context.Context, bad git.Commit) (ids []string, older int, err error) {
	defer r.Slow("looking how far back history goes")()
	var line []string // from bad to the root
	for id, err := range r.Repo.FirstParents(ctx, bad) {
		if cut := (*git.ShallowError)(nil); errors.As(err, &cut) {
			r.Note(fmt.Sprintf("this clone is shallow, so that nothing before %s can be the good commit; to have it all run: %s", cut.Ends[0].Short(), cut.Command))
			break
		}
		if err != nil {
			return nil, 0, err
		}
		line = append(line, id)
	}
	for _, step := range bisect.Backwards(len(line) - 1) {
		ids = append(ids, line[step])
	}
	return ids, len(line) - 1, nil
}

// Ladder is a space over some commits alone, the oldest first.
func (r *Reader) Ladder(commits ...git.Commit) (*space.Space, error) {
	h := &space.History{Path: r.Repo.Path()}
	for i, c := range commits {
		var parents []int
		if i > 0 {
			parents = []int{i - 1}
		}
		h.Commits, h.Parents, h.Sides = append(h.Commits, named(c)), append(h.Parents, parents), append(h.Sides, bisect.After)
	}
	return space.NewSpace(h, r.Scenario.Axes)
}
