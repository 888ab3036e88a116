package runner

import (
	"path/filepath"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// Report renders what the search knows now in the names of the scenario.
func (r *Run) Report() *report.Report {
	f := r.Search.Finding()
	space := r.Lab.Space
	rep := &report.Report{
		Version: report.Version, Scenario: r.Lab.Scenario.Name, Run: filepath.ToSlash(r.State.Dir), Outcome: string(f.Outcome), Complete: f.Complete,
		Causes: []report.Cause{}, Candidates: []report.Candidate{}, Trials: append([]report.Trial{}, r.trials...), Probes: f.Probes,
		Untested: []report.Untested{}, FailsDifferently: []report.Failure{}, Assumes: []string{"monotone"}, Notes: append([]string{}, r.notes...),
	}
	for _, c := range f.Causes {
		rep.Causes = append(rep.Causes, r.cause(c))
	}
	for _, c := range f.Candidates {
		rep.Candidates = append(rep.Candidates, report.Candidate{Point: space.Named(c.Point), Probability: c.Probability})
	}
	for _, u := range f.Untested {
		rep.Untested = append(rep.Untested, report.Untested{Point: space.Named(u.Point), Why: u.Why, Cost: u.Cost})
	}
	for _, t := range f.Differently {
		if !r.points[t.ID].Equal(t.Point) {
			continue // answered by the trial of a point that is listed itself
		}
		rep.FailsDifferently = append(rep.FailsDifferently, report.Failure{Trial: t.ID, Point: space.Named(t.Point), Line: r.built[t.ID].Line})
	}
	for _, a := range f.Aliases {
		for i := range rep.Trials {
			if rep.Trials[i].ID == a.ID {
				rep.Trials[i].StandsFor = append(rep.Trials[i].StandsFor, space.Named(a.Point))
			}
		}
	}
	for _, c := range f.Contradictions {
		rep.Contradictions = append(rep.Contradictions, report.Conflict{Bad: c.Bad.ID, Good: c.Good.ID})
	}
	if w, ok := r.Lab.Source.(interface{ Warnings() []string }); ok {
		rep.Notes = append(rep.Notes, w.Warnings()...)
	}
	rep.Summary = r.summary(f, rep)
	return rep
}

func (r *Run) cause(c bisect.Cause) report.Cause {
	space := r.Lab.Space
	out := report.Cause{
		Point: space.Named(c.Point), Lines: append([]string{}, r.built[c.Bad[0]].Lines...), Confirmed: c.Confirmed, Wanted: r.Lab.Scenario.Confirm,
		Changes: []report.Change{}, Witnesses: report.Witnesses{Bad: c.Bad, Good: []report.Witness{}},
		Sentence: r.sentence(c.Point), Repairs: r.repairs(c.Point), Reproduce: r.reproduce(c),
	}
	if len(out.Lines) > 0 {
		out.Signature = out.Lines[0]
	} else if line := r.built[c.Bad[0]].Reason; line != "" {
		out.Lines = []string{line}
	}
	for axis, level := range c.Point {
		if level == 0 {
			continue
		}
		change := report.Change{Axis: space.Key(axis), Bad: space.Level(axis, level)}
		for _, parent := range space.Axes[axis].Parents(level) {
			change.Good = append(change.Good, space.Level(axis, parent))
		}
		if axis == 0 {
			commit := space.History.Commits[level]
			change.Subject, change.Author, change.Date = commit.Subject, commit.Author, commit.When.Format(time.RFC3339)
		}
		out.Changes = append(out.Changes, change)
	}
	for _, w := range c.Good {
		step := report.Point{space.Key(w.Step.Axis): space.Level(w.Step.Axis, w.Step.Level)}
		out.Witnesses.Good = append(out.Witnesses.Good, report.Witness{Step: step, Trials: w.Trials})
	}
	return out
}
