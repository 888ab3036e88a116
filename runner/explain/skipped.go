package explain

import (
	"fmt"
	"slices"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// at lists the trials at p in the order they were asked for.
func (e *Evidence) at(p bisect.Point) []report.Trial {
	list := slices.DeleteFunc(slices.Clone(e.Trials), func(t report.Trial) bool { return !e.Points[t.ID].Equal(p) })
	slices.SortFunc(list, func(a, b report.Trial) int { return a.ID - b.ID })
	return list
}

// again says that a point is built since it was skipped before, "" where it was not.
func (e *Evidence) again(q bisect.Question) string {
	at := e.at(q.Point)
	if len(at) == 0 || slices.ContainsFunc(at, judged) {
		return ""
	}
	return fmt.Sprintf(" (trial %d was a skip)", at[len(at)-1].ID)
}

func judged(t report.Trial) bool { return t.Verdict != bisect.Skip.String() }

// reasons says what was seen at p each time it was built.
func (e *Evidence) reasons(p bisect.Point) string {
	var order []string
	byReason := map[string][]string{}
	at := e.at(p)
	for _, t := range at {
		if byReason[t.Reason] == nil {
			order = append(order, t.Reason)
		}
		byReason[t.Reason] = append(byReason[t.Reason], fmt.Sprint(t.ID))
	}
	switch {
	case len(at) == 1:
		return at[0].Reason
	case len(order) == 1:
		return fmt.Sprintf("%d builds, each time: %s", len(at), order[0])
	}
	var parts []string
	for _, reason := range order {
		trials := "trial "
		if len(byReason[reason]) > 1 {
			trials = "trials "
		}
		parts = append(parts, trials+strings.Join(byReason[reason], ", ")+": "+reason)
	}
	return fmt.Sprintf("%d builds; %s", len(at), strings.Join(parts, "; "))
}

// mostPassed bounds how many passing faults are told one by one.
const mostPassed = 3

// passed says which builds were skipped by a fault that passed, as is seen by another build of the same
// point; "": none was.
func (e *Evidence) passed() string {
	var list []string
	for _, t := range e.rows(bisect.Finding{}) {
		at := e.at(e.Points[t.ID])
		if judged(t) || !slices.ContainsFunc(at, judged) {
			continue
		}
		text := fmt.Sprintf("trial %d was a skip: %s", t.ID, t.Reason)
		if next := slices.IndexFunc(at, func(u report.Trial) bool { return u.ID > t.ID && judged(u) }); next >= 0 {
			text += fmt.Sprintf("; built again as trial %d: %s", at[next].ID, e.Word(bisect.VerdictOf(at[next].Verdict)))
		} else {
			first := at[slices.IndexFunc(at, judged)]
			text += fmt.Sprintf("; the same point was %s in trial %d", e.Word(bisect.VerdictOf(first.Verdict)), first.ID)
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %d builds could not be judged by a fault that passed, and say nothing", len(list), len(e.Trials))
	if len(list) == 1 {
		text = fmt.Sprintf("1 of %d builds could not be judged by a fault that passed, and says nothing", len(e.Trials))
	}
	text += ". " + strings.Join(list[:min(mostPassed, len(list))], ". ") + "."
	if more := len(list) - mostPassed; more > 0 {
		text += fmt.Sprintf(" And %d more.", more)
	}
	return text
}
