package runner

import (
	"fmt"
	"path/filepath"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// start writes a trial down before it is built.
func (r *Run) start(q bisect.Question) (report.Trial, error) {
	row := report.Trial{ID: q.ID, Point: r.Lab.Space.Named(q.Point), Why: string(q.Why), Log: logPath(q.ID), Reproduce: filepath.ToSlash(scriptPath(q.ID))}
	return row, r.log(Record{Type: RecordStart, Trial: &row})
}

// answer writes a trial down that has ended with a verdict.
func (r *Run) answer(q bisect.Question, row *report.Trial, t Trial) error {
	if head := r.past.head(); head != nil {
		*row, r.learned = *head.Trial, append(r.learned, head.Notes...)
		if err := r.past.take(*head); err != nil {
			return err
		}
	} else {
		t.put(row)
		if r.Served != nil {
			if err := r.State.saveParts(r.Served()); err != nil {
				return err
			}
		}
		if err := r.State.saveScript(q.ID, r.script(*row, q.Point)); err != nil {
			return err
		}
		if err := r.log(Record{Type: RecordEnd, Trial: row, Stages: t.Stages, Lines: t.Lines, Line: t.Line, Notes: r.learn()}); err != nil {
			return err
		}
		e := Ending{Said: r.word(t.Verdict), Took: t.Wall}
		if t.Verdict != bisect.Good {
			e.Reason = t.Reason
		}
		r.Observer.Ended(q.ID, e)
	}
	t.Tail = nil // it is in the row
	r.trials = append(r.trials, *row)
	r.built[q.ID], r.points[q.ID] = t, q.Point
	return nil
}

// cancel writes a trial down that was ended without a verdict.
func (r *Run) cancel(row *report.Trial, why error) error {
	replayed := r.past.head() != nil
	if err := r.log(Record{Type: RecordCancel, Trial: row, Cause: why.Error()}); err != nil {
		return err
	}
	r.cancelled++
	if !replayed {
		r.Observer.Ended(row.ID, Ending{Said: "cancelled", Reason: why.Error()})
	}
	return nil
}

func (r *Run) failed(q bisect.Question, err error) error {
	return fmt.Errorf("trial %d (%s): %w", q.ID, r.Lab.Space.Words(q.Point), err)
}
