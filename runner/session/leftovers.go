package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"buildbisect/images"
	"buildbisect/runner/backend"
)

// SweepTime bounds the removal of what a run may have left.
const SweepTime = 30 * time.Second

// A Sweeper finds in one back end what sessions left that ended without cleaning up, as under SIGKILL, and
// removes it.
type Sweeper struct {
	Backend backend.Reaper
	Cache   string
	Here    Owner
	Dead    string // mark of a run that is dead by the user's word, where nothing that can be seen speaks against it; "": none
}

// Leftovers are what a session has in the back end, or its lease alone.
type Leftovers struct {
	Owner     Owner
	Resources []backend.Resource

	lease string // path in this cache; "": it has none here
	state leaseState
	found *time.Time // when its session was first found dead; nil: now
}

// Scan is what a look at a back end found.
type Scan struct {
	Dead    []Leftovers
	Unknown []Leftovers // of sessions that cannot be judged from here
	Alive   []Owner
	Named   []backend.Resource // that hold the marker of a trial of a dead run: what its builds made
}

// mark is the shape of [NewMark]: whatever else a label or a lease calls a run, no names are searched for it.
var mark = regexp.MustCompile(`^b[a-z2-7]{10}$`)

// IsMark reports whether a word can be the mark of a run.
func IsMark(word string) bool { return mark.MatchString(word) }

// Scan finds whose all is that carries our label, and which of these sessions are dead.
func (s Sweeper) Scan(ctx context.Context) (*Scan, error) {
	leases, err := leasesIn(s.Cache)
	if err != nil {
		return nil, err
	}
	sessions := map[Owner]*Leftovers{}
	for _, text := range leases {
		if text.Engine == s.Backend.ID() {
			sessions[key(text.Owner)] = &Leftovers{Owner: text.Owner, lease: text.Lease, state: leaseStateOf(text.Lease), found: text.Found}
		}
	}
	// After the leases: whoever takes one now has nothing in this list yet, or is judged by what its labels
	// say.
	owned, err := s.Backend.Owned(ctx)
	if err != nil {
		return nil, err
	}
	for _, resource := range owned {
		o := ownerOf(resource.Labels)
		if sessions[key(o)] == nil {
			sessions[key(o)] = &Leftovers{Owner: o, state: leaseStateOf(o.Lease)}
		}
		sessions[key(o)].Resources = append(sessions[key(o)].Resources, resource)
	}
	found, refuted := map[*Leftovers]liveness{}, false // whether a session of the given run lives
	for _, l := range sessions {
		found[l] = (signs{l.Owner, s.Here, l.state, l.Owner.process()}).classify()
		refuted = refuted || found[l] == alive && l.Owner.Run == s.Dead
	}
	var scan Scan
	spared := map[string]bool{} // marks of runs of which a session may live
	for l, is := range found {
		if is == unknown && s.Dead != "" && l.Owner.Run == s.Dead && !refuted {
			is = dead
		}
		switch is {
		case alive:
			scan.Alive = append(scan.Alive, l.Owner)
			// We who go on with a run that was killed have made nothing yet that carries its mark.
			spared[l.Owner.Run] = spared[l.Owner.Run] || l.Owner.Session != s.Here.Session
		case unknown:
			scan.Unknown = append(scan.Unknown, *l)
			spared[l.Owner.Run] = true
		case dead:
			scan.Dead = append(scan.Dead, *l)
		}
	}
	scan.sort()
	var markers []string
	for _, run := range marks(scan.Dead) {
		if IsMark(run) && !spared[run] {
			markers = append(markers, run+"-")
		}
	}
	scan.Named, err = s.Backend.Named(ctx, markers...)
	return &scan, err
}

// key makes one owner of a session, whose words are unlike any other's, and of what has none by all that is
// known of it.
func key(o Owner) Owner {
	if o.Session != "" {
		return Owner{Session: o.Session}
	}
	return o
}

// sort makes the same back end read the same.
func (s *Scan) sort() {
	bySession := func(a, b Owner) int {
		return cmp.Or(strings.Compare(a.Run, b.Run), strings.Compare(a.Session, b.Session), a.PID-b.PID)
	}
	for _, list := range [][]Leftovers{s.Dead, s.Unknown} {
		slices.SortFunc(list, func(a, b Leftovers) int { return bySession(a.Owner, b.Owner) })
	}
	slices.SortFunc(s.Alive, bySession)
}

// Runs are the marks of dead runs that left something.
func (s *Scan) Runs() []string {
	left := slices.DeleteFunc(slices.Clone(s.Dead), func(l Leftovers) bool {
		named := func(r backend.Resource) bool { return strings.Contains(r.Name, l.Owner.Run+"-") }
		return len(l.Resources) == 0 && !slices.ContainsFunc(s.Named, named)
	})
	return marks(left)
}

// marks are the runs of sessions, which are sorted, each once.
func marks(sessions []Leftovers) (runs []string) {
	for _, l := range sessions {
		runs = append(runs, l.Owner.Run)
	}
	return slices.Compact(runs)
}

// Resources are what is to be removed.
func (s *Scan) Resources() (all []backend.Resource) {
	for _, l := range s.Dead {
		all = append(all, l.Resources...)
	}
	return append(all, s.Named...)
}

// settled is how long after the first look the lease of a dead session still stays: a back end finishes what
// it was asked for, though who asked is dead, so that something may appear after that look.
const settled = 10 * time.Second

// Clear removes what is left of the dead; where nothing is, the leases of those of which nothing more is to
// be expected.
func (s Sweeper) Clear(ctx context.Context, scan *Scan) (removed []backend.Resource, err error) {
	resources := scan.Resources()
	if len(resources) > 0 {
		if removed, err = s.Backend.Remove(ctx, resources); err != nil {
			err = fmt.Errorf("%w; try: bisect gc", err)
		}
		return removed, err
	}
	var errs []error
	for _, l := range scan.Dead {
		var err error
		switch now := time.Now(); {
		case l.lease == "":
		case l.found == nil:
			err = addTo(l.lease, leaseText{Found: &now})
		case now.Sub(*l.found) > settled:
			err = os.Remove(l.lease)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("lease: %w", err))
		}
	}
	return nil, errors.Join(append(errs, s.removeUnnamed(), images.RemoveLeft())...)
}

// removeUnnamed removes leases that never got their name, because who made them was killed in that very
// moment.
func (s Sweeper) removeUnnamed() error {
	paths, err := filepath.Glob(filepath.Join(leasesDir(s.Cache), ".b*.*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && time.Since(info.ModTime()) > time.Hour && leaseStateOf(path) == leaseFree {
			errs = append(errs, os.Remove(path))
		}
	}
	return errors.Join(errs...)
}
