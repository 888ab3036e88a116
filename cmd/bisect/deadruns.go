package main

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
	"buildbisect/runner/docker"

	"github.com/dustin/go-humanize/english"
)

// sweeper finds in one engine what sessions left that ended without cleaning up, as under SIGKILL, and removes it.
type sweeper struct {
	engine *docker.Engine
	cache  string
	here   owner
	given  string // mark of a run that is dead by the user's word, where nothing that can be seen speaks against it; "": none
}

// remains are what a session has in the engine, or its lease alone.
type remains struct {
	owner  owner
	things []docker.Thing
	lease  string // path in this cache; "": it has none here
	state  leaseState
	found  *time.Time // when its session was first found dead; nil: now
}

// census is what a look found.
type census struct {
	dead    []remains
	unknown []remains // of sessions that cannot be judged from here
	alive   []owner
	names   []docker.Thing // that hold the marker of a trial of a dead run: what its builds made
}

// aMark is the shape of [runName]: whatever else a label or a lease calls a run, no names are searched for it.
var aMark = regexp.MustCompile(`^b[a-z2-7]{10}$`)

// look finds whose all is that carries our label, and which of these sessions are dead.
func (s sweeper) look(ctx context.Context) (*census, error) {
	leases, err := leasesIn(s.cache)
	if err != nil {
		return nil, err
	}
	sessions := map[owner]*remains{}
	for _, text := range leases {
		if text.Engine == s.engine.Info().ID {
			sessions[key(text.owner)] = &remains{owner: text.owner, lease: text.Lease, state: lookAtLease(text.Lease), found: text.Found}
		}
	}
	// After the leases: whoever takes one now has nothing in this list yet, or is judged by what its labels say.
	owned, err := s.engine.Owned(ctx)
	if err != nil {
		return nil, err
	}
	for _, thing := range owned {
		o := ownerOf(thing.Labels)
		if sessions[key(o)] == nil {
			sessions[key(o)] = &remains{owner: o, state: lookAtLease(o.Lease)}
		}
		sessions[key(o)].things = append(sessions[key(o)].things, thing)
	}
	lives, refuted := map[*remains]life{}, false // whether a session of the given run lives
	for _, r := range sessions {
		lives[r] = (evidence{r.owner, s.here, r.state, r.owner.look()}).judge()
		refuted = refuted || lives[r] == alive && r.owner.Run == s.given
	}
	var c census
	spared := map[string]bool{} // marks of runs of which a session may live
	for _, r := range sessions {
		judged := lives[r]
		if judged == unknown && s.given != "" && r.owner.Run == s.given && !refuted {
			judged = dead
		}
		switch judged {
		case alive:
			c.alive = append(c.alive, r.owner)
			// We who go on with a run that was killed have made nothing yet that carries its mark.
			spared[r.owner.Run] = spared[r.owner.Run] || r.owner.Session != s.here.Session
		case unknown:
			c.unknown = append(c.unknown, *r)
			spared[r.owner.Run] = true
		case dead:
			c.dead = append(c.dead, *r)
		}
	}
	c.sort()
	var markers []string
	for _, run := range marks(c.dead) {
		if aMark.MatchString(run) && !spared[run] {
			markers = append(markers, run+"-")
		}
	}
	c.names, err = s.engine.Named(ctx, markers...)
	return &c, err
}

// key makes one owner of a session, whose words are unlike any other's, and of what has none by all that is known of it.
func key(o owner) owner {
	if o.Session != "" {
		return owner{Session: o.Session}
	}
	return o
}

// sort makes the same engine read the same.
func (c *census) sort() {
	bySession := func(a, b owner) int {
		return cmp.Or(strings.Compare(a.Run, b.Run), strings.Compare(a.Session, b.Session), a.PID-b.PID)
	}
	for _, list := range [][]remains{c.dead, c.unknown} {
		slices.SortFunc(list, func(a, b remains) int { return bySession(a.owner, b.owner) })
	}
	slices.SortFunc(c.alive, bySession)
}

// runs are the marks of dead runs that left something.
func (c *census) runs() []string {
	left := slices.DeleteFunc(slices.Clone(c.dead), func(r remains) bool {
		named := func(t docker.Thing) bool { return strings.Contains(t.Name, r.owner.Run+"-") }
		return len(r.things) == 0 && !slices.ContainsFunc(c.names, named)
	})
	return marks(left)
}

// marks are the runs of sessions, which are sorted, each once.
func marks(sessions []remains) (runs []string) {
	for _, r := range sessions {
		runs = append(runs, r.owner.Run)
	}
	return slices.Compact(runs)
}

// things are what is to be removed.
func (c *census) things() (all []docker.Thing) {
	for _, r := range c.dead {
		all = append(all, r.things...)
	}
	return append(all, c.names...)
}

// settled is how long after the first look the lease of a dead session still stays: an engine finishes what it was asked for, though who
// asked is dead, so that something may appear after that look.
const settled = 10 * time.Second

// clear removes what is left of the dead, and the lease of those of which nothing more is to be expected.
func (s sweeper) clear(ctx context.Context, c *census) (removed []docker.Thing, err error) {
	things := c.things()
	if len(things) > 0 {
		if removed, err = s.engine.Remove(ctx, things); err != nil {
			err = fmt.Errorf("%w; try: bisect gc", err)
		}
		return removed, err
	}
	var errs []error
	for _, r := range c.dead {
		var err error
		switch now := time.Now(); {
		case r.lease == "":
		case r.found == nil:
			err = addTo(r.lease, leaseText{Found: &now})
		case now.Sub(*r.found) > settled:
			err = os.Remove(r.lease)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("lease: %w", err))
		}
	}
	return nil, errors.Join(append(errs, s.removeUnborn(), images.RemoveLeft())...)
}

// removeUnborn removes leases that never got their name, because who made them was killed in that very moment.
func (s sweeper) removeUnborn() error {
	paths, err := filepath.Glob(filepath.Join(leasesDir(s.cache), ".b*.*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && time.Since(info.ModTime()) > time.Hour && lookAtLease(path) == leaseFree {
			errs = append(errs, os.Remove(path))
		}
	}
	return errors.Join(errs...)
}

// sweepDead removes at the start of a session what dead ones left. What goes wrong with that is no reason not to start.
func (s *session) sweepDead(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	release, err := sweepers(ctx, s.cache)
	if err != nil {
		s.progress.warn("what killed runs left stays for now: " + err.Error())
		return
	}
	defer release()
	sweeper := sweeper{engine: s.engine, cache: s.cache, here: s.lease.owner}
	found, err := sweeper.look(ctx)
	if err == nil {
		s.others = len(slices.DeleteFunc(found.alive, func(o owner) bool { return o.Session == s.lease.owner.Session }))
		var removed []docker.Thing
		if removed, err = sweeper.clear(ctx, found); len(removed) > 0 {
			s.progress.line("removed " + counted(removed) + " of " + killed(found.runs()))
		}
	}
	if err != nil && ctx.Err() == nil {
		s.progress.warn("what killed runs left stays for now: " + err.Error())
	}
}

// counted says how many things there are of each kind.
func counted(things []docker.Thing) string {
	number := map[string]int{}
	for _, t := range things {
		number[t.Kind]++
	}
	var words []string
	for _, kind := range []string{docker.KindContainer, docker.KindNetwork, docker.KindVolume, docker.KindImage} {
		if number[kind] > 0 {
			words = append(words, english.Plural(number[kind], kind, ""))
		}
	}
	return english.WordSeries(words, "and")
}

// killed names runs; of many only the first few.
func killed(runs []string) string {
	const most = 3
	names := strings.Join(runs[:min(most, len(runs))], ", ")
	if len(runs) > most {
		names += " and others"
	}
	if len(runs) == 1 {
		return "a run that was killed (" + names + ")"
	}
	return fmt.Sprintf("%d runs that were killed (%s)", len(runs), names)
}
