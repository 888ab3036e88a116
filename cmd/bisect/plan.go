package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"buildbisect/bisect/report"
	"buildbisect/scenarios"

	"github.com/urfave/cli/v2"
)

// plan is what `bisect plan --json` prints.
type plan struct {
	Scenario string     `json:"scenario"`
	Axes     []planAxis `json:"axes"`
	Worst    int        `json:"worst-descent"` // probes to the first cause at most, on one line of history
	Certify  int        `json:"certify"`       // certificate points at most
	Warnings []string   `json:"warnings"`
}

type planAxis struct {
	Axis   string    `json:"axis"`
	Levels []*string `json:"levels"` // the two ends only, for commits
	Count  int       `json:"count"`
}

func (c command) planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "show axes, levels and the number of builds to expect; builds nothing",
		ArgsUsage: "[SCENARIO]",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Action: func(ctx *cli.Context) error {
			name, err := oneArgument(ctx, "scenario", defaultScenario)
			if err != nil {
				return err
			}
			return c.runPlan(ctx.Context, name, ctx.Bool("json"))
		},
	}
}

func (c command) runPlan(ctx context.Context, name string, asJSON bool) (err error) {
	s, err := open(ctx, name, newProgress(c.stderr))
	if err != nil {
		return err
	}
	defer s.closeWarning()
	p := s.plan()
	if asJSON {
		e := json.NewEncoder(c.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(p)
	}
	fmt.Fprintln(c.stdout, s.overview())
	for _, a := range p.Axes {
		var words []string
		for _, l := range a.Levels {
			words = append(words, report.Level(a.Axis, l))
		}
		separator := " | "
		if a.Axis == "commit" {
			separator = " … "
		}
		fmt.Fprintf(c.stdout, "  %-4d %s\n", a.Count, strings.Join(words, separator))
	}
	fmt.Fprintf(c.stdout, "at most about %d probes to the first cause, each part of it built %d times, then up to %d to prove that there is no other\n", p.Worst, s.scenario.Confirm, p.Certify)
	for _, w := range p.Warnings {
		fmt.Fprintln(c.stdout, "warning: "+w)
	}
	return nil
}

func (s *session) plan() plan {
	p := plan{Scenario: s.scenario.Name, Certify: s.scenario.Certify.Probes, Worst: 2, Warnings: []string{}}
	for i, a := range s.space.Axes {
		axis := planAxis{Axis: a.Name, Count: a.Len()}
		levels := []int{0, a.Len() - 1}
		if i == 0 {
			axis.Count = s.between() + 1
		} else {
			levels = levels[:0]
			for l := range a.Len() {
				levels = append(levels, l)
			}
		}
		for _, l := range levels {
			axis.Levels = append(axis.Levels, s.space.Level(i, l))
		}
		p.Axes = append(p.Axes, axis)
		p.Worst += int(math.Ceil(math.Log2(float64(a.Len())))) + 1
	}
	if s.scenario.Builder.Engine == scenarios.EngineHost {
		p.Warnings = append(p.Warnings, "engine: host gives the build this machine's Docker engine: as good as root, and the build can delete what is yours in it")
	}
	if s.scenario.Builder.Network == "bridge" {
		p.Warnings = append(p.Warnings, "network: bridge lets the build reach the network; what it fetches may differ from trial to trial")
	}
	p.Warnings = append(p.Warnings, s.notes...)
	return p
}
