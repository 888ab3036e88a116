package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"buildbisect/bisect/report"
	"buildbisect/cmd/bisect/screen"
)

func (c command) planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "show axes, levels and the number of builds to expect; builds nothing",
		ArgsUsage: "[SCENARIO]",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}, untrustedFlag()},
		Action: func(ctx *cli.Context) error {
			name, err := oneArgument(ctx, "scenario", defaultScenario)
			if err != nil {
				return err
			}
			return c.runPlan(ctx.Context, name, ctx.Bool("json"), ctx.Bool("untrusted"))
		},
	}
}

func (c command) runPlan(ctx context.Context, name string, asJSON, untrusted bool) (err error) {
	s, err := open(ctx, name, untrusted, screen.NewProgress(c.stderr))
	if err != nil {
		return err
	}
	defer s.closeWarning()
	if err := s.lookAtSource(ctx); err != nil {
		return err
	}
	p := s.task().Plan(s.warnings())
	if asJSON {
		return c.printJSON(p)
	}
	fmt.Fprintln(c.stdout, report.Clean(s.task().Overview()))
	for _, a := range p.Axes {
		var words []string
		for _, l := range a.Levels {
			words = append(words, report.Level(a.Axis, l))
		}
		separator := " | "
		if a.Axis == "commit" {
			separator = " … "
		}
		fmt.Fprintf(c.stdout, "  %-4d %s\n", a.Count, report.Clean(strings.Join(words, separator)))
	}
	for _, line := range p.Words() {
		fmt.Fprintln(c.stdout, report.Clean(line))
	}
	for _, l := range p.Loosened {
		fmt.Fprintln(c.stdout, "loosened: "+report.Clean(l.String()))
	}
	for _, r := range p.Reads {
		fmt.Fprintln(c.stdout, "reads: "+report.Clean(r.Key+": "+r.File))
	}
	for _, w := range p.Warnings {
		fmt.Fprintln(c.stdout, "warning: "+report.Clean(w))
	}
	return nil
}
