package main

import (
	"cmp"
	"fmt"
	"strings"

	"buildbisect/runner"
	"buildbisect/runner/local"
	"buildbisect/scenarios"

	"github.com/urfave/cli/v2"
)

// Runners: where builds run.
const (
	runnerDocker = "docker" // in containers of a Docker engine
	runnerLocal  = "local"  // as processes of this machine
)

func runnerFlag() cli.Flag {
	return &cli.StringFlag{Name: "runner", Value: runnerDocker, Usage: "where builds run, `NAME`: docker, or local, which is this machine itself, without isolation: for machines that are disposable containers"}
}

// checkRunner refuses what --runner cannot be.
func checkRunner(ctx *cli.Context) error {
	switch name := ctx.String("runner"); {
	case name != runnerDocker && name != runnerLocal:
		return usageError{fmt.Sprintf("--runner %s: want docker or local", name)}
	case name == runnerLocal && ctx.Bool("untrusted"):
		return usageError{"--runner local: a build on the machine itself can do all that you can; with --untrusted only Docker will do"}
	}
	return nil
}

// connectLocal makes a lab whose builds are processes of this machine.
func (s *session) connectLocal(secrets *runner.Secrets) error {
	if err := s.refuseLocal(); err != nil {
		return err
	}
	var err error
	if s.local, err = local.Open(s.cache, s.images, s.progress.warn); err != nil {
		return err
	}
	for _, note := range s.localNotes() {
		s.progress.warn(note)
	}
	s.lab = &runner.Lab{
		Scenario: s.scenario, Space: s.space, Source: s.source, Engine: s.local, Run: cmp.Or(s.mark, runName()),
		Images: s.local, Secrets: secrets, Warn: func(text string) { s.progress.warn(secrets.Text(text)) },
	}
	return nil
}

// refuseLocal refuses all of a scenario that this machine cannot be, at once.
func (s *session) refuseLocal() error {
	var lines []string
	for _, a := range s.scenario.Axes {
		switch a.Kind {
		case scenarios.BaseAxis:
			lines = append(lines, "axis base: the base is this machine, and cannot be another")
		case scenarios.EngineAxis:
			lines = append(lines, "axis engine: there is no engine beside a build on this machine")
		}
	}
	b := s.scenario.Builder
	if b.Engine != scenarios.EngineNone && len(lines) == 0 {
		lines = append(lines, fmt.Sprintf("builder.engine: %s: a build on this machine is given no Docker engine", b.Engine))
	}
	if len(b.Capabilities) > 0 {
		lines = append(lines, "builder.capabilities: a build on this machine has those of the user who runs it, and no others")
	}
	if len(lines) == 0 {
		return nil
	}
	return usageError{fmt.Sprintf("%s: not with --runner local:\n%s\nleave them out, or leave --runner out where there is a Docker engine", s.scenario.File, strings.Join(lines, "\n"))}
}

// localNotes say what the reader should know of builds that ran on this machine.
func (s *session) localNotes() []string {
	b := s.scenario.Builder
	return []string{
		"--runner local: builds are processes of this machine, with nothing to keep them from it or from each other: they have its files and its network (builder.network is not used), as far as the user has who runs them",
		fmt.Sprintf("--runner local: the base is this machine, %s; builder.base (%s) is not used", s.local.Machine(), b.Base),
		fmt.Sprintf("--runner local: limits of time and of the log hold; those on cpus, memory, pids and disk do not; the work folder is another in each trial, not %s", b.Workdir),
	}
}
