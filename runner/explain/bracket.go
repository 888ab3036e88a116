package explain

import (
	"fmt"
	"slices"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// notBracketed says which end is not what it was taken for, and what to do.
func (e *Evidence) notBracketed() string {
	space := e.Space
	bad, good := e.trialAt(space.Bad()), e.trialAt(space.Good())
	if e.SameEnds {
		built := bad
		if bad.ID == 0 {
			built = good
		}
		return fmt.Sprintf("not bracketed: both ends build the same files with the same tools, so one build stands for both, and it %s (%s). Check source.good, source.bad and the levels of each axis.%s", e.said(built), built.Reason, e.networkHint(built)+e.unseen(built))
	}
	if e.EndsSkipAlike {
		return fmt.Sprintf("not bracketed: neither end can be judged, and both fail alike (%s). That is no matter of what changed between them. Mend what their builds need, or the stage, and run again.%s", e.reasons(space.Bad()), e.networkHint(bad, good)+e.unseen(bad, good))
	}
	isBad, isGood := bad.Verdict == bisect.Bad.String(), good.Verdict == bisect.Good.String()
	if bad.Verdict == bisect.Good.String() && good.Verdict == bisect.Bad.String() {
		if space.History.Repair {
			return "not bracketed: the bad end is good and the good end, which is newer, is bad. Give them the other way round to find what broke the build."
		}
		return "not bracketed: the bad end is good and the good end is bad. If the ends are not swapped, this is a repair: give them the other way round to find what repaired it."
	}
	var parts []string
	if !isBad {
		parts = append(parts, e.badEnd(bad))
	}
	if !isGood {
		parts = append(parts, fmt.Sprintf("the good end %s (%s). %s", e.said(good), e.reasonsOf(good, space.Good()), e.goodEndAdvice(bad, good)))
	}
	return "not bracketed: " + strings.Join(parts, " And ") + e.networkHint(bad, good) + e.unseen(bad, good)
}

// noGoodCommit says why there is nothing to search from where no good commit was given.
func (e *Evidence) noGoodCommit() string {
	if bad := e.Space.Bad(); e.tally(bad).Bad == 0 {
		return "not bracketed: " + e.badEnd(e.trialAt(bad)) + e.networkHint(e.trialAt(bad)) + e.unseen(e.trialAt(bad))
	}
	oldest := e.trialAt(e.Space.Good())
	return fmt.Sprintf("no good commit was found: the oldest tried, %s, %s (%s). Where the failure is as old as that, other good levels of the tools may help; else give source.good.%s",
		e.commit(0), e.said(oldest), e.reasonsOf(oldest, e.Space.Good()), e.networkHint(e.trialAt(e.Space.Bad()), oldest)+e.unseen(oldest))
}

// limited reports whether a limit of builder.resources ended a trial.
func (e *Evidence) limited(t report.Trial) bool {
	stages := e.Builds[t.ID].Stages
	return len(stages) > 0 && stages[len(stages)-1].Limit != ""
}

// badEnd says what is wrong with a bad end that is not bad.
func (e *Evidence) badEnd(bad report.Trial) string {
	switch {
	case bad.Class == bisect.Other:
		return fmt.Sprintf("the bad end fails, but without the scenario's signature: %s. If that is the failure you are after, set verdict.bad.log to match it.", e.Builds[bad.ID].Line)
	case bad.Verdict == bisect.Skip.String() && bad.Stage == "": // no stage ran
		return fmt.Sprintf("the bad end %s (%s). Mend that, or give another bad end, or other last levels.", e.said(bad), bad.Reason)
	case bad.Verdict == bisect.Skip.String() && e.limited(bad):
		return fmt.Sprintf("the bad end %s (%s). If it needs that much, raise that limit under builder.resources; else mend the stage, or give another bad end.", e.said(bad), e.reasons(e.Space.Bad()))
	case bad.Verdict == bisect.Skip.String():
		return fmt.Sprintf("the bad end %s (%s). If that is the failure you are after, say so with on-timeout: bad or on-oom: bad, or make its stage the deciding one; else mend the stage, give it more time or memory, or give another bad end.", e.said(bad), e.reasons(e.Space.Bad()))
	}
	return fmt.Sprintf("the bad end %s (%s). There is nothing to bisect. Check source.bad, the last level of each axis, and verdict; if it fails only sometimes, say repeat: {max: 50}.", e.said(bad), bad.Reason)
}

func (e *Evidence) goodEndAdvice(bad, good report.Trial) string {
	switch note := e.Space.History.Note; {
	case good.Verdict == bisect.Skip.String() && e.limited(good):
		return "If it needs that much, raise that limit under builder.resources; else give another good commit."
	case good.Verdict == bisect.Skip.String():
		return "Give a good commit and good levels that can be built (a newer commit, if this one lacks what a stage needs), or mend the stage."
	case note != "":
		return note + ". The failure is older than both; what you see may be a repair on the good side. Give a good commit that is an ancestor of bad."
	case bad.Reason == good.Reason:
		return fmt.Sprintf("Both ends fail alike: if that is not the failure you are after, mend the stages; else give %s good commit or other good levels.", e.wording().further)
	case e.Space.History.Repair:
		return "Give a newer good commit or other good levels: it is not repaired there."
	}
	return "Give an older good commit or other good levels: the failure is older than both ends."
}

// said is what an end turned out to be.
func (e *Evidence) said(t report.Trial) string {
	switch t.Verdict {
	case bisect.Good.String():
		return "is " + e.Word(bisect.Good)
	case bisect.Bad.String():
		return "is " + e.Word(bisect.Bad)
	}
	return "cannot be judged"
}

// reasonsOf is why an end is what it is: of one that cannot be judged, each time it was built.
func (e *Evidence) reasonsOf(end report.Trial, p bisect.Point) string {
	if end.ID > 0 && !judged(end) {
		return e.reasons(p)
	}
	return end.Reason
}

// trialAt is the first trial at p that was good or bad, else the first.
func (e *Evidence) trialAt(p bisect.Point) report.Trial {
	at := e.at(p)
	if i := slices.IndexFunc(at, judged); i >= 0 {
		return at[i]
	}
	if len(at) > 0 {
		return at[0]
	}
	return report.Trial{}
}
