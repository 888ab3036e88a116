package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/cmd/bisect/screen"
	"buildbisect/runner/explain"
)

// plan is what `bisect plan --json` prints.
type plan struct {
	Scenario   string     `json:"scenario"`
	Repair     bool       `json:"repair"` // good is newer than bad: what repaired the build is searched for
	Axes       []planAxis `json:"axes"`
	StepsBack  int        `json:"steps-back,omitempty"` // commits to look at for a good one, at most, where none is given
	Impossible int        `json:"impossible,omitempty"` // combinations of levels, the commit's apart, that `require` excludes
	Expected   float64    `json:"expected-descent"`     // probes to the first cause on average
	Worst      int        `json:"worst-descent"`        // probes to the first cause at most, on one line of history
	Confirm    int        `json:"confirm"`              // builds behind each part of a cause
	Certify    int        `json:"certify"`              // certificate points at most
	Repeat     int        `json:"repeat,omitempty"`     // builds at one point at most, where the build is said to be flaky
	Confidence float64    `json:"confidence,omitempty"` // of the answer then
	Assumes    []string   `json:"assumes,omitempty"`    // beside monotony
	Warnings   []string   `json:"warnings"`

	Loosened []report.Loosening `json:"loosened,omitempty"` // what the scenario lets builds do beyond the default
	Reads    []planReading      `json:"reads,omitempty"`    // files of secrets, and what lies outside of the scenario's folder
}

// planReading is a file of this machine that the scenario names.
type planReading struct {
	Key  string `json:"key"`
	File string `json:"file"`
}

type planAxis struct {
	Axis   string    `json:"axis"`
	Levels []*string `json:"levels"` // from the old end to the new one; of commits the two ends only
	Count  int       `json:"count"`
}

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
	p := s.plan()
	if asJSON {
		return c.printJSON(p)
	}
	fmt.Fprintln(c.stdout, report.Clean(s.overview()))
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
	for _, line := range p.words() {
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

// words says what a search will take.
func (p plan) words() []string {
	thing := "cause"
	if p.Repair {
		thing = "repair"
	}
	var lines []string
	if p.StepsBack > 0 {
		lines = append(lines, fmt.Sprintf("first a good commit is looked for, in at most %d steps back; the fewer are needed, the fewer probes come then", p.StepsBack))
	}
	if p.Impossible > 0 {
		lines = append(lines, fmt.Sprintf("%s of levels cannot exist, and will not be built", english.Plural(p.Impossible, "combination", "")))
	}
	lines = append(lines, fmt.Sprintf("about %.0f probes to the first %s, at most about %d; each part of it is built %d times, then up to %d probes to prove that there is no other",
		p.Expected, thing, p.Worst, p.Confirm, p.Certify))
	if p.Repeat > 0 {
		lines = append(lines, fmt.Sprintf("the build may be flaky: how often broken and healthy builds fail is estimated along the way, any point is built up to %d times, until the answer is %v %% sure; expect several times as many builds", p.Repeat, 100*p.Confidence))
	}
	for _, a := range p.Assumes {
		lines = append(lines, "assumes: "+a)
	}
	return lines
}

func (s *job) plan() plan {
	p := plan{
		Scenario: s.scenario.Name, Repair: s.space.History.Repair, Confirm: s.scenario.Confirm, Certify: s.scenario.Certify.Probes,
		Worst: 2, Expected: 2.5, Impossible: s.impossible(), Assumes: s.assumes(), Warnings: []string{},
	}
	if s.span != nil {
		p.StepsBack = len(s.space.History.Commits) - 1
	}
	if s.scenario.Repeat.Given {
		p.Repeat, p.Confidence = s.scenario.Repeat.Max, s.scenario.Confidence
	}
	for i, a := range s.space.Axes {
		axis := planAxis{Axis: a.Name, Count: a.Len()}
		levels := []int{0, a.Len() - 1}
		if i == 0 {
			axis.Count = s.suspects() + 1
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
		p.Worst += int(math.Ceil(math.Log2(float64(axis.Count)))) + 1
		p.Expected += s.entropy(i)
	}
	p.Expected = math.Round(10*p.Expected) / 10
	p.Loosened = explain.Loosened(s.scenario)
	for _, r := range s.scenario.Reads() {
		p.Reads = append(p.Reads, planReading(r))
	}
	p.Warnings = append(p.Warnings, s.warnings()...)
	return p
}

// entropy is what there is to find out about an axis, in bits: no search can do with fewer probes on average,
// and ours takes about half a probe more. A tool is taken to matter in half of all cases; commits weigh what
// the prior says.
func (s *job) entropy(axis int) float64 {
	h := s.space.History
	if axis > 0 {
		return 1 + math.Log2(float64(s.space.Axes[axis].Len()-1))/2
	}
	if s.span != nil { // the last step back can take in half of them
		return math.Log2(max(1, float64(s.suspects())/2))
	}
	bits, sum := 0.0, 0.0
	for i, side := range h.Sides {
		if i == 0 || side == bisect.Before {
			continue
		}
		weight := 1.0
		if h.Weights != nil {
			weight = h.Weights[i]
		}
		sum += weight
		bits -= weight * math.Log2(weight)
	}
	return math.Log2(sum) + bits/sum
}

// mostCombinations bounds how many combinations of levels are looked at to count the impossible.
const mostCombinations = 1 << 20

// impossible counts the combinations of levels that cannot exist; 0 also where there are too many to look at.
func (s *job) impossible() int {
	all := 1
	for _, a := range s.scenario.Axes {
		if all *= len(a.Levels); all > mostCombinations {
			return 0
		}
	}
	excluded := 0
	levels := make([]int, len(s.scenario.Axes))
	for n := range all {
		for i, a := range s.scenario.Axes {
			levels[i], n = n%len(a.Levels), n/len(a.Levels)
		}
		if _, no := s.scenario.Excluded(levels); no {
			excluded++
		}
	}
	return excluded
}
