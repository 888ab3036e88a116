package explain

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/lab"
)

// Report renders what the search knows now in the names of the scenario.
func (e *Evidence) Report() *report.Report {
	f := e.Finding
	if e.NoGood {
		f.Outcome = bisect.NotBracketed
	}
	space := e.Space
	rep := &report.Report{
		Version: report.Version, Scenario: e.Scenario.Name, Run: filepath.ToSlash(e.Dir), Outcome: string(f.Outcome), Complete: f.Complete,
		Causes: []report.Cause{}, Candidates: []report.Candidate{}, Trials: e.rows(f), Probes: f.Probes + e.Climbed,
		Untested: []report.Untested{}, FailsDifferently: []report.Failure{}, Assumes: e.assumes(f), Notes: append([]string{}, e.Notes...),
		Repair: space.History.Repair, Terms: e.Terms, Walked: e.walked(f), Noise: e.noise(f), Stopped: f.Stopped, Cancelled: e.Cancelled,
		Loosened: Loosened(e.Scenario), Parts: e.Parts,
	}
	rep.Notes = append(rep.Notes, e.Learned...)
	if passed := e.passed(); passed != "" {
		rep.Notes = append(rep.Notes, passed)
	}
	for _, c := range f.Causes {
		if cause := e.cause(c, f); rep.Repair {
			rep.Repairs = append(rep.Repairs, cause.Repair())
		} else {
			rep.Causes = append(rep.Causes, cause)
		}
	}
	for _, c := range f.Candidates {
		if f.Outcome == bisect.NoCulprit {
			break // what is left of their probabilities is no answer
		}
		rep.MoreCandidates = f.MoreCandidates
		rep.Candidates = append(rep.Candidates, report.Candidate{Point: space.Named(c.Point), Probability: c.Probability, Subject: e.told(c.Point[0]).Subject, GoodEnd: c.Point[0] == 0})
	}
	for _, u := range f.Untested {
		rep.Untested = append(rep.Untested, report.Untested{Point: space.Named(u.Point), Why: u.Why, Cost: u.Cost})
	}
	for _, t := range f.Differently {
		if !e.Points[t.ID].Equal(t.Point) {
			continue // answered by the trial of a point that is listed itself
		}
		rep.FailsDifferently = append(rep.FailsDifferently, report.Failure{Trial: t.ID, Point: space.Named(t.Point), Line: e.Builds[t.ID].Line})
	}
	for _, c := range f.Contradictions {
		conflict := report.Conflict{Bad: c.Bad.ID, Good: c.Good.ID}
		if rep.Repair {
			conflict = report.Conflict{Bad: c.Good.ID, Good: c.Bad.ID}
		}
		rep.Contradictions = append(rep.Contradictions, conflict)
	}
	for _, axis := range f.NotMonotone {
		rep.NotMonotone = append(rep.NotMonotone, space.Key(axis))
	}
	for _, t := range f.Transitions {
		rep.Transitions = append(rep.Transitions, e.transition(t))
	}
	rep.Summary = e.summary(f)
	return rep
}

// assumes lists what is taken for granted: that moving toward bad never repairs, unless that was seen to be
// false.
func (e *Evidence) assumes(f bisect.Finding) []string {
	list := []string{}
	if len(f.NotMonotone) == 0 {
		list = append(list, "monotone")
	}
	return append(list, e.Assumes...)
}

// rows are the trials in the order they were asked for, with what else each stands for.
func (e *Evidence) rows(f bisect.Finding) []report.Trial {
	rows := slices.SortedFunc(slices.Values(e.Trials), func(a, b report.Trial) int { return cmp.Compare(a.ID, b.ID) })
	for _, a := range f.Aliases {
		if i := slices.IndexFunc(rows, func(t report.Trial) bool { return t.ID == a.ID }); i >= 0 {
			rows[i].StandsFor = append(rows[i].StandsFor, e.Space.Named(a.Point))
		}
	}
	if rows == nil {
		rows = []report.Trial{}
	}
	return rows
}

// cause is one of the search's. In a search for a repair it has the two sides exchanged, as
// [report.Cause.Repair] wants it.
func (e *Evidence) cause(c bisect.Cause, f bisect.Finding) report.Cause {
	space := e.Space
	out := report.Cause{
		Point: space.Named(c.Point), Confirmed: c.Confirmed, Wanted: e.Scenario.Confirm,
		Changes: []report.Change{}, Witnesses: report.Witnesses{Bad: c.Bad, Good: []report.Witness{}},
		Sentence: e.sentence(c.Point), Repairs: e.undoing(c), Reproduce: e.reproduce(c),
	}
	if since, ok := e.turnedBack(c.Point, f); ok {
		out.Sentence += fmt.Sprintf(" It is past: with it and more, %s is %s (trial %d).", space.Words(since.Point), e.Word(since.Verdict), since.ID)
		out.Repairs = []string{}
	}
	out.Lines, out.Signature = e.lines(e.Builds[c.Bad[0]])
	for axis, level := range c.Point {
		if level > 0 {
			out.Changes = append(out.Changes, e.change(axis, level))
		}
	}
	for _, w := range c.Good {
		step := report.Point{}
		for axis := range w.Point {
			if w.Point[axis] != c.Point[axis] {
				step[space.Key(axis)] = space.Level(axis, w.Point[axis])
			}
		}
		out.Witnesses.Good = append(out.Witnesses.Good, report.Witness{Step: step, Trials: w.Trials})
	}
	if f.Noise != nil {
		out.Confidence, out.Tally = &c.Confidence, []report.Tally{e.turnedTally(c.Point)}
		for _, w := range c.Good {
			out.Tally = append(out.Tally, e.turnedTally(w.Point))
		}
	}
	return out
}

// lines are those of a trial that say why it is bad, and the one that made it so, if one did.
func (e *Evidence) lines(t lab.Trial) (lines []string, signature string) {
	switch {
	case len(t.Lines) > 0:
		return slices.Clone(t.Lines), t.Lines[0]
	case t.Reason != "":
		return []string{t.Reason}, ""
	}
	return []string{}, ""
}

func (e *Evidence) change(axis, level int) report.Change {
	space := e.Space
	change := report.Change{Axis: space.Key(axis), Bad: space.Level(axis, level)}
	for _, parent := range space.Axes[axis].Parents(level) {
		change.Good = append(change.Good, space.Level(axis, parent))
	}
	if axis == 0 {
		commit := e.told(level)
		change.Subject, change.Author, change.Date = commit.Subject, commit.Author, commit.When.Format(time.RFC3339)
	}
	return change
}

func (e *Evidence) transition(t bisect.Transition) report.Transition {
	kind := "repairs"
	if t.Breaks != e.Space.History.Repair {
		kind = "breaks"
	}
	return report.Transition{Axis: e.Space.Key(t.Axis), From: e.Space.Named(t.From), To: e.Space.Named(t.To), FromTrials: t.FromTrials, ToTrials: t.Trials, Kind: kind}
}

// tally counts the builds at p itself.
func (e *Evidence) tally(p bisect.Point) report.Tally {
	count := report.Tally{Point: e.Space.Named(p)}
	for id, at := range e.Points {
		switch {
		case !at.Equal(p):
		case e.Builds[id].Verdict == bisect.Bad:
			count.Bad++
		case e.Builds[id].Verdict == bisect.Good:
			count.Good++
		}
	}
	return count
}

// turnedTally is tally as the search sees it.
func (e *Evidence) turnedTally(p bisect.Point) report.Tally {
	t := e.tally(p)
	if e.Space.History.Repair {
		t.Bad, t.Good = t.Good, t.Bad
	}
	return t
}

// noise gives the rates that the search estimated. To a search for a repair a good build is what is looked
// for: what it takes for broken is healthy, and its rates are those of good builds.
func (e *Evidence) noise(f bisect.Finding) *report.Noise {
	if f.Noise == nil {
		return nil
	}
	rate := func(b bisect.Rate) report.Rate { return report.Rate{Mean: b.Mean, Low: b.Low, High: b.High} }
	if !e.Space.History.Repair {
		return &report.Noise{Broken: rate(f.Noise.Broken), Healthy: rate(f.Noise.Healthy), Flake: f.Noise.Flake}
	}
	rest := func(b bisect.Rate) report.Rate {
		return report.Rate{Mean: 1 - b.Mean, Low: 1 - b.High, High: 1 - b.Low}
	}
	return &report.Noise{Broken: rest(f.Noise.Healthy), Healthy: rest(f.Noise.Broken), Flake: f.Noise.Flake}
}

// turnedBack finds a good trial above a cause: what it did was undone since, and undoing it would not help.
func (e *Evidence) turnedBack(p bisect.Point, f bisect.Finding) (bisect.Trial, bool) {
	if f.Noise != nil {
		return bisect.Trial{}, false
	}
	for _, row := range e.rows(f) {
		at := e.Points[row.ID]
		verdict := e.Builds[row.ID].Verdict
		if verdict == e.former() && len(at) == len(p) && e.Space.Leq(p, at) {
			return bisect.Trial{ID: row.ID, Point: at, Verdict: verdict}, true
		}
	}
	return bisect.Trial{}, false
}
