package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/cmd/bisect/screen"
	"buildbisect/images"
	"buildbisect/runner/backend"
	"buildbisect/runner/journal"
	"buildbisect/runner/lab"
	"buildbisect/scenarios"
)

// When a person is given a shell in the box of a trial that is built again.
const (
	shellFirst = "first"
	shellAfter = "after"
)

// runAgain builds a trial of a run again, with what the run was begun with and what served it.
func (c command) runAgain(ctx context.Context, flags *cli.Context) (err error) {
	shell := flags.String("shell")
	switch {
	case !flags.IsSet("trial"):
		return usageError{"--shell: want --trial N, too"}
	case flags.IsSet("at"):
		return usageError{"--trial: it says where it was built; leave --at out"}
	case !slices.Contains([]string{"", shellFirst, shellAfter}, shell):
		return usageError{fmt.Sprintf("--shell %s: want %s or %s", shell, shellFirst, shellAfter)}
	}
	dir, err := oneArgument(flags, "run", "")
	if err != nil {
		return err
	}
	p := screen.NewProgress(c.stderr)
	if dir, err = findOwnRun(dir, p); err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	records, err := journal.Read(dir)
	if err != nil {
		return err
	}
	row, err := ended(records, dir, flags.Int("trial"))
	if err != nil {
		return err
	}
	o, err := optionsAgain(records, nil)
	if err != nil {
		return err
	}
	o.untrusted = o.untrusted || flags.Bool("untrusted")
	s, err := reopen(ctx, records, dir, o.untrusted, p)
	if err != nil {
		return err
	}
	defer s.closeWarning()
	o.parts.offline = o.parts.offline || flags.Bool("offline")
	if s.served, err = images.LockBeside(dir); err != nil {
		return err
	}
	point, err := s.pointAt(levels(row.Point))
	if err != nil {
		return fmt.Errorf("trial %d of run %s: %w", row.ID, dir, err)
	}
	if err := s.connect(ctx, o.parts); err != nil {
		return err
	}
	if _, err := s.shareBackend(o.workers, o.untrusted); err != nil {
		return err
	}
	log, closeLog, err := c.probeLog(flags)
	if err != nil {
		return err
	}
	s.visit(shell)
	p.Line(fmt.Sprintf("building trial %d again: %s", row.ID, s.space.Words(point)))
	t, err := s.lab.Try(ctx, row.ID, point, log)
	err = errors.Join(err, closeLog())
	if err != nil {
		return err
	}
	if shell == shellFirst {
		return nil
	}
	fmt.Fprintf(c.stdout, "%s: %s\n", t.Verdict, report.Clean(t.Reason))
	if _, local := backend.As[backend.HostDescriber](s.lab.Backend); t.Image != row.Image && !local { // a set of tools on this machine has another id in each process
		p.Warn(fmt.Sprintf("it was built in image %s, and is now in %s", row.Image, t.Image))
	}
	return exit{statusOf(t)}
}

// statusOf is the status of the stage that ran last, but for one of 0 that means success to nobody.
func statusOf(t lab.Trial) int {
	switch {
	case t.Verdict == bisect.Good:
		return probeGood
	case t.Verdict == bisect.Bad:
		return cmp.Or(t.Exit, probeBad)
	}
	return cmp.Or(t.Exit, probeSkip)
}

// ended finds a trial that has a verdict.
func ended(records []journal.Record, dir string, id int) (*report.Trial, error) {
	last := 0
	for _, r := range records {
		if r.Type == journal.RecordEnd {
			if r.Trial.ID == id {
				return r.Trial, nil
			}
			last = max(last, r.Trial.ID)
		}
	}
	if last == 0 {
		return nil, usageError{fmt.Sprintf("run %s: none of its builds has ended", dir)}
	}
	return nil, usageError{fmt.Sprintf("--trial %d: no such build has ended in run %s; the last is %d", id, dir, last)}
}

// levels are a point as --at takes it.
func levels(p report.Point) []string {
	var list []string
	for axis, level := range p {
		if level != nil {
			axis += "=" + *level
		}
		list = append(list, axis)
	}
	slices.Sort(list)
	return list
}

// reopen opens a scenario as it was when a run began, between the commits of that time.
func reopen(ctx context.Context, records []journal.Record, dir string, untrusted bool, p *screen.Progress) (*job, error) {
	begun := *records[0].Run
	s, err := beginWith(ctx, untrusted, p, func() (*scenarios.Scenario, error) { return scenarioOf(begun, dir, untrusted) })
	if err != nil {
		return nil, err
	}
	good := begun.Good
	for _, r := range records {
		if r.Type == journal.RecordGood {
			good = r.Good
		}
	}
	s.scenario.Source.Good, s.scenario.Source.Bad = good, begun.Bad
	if err := s.openHistory(ctx); err != nil {
		return nil, closing(s, err)
	}
	return s, nil
}

// scenarioOf is the scenario of a run. What it names lies where it lay; its text is the copy in the run's
// folder.
func scenarioOf(begun journal.Begun, dir string, untrusted bool) (*scenarios.Scenario, error) {
	if slices.Contains(scenarios.Names(), begun.File) {
		s, err := scenarios.Open(begun.File)
		if err == nil && s.Hash != begun.Hash {
			err = fmt.Errorf("run %s: scenario %s of this bisect is another than that of the bisect that began it: use that one", dir, begun.File)
		}
		return s, err
	}
	text, err := os.ReadFile(filepath.Join(dir, keptScenario))
	if err != nil {
		return nil, fmt.Errorf("run %s: its copy of the scenario: %w", dir, err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(text)); sum != begun.Hash {
		return nil, fmt.Errorf("run %s: %s is not what it began with: put it back", dir, keptScenario)
	}
	file := begun.File
	if !filepath.IsAbs(file) {
		file = filepath.Join(begun.Folder, file)
	}
	decode := scenarios.Decode
	if untrusted {
		decode = scenarios.DecodeUntrusted
	}
	return decode(begun.File, text, os.DirFS(filepath.Dir(file)), filepath.Dir(file))
}

// visit has a person come into the box.
func (s *job) visit(when string) {
	if when == "" {
		return
	}
	s.lab.First = when == shellFirst
	s.lab.Visit = func(ctx context.Context, box backend.Box, prelude string, t *lab.Trial) error {
		terminal, ok := backend.As[backend.Terminal](box)
		switch {
		case when == shellAfter && (!ok || t.Verdict == bisect.Good):
			return nil
		case !ok:
			return usageError{"--shell: this runner has no shell for a person in its boxes"}
		}
		s.progress.End()
		fmt.Fprintln(os.Stderr, "a shell in the box; leave it with exit")
		return terminal.Shell(ctx, prelude+"exec /bin/sh -i")
	}
}
