package runner

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// Report renders what the search knows now in the names of the scenario.
func (r *Run) Report() *report.Report {
	f := r.search.Finding()
	if r.noGood {
		f.Outcome = bisect.NotBracketed
	}
	space := r.Lab.Space
	rep := &report.Report{
		Version: report.Version, Scenario: r.Lab.Scenario.Name, Run: filepath.ToSlash(r.State.Dir), Outcome: string(f.Outcome), Complete: f.Complete,
		Causes: []report.Cause{}, Candidates: []report.Candidate{}, Trials: r.rows(f), Probes: f.Probes + r.climbed,
		Untested: []report.Untested{}, FailsDifferently: []report.Failure{}, Assumes: r.assumes(f), Notes: append([]string{}, r.notes...),
		Repair: space.History.Repair, Terms: r.Terms, Walked: r.walked(f), Noise: r.noise(f), Stopped: f.Stopped, Cancelled: r.cancelled,
		Loosened: Loosened(r.Lab.Scenario),
	}
	if r.World != nil {
		rep.Parts, _ = r.World()
	}
	r.learn()
	rep.Notes = append(rep.Notes, r.learned...)
	if passed := r.passed(); passed != "" {
		rep.Notes = append(rep.Notes, passed)
	}
	for _, c := range f.Causes {
		if cause := r.cause(c, f); rep.Repair {
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
		rep.Candidates = append(rep.Candidates, report.Candidate{Point: space.Named(c.Point), Probability: c.Probability, Subject: r.Lab.told(c.Point[0]).Subject, GoodEnd: c.Point[0] == 0})
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
		rep.Transitions = append(rep.Transitions, r.transition(t))
	}
	rep.Summary = r.summary(f)
	return rep
}

// assumes lists what is taken for granted: that moving toward bad never repairs, unless that was seen to be false.
func (r *Run) assumes(f bisect.Finding) []string {
	list := []string{}
	if len(f.NotMonotone) == 0 {
		list = append(list, "monotone")
	}
	return append(list, r.Assumes...)
}

// rows are the trials in the order they were asked for, with what else each stands for.
func (r *Run) rows(f bisect.Finding) []report.Trial {
	rows := slices.SortedFunc(slices.Values(r.trials), func(a, b report.Trial) int { return cmp.Compare(a.ID, b.ID) })
	for _, a := range f.Aliases {
		if i := slices.IndexFunc(rows, func(t report.Trial) bool { return t.ID == a.ID }); i >= 0 {
			rows[i].StandsFor = append(rows[i].StandsFor, r.Lab.Space.Named(a.Point))
		}
	}
	if rows == nil {
		rows = []report.Trial{}
	}
	return rows
}

// cause is one of the search's. In a search for a repair it has the two sides exchanged, as [report.Cause.Repair] wants it.
func (r *Run) cause(c bisect.Cause, f bisect.Finding) report.Cause {
	space := r.Lab.Space
	out := report.Cause{
		Point: space.Named(c.Point), Confirmed: c.Confirmed, Wanted: r.Lab.Scenario.Confirm,
		Changes: []report.Change{}, Witnesses: report.Witnesses{Bad: c.Bad, Good: []report.Witness{}},
		Sentence: r.sentence(c.Point), Repairs: r.undoing(c), Reproduce: r.reproduce(c),
	}
	if since, ok := r.turnedBack(c.Point, f); ok {
		out.Sentence += fmt.Sprintf(" It is past: with it and more, %s is %s (trial %d).", space.Words(since.Point), r.word(since.Verdict), since.ID)
		out.Repairs = []string{}
	}
	out.Lines, out.Signature = r.lines(r.built[c.Bad[0]])
	for axis, level := range c.Point {
		if level > 0 {
			out.Changes = append(out.Changes, r.change(axis, level))
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
		out.Confidence, out.Tally = &c.Confidence, []report.Tally{r.turnedTally(c.Point)}
		for _, w := range c.Good {
			out.Tally = append(out.Tally, r.turnedTally(w.Point))
		}
	}
	return out
}

// lines are those of a trial that say why it is bad, and the one that made it so, if one did.
func (r *Run) lines(t Trial) (lines []string, signature string) {
	switch {
	case len(t.Lines) > 0:
		return slices.Clone(t.Lines), t.Lines[0]
	case t.Reason != "":
		return []string{t.Reason}, ""
	}
	return []string{}, ""
}

func (r *Run) change(axis, level int) report.Change {
	space := r.Lab.Space
	change := report.Change{Axis: space.Key(axis), Bad: space.Level(axis, level)}
	for _, parent := range space.Axes[axis].Parents(level) {
		change.Good = append(change.Good, space.Level(axis, parent))
	}
	if axis == 0 {
		commit := r.Lab.told(level)
		change.Subject, change.Author, change.Date = commit.Subject, commit.Author, commit.When.Format(time.RFC3339)
	}
	return change
}

func (r *Run) transition(t bisect.Transition) report.Transition {
	kind := "repairs"
	if t.Breaks != r.Lab.Space.History.Repair {
		kind = "breaks"
	}
	return report.Transition{Axis: r.Lab.Space.Key(t.Axis), From: r.Lab.Space.Named(t.From), To: r.Lab.Space.Named(t.To), FromTrials: t.FromTrials, ToTrials: t.Trials, Kind: kind}
}

// tally counts the builds at p itself.
func (r *Run) tally(p bisect.Point) report.Tally {
	count := report.Tally{Point: r.Lab.Space.Named(p)}
	for id, at := range r.points {
		switch {
		case !at.Equal(p):
		case r.built[id].Verdict == bisect.Bad:
			count.Bad++
		case r.built[id].Verdict == bisect.Good:
			count.Good++
		}
	}
	return count
}

// turnedTally is tally as the search sees it.
func (r *Run) turnedTally(p bisect.Point) report.Tally {
	t := r.tally(p)
	if r.Lab.Space.History.Repair {
		t.Bad, t.Good = t.Good, t.Bad
	}
	return t
}

// noise gives the rates that the search estimated. To a search for a repair a good build is what is looked for: what it takes for
// broken is healthy, and its rates are those of good builds.
func (r *Run) noise(f bisect.Finding) *report.Noise {
	if f.Noise == nil {
		return nil
	}
	rate := func(b bisect.Rate) report.Rate { return report.Rate{Mean: b.Mean, Low: b.Low, High: b.High} }
	if !r.Lab.Space.History.Repair {
		return &report.Noise{Broken: rate(f.Noise.Broken), Healthy: rate(f.Noise.Healthy), Flake: f.Noise.Flake}
	}
	rest := func(b bisect.Rate) report.Rate {
		return report.Rate{Mean: 1 - b.Mean, Low: 1 - b.High, High: 1 - b.Low}
	}
	return &report.Noise{Broken: rest(f.Noise.Healthy), Healthy: rest(f.Noise.Broken), Flake: f.Noise.Flake}
}

// turnedBack finds a good trial above a cause: what it did was undone since, and undoing it would not help.
func (r *Run) turnedBack(p bisect.Point, f bisect.Finding) (bisect.Trial, bool) {
	if f.Noise != nil {
		return bisect.Trial{}, false
	}
	for _, row := range r.rows(f) {
		at := r.points[row.ID]
		verdict := r.built[row.ID].Verdict
		if verdict == r.former() && len(at) == len(p) && r.Lab.Space.Leq(p, at) {
			return bisect.Trial{ID: row.ID, Point: at, Verdict: verdict}, true
		}
	}
	return bisect.Trial{}, false
}
