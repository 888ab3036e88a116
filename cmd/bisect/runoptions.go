package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
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
	untrusted      bool
	terms          *report.Terms
	given          map[string]string // flags that a resumed run takes over
	raised         map[string]string // of those, what was given to a run that goes on
}

// defaultState is the folder of runs.
const defaultState = ".bisect"

func runFlags() []cli.Flag {
	return append(partsFlags(), runnerFlag(), untrustedFlag(),
		&cli.StringFlag{Name: "state", Value: defaultState, Usage: "`DIR` for the run's folder"},
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
	if err := checkRunner(ctx); err != nil {
		return o, err
	}
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
	o.untrusted, o.given = ctx.Bool("untrusted"), given(ctx)
	o.terms, err = readTerms(ctx.String("term-old"), ctx.String("term-new"))
	return o, err
}

// given are the flags that were given and that say how to search, by name.
func given(ctx *cli.Context) map[string]string {
	flags := map[string]string{}
	for _, f := range runFlags() {
		if name := f.Names()[0]; ctx.IsSet(name) && name != "state" && name != "json" {
			flags[name] = fmt.Sprint(ctx.Value(name))
		}
	}
	return flags
}

// searchOptions are how the scenario and the command line want the search to be.
func (s *job) searchOptions(o runOptions) bisect.Options {
	options := bisect.Options{
		Confirm: s.scenario.Confirm, CertifyProbes: s.scenario.Certify.Probes, Workers: o.workers, MaxTrials: o.maxTrials,
		Confidence: s.scenario.Confidence, Repeat: s.scenario.Repeat.Max, Flaky: s.scenario.Repeat.Given, AllTransitions: o.allTransitions,
	}
	if len(s.scenario.Require) > 0 {
		options.Exists = s.lab.Exists
	}
	return options
}
