package bisect_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	. "buildbisect/bisect"
)

// run is a search that was brought to its end against a world, and all that happened to it.
type run struct {
	world   *world
	options Options
	acts    []act
	asked   map[int]Question
	trials  []Trial // those known before, and those told, in order
	search  *Search
	finding Finding
	erased  float64 // share of the trials that were skips though the point can be judged
}

// act is one thing that was done to a search: a question taken from it, a trial told, a question cancelled.
type act struct {
	asked     Question
	told      Trial
	cancelled int
}

// manner is how a search is driven.
type manner struct {
	misread float64 // share of the trials that say the opposite
	fickle  bool    // cancel questions for nothing, now and then
	erased  float64 // share of the trials that are skips by a fault that passes
	faults  int     // in how many ways such a fault shows itself; 0: as points do that cannot be judged
}

// options draws how a search in w is to be made.
func (w *world) options(r *rand.Rand) Options {
	o := Options{Confirm: 1 + r.IntN(3), CertifyProbes: 1 << 20, Workers: 1}
	if len(w.skips)+len(w.islands)+len(w.clashes)+len(w.masks) > 0 {
		o.CertifyProbes = 16 + r.IntN(48) // an island has as many points to try as there are combinations of tools
	}
	if r.IntN(2) == 0 {
		o.Workers = 1 + r.IntN(7)
	}
	if w.twins != nil {
		o.Identity = func(p Point) string { return fmt.Sprint(w.tree(p)) }
	}
	if w.rules != nil {
		o.Exists = w.exists
	}
	if r.IntN(4) == 0 {
		for id := range 1 + r.IntN(4) {
			if p := w.anyPoint(r); w.exists(p) {
				verdict, class := w.verdict(p)
				o.Known = append(o.Known, Trial{ID: id + 1, Point: p, Verdict: verdict, Class: class})
			}
		}
	}
	return o
}

// mostQuestions bounds what a search of a random world may ask; no world has so many points that matter.
const mostQuestions = 5000

// drive brings a search to its end: workers that are free ask, or wait a while, and answers come in any
// order.
func (w *world) drive(r *rand.Rand, o Options, m manner) (*run, error) {
	u := &run{world: w, options: o, asked: map[int]Question{}, trials: slices.Clone(o.Known), search: NewSearch(w.space, o), erased: m.erased}
	var flying []Question
	drop := func(i int) { flying = slices.Delete(flying, i, i+1) }
	for len(u.asked) < mostQuestions {
		if len(flying) == 0 || len(flying) < o.Workers && r.IntN(3) > 0 {
			q, ok := u.search.Next()
			switch {
			case ok:
				if _, twice := u.asked[q.ID]; twice || q.ID <= len(o.Known) && slices.ContainsFunc(o.Known, func(t Trial) bool { return t.ID == q.ID }) {
					return u, fmt.Errorf("two trials have the id %d", q.ID)
				}
				u.asked[q.ID] = q
				u.acts = append(u.acts, act{asked: q})
				flying = append(flying, q)
				continue
			case len(flying) == 0:
				u.finding = u.search.Finding()
				return u, nil
			}
		}
		if m.fickle && r.IntN(30) == 0 {
			i := r.IntN(len(flying))
			u.cancel(flying[i].ID)
			drop(i)
			continue
		}
		if list := u.search.Obsolete(); len(list) > 0 && r.IntN(3) > 0 {
			i := slices.IndexFunc(flying, func(q Question) bool { return q.ID == list[0] })
			if o.Identity == nil && !u.implied(flying[i].Point) {
				return u, fmt.Errorf("%+v is called obsolete, and nothing implies its answer", flying[i])
			}
			u.cancel(list[0])
			drop(i)
			continue
		}
		i := r.IntN(len(flying))
		t := Trial{ID: flying[i].ID, Point: flying[i].Point}
		drop(i)
		t.Verdict, t.Class = w.verdict(t.Point)
		if r.Float64() < m.misread {
			t.Verdict = map[Verdict]Verdict{Good: Bad, Bad: Good, Skip: Skip}[t.Verdict]
		}
		if m.erased > 0 && t.Verdict != Skip && r.Float64() < m.erased {
			t.Verdict = Skip
			if m.faults > 0 {
				t.Symptom = fmt.Sprint("fault ", r.IntN(m.faults))
			}
		}
		u.trials = append(u.trials, t)
		u.acts = append(u.acts, act{told: t})
		if err := u.search.Tell(t); err != nil {
			return u, err
		}
	}
	return u, fmt.Errorf("no end after %d questions", len(u.asked))
}

func (u *run) cancel(id int) {
	u.search.Cancel(id)
	u.acts = append(u.acts, act{cancelled: id})
}

// implied reports whether what was told settles p as far as the order holds.
func (u *run) implied(p Point) bool {
	return slices.ContainsFunc(u.trials, func(t Trial) bool {
		q := t.Point
		return t.Verdict == Good && u.world.space.ImpliesGood(q, p) || t.Verdict == Bad && u.world.space.Leq(q, p)
	})
}

// told are the trials that answered a question.
func (u *run) told() []Trial { return u.trials[len(u.options.Known):] }

// trial is the one with an id.
func (u *run) trial(id int) (Trial, bool) {
	i := slices.IndexFunc(u.trials, func(t Trial) bool { return t.ID == id })
	if i < 0 {
		return Trial{}, false
	}
	return u.trials[i], true
}

// points are where the causes of the finding are.
func (u *run) points() []Point { return points(u.finding.Causes) }

func points(causes []Cause) []Point {
	var list []Point
	for _, c := range causes {
		list = append(list, c.Point)
	}
	return list
}

// again does the same to a new search, and in between asks it, as often as not, what changes nothing. It says
// where the new search differs.
func (u *run) again(r *rand.Rand) error {
	s := NewSearch(u.world.space, u.options)
	for i, a := range u.acts {
		if r.IntN(2) == 0 {
			s.Finding()
			s.Proved()
			s.Obsolete()
			s.Pending()
		}
		switch {
		case a.asked.ID > 0:
			if q, _ := s.Next(); fmt.Sprint(q) != fmt.Sprint(a.asked) {
				return fmt.Errorf("act %d: asked %+v; at first %+v", i, q, a.asked)
			}
		case a.told.ID > 0:
			if err := s.Tell(a.told); err != nil {
				return fmt.Errorf("act %d: %w", i, err)
			}
		default:
			s.Cancel(a.cancelled)
		}
	}
	if q, more := s.Next(); more {
		return fmt.Errorf("in the end asked %+v; at first nothing", q)
	}
	if got := s.Finding(); !reflect.DeepEqual(got, u.finding) {
		return fmt.Errorf("found %+v; at first %+v", got, u.finding)
	}
	return nil
}

// solve runs a search to its end against an oracle, one question at a time, and returns what it asked.
func solve(s *Search, verdict func(Point) Verdict) (asked []Question, err error) {
	for {
		q, ok := s.Next()
		if !ok {
			return asked, nil
		}
		if len(asked) == mostQuestions {
			return asked, fmt.Errorf("no end after %d questions", len(asked))
		}
		asked = append(asked, q)
		if err := s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: verdict(q.Point)}); err != nil {
			return asked, err
		}
	}
}
