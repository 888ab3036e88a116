package runner

import (
	"context"
	"errors"
	"fmt"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/journal"
	"buildbisect/runner/lab"
)

// A searcher says what to build next.
type searcher interface {
	Next() (bisect.Question, bool)
	Tell(bisect.Trial) error
	Cancel(id int)
	Obsolete() []int
	Stop(why string)
}

// inFlight is a question that is being built.
type inFlight struct {
	bisect.Question
	row    report.Trial
	cancel context.CancelCauseFunc // of its build
}

// loop asks and builds until a search has ended. The search, the observer and the report are touched here
// alone; workers are the recorder's. What is asked depends on nothing but the order of the journal's records,
// so a journal that is read again leads to where it ended, with the same trials in flight.
func (r *Run) loop(ctx context.Context, s searcher) (err error) {
	trials := map[int]*inFlight{}
	ctx, stop := context.WithCancelCause(ctx)
	defer func() {
		stop(err)
		r.recorder.Drain(func(e journal.Event) { // until no box is left
			if e.Err == nil && e.Bug == nil {
				err = errors.Join(err, r.tell(s, trials[e.ID], e))
			}
		})
	}()
	room := journal.Room{Workers: r.Options.Workers, Ask: true, Certify: r.certifyTimeIsUp}
	for {
		event, err := r.recorder.Next(ctx, room)
		if err != nil {
			return err
		}
		switch event.Kind {
		case journal.TimeUp:
			s.Stop(journal.ErrMaxTime.Error())
		case journal.CertifyOver:
			r.certified = true
			r.search.EndCertificate("time")
		case journal.Ask:
			q, asked, err := r.next(s)
			if err != nil || !asked && len(trials) == 0 {
				return err
			}
			if room.Ask = asked; !asked {
				continue
			}
			if trials[q.ID], err = r.begin(ctx, q); err != nil {
				return err
			}
		case journal.Done:
			room.Ask = true
			t := trials[event.ID]
			delete(trials, event.ID)
			t.cancel(nil)
			if err := r.complete(ctx, s, t, event); err != nil {
				return err
			}
			for _, id := range s.Obsolete() {
				trials[id].cancel(journal.ErrObsolete)
			}
		}
	}
}

// next asks the search, and shows what it has proved.
func (r *Run) next(s searcher) (bisect.Question, bool, error) {
	q, ok := s.Next()
	if r.unknown != nil {
		return q, false, r.unknown
	}
	return q, ok, r.announce()
}

func (r *Run) certifyTimeIsUp() bool {
	return !r.certified && !r.proved.IsZero() && r.recorder.Clock().Sub(r.proved) > r.Lab.Scenario.Certify.Time
}

// begin has a question built.
func (r *Run) begin(ctx context.Context, q bisect.Question) (*inFlight, error) {
	t := &inFlight{Question: q, row: report.Trial{
		ID: q.ID, Point: r.Lab.Space.Named(q.Point), Why: string(q.Why), Log: journal.LogPath(q.ID), Reproduce: journal.ScriptPath(q.ID),
	}}
	ctx, t.cancel = context.WithCancelCause(ctx)
	row := t.row // as it was when it began
	return t, r.recorder.Begin(&row, r.Lab.Space.Words(q.Point), r.evidence.Question(q), func() (lab.Trial, error) {
		return r.retrier.Do(ctx, q.ID, func() (lab.Trial, error) { return r.try(ctx, q.ID, q.Point) })
	})
}

// try has a point built once.
func (r *Run) try(ctx context.Context, id int, p bisect.Point) (lab.Trial, error) {
	log, err := r.State.CreateLog(id)
	if err != nil {
		return lab.Trial{}, err
	}
	t, err := r.Lab.Try(ctx, id, p, log)
	if err == nil {
		err = log.Sync()
	}
	return t, errors.Join(err, log.Close())
}

// complete takes a worker's answer. One that came although it was no longer wanted is as good as any.
func (r *Run) complete(ctx context.Context, s searcher, t *inFlight, e journal.Event) error {
	switch {
	case e.Bug != nil:
		panic(e.Bug)
	case e.Err == nil:
		return r.tell(s, t, e)
	case errors.Is(e.Err, journal.ErrObsolete), errors.Is(e.Err, journal.ErrMaxTime):
		s.Cancel(t.ID)
		r.evidence.Cancelled++
		_, err := r.recorder.End(e, func() (journal.Record, journal.Ending, error) { return journal.Cancel(&t.row, e.Err) })
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("trial %d (%s): %w", t.ID, r.Lab.Space.Words(t.Point), e.Err)
}

// tell writes a trial down that has a verdict, and tells the search.
func (r *Run) tell(s searcher, t *inFlight, e journal.Event) error {
	built := e.Trial
	record, err := r.recorder.End(e, func() (journal.Record, journal.Ending, error) { return r.record(t, &built) })
	if err != nil {
		return err
	}
	r.evidence.Learned = append(r.evidence.Learned, record.Notes...)
	built.Tail = nil // it is in the row
	r.evidence.Trials = append(r.evidence.Trials, *record.Trial)
	r.evidence.Builds[t.ID], r.evidence.Points[t.ID] = built, t.Point
	return s.Tell(built.ForSearch(r.Lab.Space, t.ID, t.Point))
}

// record is what a journal says of a trial that has ended. What else is kept of it is written first.
func (r *Run) record(t *inFlight, built *lab.Trial) (journal.Record, journal.Ending, error) {
	built.FillRow(&t.row)
	if r.Served != nil {
		if err := r.State.SaveParts(r.Served()); err != nil {
			return journal.Record{}, journal.Ending{}, err
		}
	}
	if err := r.State.SaveScript(t.ID, r.evidence.Script(t.row, t.Point)); err != nil {
		return journal.Record{}, journal.Ending{}, err
	}
	ending := journal.Ending{Said: r.evidence.Word(built.Verdict), Took: built.Wall}
	if built.Verdict != bisect.Good {
		ending.Reason = built.Reason
	}
	return journal.Record{Type: journal.RecordEnd, Trial: &t.row, Stages: built.Stages, Lines: built.Lines, Line: built.Line, Notes: r.unlearned()}, ending, nil
}
