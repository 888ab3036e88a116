package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"
	"golang.org/x/mod/semver"

	"buildbisect/runner/backend"
	"buildbisect/runner/docker"
	"buildbisect/runner/local"
	"buildbisect/scenarios"
)

// A place is where builds can run. To add one, write a package with its back end, and name it in places.
type place struct {
	name, about string // of --runner, and in its help
	isolated    bool   // good enough for a scenario that nobody has read
	// open finds the back end, for the scenario of j; without one (nil), to clean up in it. It refuses what
	// of a scenario it cannot be.
	open func(ctx context.Context, j *job) (*opened, error)
}

// opened is a back end in use.
type opened struct {
	backend.Backend
	notes []string // what the reader should know of builds in it
	close func() error
}

// places are all there are; the first is the default.
var places = []place{
	{"docker", "containers of a Docker engine", true, openDocker},
	{"local", "this machine itself, without isolation: for machines that are disposable containers", false, openLocal},
}

func runnerFlag() cli.Flag {
	var list []string
	for _, p := range places {
		list = append(list, p.name+" ("+p.about+")")
	}
	return &cli.StringFlag{Name: "runner", Value: places[0].name, Usage: "where builds run, `NAME`: " + english.OxfordWordSeries(list, "or")}
}

// checkRunner refuses what --runner cannot be.
func checkRunner(ctx *cli.Context) error {
	p, err := placeNamed(ctx.String("runner"))
	if err == nil && !p.isolated && ctx.Bool("untrusted") {
		err = usageError{fmt.Sprintf("--runner %s: a build on the machine itself can do all that you can; with --untrusted only Docker will do", p.name)}
	}
	return err
}

func placeNamed(name string) (place, error) {
	var names []string
	for _, p := range places {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return place{}, usageError{fmt.Sprintf("--runner %s: want %s", name, english.OxfordWordSeries(names, "or"))}
}

// openDocker finds the Docker engine.
func openDocker(ctx context.Context, j *job) (*opened, error) {
	engine, err := docker.Connect(ctx)
	if err != nil {
		return nil, err
	}
	at := &opened{Backend: engine, close: engine.Close}
	if j == nil {
		return at, nil
	}
	at.notes = []string{"isolation: " + strings.Join(engine.Isolation(), "; ")}
	if j.scenario.Builder.Engine != scenarios.EngineHost {
		return at, nil
	}
	if err = checkAPI(engine.Info(), j.scenario); err == nil {
		err = engine.Snapshot(ctx)
	}
	if err != nil {
		return at, err
	}
	j.progress.Warn("engine: host gives the build this machine's Docker engine (" + engine.Info().Host + "): as good as root on it. Trials share its layer cache.")
	return at, nil
}

// checkAPI refuses docker levels that the engine would refuse, before the first trial: such a level fails
// whatever the commit.
func checkAPI(info docker.Info, s *scenarios.Scenario) error {
	versions := []string{s.Builder.Tools["docker"]}
	for _, a := range s.Axes {
		if a.Kind == scenarios.ToolAxis && a.Name == "docker" {
			for _, l := range a.Levels {
				versions = append(versions, l.Text)
			}
		}
	}
	var refused []string
	for _, v := range versions {
		if v == "" {
			continue
		}
		tool, err := s.Builder.Catalogue.Lookup("docker", v)
		if err == nil && tool.API != "" && semver.Compare("v"+tool.API, "v"+info.MinAPIVersion) < 0 {
			refused = append(refused, fmt.Sprintf("docker %s speaks API %s", v, tool.API))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	slices.Sort(refused)
	return fmt.Errorf("engine %s at %s accepts no client below API %s, but %s; point DOCKER_HOST at an older engine, or leave those levels out",
		info.Version, info.Host, info.MinAPIVersion, strings.Join(slices.Compact(refused), " and "))
}

// openLocal has builds run as processes of this machine.
func openLocal(_ context.Context, j *job) (*opened, error) {
	if j == nil {
		return nil, usageError{"--runner local: what a killed build left on this machine goes at the next start"}
	}
	if err := refuseLocal(j.scenario); err != nil {
		return nil, err
	}
	engine, err := local.Open(j.cache, j.images, j.progress.Warn)
	if err != nil {
		return nil, err
	}
	b := j.scenario.Builder
	at := &opened{Backend: engine, close: engine.Close, notes: []string{
		"--runner local: builds are processes of this machine, with nothing to keep them from it or from each other: they have its files and its network (builder.network is not used), as far as the user has who runs them",
		fmt.Sprintf("--runner local: the base is this machine, %s; builder.base (%s) is not used", engine.Machine(), b.Base),
		fmt.Sprintf("--runner local: limits of time and of the log hold; those on cpus, memory, pids and disk do not; the work folder is another in each trial, not %s", b.Workdir),
	}}
	for _, note := range at.notes {
		j.progress.Warn(note)
	}
	return at, nil
}

// refuseLocal refuses all of a scenario that this machine cannot be, at once.
func refuseLocal(s *scenarios.Scenario) error {
	var lines []string
	for _, a := range s.Axes {
		switch a.Kind {
		case scenarios.BaseAxis:
			lines = append(lines, "axis base: the base is this machine, and cannot be another")
		case scenarios.EngineAxis:
			lines = append(lines, "axis engine: there is no engine beside a build on this machine")
		}
	}
	b := s.Builder
	if b.Engine != scenarios.EngineNone && len(lines) == 0 {
		lines = append(lines, fmt.Sprintf("builder.engine: %s: a build on this machine is given no Docker engine", b.Engine))
	}
	if len(b.Capabilities) > 0 {
		lines = append(lines, "builder.capabilities: a build on this machine has those of the user who runs it, and no others")
	}
	if len(lines) == 0 {
		return nil
	}
	return usageError{fmt.Sprintf("%s: not with --runner local:\n%s\nleave them out, or leave --runner out where there is a Docker engine", s.File, strings.Join(lines, "\n"))}
}
