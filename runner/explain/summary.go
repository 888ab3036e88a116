package explain

import (
	"fmt"
	"slices"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// summary is a sentence or two: what was found, and how sure that is all, or why nothing was and what to do.
func (e *Evidence) summary(f bisect.Finding) string {
	name := e.Scenario.Name + ": "
	switch {
	case e.NoGood:
		return name + e.noGoodCommit()
	case f.Outcome == bisect.Isolated:
		return name + e.isolated(f)
	case f.Outcome == bisect.NotBracketed:
		return name + e.notBracketed()
	case f.Outcome == bisect.Inconsistent:
		return name + e.inconsistent(f)
	case f.Outcome == bisect.NoCulprit:
		return name + e.noCulprit(f)
	}
	return name + e.inconclusive(f)
}

func (e *Evidence) inconclusive(f bisect.Finding) string {
	thing := e.wording().thing
	if e.Climbing {
		return fmt.Sprintf("%s before a good commit was found. Allow more, or give source.good.", stopped(f.Stopped))
	}
	text, advice := "stopped before a "+thing+" was proved.", ""
	switch {
	case f.MoreCandidates:
		text = fmt.Sprintf("too little is known: the %s is one of more than %d points.", thing, len(f.Candidates))
	case len(f.Candidates) > 0:
		text = fmt.Sprintf("the %s is %s.", thing, e.among(f.Candidates))
	case len(e.Trials) == 0:
		text = "nothing was built."
	}
	switch {
	case f.Stopped != "":
		advice = fmt.Sprintf(" The search was %s; allow more to go further.", stopped(f.Stopped))
	case f.Noise != nil && len(f.Candidates) > 0 && !slices.ContainsFunc(e.Trials, func(t report.Trial) bool { return !judged(t) }):
		advice = " The builds allowed at each point did not tell them apart. Raise repeat.max."
	case len(f.Candidates) > 0:
		advice = " The builds that would tell them apart could not be judged. Mend what keeps them from building, or give a verdict that fits them." + e.networkHint(e.skips()...)
	}
	return text + advice
}

// skips are the trials that could not be judged.
func (e *Evidence) skips() []report.Trial {
	return slices.DeleteFunc(slices.Clone(e.Trials), func(t report.Trial) bool { return t.Verdict != bisect.Skip.String() })
}

// among says how far a search came.
func (e *Evidence) among(list []bisect.Candidate) string {
	differ := func(p bisect.Point) bool { return !slices.Equal(p[1:], list[0].Point[1:]) }
	what := "points"
	if !slices.ContainsFunc(list, func(c bisect.Candidate) bool { return differ(c.Point) }) {
		what = "commits"
	}
	if len(list) == 1 {
		return "likely " + e.Space.Words(list[0].Point) + ", and not proved"
	}
	if first := list[0].Point[0]; first > 0 && !slices.ContainsFunc(list, func(c bisect.Candidate) bool { return c.Point[0] != first }) {
		return fmt.Sprintf("%s, with one of %d sets of tools", e.commit(first), len(list))
	}
	if what == "commits" && slices.ContainsFunc(list, func(c bisect.Candidate) bool { return c.Point[0] == 0 }) {
		return fmt.Sprintf("one of %d commits, or none of them", len(list)-1)
	}
	return fmt.Sprintf("one of %d %s", len(list), what)
}

// noCulprit says that the build was as it is at both ends.
func (e *Evidence) noCulprit(f bisect.Finding) string {
	space := e.Space
	return fmt.Sprintf("no culprit: nothing changed between the ends. The build is flaky: it was bad in %s at the bad end and in %s at the good end, which is the same as far as can be told (%s %% sure). Mend the flake, or give %s good commit.",
		e.share(space.Bad()), e.share(space.Good()), report.Percent(f.Noise.Flake), e.wording().further)
}

// share says how many of the builds at p were bad.
func (e *Evidence) share(p bisect.Point) string {
	t := e.tally(p)
	return fmt.Sprintf("%d of %d builds", t.Bad, t.Bad+t.Good)
}

// turns says where the build turned one way and the other, if it did.
func (e *Evidence) turns(f bisect.Finding) string {
	if len(f.NotMonotone) == 0 {
		return ""
	}
	var list []string
	said := map[string]bool{}
	for _, t := range f.Transitions {
		word := e.turned(t.Breaks)
		at := " at " + report.Level(e.Space.Key(t.Axis), e.Space.Level(t.Axis, t.To[t.Axis]))
		if said[word+at] { // a merge has several levels below it
			continue
		}
		again := ""
		if said[word] {
			again = " again"
		}
		said[word], said[word+at] = true, true
		list = append(list, word+again+at)
	}
	text := "It does not turn once and for all: " + strings.Join(list, ", ") + "."
	if !e.walked(f) {
		text += " There may be more: --all-transitions tries every level."
	}
	return text
}

// turned says what a build has become where it is as at the new end, or no longer is.
func (e *Evidence) turned(asNew bool) string {
	if e.Terms != nil {
		if asNew {
			return e.Terms.New
		}
		return e.Terms.Old
	}
	if asNew != e.Space.History.Repair {
		return "broken"
	}
	return "repaired"
}

// walked reports whether every level of every axis was tried.
func (e *Evidence) walked(f bisect.Finding) bool {
	return e.AllTransitions && e.Ended && f.Stopped == "" && f.Noise == nil
}

// inconsistent says what kind of contradiction it was, and what to do.
func (e *Evidence) inconsistent(f bisect.Finding) string {
	if f.Noise != nil || len(f.Contradictions) == 0 {
		return fmt.Sprintf("builds contradict each other, and %d of them were not enough to tell what changed: the %s is %s. Compare logs that differ, make the build more reliable, or raise repeat.max.",
			len(e.Trials), e.wording().thing, e.among(f.Candidates))
	}
	lower, upper := f.Contradictions[0].Bad, f.Contradictions[0].Good // of the search, for which bad is what is looked for
	sides, w := e.Space.History.Sides, e.wording()
	sought, former := e.Word(e.sought()), e.Word(e.former())
	switch {
	case lower.Point.Equal(upper.Point):
		return fmt.Sprintf("%s was %s in trial %d and %s in trial %d, so nothing can be blamed: the build is flaky, or something outside the scenario changed. Compare the two logs.", e.Space.Words(lower.Point), sought, lower.ID, former, upper.ID)
	case sides[lower.Point[0]] == bisect.Before && sides[upper.Point[0]] == bisect.After:
		what := "fails too: it was broken and repaired before the good end"
		if e.Space.History.Repair {
			what = "builds too: it was repaired and broken before the bad end"
		}
		return fmt.Sprintf("%s, which the %s end contains, %s, and a branch from back then brought it in again. No later commit can be blamed for that. Give an older %[2]s commit, or leave that branch out.", e.commit(lower.Point[0]), former, what)
	}
	return fmt.Sprintf("trial %d is %s, and trial %d, with all of its changes and more, is %s, so nothing can be blamed: a later change %s, or the build is flaky. Compare the two logs.", lower.ID, sought, upper.ID, former, w.undoes)
}
