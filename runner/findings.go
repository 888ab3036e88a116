package runner

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/scenarios"
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
		rep.FailsDifferently = append(rep.FailsDifferently, report.Failure{Trial: t.ID, Point: space.Named(t.Point), Line: r.built[t.ID].Line})
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
		Point: space.Named(c.Point), Lines: append([]string{}, r.built[c.Bad[0]].Lines...), Confirmed: c.Confirmed,
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

// tools says in words the levels other than the commit's that a cause needs.
func (r *Run) tools(p bisect.Point) []string {
	var words []string
	for axis, level := range p {
		if axis > 0 && level > 0 {
			words = append(words, report.Level(r.Lab.Space.Key(axis), r.Lab.Space.Level(axis, level)))
		}
	}
	return words
}

func (r *Run) commit(level int) string {
	c := r.Lab.Space.History.Commits[level]
	return fmt.Sprintf("commit %s %q (%s, %s)", report.Short(c.ID), c.Subject, c.Author, c.When.Format("2006-01-02"))
}

// sentence says a cause so that a person can act on it.
func (r *Run) sentence(p bisect.Point) string {
	tools := strings.Join(r.tools(p), " and ")
	switch {
	case p[0] == 0:
		return tools + ": enough to break the build. No commit is to blame."
	case tools == "":
		return r.commit(p[0]) + " breaks the build by itself, whatever the tools."
	}
	return r.commit(p[0]) + " breaks the build with " + tools + "."
}

func (r *Run) repairs(p bisect.Point) []string {
	var list []string
	space := r.Lab.Space
	for axis, level := range p {
		switch {
		case level == 0:
		case axis == 0:
			list = append(list, "undo commit "+report.Short(space.History.Commits[level].ID))
		default:
			for _, parent := range space.Axes[axis].Parents(level) {
				list = append(list, report.Level(space.Key(axis), space.Level(axis, parent)))
			}
		}
	}
	return list
}

// summary is one sentence: what broke the build, and how sure that is all.
func (r *Run) summary(f bisect.Finding, rep *report.Report) string {
	name := r.Lab.Scenario.Name + ": "
	switch f.Outcome {
	case bisect.Isolated:
		return name + r.isolated(f)
	case bisect.NotBracketed:
		return name + r.notBracketed()
	case bisect.Inconsistent:
		return name + "the verdicts contradict each other, so nothing can be blamed: the build is flaky, or something outside the scenario changed while it ran. Read the logs of the trials named below."
	}
	switch {
	case len(f.Candidates) > 1:
		return fmt.Sprintf("%sthe cause is one of %d points; the builds that would tell them apart could not be judged.", name, len(f.Candidates))
	case len(rep.Trials) == 0:
		return name + "nothing was built."
	}
	return name + "stopped before a cause was proved."
}

func (r *Run) isolated(f bisect.Finding) string {
	sure := "Whether anything else breaks it is not proved."
	if f.Complete {
		sure = "Nothing else breaks it."
	}
	if len(f.Causes) == 1 {
		return r.sentence(f.Causes[0].Point) + " " + sure
	}
	commit := f.Causes[0].Point[0]
	for _, c := range f.Causes {
		if c.Point[0] != commit {
			commit = -1
		}
	}
	var reasons []string
	for i, c := range f.Causes {
		words := r.tools(c.Point)
		if commit < 0 && c.Point[0] > 0 {
			words = append([]string{"commit " + report.Short(r.Lab.Space.History.Commits[c.Point[0]].ID)}, words...)
		}
		reasons = append(reasons, fmt.Sprintf("(%d) with %s", i+1, strings.Join(words, " and ")))
	}
	reason := strings.Join(reasons, "; ")
	switch {
	case commit > 0:
		return fmt.Sprintf("%s breaks the build in %d ways: %s. %s", r.commit(commit), len(f.Causes), reason, sure)
	case commit == 0:
		return fmt.Sprintf("the tools alone break the build in %d ways: %s. No commit is to blame. %s", len(f.Causes), reason, sure)
	}
	return fmt.Sprintf("the build breaks in %d separate ways: %s. %s", len(f.Causes), reason, sure)
}

// notBracketed says which end is not what it was taken for, and what to do.
func (r *Run) notBracketed() string {
	space := r.Lab.Space
	bad, good := r.trialAt(space.Bad()), r.trialAt(space.Good())
	var parts []string
	if good.ID == 0 {
		return fmt.Sprintf("not bracketed: both ends build the same files with the same tools, so one build stands for both, and it %s (%s). Check source.good, source.bad and the levels of each axis.", said(bad), bad.Reason)
	}
	switch {
	case bad.Class == bisect.Other:
		parts = append(parts, fmt.Sprintf("the bad end fails, but without the scenario's signature: %s. If that is the failure you are after, set verdict.bad.log to match it.", r.built[bad.ID].Line))
	case bad.Verdict != bisect.Bad.String():
		parts = append(parts, fmt.Sprintf("the bad end %s (%s), so there is nothing to bisect. Check source.bad, the last level of each axis, and verdict.", said(bad), bad.Reason))
	}
	if good.Verdict != bisect.Good.String() {
		advice := "Give an older good commit or other good levels: the failure is older than both ends."
		if good.Verdict == bisect.Skip.String() {
			advice = "Give a good commit and good levels that can be built, or mend what keeps this one from it."
		} else if note := space.History.Note; note != "" {
			advice = note + ". The failure is older than both; what you see may be a repair on the good side. Give a good commit that is an ancestor of bad."
		}
		parts = append(parts, fmt.Sprintf("the good end %s (%s). %s", said(good), good.Reason, advice))
	}
	return "not bracketed: " + strings.Join(parts, " Also, ")
}

// said is what an end turned out to be.
func said(t report.Trial) string {
	if t.Verdict == bisect.Skip.String() {
		return "cannot be judged"
	}
	return "is " + t.Verdict
}

// trialAt is the first trial at p.
func (r *Run) trialAt(p bisect.Point) report.Trial {
	for _, t := range r.trials {
		if r.points[t.ID].Equal(p) {
			return t
		}
	}
	return report.Trial{}
}

// reproduce gives command lines that show a cause by hand: bisect's own, and one with nothing but git and docker.
func (r *Run) reproduce(c bisect.Cause) []string {
	space, s := r.Lab.Space, r.Lab.Scenario
	probe := []string{"bisect", "probe", quote(s.File)}
	for axis, level := range c.Point {
		at := space.Key(axis)
		if name := space.Level(axis, level); name != nil {
			at += "=" + *name
		}
		probe = append(probe, "--at", quote(at))
	}
	b := s.Builder
	run := []string{"git", "-C", quote(space.History.Path), "archive", space.History.Commits[c.Point[0]].ID, "|", "docker run --rm -i", "--network", b.Network, "-w", quote(b.Workdir)}
	if b.Engine == scenarios.EngineHost {
		run = append(run, "-v /var/run/docker.sock:/var/run/docker.sock")
	}
	for _, e := range append(space.env(b, c.Point), "BISECT_TRIAL=by-hand") {
		if strings.Contains(e, "=") {
			run = append(run, "-e", quote(e))
		}
	}
	script := "tar -x"
	for _, stage := range s.Stages[:s.Verdict.Stage+1] {
		script += "; " + strings.TrimSpace(stage.Run)
	}
	run = append(run, r.built[c.Bad[0]].Image, "sh -ec", quote(script))
	return []string{strings.Join(probe, " "), strings.Join(run, " ")}
}

// quote quotes a word for a POSIX shell.
func quote(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r))
	}) < 0
	if plain && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
