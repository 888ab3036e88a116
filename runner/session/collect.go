package session

import (
	"context"
	"slices"
	"strings"
	"time"

	"buildbisect/runner/backend"
)

// [Sweeper.Collect] looks again for what dead runs left until nothing is new, after a while each time: an
// engine may still be finishing a container for a process that died meanwhile.
const (
	lookAgain = time.Second
	mostLooks = 10
)

// Collection is what was removed of dead runs, and what was not.
type Collection struct {
	Removed []Thing     `json:"removed"` // or would be
	Kept    []Thing     `json:"kept"`    // of dead runs, but used by what is not
	Unknown []Undecided `json:"unknown"` // of sessions that cannot be judged from here
	Alive   []string    `json:"alive"`   // runs that live
	Runs    []string    `json:"runs"`    // that were killed
}

// Thing is a resource and whose it was.
type Thing struct {
	backend.Resource
	Run string `json:"run,omitempty"` // "": a builder image
}

// Undecided is what a session has that cannot be judged from here.
type Undecided struct {
	Owner     Owner              `json:"owner"`
	Resources []backend.Resource `json:"things"`
}

// Collect removes what is left of dead runs, and with images the builder images that no container uses, while
// no run lives. A dry run removes nothing and says what would go. What was collected before an error is told,
// too.
func (s Sweeper) Collect(ctx context.Context, dryRun, images bool) (Collection, error) {
	r := Collection{Removed: []Thing{}, Kept: []Thing{}, Unknown: []Undecided{}, Alive: []string{}, Runs: []string{}} // not null in JSON
	err := s.collect(ctx, dryRun, images, &r)
	return r, err
}

// collect removes what is left of dead runs until a look finds nothing more of them, and tells r.
func (s Sweeper) collect(ctx context.Context, dryRun, images bool, r *Collection) error {
	for look := 1; ; look++ {
		found, err := s.Scan(ctx)
		if err != nil {
			return err
		}
		r.judged(found)
		things := found.Resources()
		if images && look == 1 && len(found.Alive) == 0 {
			unused, err := s.Backend.UnusedBuilders(ctx)
			if err != nil {
				return err
			}
			things = append(things, unused...)
		}
		if dryRun {
			r.Removed = ofRuns(things, r.Runs)
			return nil
		}
		// Only what is new: what somebody uses stays, however often one looks.
		things = slices.DeleteFunc(things, r.keeps)
		removed, err := s.Backend.Remove(ctx, things)
		r.Removed = append(r.Removed, ofRuns(removed, r.Runs)...)
		if err != nil {
			return err
		}
		r.Kept = append(r.Kept, ofRuns(without(things, removed), r.Runs)...)
		if len(found.Dead) == 0 {
			return nil
		}
		if len(things) == 0 && look > 1 || look == mostLooks {
			_, err := s.Clear(ctx, found)
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lookAgain):
		}
	}
}

// judged notes what the last look found of runs.
func (r *Collection) judged(found *Scan) {
	r.Unknown, r.Alive = []Undecided{}, []string{}
	for _, u := range found.Unknown {
		if len(u.Resources) > 0 {
			r.Unknown = append(r.Unknown, Undecided{u.Owner, u.Resources})
		}
	}
	for _, o := range found.Alive {
		r.Alive = append(r.Alive, o.Run)
	}
	r.Alive = slices.Compact(r.Alive)
	for _, run := range found.Runs() {
		if !slices.Contains(r.Runs, run) {
			r.Runs = append(r.Runs, run)
		}
	}
}

func (r *Collection) keeps(t backend.Resource) bool {
	return slices.ContainsFunc(r.Kept, func(k Thing) bool { return k.String() == t.String() })
}

// ofRuns says of each thing whose it was, by its label or its name.
func ofRuns(things []backend.Resource, runs []string) (list []Thing) {
	list = []Thing{} // not null in JSON
	for _, t := range things {
		whose := t.Labels[backend.LabelRun]
		if i := slices.IndexFunc(runs, func(run string) bool { return strings.Contains(t.Name, run+"-") }); whose == "" && i >= 0 {
			whose = runs[i]
		}
		list = append(list, Thing{t, whose})
	}
	return list
}

func without(things, gone []backend.Resource) []backend.Resource {
	return slices.DeleteFunc(slices.Clone(things), func(t backend.Resource) bool {
		return slices.ContainsFunc(gone, func(g backend.Resource) bool { return g.String() == t.String() })
	})
}
