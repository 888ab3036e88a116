package explain

import (
	"fmt"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// Word is what the reader calls a verdict.
func (e *Evidence) Word(v bisect.Verdict) string {
	if e.Terms != nil {
		switch e.Space.Turned(v) {
		case bisect.Good:
			return e.Terms.Old
		case bisect.Bad:
			return e.Terms.New
		}
	}
	return v.String()
}

// sought is the state that a search looks for the first appearance of, former the one at its old end, both as
// verdicts.
func (e *Evidence) sought() bisect.Verdict { return e.Space.Turned(bisect.Bad) }
func (e *Evidence) former() bisect.Verdict { return e.Space.Turned(bisect.Good) }

// Question says in words what a question is after.
func (e *Evidence) Question(q bisect.Question) string { return e.purpose(q) + e.again(q) }

func (e *Evidence) purpose(q bisect.Question) string {
	space := e.Space
	var names []string
	for _, axis := range q.Axes {
		names = append(names, report.Level(space.Key(axis), space.Level(axis, q.Point[axis])))
	}
	with := strings.Join(names, " and ")
	sought, former := e.Word(e.sought()), e.Word(e.former())
	switch q.Why {
	case bisect.Endpoint:
		end := former
		if q.Point.Equal(space.New()) {
			end = sought
		}
		return fmt.Sprintf("is the %s end %[1]s?", end)
	case bisect.WhyGoodSearch:
		return "was it good here?"
	case bisect.Relevance:
		return fmt.Sprintf("is it still %s with %s?", sought, with)
	case bisect.LevelStep:
		return fmt.Sprintf("is it %s from %s on?", sought, with)
	case bisect.Midpoint:
		switch q.Left {
		case 0:
			return "which commit?"
		case 1:
			return "does a commit matter at all?"
		}
		return fmt.Sprintf("which of %d commits?", q.Left)
	case bisect.Blamed:
		return "is it a commit already found?"
	case bisect.Necessity:
		return fmt.Sprintf("is its parent really %s?", former)
	case bisect.Confirmation:
		return "the same again?"
	case bisect.Certificate:
		w := e.wording()
		return fmt.Sprintf("does anything else %s it%s?", w.do, w.how)
	case bisect.Contradiction:
		return "builds contradict each other: do both stand?"
	case bisect.Turn:
		return "where does it turn?"
	case bisect.Walk:
		return "and at this level?"
	case bisect.Drift:
		return "is this end still what it was?"
	}
	return string(q.Why)
}

// Proved announces a cause, or a repair.
func (e *Evidence) Proved(number int, p bisect.Point) string {
	what := "cause"
	if e.Space.History.Repair {
		what = "repair"
	}
	return fmt.Sprintf("%s %d is proved: %s", what, number, e.sentence(p))
}
