package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize/english"

	"buildbisect/bisect/report"
	"buildbisect/runner"
	"buildbisect/runner/git"
	"buildbisect/runner/history"
	"buildbisect/runner/space"
)

// history reads the history of the scenario's repository.
func (s *job) history() *history.Reader {
	return &history.Reader{
		Repo: s.repo, Scenario: s.scenario, Slow: s.progress.WhenSlow,
		Note: func(text string) { s.notes = append(s.notes, text) },
	}
}

// openLadder opens a scenario without a good commit: the space is the ladder down which one will be looked
// for.
func (s *job) openLadder(ctx context.Context, bad git.Commit) error {
	var none *history.NothingOlderError
	var err error
	switch s.space, s.older, err = s.history().Down(ctx, bad); {
	case errors.As(err, &none):
		return scenarioError{fmt.Errorf("source: %w", err)}
	case err != nil:
		return err
	}
	s.span = func(ctx context.Context, good string) (*space.Space, error) {
		c, err := s.repo.Resolve(good)
		if err != nil {
			return nil, err
		}
		return s.history().Between(ctx, c, bad)
	}
	return nil
}

// spanAbove is the space above the good commit that a run has found.
func (s *job) spanAbove(ctx context.Context, run *runner.Run, good string) (*space.Space, error) {
	known := len(s.notes)
	space, err := s.span(ctx, good)
	if err != nil {
		return nil, err
	}
	s.progress.Line(fmt.Sprintf("commit %s is good; %s after it", report.Short(good), english.Plural(len(space.History.Commits)-1, "commit comes", "commits come")))
	for _, note := range s.notes[known:] {
		s.progress.Warn(note)
		run.Note(note)
	}
	return space, nil
}
