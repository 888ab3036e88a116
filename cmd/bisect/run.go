package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"buildbisect/bisect/report"
	"buildbisect/cmd/bisect/screen"
	"buildbisect/images"
	"buildbisect/images/cache"
	"buildbisect/runner"
	"buildbisect/runner/journal"
	"buildbisect/runner/ownruns"
	"buildbisect/runner/space"
)

// defaultScenario is what run and plan take when none is named.
const defaultScenario = "bisect.yaml"

func (c command) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "find every cause of a failure, and prove each",
		ArgsUsage: "[SCENARIO]",
		Description: "SCENARIO is a file, a folder that holds bisect.yaml (default: this one), or the name of a shipped scenario, such as k8s-98646.\n" +
			"Where good is newer than bad, it finds what repaired the build. Where good is left out, it looks for a good commit first.\n" +
			"The answer goes to stdout, progress to stderr; logs, journal and report.json to the state folder.\n" + exitHelp,
		Flags: runFlags(),
		Action: func(ctx *cli.Context) error {
			o, err := readRunOptions(ctx)
			if err != nil {
				return err
			}
			return c.runRun(ctx.Context, o)
		},
	}
}

func (c command) runRun(ctx context.Context, o runOptions) error {
	if o.state == defaultState {
		if err := realState(o.state); err != nil {
			return err
		}
	}
	p := screen.NewProgress(c.stderr)
	s, err := open(ctx, o.scenario, o.untrusted, p)
	if err != nil {
		return err
	}
	defer s.closeWarning()
	p.Line(s.task().Overview())
	if err := s.ready(ctx, &o); err != nil {
		return err
	}
	state, err := journal.NewState(o.state, time.Now().UTC().Format("20060102-150405-")+s.scenario.Name)
	if err != nil {
		return err
	}
	defer letGo(state, p)
	if err := s.recordRun(state, o); err != nil {
		return err
	}
	begun, err := s.begun(state, o)
	if err != nil {
		return err
	}
	p.Line("logs and report in " + state.Dir)
	return c.search(ctx, s, o, state, begun)
}

// ready finds the engine and makes what builds run in.
func (s *job) ready(ctx context.Context, o *runOptions) error {
	if err := s.connect(ctx, o.parts); err != nil {
		return err
	}
	var err error
	if o.workers, err = s.shareBackend(o.workers, o.untrusted); err != nil {
		return err
	}
	if o.workers > 1 {
		s.progress.Parallel()
	}
	if err := s.lookAtSource(ctx); err != nil {
		return err
	}
	for _, note := range s.warnings() {
		s.progress.Warn(note)
	}
	return s.prepare(ctx)
}

func letGo(state *journal.State, p *screen.Progress) {
	if err := state.Close(); err != nil {
		p.Warn(err.Error())
	}
}

// search runs a new search, or goes on with one, and prints what it found.
func (c command) search(ctx context.Context, s *job, o runOptions, state *journal.State, begun journal.Begun) error {
	p := s.progress
	s.lease.NoteState(state.Dir)
	s.unfinished(state)
	run := &runner.Run{
		Lab: s.lab, Options: s.searchOptions(o), MaxTime: o.maxTime, State: state, Observer: p, Now: time.Now, Pause: time.Second,
		Raised: o.raised, Terms: o.terms, Assumes: s.task().Assumes(), Unseen: s.unseen, World: s.made, Served: s.images.Used, Begun: begun,
	}
	run.Program, _ = os.Executable() // else scripts look for it
	s.note(run)
	if s.span != nil {
		run.Span = func(ctx context.Context, good string) (*space.Space, error) { return s.spanAbove(ctx, run, good) }
	}
	rep, err := run.Do(ctx)
	p.End()
	if err == nil && rep.Stopped == "" {
		s.finished(state)
	}
	switch {
	case err != nil && rep == nil && ctx.Err() != nil:
		fmt.Fprintf(c.stderr, "bisect: interrupted before it had come to where it was; %s is as it was\n", state.Dir)
		return exit{exitInterrupted}
	case err != nil && rep == nil:
		return fmt.Errorf("%w\n%s is as it was", err, state.Dir)
	case err != nil && ctx.Err() != nil:
		fmt.Fprintf(c.stderr, "bisect: interrupted; %s\n", kept(state, rep))
		if len(rep.Causes)+len(rep.Repairs) > 0 {
			return errors.Join(c.print(rep, o.json), exit{exitInterrupted})
		}
		return exit{exitInterrupted}
	case err != nil:
		return fmt.Errorf("%w\n%s", err, kept(state, rep))
	}
	if err := c.print(rep, o.json); err != nil {
		return err
	}
	if code := outcomeCode(rep); code != exitOK {
		return exit{code}
	}
	return nil
}

// unfinished keeps what serves a run from being pruned until it is finished, since it can only go on with
// that.
func (s *job) unfinished(state *journal.State) {
	if err := cache.NoteLock(s.cache, filepath.Join(state.Dir, images.LockName)); err != nil {
		s.progress.Warn(err.Error())
	}
}

func (s *job) finished(state *journal.State) {
	if err := cache.ForgetLock(s.cache, filepath.Join(state.Dir, images.LockName)); err != nil {
		s.progress.Warn(err.Error())
	}
}

// kept says what is left of a run that was stopped.
func kept(state *journal.State, rep *report.Report) string {
	if _, err := os.Stat(filepath.Join(state.Dir, "report.json")); err != nil {
		return fmt.Sprintf("the journal and the logs so far are in %s; %s", state.Dir, state.Next())
	}
	proved := english.Plural(len(rep.Causes), "cause was proved", "causes were proved")
	if rep.Repair {
		proved = english.Plural(len(rep.Repairs), "repair was proved", "repairs were proved")
	}
	return fmt.Sprintf("%s until then; logs and report.json are in %s; %s", proved, state.Dir, state.Next())
}

func (c command) print(r *report.Report, asJSON bool) error {
	format := "text"
	if asJSON {
		format = "json"
	}
	return report.Formats[format](r, c.stdout)
}

// recordRun writes down that this user begins a run, and has its journal sealed.
func (s *job) recordRun(state *journal.State, o runOptions) error {
	dir, err := filepath.Abs(state.Dir)
	if err != nil {
		return err
	}
	key, err := ownruns.Begin(s.cache, ownruns.Run{
		Mark: s.lab.Run, Dir: dir, Scenario: s.scenario.Name, Hash: s.scenario.Hash, Runner: o.parts.runner,
		Begun: time.Now().UTC().Truncate(time.Second),
	})
	if err != nil {
		s.progress.Warn(fmt.Sprintf("that this run is yours cannot be written down: %v; bisect resume will want --foreign for it", err))
		return nil
	}
	return state.Seal(key)
}
