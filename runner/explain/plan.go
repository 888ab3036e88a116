package explain

import (
	"fmt"
	"math"
	"strings"

	"github.com/dustin/go-humanize/english"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// A Task is what is searched, before anything is built.
type Task struct {
	Scenario *scenarios.Scenario
	Space    *space.Space
	Ladder   bool // no good commit is given: Space holds those to look at for one
	Older    int  // commits before bad then
}

// Plan is what `bisect plan --json` prints.
type Plan struct {
	Scenario   string     `json:"scenario"`
	Repair     bool       `json:"repair"` // good is newer than bad: what repaired the build is searched for
	Axes       []PlanAxis `json:"axes"`
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
	Reads    []PlanReading      `json:"reads,omitempty"`    // files of secrets, and what lies outside of the scenario's folder
}

// PlanReading is a file of this machine that the scenario names.
type PlanReading struct {
	Key  string `json:"key"`
	File string `json:"file"`
}

// PlanAxis is one axis of it.
type PlanAxis struct {
	Axis   string    `json:"axis"`
	Levels []*string `json:"levels"` // from the old end to the new one; of commits the two ends only
	Count  int       `json:"count"`
}

// Overview says in a line what is searched.
func (t Task) Overview() string {
	commits := t.Space.History.Commits
	first, last := report.Short(commits[0].ID), report.Short(commits[len(commits)-1].ID)
	if t.Scenario.Source.Repo != "" { // which may be a folder of it: the whole tree is built
		last += " of " + t.Space.History.Path
	}
	text := fmt.Sprintf("%s: %s from %s to %s", t.Scenario.Name, english.Plural(t.suspects(), "commit", ""), first, last)
	switch {
	case t.Ladder:
		text = fmt.Sprintf("%s: a good commit among the %d before %s, then what broke the build after it", t.Scenario.Name, t.suspects(), last)
	case t.Space.History.Repair:
		text = fmt.Sprintf("%s: what repaired the build, in %s from %s to %s", t.Scenario.Name, english.Plural(t.suspects(), "commit", ""), first, last)
	}
	for _, a := range t.Scenario.Axes {
		text += fmt.Sprintf(" × %d %s", len(a.Levels), a.Key())
	}
	return text
}

// suspects is the number of commits that may be what is looked for.
func (t Task) suspects() int {
	if t.Ladder {
		return t.Older
	}
	n := 0
	for _, side := range t.Space.History.Sides[1:] {
		if side != bisect.Before {
			n++
		}
	}
	return n
}

// Assumes says what the search takes for granted beside monotony.
func (t Task) Assumes() []string {
	var list []string
	if t.Scenario.Source.FirstParent {
		list = append(list, "only the first parents of merges matter: each merge is one change (source.first-parent)")
	}
	if paths := t.Scenario.Source.Paths; len(paths) > 0 {
		list = append(list, fmt.Sprintf("only commits that touch %s matter (source.paths)", strings.Join(paths, ", ")))
	}
	return list
}

// Words says what a search will take.
func (p Plan) Words() []string {
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

// Plan is what a search will take; warnings are what the reader should know before it.
func (t Task) Plan(warnings []string) Plan {
	p := Plan{
		Scenario: t.Scenario.Name, Repair: t.Space.History.Repair, Confirm: t.Scenario.Confirm, Certify: t.Scenario.Certify.Probes,
		Worst: 2, Expected: 2.5, Impossible: t.impossible(), Assumes: t.Assumes(), Warnings: []string{},
	}
	if t.Ladder {
		p.StepsBack = len(t.Space.History.Commits) - 1
	}
	if t.Scenario.Repeat.Given {
		p.Repeat, p.Confidence = t.Scenario.Repeat.Max, t.Scenario.Confidence
	}
	for i, a := range t.Space.Axes {
		axis := PlanAxis{Axis: a.Name, Count: a.Len()}
		levels := []int{0, a.Len() - 1}
		if i == 0 {
			axis.Count = t.suspects() + 1
		} else {
			levels = levels[:0]
			for l := range a.Len() {
				levels = append(levels, l)
			}
		}
		for _, l := range levels {
			axis.Levels = append(axis.Levels, t.Space.Level(i, l))
		}
		p.Axes = append(p.Axes, axis)
		p.Worst += int(math.Ceil(math.Log2(float64(axis.Count)))) + 1
		p.Expected += t.entropy(i)
	}
	p.Expected = math.Round(10*p.Expected) / 10
	p.Loosened = Loosened(t.Scenario)
	for _, r := range t.Scenario.Reads() {
		p.Reads = append(p.Reads, PlanReading(r))
	}
	p.Warnings = append(p.Warnings, warnings...)
	return p
}

// entropy is what there is to find out about an axis, in bits: no search can do with fewer probes on average,
// and ours takes about half a probe more. A tool is taken to matter in half of all cases; commits weigh what
// the prior says.
func (t Task) entropy(axis int) float64 {
	h := t.Space.History
	if axis > 0 {
		return 1 + math.Log2(float64(t.Space.Axes[axis].Len()-1))/2
	}
	if t.Ladder { // the last step back can take in half of them
		return math.Log2(max(1, float64(t.suspects())/2))
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

// impossible counts the combinations of levels that cannot exist; 0 also where there are too many to look at.
func (t Task) impossible() int {
	all, ok := space.Combinations(t.Scenario.Axes)
	if !ok {
		return 0
	}
	excluded := 0
	for levels := range all {
		if _, no := t.Scenario.Excluded(levels); no {
			excluded++
		}
	}
	return excluded
}
