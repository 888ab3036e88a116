package runner

import (
	"cmp"
	"context"
	"errors"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
)

// findGood looks for a good commit down the ladder that Lab.Space is, one build at a time, and then spans the space above it.
// What was built on the way down is told to the search; nothing is built twice.
func (r *Run) findGood(ctx context.Context) (bool, error) {
	ladder := r.Lab.Space
	g := newGoodSearch(len(ladder.History.Commits), r.Options)
	r.climbing = true
	for id := 1; ; id++ {
		q, ok := g.next()
		if !ok {
			break
		}
		if most := r.Options.MaxTrials; most > 0 && id > most {
			r.search.Stop("max-trials")
			return false, nil
		}
		q.ID, q.Point = id, r.rung(g)
		verdict, lasting, err := r.climb(ctx, q)
		if errors.Is(err, errAskAgain) {
			continue
		}
		if errors.Is(err, errMaxTime) {
			r.search.Stop(errMaxTime.Error())
			return false, nil
		}
		if err != nil {
			return false, err
		}
		g.tell(verdict, lasting)
		if !q.Repeat {
			r.climbed++
		}
	}
	if r.noGood = !g.found; r.noGood {
		return false, nil
	}
	good := ladder.History.Commits[g.rung].ID
	if err := r.log(Record{Type: RecordGood, Good: good}); err != nil {
		return false, err
	}
	space, err := r.Span(ctx, good)
	if err != nil {
		return false, err
	}
	r.settle(space)
	return true, nil
}

// rung is a commit with all else good, but for the bad end.
func (r *Run) rung(g *goodSearch) bisect.Point {
	if g.rung == g.first {
		return r.Lab.Space.Bad()
	}
	return r.Lab.Space.Good().With(0, g.rung)
}

// climb builds one point of the ladder. A skip may be lasting.
func (r *Run) climb(ctx context.Context, q bisect.Question) (v bisect.Verdict, lasting bool, err error) {
	row, err := r.start(q)
	if err != nil {
		return bisect.Unknown, false, err
	}
	if head := r.past.head(); head != nil {
		return r.replayed(q, &row, head)
	}
	if err := r.goOn(); err != nil {
		return bisect.Unknown, false, err
	}
	r.Observer.Started(q.ID, r.Lab.Space.Words(q.Point), r.Question(q))
	t, err := r.try(ctx, q.ID, q.Point)
	switch {
	case err == nil:
		return t.Verdict, t.lasting(), r.answer(q, &row, t)
	case errors.Is(err, errMaxTime):
		return bisect.Unknown, false, cmp.Or(r.cancel(&row, err), err)
	case ctx.Err() != nil:
		return bisect.Unknown, false, context.Cause(ctx)
	}
	return bisect.Unknown, false, r.failed(q, err)
}

// errAskAgain says that a question was given up in an earlier process, for want of time.
var errAskAgain = errors.New("ask again")

// replayed is climb, told by a journal.
func (r *Run) replayed(q bisect.Question, row *report.Trial, head *Record) (v bisect.Verdict, lasting bool, err error) {
	if !r.past.heading(RecordEnd, RecordCancel) || head.Trial.ID != q.ID {
		return bisect.Unknown, false, r.past.take(Record{})
	}
	l, err := head.landed()
	switch {
	case err != nil:
		return bisect.Unknown, false, err
	case l.err != nil:
		return bisect.Unknown, false, cmp.Or(r.cancel(row, l.err), errAskAgain)
	}
	return l.trial.Verdict, l.trial.lasting(), r.answer(q, row, l.trial)
}

// settle moves to the space above the good commit, with those trials that lie in it.
func (r *Run) settle(space *Space) {
	ladder := r.Lab.Space
	level := map[string]int{}
	for i, c := range space.History.Commits {
		level[c.ID] = i
	}
	o := r.Options
	for _, row := range r.trials {
		at := r.points[row.ID]
		l, ok := level[ladder.History.Commits[at[0]].ID]
		if !ok { // older, or left out by source.paths
			delete(r.points, row.ID)
			continue
		}
		r.points[row.ID] = at.With(0, l)
		t := r.built[row.ID]
		o.Known = append(o.Known, r.asTold(row.ID, r.points[row.ID], t))
	}
	spent := o.MaxTrials > 0 && len(r.trials) >= o.MaxTrials
	if o.MaxTrials > 0 {
		o.MaxTrials -= len(r.trials)
	}
	r.climbing = false
	r.Lab.Space, r.search = space, bisect.NewSearch(space.Space, o)
	if spent {
		r.search.Stop("max-trials")
	}
}
