package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// errObsolete ends a trial whose answer is implied by what was built meanwhile.
var errObsolete = errors.New("implied")

// flight is a question that a worker is building.
type flight struct {
	bisect.Question
	row    report.Trial
	cancel context.CancelCauseFunc
}

// landing is a worker's answer.
type landing struct {
	id    int
	trial Trial
	err   error
	bug   any // what it panicked with
}

// loop asks and builds until the search has ended. This is the one place that owns workers: each trial runs in a goroutine of
// its own, while the search, the journal, the observer and the report are touched here alone. What is asked depends on nothing
// but the order of the journal's records.
func (r *Run) loop(ctx context.Context) (err error) {
	flights, landed := map[int]*flight{}, make(chan landing)
	ctx, stop := context.WithCancelCause(ctx)
	defer func() {
		stop(err)
		for len(flights) > 0 { // until no box is left
			l := <-landed
			if l.err == nil && l.bug == nil {
				err = errors.Join(err, r.tell(flights[l.id], l.trial))
			}
			delete(flights, l.id)
		}
	}()
	for {
		if err := r.outOfTime(ctx); err != nil {
			return err
		}
		for len(flights) < max(1, r.Options.Workers) {
			q, ok, err := r.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			f := &flight{Question: q}
			if f.row, err = r.start(q); err != nil {
				return err
			}
			trialCtx, cancel := context.WithCancelCause(ctx)
			f.cancel, flights[q.ID] = cancel, f
			go func() { landed <- r.fly(trialCtx, q) }()
		}
		if len(flights) == 0 {
			return nil
		}
		l := <-landed
		f := flights[l.id]
		delete(flights, l.id)
		f.cancel(nil)
		if err := r.land(ctx, f, l); err != nil {
			return err
		}
		for _, id := range r.search.Obsolete() {
			flights[id].cancel(errObsolete)
		}
	}
}

// outOfTime ends the search if its time is up; other ends of ctx are errors.
func (r *Run) outOfTime(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return nil
	case errors.Is(cause, errMaxTime):
		r.search.Stop(errMaxTime.Error())
		return nil
	default:
		return cause
	}
}

// next asks the search, and shows what it has proved.
func (r *Run) next() (bisect.Question, bool, error) {
	if !r.proved.IsZero() && r.Now().Sub(r.proved) > r.Lab.Scenario.Certify.Time {
		r.search.EndCertificate("time")
	}
	q, ok := r.search.Next()
	return q, ok, r.announce()
}

// fly builds. A bug in a worker is carried to the loop, where it is met like any other.
func (r *Run) fly(ctx context.Context, q bisect.Question) (l landing) {
	l.id = q.ID
	defer func() {
		if bug := recover(); bug != nil {
			l.bug = fmt.Sprintf("%v\n%s", bug, debug.Stack())
		}
	}()
	l.trial, l.err = r.try(ctx, q.ID, q.Point)
	return l
}

// land takes a worker's answer. One that came although it was no longer wanted is as good as any.
func (r *Run) land(ctx context.Context, f *flight, l landing) error {
	switch {
	case l.bug != nil:
		panic(l.bug)
	case l.err == nil:
		return r.tell(f, l.trial)
	case errors.Is(l.err, errObsolete), errors.Is(l.err, errMaxTime):
		r.search.Cancel(f.ID)
		return r.cancel(&f.row, l.err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return r.failed(f.Question, l.err)
}

func (r *Run) tell(f *flight, t Trial) error {
	if err := r.answer(f.Question, &f.row, t); err != nil {
		return err
	}
	return r.search.Tell(bisect.Trial{ID: f.ID, Point: f.Point, Verdict: r.Lab.Space.Turned(t.Verdict), Class: t.Class})
}
