package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/cmd/bisect/screen"
	"buildbisect/runner/git"
)

// Exit codes of probe, made for `git bisect run`: it must never take a mishap for a verdict.
const (
	probeGood   = 0
	probeBad    = 1
	probeSkip   = 125
	probeFailed = 255
)

const probeHelp = `
EXIT STATUS:
   0 good; 1 bad; 125 skip, or fails differently; 130 interrupted; 255 anything else, usage too
`

func (c command) probeCommand() *cli.Command {
	return &cli.Command{
		Name:      "probe",
		Usage:     "build one point, once",
		ArgsUsage: "SCENARIO, or with --trial RUN",
		Description: "--at names a level on an axis, AXIS=LEVEL, or AXIS alone for its null level. Axes not named stand at bad.\n" +
			"With git: git bisect run bisect probe bisect.yaml --at commit=HEAD; a committed scenario and its lock are then read as they were\n" +
			"where git bisect began.\n" + probeHelp,
		Flags: append(partsFlags(), runnerFlag(), untrustedFlag(),
			// Not a StringSliceFlag: that one cuts values at commas, and a level may hold one.
			&cli.GenericFlag{Name: "at", Usage: "`AXIS=LEVEL`, repeatable; axes: commit, a tool's name, env.NAME, base, engine, vary.NAME", Value: &repeated{}},
			&cli.IntFlag{Name: "trial", Usage: "build trial `N` of a run again, as trials/N/reproduce.sh does: it ends with the status of the stage that decides"},
			&cli.StringFlag{Name: "shell", Usage: "with --trial, a shell in its container: `WHEN` is first, in place of the stages, or after, if the build is not good"},
			&cli.StringFlag{Name: "log", Usage: "write the whole log to `FILE`, byte for byte, instead of showing it on stderr, where characters that a terminal would obey are spelled out"},
		),
		Action: func(ctx *cli.Context) error { return c.runProbe(ctx.Context, ctx) },
	}
}

// repeated collects the values of a flag that may stand several times.
type repeated struct{ values []string }

func (r *repeated) Set(v string) error { r.values = append(r.values, v); return nil }
func (r *repeated) String() string     { return strings.Join(r.values, " ") }

func (c command) runProbe(ctx context.Context, flags *cli.Context) (err error) {
	if flags.IsSet("trial") || flags.IsSet("shell") {
		return c.runAgain(ctx, flags)
	}
	name, err := oneArgument(flags, "scenario", defaultScenario)
	if err != nil {
		return err
	}
	if err := checkRunner(flags); err != nil {
		return err
	}
	p := screen.NewProgress(c.stderr)
	untrusted := flags.Bool("untrusted")
	s, err := openInBisection(ctx, name, untrusted, p)
	if err != nil {
		return err
	}
	defer s.closeWarning()
	point, err := s.pointAt(flags.Generic("at").(*repeated).values)
	if err != nil {
		return err
	}
	if err := s.connect(ctx, readParts(flags)); err != nil {
		return err
	}
	if _, err := s.shareBackend(1, untrusted); err != nil {
		return err
	}
	log, closeLog, err := c.probeLog(flags)
	if err != nil {
		return err
	}
	p.Line("building " + s.space.Words(point))
	t, err := s.lab.Try(ctx, 1, point, log)
	err = errors.Join(err, closeLog())
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s: %s\n", t.Verdict, report.Clean(t.Reason))
	switch t.Verdict {
	case bisect.Good:
		return exit{probeGood}
	case bisect.Bad:
		return exit{probeBad}
	}
	return exit{probeSkip}
}

// probeLog is where the output of a build goes.
func (c command) probeLog(flags *cli.Context) (log io.Writer, close func() error, err error) {
	path := flags.String("log")
	if path == "" {
		shown := screen.NewVisible(c.stderr)
		return shown, shown.Flush, nil
	}
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return nil, nil, fmt.Errorf("log: %w", err)
	}
	return f, f.Close, nil
}

// pointAt reads --at values; axes not named stand at bad.
func (s *job) pointAt(at []string) (bisect.Point, error) {
	point := s.space.Bad()
	var named []string
	for _, value := range at {
		key, name, has := strings.Cut(value, "=")
		level := &name
		if !has {
			level = nil
		}
		if key == "commit" {
			if !has {
				return nil, usageError{"--at commit: want commit=REVISION"}
			}
			commit, err := s.repo.Resolve(name)
			if err != nil {
				return nil, err
			}
			level = &commit.ID
			if s.span != nil { // no good commit is given, so any will do
				if err := s.standOn(commit); err != nil {
					return nil, err
				}
			}
		}
		axis, index, err := s.space.At(key, level)
		if err != nil {
			return nil, usageError{"--at " + value + ": " + err.Error()}
		}
		if slices.Contains(named, key) {
			return nil, usageError{"--at " + value + ": " + key + " is named twice"}
		}
		named = append(named, key)
		point[axis] = index
	}
	if rule, excluded := s.scenario.Excluded(s.space.Levels(point)); excluded {
		return nil, usageError{fmt.Sprintf("--at: %s cannot exist: require: %s", s.space.Words(point), rule)}
	}
	return point, nil
}

// standOn makes a commit a level of the ladder for which no good commit was given.
func (s *job) standOn(commit git.Commit) (err error) {
	bad, err := s.repo.Resolve(s.scenario.Source.Bad)
	if err != nil || commit.ID == bad.ID {
		return err
	}
	s.space, err = s.history().Ladder(commit, bad)
	return err
}
