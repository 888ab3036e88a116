package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"buildbisect/bisect/report"
	"buildbisect/runner/lab"
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

// Why a trial ended without a verdict.
var (
	ErrObsolete = errors.New("implied")  // what was built meanwhile answers it
	ErrMaxTime  = errors.New("max-time") // the time of the run is up
)

// A Recorder tells a run what happens next, and writes it down. Where the journal holds what an earlier
// process saw, it answers from there: the run asks the same as then, since what it asks depends on nothing
// but what it was told, and comes to where that process stood. Then builds go on. Nobody else needs to know
// which of the two it is.
//
// It owns the workers: each trial is built in a goroutine of its own; everything else happens in the
// caller's.
type Recorder struct {
	State    *State
	Now      func() time.Time
	Observer Observer          // is not shown what an earlier process saw
	Raised   map[string]string // flags that were given anew to a run that goes on

	at        int           // in State.Records
	idle      time.Duration // in which no process was at work, before the record at hand
	offline   time.Duration // that passed between the last record and now
	resumed   bool          // that another process goes on has been written down
	wrote     bool          // something else has
	announced int           // causes that were shown as proved
	overtime  bool          // it was said that the time is up

	waiting map[int]*begun // trials that are begun, and built once the journal has no more to tell
	running int            // trials that are built
	results chan Event
}

// begun is a trial that waits for its worker.
type begun struct {
	words, question string
	build           func() (lab.Trial, error)
}

// NewRecorder begins at the start of the state's journal.
func NewRecorder(s *State, now func() time.Time, o Observer, raised map[string]string) *Recorder {
	r := &Recorder{State: s, Now: now, Observer: o, Raised: raised, waiting: map[int]*begun{}, results: make(chan Event)}
	if n := len(s.records); n > 0 {
		r.offline = now().Sub(s.records[n-1].Time)
	}
	return r
}

// Kind is what an [Event] is.
type Kind int

const (
	Ask         Kind = iota // there is a worker for one more question
	CertifyOver             // the time for the certificate is over
	TimeUp                  // the time of the run is up
	Done                    // a trial has ended
)

// Event is what happens next.
type Event struct {
	Kind  Kind
	ID    int       // of the trial that is done
	Trial lab.Trial // if Err is nil
	Err   error     // why it has no verdict: it wraps ErrObsolete or ErrMaxTime where it was cancelled
	Bug   any       // what its worker panicked with

	record *Record // what an earlier process wrote of it
}

// Room is what a run is ready for.
type Room struct {
	Workers int  // how many trials may be built at a time
	Ask     bool // the search may have a question
	Certify func() bool
}

// head is the record to come; nil: there are none, builds go on.
func (r *Recorder) head() *Record {
	for all := r.State.records; r.at < len(all); r.at++ {
		switch record := &all[r.at]; record.Type {
		case RecordStop, RecordDone:
		case RecordResume:
			if r.at > 0 {
				r.idle += record.Time.Sub(all[r.at-1].Time)
			}
		default:
			return record
		}
	}
	return nil
}

// CaughtUp reports whether the journal has no more to tell.
func (r *Recorder) CaughtUp() bool { return r.head() == nil }

// Clock is the time on a clock that stands still while no process is at work on the run.
func (r *Recorder) Clock() time.Time {
	if head := r.head(); head != nil {
		return head.Time.Add(-r.idle)
	}
	return r.Now().Add(-r.idle - r.offline)
}

// Next waits for what happens next. An error is the cause of ctx's end, or of the journal.
func (r *Recorder) Next(ctx context.Context, room Room) (Event, error) {
	if head := r.head(); head != nil {
		return r.fromJournal(ctx, head, room)
	}
	switch cause := context.Cause(ctx); {
	case cause == nil:
	case !errors.Is(cause, ErrMaxTime):
		return Event{}, cause
	case !r.overtime:
		r.overtime = true
		return Event{Kind: TimeUp}, nil
	}
	if err := r.startWaiting(); err != nil {
		return Event{}, err
	}
	if room.Ask && r.running < max(1, room.Workers) {
		if !room.Certify() {
			return Event{Kind: Ask}, nil
		}
		return Event{Kind: CertifyOver}, r.Write(Record{Type: RecordCertify})
	}
	return r.result(), nil
}

func (r *Recorder) fromJournal(ctx context.Context, head *Record, room Room) (Event, error) {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ErrMaxTime) {
		return Event{}, cause
	}
	switch {
	case head.Type == RecordCertify && room.Ask:
		r.at++
		return Event{Kind: CertifyOver}, nil
	case room.Ask && (head.Type == RecordStart || len(r.waiting) == 0): // what comes of that must be as the journal says
		return Event{Kind: Ask}, nil
	case head.Type != RecordEnd && head.Type != RecordCancel, r.waiting[head.Trial.ID] == nil:
		return Event{}, r.mismatch()
	}
	e := Event{Kind: Done, ID: head.Trial.ID, record: head}
	if head.Type == RecordEnd {
		e.Trial = head.trial()
	} else if e.Err = cancelled(head.Cause); e.Err == nil {
		return e, fmt.Errorf("trial %d was cancelled for an unknown reason: %s", e.ID, head.Cause)
	}
	delete(r.waiting, e.ID)
	r.at++
	return e, nil
}

// cancelled is the reason with these words.
func cancelled(words string) error {
	for _, why := range []error{ErrObsolete, ErrMaxTime} {
		if words == why.Error() {
			return why
		}
	}
	return nil
}

// Begin writes a trial down, and has it built.
func (r *Recorder) Begin(row *report.Trial, words, question string, build func() (lab.Trial, error)) error {
	if err := r.Write(Record{Type: RecordStart, Trial: row}); err != nil {
		return err
	}
	r.waiting[row.ID] = &begun{words, question, build}
	if r.head() != nil {
		return nil
	}
	return r.startWaiting()
}

// startWaiting gives a worker to each trial that waits for one, in the order of their ids.
func (r *Recorder) startWaiting() error {
	if len(r.waiting) == 0 {
		return nil
	}
	if err := r.goOn(); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(r.waiting)) {
		b := r.waiting[id]
		delete(r.waiting, id)
		r.running++
		r.Observer.Started(id, b.words, b.question)
		go func() { r.results <- work(id, b.build) }()
	}
	return nil
}

// work builds. A bug in a worker is carried to who waits for its result.
func work(id int, build func() (lab.Trial, error)) (e Event) {
	e = Event{Kind: Done, ID: id}
	defer func() {
		if bug := recover(); bug != nil {
			e.Bug = fmt.Sprintf("%v\n%s", bug, debug.Stack())
		}
	}()
	e.Trial, e.Err = build()
	return e
}

func (r *Recorder) result() Event {
	e := <-r.results
	r.running--
	return e
}

// Drain waits for all trials that are built, and passes on how they ended. Those that wait for a worker get
// none.
func (r *Recorder) Drain(ended func(Event)) {
	clear(r.waiting)
	for r.running > 0 {
		ended(r.result())
	}
}

// End writes down how a trial ended: what made says, or what an earlier process wrote. It returns that
// record.
func (r *Recorder) End(e Event, made func() (Record, Ending, error)) (Record, error) {
	if e.record != nil {
		return *e.record, nil
	}
	record, ending, err := made()
	if err == nil {
		err = r.Write(record)
	}
	if err == nil {
		r.Observer.Ended(e.ID, ending)
	}
	return record, err
}

// Announce shows the causes that are proved, of which there are n, if it has not yet. It reports whether
// there are new ones. Fewer than before are said to be taken back.
func (r *Recorder) Announce(n int, words func(i int) string, takenBack func()) (fresh bool) {
	if r.head() != nil {
		return false // that was shown then
	}
	if n < r.announced {
		takenBack()
		r.announced = n
	}
	for ; r.announced < n; r.announced++ {
		r.Observer.Proved(words(r.announced))
		fresh = true
	}
	return fresh
}

// Write writes a record down. One that an earlier process wrote must be the same.
func (r *Recorder) Write(made Record) error {
	if head := r.head(); head != nil {
		if !head.same(made) {
			return r.mismatch()
		}
		r.at++
		return nil
	}
	if err := r.goOn(); err != nil {
		return err
	}
	made.Time = r.Now().UTC()
	r.wrote = true
	return r.State.journal.append(made)
}

// goOn writes down, once, that another process goes on where the journal ended.
func (r *Recorder) goOn() error {
	if len(r.State.records) == 0 || r.resumed {
		return nil
	}
	r.resumed = true
	return r.State.journal.append(Record{Type: RecordResume, Time: r.Now().UTC(), Options: r.Raised})
}

// Finish sees that the journal knows of no more than the run, which has no more questions.
func (r *Recorder) Finish() error {
	if r.head() != nil {
		return r.mismatch()
	}
	return nil
}

// Complete writes down that the report is written, unless the journal says so and nothing came since.
func (r *Recorder) Complete(outcome string) error {
	if n := len(r.State.records); n > 0 && !r.wrote && r.State.records[n-1].Type == RecordDone {
		return nil
	}
	return r.Write(Record{Type: RecordDone, Cause: outcome})
}

// errOtherSearch says that a journal does not fit what would be done today.
var errOtherSearch = errors.New("the search does not ask what was asked then")

func (r *Recorder) mismatch() error {
	return fmt.Errorf("run %s: record %d of its journal: %w; go on with the bisect that began it, or begin anew with bisect run", r.State.Dir, r.at+1, errOtherSearch)
}

// same compares what is not of the moment.
func (r *Record) same(made Record) bool {
	if r.Type != made.Type || r.Good != made.Good || !reflect.DeepEqual(r.Run, made.Run) || (r.Trial == nil) != (made.Trial == nil) {
		return false
	}
	return r.Trial == nil || r.Trial.ID == made.Trial.ID && r.Trial.Why == made.Trial.Why && reflect.DeepEqual(r.Trial.Point, made.Trial.Point)
}

// Cancel is the record of a trial that ended without a verdict.
func Cancel(row *report.Trial, why error) (Record, Ending, error) {
	why = cmp.Or(cancelled(why.Error()), why)
	return Record{Type: RecordCancel, Trial: row, Cause: why.Error()}, Ending{Said: "cancelled", Reason: why.Error()}, nil
}
