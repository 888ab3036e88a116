package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"buildbisect/bisect/report"
	"buildbisect/runner"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"
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

func (c command) runRun(ctx context.Context, o runOptions) (err error) {
	p := newProgress(c.stderr)
	s, err := open(ctx, o.scenario, p)
	if err != nil {
		return err
	}
	defer s.closeWarning()
	p.line(s.overview())
	if err := s.connect(ctx, o.parts); err != nil {
		return err
	}
	o.workers = s.shareEngine(o.workers)
	p.parallel = o.workers > 1
	for _, note := range s.notes {
		p.warn(note)
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	now := time.Now
	state, err := runner.NewState(o.state, now().UTC().Format("20060102-150405-")+s.scenario.Name)
	if err != nil {
		return err
	}
	defer func() {
		if err := state.Close(); err != nil {
			p.warn(err.Error())
		}
	}()
	p.line("logs and report in " + state.Dir)

	run := &runner.Run{
		Lab: s.lab, Options: s.searchOptions(ctx, o), MaxTime: o.maxTime, State: state, Observer: p, Now: now, Pause: time.Second,
		Terms: o.terms, Assumes: s.assumes(), World: s.made,
	}
	s.note(run)
	if s.span != nil {
		run.Span = func(ctx context.Context, good string) (*runner.Space, error) { return s.spanAbove(ctx, run, good) }
	}
	rep, err := run.Do(ctx)
	p.end()
	switch {
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

// kept says what is left of a run that was stopped.
func kept(state *runner.State, rep *report.Report) string {
	if _, err := os.Stat(filepath.Join(state.Dir, "report.json")); err != nil {
		return "the journal and the logs so far are in " + state.Dir
	}
	proved := english.Plural(len(rep.Causes), "cause was proved", "causes were proved")
	if rep.Repair {
		proved = english.Plural(len(rep.Repairs), "repair was proved", "repairs were proved")
	}
	return fmt.Sprintf("%s until then; logs and report.json are in %s", proved, state.Dir)
}

func (c command) print(r *report.Report, asJSON bool) error {
	if asJSON {
		return r.JSON(c.stdout)
	}
	return r.Text(c.stdout)
}
