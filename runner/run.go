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

// An Observer is shown what a run does, as it does it.
type Observer interface {
	Started(id int, q bisect.Question, at, question string) // the point and the question in words
	Ended(id int, t Trial)
	Proved(number int, c report.Cause) // a cause, as soon as all of it is proved and confirmed
}

// A Run carries a search from its first question to its report.
type Run struct {
	Lab      *Lab
	Search   *bisect.Search
	State    *State
	Observer Observer
	Now      func() time.Time
	Pause    time.Duration // before a trial that the engine failed is tried again; doubled each time

	trials []report.Trial
	built  map[int]Trial        // by id
	points map[int]bisect.Point // by id
	notes  []string
}

// infrastructureRetries is how often a trial that the engine failed is tried again before the run stops.
const infrastructureRetries = 2

// Do asks and builds until the search has ended. When it is stopped early, by ctx or by an error, the report holds what was
// proved until then; it is also in the state folder.
func (r *Run) Do(ctx context.Context) (*report.Report, error) {
	r.built, r.points = map[int]Trial{}, map[int]bisect.Point{}
	err := r.loop(ctx)
	rep := r.Report()
	if err != nil {
		stop := r.State.append(record{Type: "stop", Cause: err.Error(), Time: r.time()})
		return rep, errors.Join(err, stop, r.State.SaveReport(rep))
	}
	return rep, r.State.SaveReport(rep)
}

func (r *Run) time() string { return r.Now().UTC().Format(time.RFC3339) }

func (r *Run) loop(ctx context.Context) error {
	s, commits := r.Lab.Scenario, r.Lab.Space.History.Commits
	err := r.State.append(record{Type: "run", Version: JournalVersion, Mark: r.Lab.Run, Scenario: s.Name, ScenarioHash: s.Hash,
		Good: commits[0].ID, Bad: commits[len(commits)-1].ID, Time: r.time()})
	if err != nil {
		return err
	}
	var firstProof time.Time
	for id, proved := 1, 0; ; id++ {
		if !firstProof.IsZero() && r.Now().Sub(firstProof) > s.Certify.Time {
			r.Search.EndCertificate("time")
		}
		q, ok := r.Search.Next()
		for ; proved < r.Search.Proved(); proved++ {
			if firstProof.IsZero() {
				firstProof = r.Now()
			}
			rep := r.Report()
			r.Observer.Proved(proved+1, rep.Causes[proved])
			if err := r.State.SaveReport(rep); err != nil {
				return err
			}
		}
		if !ok {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.step(ctx, id, q); err != nil {
			return err
		}
	}
}

// step builds one question's point, writes it down and tells the search.
func (r *Run) step(ctx context.Context, id int, q bisect.Question) error {
	row := report.Trial{ID: id, Point: r.Lab.Space.Named(q.Point), Why: string(q.Why), Log: logPath(id)}
	if err := r.State.append(record{Type: "start", Trial: &row, Time: r.time()}); err != nil {
		return err
	}
	r.Observer.Started(id, q, r.Lab.Space.Words(q.Point), r.Question(q))
	t, err := r.try(ctx, id, q.Point)
	if err != nil {
		return fmt.Errorf("trial %d (%s): %w", id, r.Lab.Space.Words(q.Point), err)
	}
	row.Verdict, row.Class, row.Reason = t.Verdict.String(), t.Class, t.Reason
	row.Stage, row.Exit, row.Seconds, row.Wall = t.Stage, t.Exit, t.Took.Seconds(), t.Wall.Seconds()
	row.Image, row.Tree, row.Tail = t.Image, t.Tree, strings.Join(t.Tail, "\n")
	if err := r.State.append(record{Type: "end", Trial: &row, Stages: t.Stages, Lines: t.Lines, Line: t.Line, Time: r.time()}); err != nil {
		return err
	}
	r.trials = append(r.trials, row)
	r.built[id], r.points[id] = t, q.Point
	r.Observer.Ended(id, t)
	return r.Search.Tell(bisect.Trial{ID: id, Point: q.Point, Verdict: t.Verdict, Class: t.Class})
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

// Question says in words what a question is after.
func (r *Run) Question(q bisect.Question) string {
	space := r.Lab.Space
	var names []string
	for _, axis := range q.Axes {
		names = append(names, report.Level(space.Key(axis), space.Level(axis, q.Point[axis])))
	}
	with := strings.Join(names, " and ")
	switch q.Why {
	case bisect.Endpoint:
		if q.Point.Equal(space.Bad()) {
			return "is the bad end bad?"
		}
		return "is the good end good?"
	case bisect.Relevance:
		return "does it still fail with " + with + "?"
	case bisect.LevelStep:
		return "does it fail from " + with + " on?"
	case bisect.Midpoint:
		if q.Left == 1 {
			return "does a commit matter at all?"
		}
		return fmt.Sprintf("which of %d commits?", q.Left)
	case bisect.Blamed:
		return "is it a commit already blamed?"
	case bisect.Necessity:
		return "is its parent really good?"
	case bisect.Confirmation:
		return "the same again?"
	case bisect.Certificate:
		return "does anything else break it?"
	case bisect.Drift:
		return "is this end still what it was?"
	}
	return string(q.Why)
}

// Note adds something the report's reader should know.
func (r *Run) Note(text string) { r.notes = append(r.notes, text) }
