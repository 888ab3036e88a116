package runner

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// replay tells a run again what its journal holds. The search is asked as it was then, and since what it asks depends on nothing
// but what it was told, it asks the same and comes to where it stood; then builds go on.
type replay struct {
	dir     string
	records []Record
	at      int
	idle    time.Duration // in which no process was at work, before the record at hand
	night   time.Duration // that passed between the last record and now
	resumed bool          // that another process goes on has been written down
}

// head is the record to come; nil: there are none, builds go on.
func (p *replay) head() *Record {
	if p == nil {
		return nil
	}
	for ; p.at < len(p.records); p.at++ {
		switch r := &p.records[p.at]; r.Type {
		case RecordStop, RecordDone:
		case RecordResume:
			if p.at > 0 {
				p.idle += r.Time.Sub(p.records[p.at-1].Time)
			}
		default:
			return r
		}
	}
	return nil
}

// heading reports whether the record to come is of one of these types.
func (p *replay) heading(types ...string) bool {
	head := p.head()
	for _, t := range types {
		if head != nil && head.Type == t {
			return true
		}
	}
	return false
}

// take moves on, past the record that made is to be the same as.
func (p *replay) take(made Record) error {
	head := p.head()
	if !head.same(made) {
		return fmt.Errorf("run %s: record %d of its journal: %w; go on with the bisect that began it, or begin anew with bisect run", p.dir, p.at+1, errOtherSearch)
	}
	p.at++
	return nil
}

// errOtherSearch says that a journal does not fit what would be done today.
var errOtherSearch = errors.New("the search does not ask what was asked then")

// same compares what is not of the moment.
func (r *Record) same(made Record) bool {
	if r.Type != made.Type || r.Good != made.Good || !reflect.DeepEqual(r.Run, made.Run) || (r.Trial == nil) != (made.Trial == nil) {
		return false
	}
	return r.Trial == nil || r.Trial.ID == made.Trial.ID && r.Trial.Why == made.Trial.Why && reflect.DeepEqual(r.Trial.Point, made.Trial.Point)
}

// now is the time on a clock that stands still while no process is at work on the run.
func (r *Run) now() time.Time {
	if r.past == nil {
		return r.Now()
	}
	if head := r.past.head(); head != nil {
		return head.Time.Add(-r.past.idle)
	}
	return r.Now().Add(-r.past.idle - r.past.night)
}

// log writes a record down. In replaying one that was written before, it only sees that it is the same.
func (r *Run) log(made Record) error {
	if r.past.head() != nil {
		return r.past.take(made)
	}
	if err := r.goOn(); err != nil {
		return err
	}
	made.Time = r.Now().UTC()
	r.wrote = true
	return r.State.journal.append(made)
}

// goOn writes down, once, that another process goes on where the journal ended.
func (r *Run) goOn() error {
	if r.past == nil || r.past.resumed {
		return nil
	}
	r.past.resumed = true
	return r.State.journal.append(Record{Type: RecordResume, Time: r.Now().UTC(), Options: r.Raised})
}

// landed is the answer that a journal holds to a question.
func (r *Record) landed() (l landing, err error) {
	l.id = r.Trial.ID
	if r.Type == RecordEnd {
		l.trial = r.trial()
		return l, nil
	}
	for _, why := range []error{errObsolete, errMaxTime} {
		if r.Cause == why.Error() {
			l.err = why
			return l, nil
		}
	}
	return l, fmt.Errorf("trial %d was cancelled for an unknown reason: %s", l.id, r.Cause)
}
