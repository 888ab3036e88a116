package runner

import (
	"context"
	"errors"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
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

	// World tells what the builder images were made of until now, and what the reader should know of that. It may be nil.
	World func() (parts []report.Part, notes []string)

	// Span gives the space above a good commit. It is nil where that is known. Else Lab.Space begins as the ladder down which
	// one is looked for: the commits that Backwards names, the oldest first, and the bad one last.
	Span func(ctx context.Context, good string) (*Space, error)

	search    *bisect.Search
	trials    []report.Trial // answered
	built     map[int]Trial  // by id
	points    map[int]bisect.Point
	climbed   int // probes in looking for a good commit
	cancelled int
	announced int       // causes that were shown as proved
	proved    time.Time // when the first was
	ended     bool      // the search had no more questions
	climbing  bool      // still looking for a good commit
	noGood    bool      // there is none
	notes     []string
}

// interrupted is why a search ended that its user stopped.
const interrupted = "interrupted"

// errMaxTime ends the trials that run when the time is up.
var errMaxTime = errors.New("max-time")

// Do asks and builds until the search has ended. When it is stopped early, by ctx or by an error, the report holds what was
// proved until then; it is also in the state folder.
func (r *Run) Do(ctx context.Context) (*report.Report, error) {
	r.built, r.points = map[int]Trial{}, map[int]bisect.Point{}
	r.search = bisect.NewSearch(r.Lab.Space.Space, r.Options)
	err := r.do(ctx)
	if ctx.Err() != nil {
		r.search.Stop(interrupted)
	}
	rep := r.Report()
	if err != nil {
		stop := r.State.append(record{Type: "stop", Cause: err.Error(), Time: r.time()})
		return rep, errors.Join(err, stop, r.State.SaveReport(rep))
	}
	return rep, r.State.SaveReport(rep)
}

func (r *Run) do(ctx context.Context) error {
	s, space := r.Lab.Scenario, r.Lab.Space
	begin := record{Type: "run", Version: JournalVersion, Mark: r.Lab.Run, Scenario: s.Name, ScenarioHash: s.Hash, Time: r.time(),
		Good: space.History.Commits[space.Good()[0]].ID, Bad: space.History.Commits[space.Bad()[0]].ID}
	if r.Span != nil {
		begin.Good = ""
	}
	if err := r.State.append(begin); err != nil {
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

func (r *Run) time() string { return r.Now().UTC().Format(time.RFC3339) }

// announce shows what has been proved since it was last called, and saves it.
func (r *Run) announce() error {
	causes := r.search.Proved()
	if len(causes) < r.announced {
		r.Lab.Warn("builds contradict each other: what was said to be proved is taken back")
		r.announced = len(causes)
	}
	if len(causes) == r.announced {
		return nil
	}
	if r.proved.IsZero() {
		r.proved = r.Now()
	}
	for ; r.announced < len(causes); r.announced++ {
		r.Observer.Proved(r.provedWords(r.announced+1, causes[r.announced].Point))
	}
	return r.State.SaveReport(r.Report())
}

// Note adds something the report's reader should know.
func (r *Run) Note(text string) { r.notes = append(r.notes, text) }
