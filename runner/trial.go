package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// infrastructureRetries is how often a trial that the engine failed is tried again before the run stops.
const infrastructureRetries = 2

// start writes a trial down before it is built.
func (r *Run) start(q bisect.Question) (report.Trial, error) {
	row := report.Trial{ID: q.ID, Point: r.Lab.Space.Named(q.Point), Why: string(q.Why), Log: logPath(q.ID)}
	if err := r.State.append(record{Type: "start", Trial: &row, Time: r.time()}); err != nil {
		return row, err
	}
	r.Observer.Started(q.ID, r.Lab.Space.Words(q.Point), r.Question(q))
	return row, nil
}

// answer writes a trial down that has ended with a verdict.
func (r *Run) answer(q bisect.Question, row *report.Trial, t Trial) error {
	row.Verdict, row.Class, row.Reason = t.Verdict.String(), t.Class, t.Reason
	row.Stage, row.Exit, row.Seconds, row.Wall = t.Stage, t.Exit, t.Took.Seconds(), t.Wall.Seconds()
	row.Image, row.Tree, row.Tail = t.Image, t.Tree, strings.Join(t.Tail, "\n")
	if err := r.State.append(record{Type: "end", Trial: row, Stages: t.Stages, Lines: t.Lines, Line: t.Line, Time: r.time()}); err != nil {
		return err
	}
	r.trials = append(r.trials, *row)
	r.built[q.ID], r.points[q.ID] = t, q.Point
	e := Ending{Said: r.word(t.Verdict), Took: t.Wall}
	if t.Verdict != bisect.Good {
		e.Reason = t.Reason
	}
	r.Observer.Ended(q.ID, e)
	return nil
}

// cancel writes a trial down that was ended without a verdict.
func (r *Run) cancel(row *report.Trial, why error) error {
	if err := r.State.append(record{Type: "cancel", Trial: row, Cause: why.Error(), Time: r.time()}); err != nil {
		return err
	}
	r.cancelled++
	r.Observer.Ended(row.ID, Ending{Said: "cancelled", Reason: why.Error()})
	return nil
}

func (r *Run) failed(q bisect.Question, err error) error {
	return fmt.Errorf("trial %d (%s): %w", q.ID, r.Lab.Space.Words(q.Point), err)
}

// try builds, and tries again what the engine failed; that is never a verdict.
func (r *Run) try(ctx context.Context, id int, p bisect.Point) (Trial, error) {
	for attempt := 0; ; attempt++ {
		log, err := r.State.createLog(id, attempt)
		if err != nil {
			return Trial{}, err
		}
		t, err := r.Lab.Try(ctx, id, p, log)
		if err == nil {
			err = log.Sync()
		}
		err = errors.Join(err, log.Close())
		if err == nil {
			return t, nil
		}
		if ctx.Err() != nil {
			return t, context.Cause(ctx)
		}
		if !errors.Is(err, ErrInfrastructure) || attempt == infrastructureRetries {
			return t, err
		}
		r.Lab.Warn(fmt.Sprintf("trial %d: %v; trying again", id, err))
		select {
		case <-ctx.Done():
			return t, context.Cause(ctx)
		case <-time.After(r.Pause << attempt):
		}
	}
}
