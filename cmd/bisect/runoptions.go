package main

import (
	"context"
	"fmt"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/scenarios"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

type runOptions struct {
	scenario       string
	state          string
	json           bool
	parts          parts
	workers        int
	maxTrials      int
	maxTime        time.Duration
	allTransitions bool
	terms          *report.Terms
}

func runFlags() []cli.Flag {
	return append(partsFlags(),
		&cli.StringFlag{Name: "state", Value: ".bisect", Usage: "`DIR` for the run's folder"},
		&cli.BoolFlag{Name: "json", Usage: "print the report as one JSON document"},
		&cli.IntFlag{Name: "j", Value: 1, Usage: "build `N` points at a time"},
		&cli.IntFlag{Name: "max-trials", DefaultText: "no limit", Usage: "end after `N` builds, and say what is known by then"},
		&cli.DurationFlag{Name: "max-time", DefaultText: "no limit", Usage: "end after `DURATION`, such as 90m, and say what is known by then"},
		&cli.BoolFlag{Name: "all-transitions", Usage: "afterwards try every level of each axis, to find where the build is repaired and broken again"},
		&cli.StringFlag{Name: "term-old", Usage: "`WORD` for the state at the old end, instead of good"},
		&cli.StringFlag{Name: "term-new", Usage: "`WORD` for the state at the new end, instead of bad"},
	)
}

func readRunOptions(ctx *cli.Context) (o runOptions, err error) {
	if o.scenario, err = oneArgument(ctx, "scenario", defaultScenario); err != nil {
		return o, err
	}
	o.state, o.json, o.parts = ctx.String("state"), ctx.Bool("json"), readParts(ctx)
	o.workers, o.maxTrials, o.maxTime, o.allTransitions = ctx.Int("j"), ctx.Int("max-trials"), ctx.Duration("max-time"), ctx.Bool("all-transitions")
	switch {
	case o.workers < 1:
		return o, usageError{fmt.Sprintf("-j %d: want at least 1", o.workers)}
	case ctx.IsSet("max-trials") && o.maxTrials < 1:
		return o, usageError{fmt.Sprintf("--max-trials %d: want at least 1", o.maxTrials)}
	case ctx.IsSet("max-time") && o.maxTime <= 0:
		return o, usageError{fmt.Sprintf("--max-time %s: want a time above 0", o.maxTime)}
	}
	if ctx.IsSet("term-old") && ctx.String("term-old") == "" || ctx.IsSet("term-new") && ctx.String("term-new") == "" {
		return o, usageError{"--term-old and --term-new: an empty word is none"}
	}
	o.terms, err = readTerms(ctx.String("term-old"), ctx.String("term-new"))
	return o, err
}

// searchOptions are how the scenario and the command line want the search to be.
func (s *session) searchOptions(ctx context.Context, o runOptions) bisect.Options {
	options := bisect.Options{
		Confirm: s.scenario.Confirm, CertifyProbes: s.scenario.Certify.Probes, Workers: o.workers, MaxTrials: o.maxTrials,
		Confidence: s.scenario.Confidence, Repeat: s.scenario.Repeat.Max, Flaky: s.scenario.Repeat.Given, AllTransitions: o.allTransitions,
		Identity: func(point bisect.Point) string { return s.lab.Identity(ctx, point) },
	}
	if len(s.scenario.Require) > 0 {
		options.Exists = s.lab.Exists
	}
	return options
}

// shareEngine settles how many workers there are, and gives each its share of the engine's memory, if the scenario does not say
// how much a build may have.
func (s *session) shareEngine(workers int) int {
	if workers == 1 {
		return 1
	}
	if s.scenario.Builder.Engine == scenarios.EngineHost {
		s.progress.warn(fmt.Sprintf("-j %d: with engine: host builds share one Docker engine and its cache, so they run one at a time", workers))
		return 1
	}
	if s.scenario.Builder.Resources.Memory == 0 {
		s.lab.Memory = s.engine.Info().Memory / int64(workers)
		if s.scenario.Builder.Engine == scenarios.EngineDind {
			s.lab.Memory /= 2 // the build's and its engine's
		}
		s.progress.line(fmt.Sprintf("%d builds at a time, each with up to %s of memory", workers, units.BytesSize(float64(s.lab.Memory))))
	}
	return workers
}
