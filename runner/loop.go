package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// errObsolete ends a trial whose answer is implied by what was built meanwhile.
var errObsolete = errors.New("implied")

// flight is a question that a worker is building.
type flight struct {
	bisect.Question
	row    report.Trial
	ctx    context.Context // of its build
	cancel context.CancelCauseFunc
	flown  bool // a worker is at it
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
// but the order of the journal's records; so a journal that is replayed leads to where it ended, with the same trials in flight.
func (r *Run) loop(ctx context.Context) (err error) {
	flights, landed := map[int]*flight{}, make(chan landing)
	ctx, stop := context.WithCancelCause(ctx)
	defer func() {
		stop(err)
		maps.DeleteFunc(flights, func(_ int, f *flight) bool { return !f.flown })
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
		for r.mayAsk(len(flights)) {
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
			f.ctx, f.cancel = context.WithCancelCause(ctx)
			flights[q.ID] = f
			if err := r.launch(flights, landed); err != nil {
				return err
			}
		}
		if len(flights) == 0 {
			return r.done()
		}
		// Those that an earlier process had begun, where its journal ended without another question.
		if err := r.launch(flights, landed); err != nil {
			return err
		}
		l, err := r.await(flights, landed)
		if err != nil {
			return err
		}
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

// mayAsk reports whether there is a worker for one more question, or in replaying, whether one was asked.
func (r *Run) mayAsk(inFlight int) bool {
	if r.past.head() != nil {
		return r.past.heading(RecordStart, RecordCertify)
	}
	return inFlight < max(1, r.Options.Workers)
}

// launch builds what is in flight and at which no worker is, in the order asked, unless a journal holds what came of it.
func (r *Run) launch(flights map[int]*flight, landed chan<- landing) error {
	if r.past.head() != nil {
		return nil
	}
	if err := r.goOn(); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(flights)) {
		f := flights[id]
		if f.flown {
			continue
		}
		f.flown = true
		r.Observer.Started(id, r.Lab.Space.Words(f.Point), r.Question(f.Question))
		go func() { landed <- r.fly(f.ctx, f.Question) }()
	}
	return nil
}

// await gives the next answer: of the journal, or of a worker.
func (r *Run) await(flights map[int]*flight, landed <-chan landing) (landing, error) {
	head := r.past.head()
	if head == nil {
		return <-landed, nil
	}
	if r.past.heading(RecordEnd, RecordCancel) && flights[head.Trial.ID] != nil {
		return head.landed()
	}
	return landing{}, r.past.take(Record{})
}

// done ends the search; a journal must not know of more.
func (r *Run) done() error {
	if r.past.head() != nil {
		return r.past.take(Record{})
	}
	return nil
}

// outOfTime ends the search if its time is up; other ends of ctx are errors. What is replayed takes no time.
func (r *Run) outOfTime(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case cause == nil, errors.Is(cause, errMaxTime) && r.past.head() != nil:
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
	if r.certifyTimeIsUp() {
		if err := r.log(Record{Type: RecordCertify}); err != nil {
			return bisect.Question{}, false, err
		}
		r.certified = true
		r.search.EndCertificate("time")
	}
	q, ok := r.search.Next()
	if r.unknown != nil {
		return q, false, r.unknown
	}
	return q, ok, r.announce()
}

func (r *Run) certifyTimeIsUp() bool {
	if r.past.head() != nil {
		return r.past.heading(RecordCertify)
	}
	return !r.certified && !r.proved.IsZero() && r.now().Sub(r.proved) > r.Lab.Scenario.Certify.Time
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
	return r.search.Tell(r.asTold(f.ID, f.Point, t))
}
