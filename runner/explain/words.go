package explain

import (
	"fmt"
	"slices"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// wording is how a search speaks of what it looks for.
type wording struct {
	thing    string // what is found
	does, do string // what one change does, and several do, to the build
	how      string // behind that: from which state to which, where the reader has words for them
	is       string // what the build does then
	undoes   string // what a later change may do to it
	sides    string // what both sides of a merge do
	noCommit string // said where it takes no commit
	further  string // good commit to give where both ends are bad
}

func (e *Evidence) wording() wording {
	w := wording{"cause", "breaks", "break", "", "breaks", "repairs it", "builds", "No commit is to blame.", "an older"}
	if e.Space.History.Repair {
		w = wording{"repair", "repairs", "repair", "", "is repaired", "breaks it again", "fails", "It takes no commit.", "a newer"}
	}
	if e.Terms != nil {
		w.does, w.do, w.how, w.is, w.undoes, w.sides = "turns", "turn", fmt.Sprintf(" from %s to %s", e.Terms.Old, e.Terms.New), "turns", "turns it back", "is "+e.Terms.Old
	}
	return w
}

// tools says in words the levels other than the commit's that a cause needs.
func (e *Evidence) tools(p bisect.Point) []string {
	var words []string
	for axis, level := range p {
		if axis > 0 && level > 0 {
			words = append(words, report.Level(e.Space.Key(axis), e.Space.Level(axis, level)))
		}
	}
	return words
}

func (e *Evidence) commit(level int) string {
	c := e.told(level)
	return fmt.Sprintf("commit %s %q (%s, %s)", report.Short(c.ID), c.Subject, c.Author, c.When.Format("2006-01-02"))
}

// sentence says a cause, or a repair, so that a person can act on it.
func (e *Evidence) sentence(p bisect.Point) string {
	w, tools := e.wording(), strings.Join(e.tools(p), " and ")
	text := fmt.Sprintf("%s: enough to %s the build%s. %s", tools, w.do, w.how, w.noCommit)
	switch {
	case p[0] > 0 && tools != "":
		text = fmt.Sprintf("%s %s the build%s with %s.", e.commit(p[0]), w.does, w.how, tools)
	case p[0] > 0 && len(p) > 1:
		text = fmt.Sprintf("%s %s the build%s by itself, whatever the tools.", e.commit(p[0]), w.does, w.how)
	case p[0] > 0:
		text = fmt.Sprintf("%s %s the build%s.", e.commit(p[0]), w.does, w.how)
	}
	if len(e.Space.Axes[0].Parents(p[0])) > 1 {
		text += fmt.Sprintf(" It is a merge: each side alone %s.", w.sides)
	}
	if paths := e.Scenario.Source.Paths; p[0] > 0 && len(paths) > 0 {
		text += fmt.Sprintf(" It is the first of those that touch %s; commits between it and the one of them before were not built.", strings.Join(paths, ", "))
	}
	return text
}

// undoing lists the smallest changes that each take a cause away: what leads to the points just below it.
func (e *Evidence) undoing(c bisect.Cause) []string {
	var list []string
	space := e.Space
	for _, w := range c.Good {
		var steps []string
		for axis, level := range w.Point {
			switch {
			case level == c.Point[axis]:
			case axis == 0:
				steps = append(steps, "undo commit "+report.Short(space.History.Commits[c.Point[0]].ID))
			default:
				steps = append(steps, report.Level(space.Key(axis), space.Level(axis, level)))
			}
		}
		if step := strings.Join(steps, " and "); !slices.Contains(list, step) { // a merge has several parents
			list = append(list, step)
		}
	}
	return list
}

// isolated says what was found and how sure it is that this is all.
func (e *Evidence) isolated(f bisect.Finding) string {
	text := e.found(f.Causes) + e.sureness(f)
	if turns := e.turns(f); turns != "" {
		return text + " " + turns
	}
	w := e.wording()
	switch {
	case f.Complete:
		return fmt.Sprintf("%s Nothing else %s it%s, as long as no change in between %s.", text, w.does, w.how, w.undoes)
	case f.Stopped != "":
		return fmt.Sprintf("%s Whether anything else %s it%s is not known: the search was %s.", text, w.does, w.how, stopped(f.Stopped))
	}
	return fmt.Sprintf("%s Whether anything else %s it%s is not proved.", text, w.does, w.how)
}

// found says all causes in one sentence.
func (e *Evidence) found(causes []bisect.Cause) string {
	if len(causes) == 1 {
		return e.sentence(causes[0].Point)
	}
	commit := causes[0].Point[0]
	for _, c := range causes {
		if c.Point[0] != commit {
			commit = -1
		}
	}
	var ways []string
	for i, c := range causes {
		words := e.tools(c.Point)
		if commit < 0 && c.Point[0] > 0 {
			words = append([]string{"commit " + report.Short(e.Space.History.Commits[c.Point[0]].ID)}, words...)
		}
		ways = append(ways, fmt.Sprintf("(%d) with %s", i+1, strings.Join(words, " and ")))
	}
	w, list := e.wording(), strings.Join(ways, "; ")
	switch {
	case commit > 0:
		return fmt.Sprintf("%s %s the build%s in %d ways: %s.", e.commit(commit), w.does, w.how, len(causes), list)
	case commit == 0:
		return fmt.Sprintf("the tools alone %s the build%s in %d ways: %s. %s", w.do, w.how, len(causes), list, w.noCommit)
	}
	return fmt.Sprintf("the build %s%s in %d separate ways: %s.", w.is, w.how, len(causes), list)
}

// sureness says how often builds are what they are taken for, and how sure that makes what was found.
func (e *Evidence) sureness(f bisect.Finding) string {
	if f.Noise == nil {
		return ""
	}
	least := 1.0
	for _, c := range f.Causes {
		least = min(least, c.Confidence)
	}
	return fmt.Sprintf(" From there on %s %% of the builds are %s, before it %s %%; confidence %s %%.",
		report.Percent(f.Noise.Broken.Mean), e.Word(e.sought()), report.Percent(f.Noise.Healthy.Mean), report.Percent(least))
}

// Interrupted is why a search ended that its user stopped.
const Interrupted = "interrupted"

// stopped says what ended a search early.
func stopped(why string) string {
	if why == Interrupted {
		return why
	}
	return "ended by --" + why
}
