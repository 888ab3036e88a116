package runner

import (
	"fmt"
	"slices"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// summary is a sentence or two: what was found, and how sure that is all, or why nothing was and what to do.
func (r *Run) summary(f bisect.Finding) string {
	name := r.Lab.Scenario.Name + ": "
	switch {
	case r.noGood:
		return name + r.noGoodCommit()
	case f.Outcome == bisect.Isolated:
		return name + r.isolated(f)
	case f.Outcome == bisect.NotBracketed:
		return name + r.notBracketed()
	case f.Outcome == bisect.Inconsistent:
		return name + r.inconsistent(f)
	case f.Outcome == bisect.NoCulprit:
		return name + r.noCulprit(f)
	}
	return name + r.inconclusive(f)
}

func (r *Run) inconclusive(f bisect.Finding) string {
	thing := r.wording().thing
	if r.climbing {
		return fmt.Sprintf("%s before a good commit was found. Allow more, or give source.good.", stopped(f.Stopped))
	}
	text, advice := "stopped before a "+thing+" was proved.", ""
	switch {
	case f.MoreCandidates:
		text = fmt.Sprintf("too little is known: the %s is one of more than %d points.", thing, len(f.Candidates))
	case len(f.Candidates) > 0:
		text = fmt.Sprintf("the %s is %s.", thing, r.among(f.Candidates))
	case len(r.trials) == 0:
		text = "nothing was built."
	}
	switch {
	case f.Stopped != "":
		advice = fmt.Sprintf(" The search was %s; allow more to go further.", stopped(f.Stopped))
	case f.Noise != nil && len(f.Candidates) > 0 && !slices.ContainsFunc(r.trials, func(t report.Trial) bool { return !judged(t) }):
		advice = " The builds allowed at each point did not tell them apart. Raise repeat.max."
	case len(f.Candidates) > 0:
		advice = " The builds that would tell them apart could not be judged. Mend what keeps them from building, or give a verdict that fits them." + r.networkHint(r.skips()...)
	}
	return text + advice
}

// skips are the trials that could not be judged.
func (r *Run) skips() []report.Trial {
	return slices.DeleteFunc(slices.Clone(r.trials), func(t report.Trial) bool { return t.Verdict != bisect.Skip.String() })
}

// among says how far a search came.
func (r *Run) among(list []bisect.Candidate) string {
	differ := func(p bisect.Point) bool { return !slices.Equal(p[1:], list[0].Point[1:]) }
	what := "points"
	if !slices.ContainsFunc(list, func(c bisect.Candidate) bool { return differ(c.Point) }) {
		what = "commits"
	}
	if len(list) == 1 {
		return "likely " + r.Lab.Space.Words(list[0].Point) + ", and not proved"
	}
	if first := list[0].Point[0]; first > 0 && !slices.ContainsFunc(list, func(c bisect.Candidate) bool { return c.Point[0] != first }) {
		return fmt.Sprintf("%s, with one of %d sets of tools", r.commit(first), len(list))
	}
	if what == "commits" && slices.ContainsFunc(list, func(c bisect.Candidate) bool { return c.Point[0] == 0 }) {
		return fmt.Sprintf("one of %d commits, or none of them", len(list)-1)
	}
	return fmt.Sprintf("one of %d %s", len(list), what)
}

// noCulprit says that the build was as it is at both ends.
func (r *Run) noCulprit(f bisect.Finding) string {
	space := r.Lab.Space
	return fmt.Sprintf("no culprit: nothing changed between the ends. The build is flaky: it was bad in %s at the bad end and in %s at the good end, which is the same as far as can be told (%s %% sure). Mend the flake, or give %s good commit.",
		r.share(space.Bad()), r.share(space.Good()), report.Percent(f.Noise.Flake), r.wording().further)
}

// share says how many of the builds at p were bad.
func (r *Run) share(p bisect.Point) string {
	t := r.tally(p)
	return fmt.Sprintf("%d of %d builds", t.Bad, t.Bad+t.Good)
}

// turns says where the build turned one way and the other, if it did.
func (r *Run) turns(f bisect.Finding) string {
	if len(f.NotMonotone) == 0 {
		return ""
	}
	var list []string
	said := map[string]bool{}
	for _, t := range f.Transitions {
		word := r.turned(t.Breaks)
		at := " at " + report.Level(r.Lab.Space.Key(t.Axis), r.Lab.Space.Level(t.Axis, t.To[t.Axis]))
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
	if !r.walked(f) {
		text += " There may be more: --all-transitions tries every level."
	}
	return text
}

// turned says what a build has become where it is as at the new end, or no longer is.
func (r *Run) turned(asNew bool) string {
	if r.Terms != nil {
		if asNew {
			return r.Terms.New
		}
		return r.Terms.Old
	}
	if asNew != r.Lab.Space.History.Repair {
		return "broken"
	}
	return "repaired"
}

// walked reports whether every level of every axis was tried.
func (r *Run) walked(f bisect.Finding) bool {
	return r.Options.AllTransitions && r.ended && f.Stopped == "" && f.Noise == nil
}

// inconsistent says what kind of contradiction it was, and what to do.
func (r *Run) inconsistent(f bisect.Finding) string {
	if f.Noise != nil || len(f.Contradictions) == 0 {
		return fmt.Sprintf("builds contradict each other, and %d of them were not enough to tell what changed: the %s is %s. Compare logs that differ, make the build more reliable, or raise repeat.max.",
			len(r.trials), r.wording().thing, r.among(f.Candidates))
	}
	lower, upper := f.Contradictions[0].Bad, f.Contradictions[0].Good // of the search, for which bad is what is looked for
	sides, w := r.Lab.Space.History.Sides, r.wording()
	sought, former := r.word(r.sought()), r.word(r.former())
	switch {
	case lower.Point.Equal(upper.Point):
		return fmt.Sprintf("%s was %s in trial %d and %s in trial %d, so nothing can be blamed: the build is flaky, or something outside the scenario changed. Compare the two logs.", r.Lab.Space.Words(lower.Point), sought, lower.ID, former, upper.ID)
	case sides[lower.Point[0]] == bisect.Before && sides[upper.Point[0]] == bisect.After:
		what := "fails too: it was broken and repaired before the good end"
		if r.Lab.Space.History.Repair {
			what = "builds too: it was repaired and broken before the bad end"
		}
		return fmt.Sprintf("%s, which the %s end contains, %s, and a branch from back then brought it in again. No later commit can be blamed for that. Give an older %[2]s commit, or leave that branch out.", r.commit(lower.Point[0]), former, what)
	}
	return fmt.Sprintf("trial %d is %s, and trial %d, with all of its changes and more, is %s, so nothing can be blamed: a later change %s, or the build is flaky. Compare the two logs.", lower.ID, sought, upper.ID, former, w.undoes)
}
