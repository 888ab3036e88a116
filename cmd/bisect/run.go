package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner"
	"buildbisect/scenarios"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"
)

// defaultScenario is what run and plan take when none is named.
const defaultScenario = "bisect.yaml"

type runOptions struct {
	scenario string
	state    string
	json     bool
	offline  bool
}

func (c command) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "find every cause of a failure, and prove each",
		ArgsUsage: "[SCENARIO]",
		Description: "SCENARIO is a file, a folder that holds bisect.yaml (default: this one), or the name of a shipped scenario, such as k8s-98646.\n" +
			"The answer goes to stdout, progress to stderr; logs, journal and report.json to the state folder.\n" + exitHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Value: ".bisect", Usage: "`DIR` for the run's folder"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as one JSON document"},
			&cli.BoolFlag{Name: "offline", Usage: "fetch nothing: use only what is on this machine"},
		},
		Action: func(ctx *cli.Context) error {
			name, err := oneArgument(ctx, "scenario", defaultScenario)
			if err != nil {
				return err
			}
			return c.runRun(ctx.Context, runOptions{name, ctx.String("state"), ctx.Bool("json"), ctx.Bool("offline")})
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
	if err := s.connect(ctx, o.offline); err != nil {
		return err
	}
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
		Lab: s.lab, State: state, Observer: p, Now: now, Pause: time.Second,
		Search: bisect.NewSearch(s.space.Space, bisect.Options{
			Confirm: s.scenario.Confirm, CertifyProbes: s.scenario.Certify.Probes,
			Identity: func(point bisect.Point) string { return s.lab.Identity(ctx, point) },
		}),
	}
	s.note(run)
	rep, err := run.Do(ctx)
	p.end()
	switch {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintf(c.stderr, "bisect: interrupted; %s\n", kept(state, rep))
		if len(rep.Causes) > 0 {
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
	return fmt.Sprintf("%s until then; logs and report.json are in %s", english.Plural(len(rep.Causes), "cause was proved", "causes were proved"), state.Dir)
}

// note records in the report what was loosened or assumed.
func (s *session) note(run *runner.Run) {
	if s.scenario.Builder.Engine == scenarios.EngineHost {
		run.Note("the build had this machine's Docker engine, so trials shared its layer cache")
	}
	for _, note := range s.notes {
		run.Note(note)
	}
	tags := s.images.Tags()
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		run.Note(fmt.Sprintf("base image %s was %s; give it by that digest to build the same again", tag, tags[tag]))
	}
}

// overview says in a line what is searched.
func (s *session) overview() string {
	commits := s.space.History.Commits
	text := fmt.Sprintf("%s: %s from %s to %s", s.scenario.Name, english.Plural(s.between(), "commit", ""), report.Short(commits[0].ID), report.Short(commits[len(commits)-1].ID))
	if s.scenario.Source.Repo != "" { // which may be a folder of it: the whole tree is built
		text += " of " + s.space.History.Path
	}
	for _, a := range s.scenario.Axes {
		text += fmt.Sprintf(" × %d %s", len(a.Levels), a.Key())
	}
	return text
}

// between is the number of commits that may be to blame.
func (s *session) between() int {
	n := 0
	for _, side := range s.space.History.Sides[1:] {
		if side != bisect.Before {
			n++
		}
	}
	return n
}

func (c command) print(r *report.Report, asJSON bool) error {
	if asJSON {
		return r.JSON(c.stdout)
	}
	return r.Text(c.stdout)
}
