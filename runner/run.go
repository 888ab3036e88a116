package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/images"
	"buildbisect/runner/backend"
	"buildbisect/runner/explain"
	"buildbisect/runner/journal"
	"buildbisect/runner/lab"
	"buildbisect/runner/retry"
	"buildbisect/runner/space"
)

// A Run carries a search from its first question to its report.
type Run struct {
	Lab      *lab.Lab
	Options  bisect.Options // Workers is how many trials run at once
	MaxTime  time.Duration  // after which nothing more is built; 0: no limit
	State    *journal.State
	Observer journal.Observer
	Now      func() time.Time
	Pause    time.Duration // before a trial that the engine failed is tried again; doubled each time
	Terms    *report.Terms // the reader's words for the two ends; nil: good and bad
	Assumes  []string      // beside monotony
	Unseen   []string      // what builds do not see as after a clone, for where they fail at both ends
	Program  string        // bisect's own path, for scripts that call it

	// World tells what the builder images were made of until now, and what the reader should know of that. It
	// may be nil.
	World func() (parts []report.Part, notes []string)
	// Served is the lock of what they were made of. It may be nil.
	Served func() *images.Lock

	// Span gives the space above a good commit. It is nil where that is known. Else Lab.Space begins as the
	// ladder down which one is looked for: the commits that Backwards names, the oldest first, and the bad
	// one last.
	Span func(ctx context.Context, good string) (*space.Space, error)

	// Begun is what it was asked for; Good, Bad and what of it the scenario says are filled in. Where State
	// has a past, it must be the same as then.
	Begun journal.Begun
	// Raised are the flags that were given anew to a run that goes on.
	Raised map[string]string

	retrier   retry.Retrier
	recorder  *journal.Recorder
	search    *bisect.Search
	evidence  explain.Evidence
	proved    time.Time // when the first cause was
	certified bool      // the time for the certificate is over
	unknown   error     // why it could not be told what a point is made of
}

// Do asks and builds until the search has ended. Where the state has a past, it goes on from there, and no
// trial that has ended is built again. When it is stopped early, by ctx or by an error, the report holds what
// was proved until then; it is also in the state folder. Stopped before it has come to where it went on from,
// it has no report, and leaves the folder as it was.
func (r *Run) Do(ctx context.Context) (*report.Report, error) {
	_, local := backend.As[backend.HostDescriber](r.Lab.Backend)
	r.evidence.Scenario, r.evidence.Space, r.evidence.Secrets, r.evidence.Terms = r.Lab.Scenario, r.Lab.Space, r.Lab.Secrets, r.Terms
	r.evidence.Dir, r.evidence.Program, r.evidence.Local = r.State.Dir, r.Program, local
	r.evidence.Builds, r.evidence.Points = map[int]lab.Trial{}, map[int]bisect.Point{}
	r.evidence.AllTransitions, r.evidence.Assumes, r.evidence.Unseen = r.Options.AllTransitions, r.Assumes, r.Unseen
	r.Lab.Artifacts = r.State.Artifacts
	r.retrier.Backend, r.retrier.Pause, r.retrier.Warn = r.Lab.Backend, r.Pause, r.Lab.Warn
	r.recorder = journal.NewRecorder(r.State, r.Now, r.Observer, r.Raised)
	if known := r.State.Records(); len(known) > 0 {
		r.Options.SkipsAreFinal = known[0].Run.Skips != journal.SkipsDoubted
	}
	r.Options.Identity = r.identity(ctx)
	r.search = bisect.NewSearch(r.Lab.Space.Space, r.Options)
	err := r.do(ctx)
	if ctx.Err() != nil {
		r.search.Stop(explain.Interrupted)
	}
	rep := r.Report()
	switch {
	case err != nil && !r.recorder.CaughtUp(): // what an earlier process left stays as it is
		return nil, err
	case err != nil:
		stop := r.recorder.Write(journal.Record{Type: journal.RecordStop, Cause: err.Error()})
		return rep, errors.Join(err, stop, r.State.SaveReport(rep))
	}
	if err := r.State.SaveReport(rep); err != nil {
		return rep, err
	}
	return rep, r.recorder.Complete(rep.Outcome + ": " + rep.Summary)
}

func (r *Run) do(ctx context.Context) error {
	s, space := r.Lab.Scenario, r.Lab.Space
	begun := r.Begun
	begun.Version, begun.Scenario, begun.File, begun.Hash = journal.Version, s.Name, s.File, s.Hash
	begun.Mark = cmp.Or(begun.Mark, r.Lab.Run)
	begun.Good, begun.Bad = space.History.Commits[space.Good()[0]].ID, space.History.Commits[space.Bad()[0]].ID
	if r.Span != nil {
		begun.Good = ""
	}
	if m, ok := backend.As[backend.HostDescriber](r.Lab.Backend); ok {
		begun.Machine = m.Machine()
	}
	if !r.Options.SkipsAreFinal {
		begun.Skips = journal.SkipsDoubted
	}
	if len(begun.Options) == 0 {
		begun.Options = nil // as it is read back
	}
	if err := r.recorder.Write(journal.Record{Type: journal.RecordRun, Run: &begun}); err != nil {
		return err
	}
	if r.MaxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.MaxTime, journal.ErrMaxTime)
		defer cancel()
	}
	if r.Span != nil {
		if found, err := r.findGood(ctx); err != nil || !found {
			return err
		}
	}
	if err := r.loop(ctx, r.search); err != nil {
		return err
	}
	r.evidence.Ended = true
	return r.recorder.Finish()
}

// announce shows what has been proved since it was last called, and saves it.
func (r *Run) announce() error {
	causes := r.search.Proved()
	if len(causes) > 0 && r.proved.IsZero() {
		r.proved = r.recorder.Clock()
	}
	fresh := r.recorder.Announce(len(causes),
		func(i int) string { return r.evidence.Proved(i+1, causes[i].Point) },
		func() { r.Lab.Warn("builds contradict each other: what was said to be proved is taken back") })
	if !fresh {
		return nil
	}
	return r.State.SaveReport(r.Report())
}

// identity tells the search what points are made of. Where that cannot be told the search must not ask
// anything: it would ask something else another time.
func (r *Run) identity(ctx context.Context) func(bisect.Point) string {
	return func(p bisect.Point) string {
		id, err := r.Lab.Identity(ctx, p)
		if err != nil && r.unknown == nil {
			r.unknown = fmt.Errorf("what %s is made of: %w", r.Lab.Space.Words(p), err)
		}
		return id
	}
}

// Note adds something the report's reader should know.
func (r *Run) Note(text string) { r.evidence.Notes = append(r.evidence.Notes, text) }

// Report says what is known now.
func (r *Run) Report() *report.Report {
	e := &r.evidence
	e.Finding, e.EndsSkipAlike, e.SourceWarnings = r.search.Finding(), r.search.EndsSkipAlike(), r.sourceWarnings()
	if same := r.Options.Identity; same != nil && e.Finding.Outcome == bisect.NotBracketed {
		e.SameEnds = same(e.Space.Bad()) == same(e.Space.Good())
	}
	if r.World != nil {
		e.Parts, _ = r.World()
	}
	e.Learned = append(e.Learned, r.unlearned()...)
	return e.Report()
}

// unlearned gives those notes of World and of the source that were not given before.
func (r *Run) unlearned() (fresh []string) {
	var all []string
	if r.World != nil {
		_, all = r.World()
	}
	for _, note := range append(all, r.sourceWarnings()...) {
		if !slices.Contains(r.evidence.Learned, note) && !slices.Contains(fresh, note) {
			fresh = append(fresh, note)
		}
	}
	return fresh
}

// sourceWarnings says what in the trees written so far is not as after a clone.
func (r *Run) sourceWarnings() []string {
	if w, ok := r.Lab.Source.(lab.Warner); ok {
		return w.Warnings()
	}
	return nil
}
