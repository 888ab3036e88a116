package runner

import (
	"context"

	"buildbisect/bisect"
	"buildbisect/runner/journal"
	"buildbisect/runner/space"
)

// findGood looks for a good commit down the ladder that Lab.Space is, and then spans the space above it. What
// was built on the way down is told to the search; nothing is built twice.
func (r *Run) findGood(ctx context.Context) (found bool, err error) {
	ladder := r.Lab.Space
	r.evidence.Climbing = true
	g := bisect.NewGoodSearch(ladder.Good(), ladder.Bad(), len(ladder.History.Commits), r.Options)
	err = r.loop(ctx, g)
	r.evidence.Climbed = g.Probes()
	if why := g.Stopped(); why != "" {
		r.search.Stop(why)
	}
	level, found := g.Good()
	if err != nil || g.Stopped() != "" {
		return false, err
	}
	if r.evidence.NoGood = !found; !found {
		return false, nil
	}
	good := ladder.History.Commits[level].ID
	if err := r.recorder.Write(journal.Record{Type: journal.RecordGood, Good: good}); err != nil {
		return false, err
	}
	above, err := r.Span(ctx, good)
	if err != nil {
		return false, err
	}
	r.settle(above)
	return true, nil
}

// settle moves to the space above the good commit, with those trials that lie in it.
func (r *Run) settle(above *space.Space) {
	ladder, e := r.Lab.Space, &r.evidence
	level := map[string]int{}
	for i, c := range above.History.Commits {
		level[c.ID] = i
	}
	o := r.Options
	for _, row := range e.Trials {
		at := e.Points[row.ID]
		l, ok := level[ladder.History.Commits[at[0]].ID]
		if !ok { // older, or left out by source.paths
			delete(e.Points, row.ID)
			continue
		}
		e.Points[row.ID] = at.With(0, l)
		built := e.Builds[row.ID]
		o.Known = append(o.Known, built.ForSearch(above, row.ID, e.Points[row.ID]))
	}
	spent := o.MaxTrials > 0 && len(e.Trials) >= o.MaxTrials
	if o.MaxTrials > 0 {
		o.MaxTrials -= len(e.Trials)
	}
	e.Climbing = false
	r.Lab.Space, e.Space, r.search = above, above, bisect.NewSearch(above.Space, o)
	if spent {
		r.search.Stop("max-trials")
	}
}
