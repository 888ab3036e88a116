package runner

import (
	"fmt"
	"strings"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// word is what the reader calls a verdict.
func (r *Run) word(v bisect.Verdict) string {
	if r.Terms != nil {
		switch r.Lab.Space.Turned(v) {
		case bisect.Good:
			return r.Terms.Old
		case bisect.Bad:
			return r.Terms.New
		}
	}
	return v.String()
}

// sought is the state that a search looks for the first appearance of, former the one at its old end, both as verdicts.
func (r *Run) sought() bisect.Verdict { return r.Lab.Space.Turned(bisect.Bad) }
func (r *Run) former() bisect.Verdict { return r.Lab.Space.Turned(bisect.Good) }

// Question says in words what a question is after.
func (r *Run) Question(q bisect.Question) string { return r.purpose(q) + r.again(q) }

func (r *Run) purpose(q bisect.Question) string {
	space := r.Lab.Space
	var names []string
	for _, axis := range q.Axes {
		names = append(names, report.Level(space.Key(axis), space.Level(axis, q.Point[axis])))
	}
	with := strings.Join(names, " and ")
	sought, former := r.word(r.sought()), r.word(r.former())
	switch q.Why {
	case bisect.Endpoint:
		end := former
		if q.Point.Equal(space.New()) {
			end = sought
		}
		return fmt.Sprintf("is the %s end %[1]s?", end)
	case GoodSearch:
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
		w := r.wording()
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

// provedWords announces a cause, or a repair.
func (r *Run) provedWords(number int, p bisect.Point) string {
	what := "cause"
	if r.Lab.Space.History.Repair {
		what = "repair"
	}
	return fmt.Sprintf("%s %d is proved: %s", what, number, r.sentence(p))
}
