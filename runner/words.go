package runner

import (
	"fmt"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

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
	text := tools + ": enough to break the build. No commit is to blame."
	switch {
	case p[0] > 0 && tools != "":
		text = r.commit(p[0]) + " breaks the build with " + tools + "."
	case p[0] > 0 && len(p) > 1:
		text = r.commit(p[0]) + " breaks the build by itself, whatever the tools."
	case p[0] > 0:
		text = r.commit(p[0]) + " breaks the build."
	}
	if len(r.Lab.Space.Axes[0].Parents(p[0])) > 1 {
		text += " It is a merge: each side alone builds."
	}
	return text
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
		return name + r.inconsistent(f)
	}
	switch {
	case f.MoreCandidates:
		return fmt.Sprintf("%stoo little could be judged: more than %d points are left. Mend what keeps them from building, or give a verdict that fits them.", name, len(f.Candidates))
	case len(f.Candidates) > 1:
		return fmt.Sprintf("%sthe cause is one of %d points; the builds that would tell them apart could not be judged. Mend what keeps them from building, or give a verdict that fits them.", name, len(f.Candidates))
	case len(rep.Trials) == 0:
		return name + "nothing was built."
	}
	return name + "stopped before a cause was proved."
}

func (r *Run) isolated(f bisect.Finding) string {
	sure := "Whether anything else breaks it is not proved."
	if f.Complete {
		sure = "Nothing else breaks it, as long as no change in between repairs it."
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

// inconsistent says what kind of contradiction it was, and what to do.
func (r *Run) inconsistent(f bisect.Finding) string {
	bad, good, sides := f.Contradictions[0].Bad, f.Contradictions[0].Good, r.Lab.Space.History.Sides
	switch {
	case bad.Point.Equal(good.Point):
		return fmt.Sprintf("%s was bad in trial %d and good in trial %d, so nothing can be blamed: the build is flaky, or something outside the scenario changed. Compare the two logs.", r.Lab.Space.Words(bad.Point), bad.ID, good.ID)
	case sides[bad.Point[0]] == bisect.Before && sides[good.Point[0]] == bisect.After:
		return fmt.Sprintf("%s, which the good end contains, fails too: it was broken and repaired before the good end, and a branch from back then brought it in again. No later commit can be blamed for that. Give an older good commit, or leave that branch out.", r.commit(bad.Point[0]))
	}
	return fmt.Sprintf("trial %d is bad, and trial %d, with all of its changes and more, is good, so nothing can be blamed: a later change repairs the failure, or the build is flaky. Compare the two logs.", bad.ID, good.ID)
}

// notBracketed says which end is not what it was taken for, and what to do.
func (r *Run) notBracketed() string {
	space := r.Lab.Space
	bad, good := r.trialAt(space.Bad()), r.trialAt(space.Good())
	if good.ID == 0 {
		return fmt.Sprintf("not bracketed: both ends build the same files with the same tools, so one build stands for both, and it %s (%s). Check source.good, source.bad and the levels of each axis.", said(bad), bad.Reason)
	}
	isBad, isGood := bad.Verdict == bisect.Bad.String(), good.Verdict == bisect.Good.String()
	if bad.Verdict == bisect.Good.String() && good.Verdict == bisect.Bad.String() {
		return "not bracketed: the bad end is good and the good end is bad. If the ends are not swapped, this is a repair: give them the other way round to find what repaired it."
	}
	var parts []string
	switch {
	case bad.Class == bisect.Other:
		parts = append(parts, fmt.Sprintf("the bad end fails, but without the scenario's signature: %s. If that is the failure you are after, set verdict.bad.log to match it.", r.built[bad.ID].Line))
	case !isBad:
		parts = append(parts, fmt.Sprintf("the bad end %s (%s). %s", said(bad), bad.Reason, r.badEndAdvice(bad)))
	}
	if !isGood {
		parts = append(parts, fmt.Sprintf("the good end %s (%s). %s", said(good), good.Reason, r.goodEndAdvice(bad, good)))
	}
	return "not bracketed: " + strings.Join(parts, " And ")
}

func (r *Run) badEndAdvice(bad report.Trial) string {
	if bad.Verdict == bisect.Skip.String() {
		return "If that is the failure you are after, say so with on-timeout: bad or on-oom: bad, or make its stage the deciding one; else give the stage more time or memory, or another bad end."
	}
	return "There is nothing to bisect. Check source.bad, the last level of each axis, and verdict."
}

func (r *Run) goodEndAdvice(bad, good report.Trial) string {
	switch note := r.Lab.Space.History.Note; {
	case good.Verdict == bisect.Skip.String():
		return "Give a good commit and good levels that can be built (a newer commit, if this one lacks what a stage needs), or mend the stage."
	case note != "":
		return note + ". The failure is older than both; what you see may be a repair on the good side. Give a good commit that is an ancestor of bad."
	case bad.Reason == good.Reason:
		return "Both ends fail alike: if that is not the failure you are after, mend the stages; else give an older good commit or other good levels."
	}
	return "Give an older good commit or other good levels: the failure is older than both ends."
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
