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
)

// An Observer is shown what a run does, as it does it. It is never called twice at a time.
type Observer interface {
	Started(id int, at, question string) // the point and the question in words
	Ended(id int, e Ending)
	Proved(what string) // a cause, or a repair, as soon as all of it is proved and confirmed
}

// Ending is how a trial ended, in words.
type Ending struct {
	Said   string // the verdict in the reader's own terms, or that it was cancelled
	Reason string // why, where that is worth saying
	Took   time.Duration
}

// A Run carries a search from its first question to its report.
type Run struct {
	Lab      *Lab
	Options  bisect.Options // Workers is how many trials run at once
	MaxTime  time.Duration  // after which nothing more is built; 0: no limit
	State    *State
	Observer Observer
	Now      func() time.Time
	Pause    time.Duration // before a trial that the engine failed is tried again; doubled each time
	Terms    *report.Terms // the reader's words for the two ends; nil: good and bad
	Assumes  []string      // beside monotony
	Unseen   []string      // what builds do not see as after a clone, for where they fail at both ends
	Program  string        // bisect's own path, for scripts that call it

	// World tells what the builder images were made of until now, and what the reader should know of that. It may be nil.
	World func() (parts []report.Part, notes []string)
	// Served is the lock of what they were made of. It may be nil.
	Served func() *images.Lock

	// Span gives the space above a good commit. It is nil where that is known. Else Lab.Space begins as the ladder down which
	// one is looked for: the commits that Backwards names, the oldest first, and the bad one last.
	Span func(ctx context.Context, good string) (*Space, error)

	// Begun is what it was asked for; Good, Bad and what of it the scenario says are filled in. Where State has a past, it must be
	// the same as then.
	Begun Begun
	// Raised are the flags that were given anew to a run that goes on.
	Raised map[string]string

	breaker   breaker
	past      *replay // what is replayed of an earlier process; nil: the run is new
	search    *bisect.Search
	trials    []report.Trial // answered
	built     map[int]Trial  // by id
	points    map[int]bisect.Point
	climbed   int // probes in looking for a good commit
	cancelled int
	announced int       // causes that were shown as proved
	proved    time.Time // when the first was
	certified bool      // the time for the certificate is over
	wrote     bool      // this process has written to the journal
	unknown   error     // why it could not be told what a point is made of
	learned   []string  // notes of World and of the source
	ended     bool      // the search had no more questions
	climbing  bool      // still looking for a good commit
	noGood    bool      // there is none
	notes     []string
}

// interrupted is why a search ended that its user stopped.
const interrupted = "interrupted"

// errMaxTime ends the trials that run when the time is up.
var errMaxTime = errors.New("max-time")

// Do asks and builds until the search has ended. Where the state has a past, it goes on from there, and no trial that has ended is
// built again. When it is stopped early, by ctx or by an error, the report holds what was proved until then; it is also in the
// state folder. Stopped before it has come to where it went on from, it has no report, and leaves the folder as it was.
func (r *Run) Do(ctx context.Context) (*report.Report, error) {
	r.built, r.points = map[int]Trial{}, map[int]bisect.Point{}
	r.Lab.Artifacts = r.State.Artifacts
	if r.State.Past != nil {
		last := r.State.Past[len(r.State.Past)-1].Time
		r.past = &replay{dir: r.State.Dir, records: r.State.Past, night: r.Now().Sub(last)}
		r.Options.SkipsAreFinal = r.State.Past[0].Run.Skips != doubted
	}
	r.Options.Identity = r.identity(ctx)
	r.search = bisect.NewSearch(r.Lab.Space.Space, r.Options)
	err := r.do(ctx)
	if ctx.Err() != nil {
		r.search.Stop(interrupted)
	}
	rep := r.Report()
	switch {
	case err != nil && r.past.head() != nil: // it did not come to where it was: what stands there stays
		return nil, err
	case err != nil:
		stop := r.log(Record{Type: RecordStop, Cause: err.Error()})
		return rep, errors.Join(err, stop, r.State.SaveReport(rep))
	}
	known := r.past != nil && !r.wrote && r.State.Past[len(r.State.Past)-1].Type == RecordDone
	if err := r.State.SaveReport(rep); err != nil || known {
		return rep, err
	}
	return rep, r.log(Record{Type: RecordDone, Cause: rep.Outcome + ": " + rep.Summary})
}

func (r *Run) do(ctx context.Context) error {
	s, space := r.Lab.Scenario, r.Lab.Space
	begun := r.Begun
	begun.Version, begun.Scenario, begun.File, begun.Hash = JournalVersion, s.Name, s.File, s.Hash
	begun.Mark = cmp.Or(begun.Mark, r.Lab.Run)
	begun.Good, begun.Bad = space.History.Commits[space.Good()[0]].ID, space.History.Commits[space.Bad()[0]].ID
	if r.Span != nil {
		begun.Good = ""
	}
	if m, ok := r.Lab.Engine.(Machine); ok {
		begun.Machine = m.Machine()
	}
	if !r.Options.SkipsAreFinal {
		begun.Skips = doubted
	}
	if len(begun.Options) == 0 {
		begun.Options = nil // as it is read back
	}
	if err := r.log(Record{Type: RecordRun, Run: &begun}); err != nil {
		return err
	}
	if r.MaxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.MaxTime, errMaxTime)
		defer cancel()
	}
	if r.Span != nil {
		if found, err := r.findGood(ctx); err != nil || !found {
			return err
		}
	}
	err := r.loop(ctx)
	r.ended = err == nil
	return err
}

// announce shows what has been proved since it was last called, and saves it.
func (r *Run) announce() error {
	causes := r.search.Proved()
	if len(causes) > 0 && r.proved.IsZero() {
		r.proved = r.now()
	}
	if r.past.head() != nil {
		return nil // that was shown then
	}
	if len(causes) < r.announced {
		r.Lab.Warn("builds contradict each other: what was said to be proved is taken back")
		r.announced = len(causes)
	}
	if len(causes) == r.announced {
		return nil
	}
	for ; r.announced < len(causes); r.announced++ {
		r.Observer.Proved(r.provedWords(r.announced+1, causes[r.announced].Point))
	}
	return r.State.SaveReport(r.Report())
}

// identity tells the search what points are made of. Where that cannot be told the search must not ask anything: it would ask something
// else another time.
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
func (r *Run) Note(text string) { r.notes = append(r.notes, text) }

// learn gives those notes of World and of the source that were not given before.
func (r *Run) learn() (fresh []string) {
	var all []string
	if r.World != nil {
		_, all = r.World()
	}
	all = append(all, r.sourceWarnings()...)
	for _, note := range all {
		if !slices.Contains(r.learned, note) {
			r.learned, fresh = append(r.learned, note), append(fresh, note)
		}
	}
	return fresh
}

// sourceWarnings says what in the trees written so far is not as after a clone.
func (r *Run) sourceWarnings() []string {
	if w, ok := r.Lab.Source.(interface{ Warnings() []string }); ok {
		return w.Warnings()
	}
	return nil
}
