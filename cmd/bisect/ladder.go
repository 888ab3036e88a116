package main

import (
	"context"
	"errors"
	"fmt"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner"
	"buildbisect/runner/git"
	"buildbisect/runner/space"

	"github.com/dustin/go-humanize/english"
)

// openLadder opens a scenario without a good commit: the space is the ladder down which one will be looked
// for.
func (s *job) openLadder(ctx context.Context, bad git.Commit) error {
	ids, err := s.stepsBack(ctx, bad)
	if err != nil {
		return fmt.Errorf("source.bad: %w", err)
	}
	if len(ids) == 0 {
		return scenarioError{fmt.Errorf("source: good is left out, and nothing is older than bad (%s); give source.good, or another bad", bad)}
	}
	var rungs []git.Commit
	for i := len(ids) - 1; i >= 0; i-- {
		c, err := s.repo.Resolve(ids[i])
		if err != nil {
			return err
		}
		rungs = append(rungs, c)
	}
	s.span = func(ctx context.Context, good string) (*space.Space, error) {
		c, err := s.repo.Resolve(good)
		if err != nil {
			return nil, err
		}
		return s.spaceBetween(ctx, c, bad)
	}
	s.space, err = s.ladder(append(rungs, bad)...)
	return err
}

// spanAbove is the space above the good commit that a run has found.
func (s *job) spanAbove(ctx context.Context, run *runner.Run, good string) (*space.Space, error) {
	known := len(s.notes)
	space, err := s.span(ctx, good)
	if err != nil {
		return nil, err
	}
	s.progress.line(fmt.Sprintf("commit %s is good; %s after it", report.Short(good), english.Plural(len(space.History.Commits)-1, "commit comes", "commits come")))
	for _, note := range s.notes[known:] {
		s.progress.warn(note)
		run.Note(note)
	}
	return space, nil
}

// stepsBack are the commits to look at for a good one, nearest first: see bisect.Backwards.
func (s *job) stepsBack(ctx context.Context, bad git.Commit) ([]string, error) {
	defer s.progress.whenSlow("looking how far back history goes")()
	var line []string // from bad to the root
	for id, err := range s.repo.FirstParents(ctx, bad) {
		if cut := (*git.ShallowError)(nil); errors.As(err, &cut) {
			s.notes = append(s.notes, fmt.Sprintf("this clone is shallow, so that nothing before %s can be the good commit; to have it all run: %s", cut.Ends[0].Short(), cut.Command))
			break
		}
		if err != nil {
			return nil, err
		}
		line = append(line, id)
	}
	var ids []string
	for _, step := range bisect.Backwards(len(line) - 1) {
		ids = append(ids, line[step])
	}
	s.older = len(line) - 1
	return ids, nil
}

// ladder is a space over some commits alone, the oldest first.
func (s *job) ladder(commits ...git.Commit) (*space.Space, error) {
	h := &space.History{Path: s.repo.Path()}
	for i, c := range commits {
		var parents []int
		if i > 0 {
			parents = []int{i - 1}
		}
		h.Commits, h.Parents, h.Sides = append(h.Commits, named(c)), append(h.Parents, parents), append(h.Sides, bisect.After)
	}
	return space.NewSpace(h, s.scenario.Axes)
}
