package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"buildbisect/cmd/bisect/screen"
	"buildbisect/images"
	"buildbisect/images/cache"
	"buildbisect/runner/backend"
	"buildbisect/runner/git"
	"buildbisect/runner/git/checkout"
	"buildbisect/runner/lab"
	"buildbisect/runner/session"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// job is a scenario opened for use: its history read, and later its engine found. close lets go of all of it.
type job struct {
	scenario  *scenarios.Scenario
	untrusted bool // nobody has read the scenario
	space     *space.Space
	span      func(ctx context.Context, good string) (*space.Space, error) // where no good commit is given; see runner.Run
	repo      *git.Repository
	source    *checkout.Source
	cache     string
	backend   *opened
	images    *images.Builder
	older     int      // commits before bad, where no good one is given
	notes     []string // what the reader should know of the history
	ends      []string // ids of the good and the bad commit, as far as they are given
	unseen    []string // what builds of the ends do not see as after a clone
	changed   string   // which files are changed and not committed; "": none
	lab       *lab.Lab
	progress  *screen.Progress
	release   func()         // lets others prune the cache again
	lease     *session.Lease // says that this process lives; nil where nothing outlives it
	others    int            // sessions that work with the same back end now
	unguard   func()         // ends the watch of who cleans up after us if we die

	// fixedLock gives the lock in place of the one beside the scenario; nil: that one is right. See
	// openInBisection.
	fixedLock func() (*images.Lock, error)

	// Of a run that goes on.
	mark   string       // "": it is new
	served *images.Lock // what served its builds
}

// open reads a scenario and its history. Nothing is built, and no engine is needed.
func open(ctx context.Context, name string, untrusted bool, p *screen.Progress) (*job, error) {
	s, err := begin(ctx, name, untrusted, p)
	if err != nil {
		return nil, err
	}
	if err := s.openHistory(ctx); err != nil {
		return nil, closing(s, err)
	}
	return s, nil
}

// closing closes a session that err keeps from being used.
func closing(s *job, err error) error { return errors.Join(err, s.close()) }

// begin reads a scenario, and refuses it where it is not trusted and asks for too much. Until the session is
// closed, nothing is pruned from the cache.
func begin(ctx context.Context, name string, untrusted bool, p *screen.Progress) (*job, error) {
	return beginWith(ctx, untrusted, p, func() (*scenarios.Scenario, error) { return readScenario(name, untrusted) })
}

func beginWith(ctx context.Context, untrusted bool, p *screen.Progress, read func() (*scenarios.Scenario, error)) (*job, error) {
	scenario, err := judged(read, untrusted)
	if err != nil {
		return nil, err
	}
	dir, err := cache.Default()
	if err != nil {
		return nil, err
	}
	s := &job{scenario: scenario, untrusted: untrusted, cache: dir, progress: p}
	s.release, err = cache.Hold(ctx, dir, p.Line)
	return s, err
}

func (s *job) openHistory(ctx context.Context) error {
	var err error
	repo := s.scenario.Source.Repo
	if s.untrusted && s.scenario.Dir != "" && s.scenario.Source.History == "" {
		if err := git.Confined(repo, s.scenario.Top(), s.scenario.Source.Submodules); err != nil {
			return err
		}
	}
	switch {
	case s.scenario.Source.History != "":
		err = s.importHistory(ctx)
	case repo == filepath.Clean(s.scenario.Dir): // repo: ., the repository that git works on here, GIT_DIR and all
		s.repo, err = git.OpenHere(repo, os.LookupEnv)
	default:
		s.repo, err = git.Open(repo)
	}
	if err != nil {
		return err
	}
	bad, err := s.repo.Resolve(s.scenario.Source.Bad)
	if err != nil {
		return fmt.Errorf("source.bad: %w", err)
	}
	s.source = checkout.NewSource(s.repo, checkout.SourceOptions{Git: s.scenario.Source.Git, Submodules: s.scenario.Source.Submodules, Progress: s.progress.Line})
	s.ends = []string{bad.ID}
	if s.scenario.Source.Good == "" {
		return s.openLadder(ctx, bad)
	}
	good, err := s.repo.Resolve(s.scenario.Source.Good)
	if err != nil {
		return fmt.Errorf("source.good: %w", err)
	}
	s.ends = append(s.ends, good.ID)
	s.space, err = s.history().Between(ctx, good, bad)
	return err
}

// importHistory loads a scenario's own history into the cache, under the hash of its text.
func (s *job) importHistory(ctx context.Context) error {
	hash := sha256.New()
	text, err := s.scenario.OpenHistory()
	if err != nil {
		return err
	}
	_, err = io.Copy(hash, text)
	if err = errors.Join(err, text.Close()); err != nil {
		return fmt.Errorf("history %s: %w", s.scenario.Source.History, err)
	}
	if text, err = s.scenario.OpenHistory(); err != nil {
		return err
	}
	defer text.Close()
	path := filepath.Join(s.cache, "histories", hex.EncodeToString(hash.Sum(nil))[:20]+".git")
	if s.repo, err = git.Import(ctx, text, path); err != nil {
		return fmt.Errorf("history %s: %w", s.scenario.Source.History, err)
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // when it was last used; a cache that cannot be written to serves all the same
	return nil
}

// parts say how the parts of builder images are to be had.
type parts struct {
	offline bool   // nothing is fetched
	locked  bool   // what is not as the lock says is an error
	runner  string // where builds run; "" of a command that runs none
}

// partsFlags are the flags of commands that build something.
func partsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "offline", Usage: "fetch nothing: use only what is on this machine"},
		&cli.BoolFlag{Name: "locked", Usage: "refuse whatever is not as " + images.LockName + " beside the scenario says"},
	}
}

func readParts(ctx *cli.Context) parts {
	return parts{ctx.Bool("offline"), ctx.Bool("locked"), ctx.String("runner")}
}

// stock opens the parts of builder images.
func (s *job) stock(o parts) error {
	s.images = &images.Builder{
		Cache: s.cache, Catalogue: s.scenario.Builder.Catalogue, Offline: o.offline, Locked: o.locked, Guarded: s.untrusted, Progress: s.progress.Line,
		Room: s.scenario.Builder.Resources.Disk,
		Debian: images.Archives{
			Mirror: os.Getenv("BISECT_DEBIAN_MIRROR"), Snapshots: os.Getenv("BISECT_DEBIAN_SNAPSHOTS"), Keyring: os.Getenv("BISECT_DEBIAN_KEYRING"),
		},
	}
	var err error
	switch {
	case s.fixedLock != nil:
		s.images.Lock, err = s.fixedLock()
	case s.scenario.Dir != "":
		s.images.Lock, err = images.LockBeside(s.scenario.Dir)
	}
	if err == nil && s.images.Lock != nil {
		if err := cache.NoteLock(s.cache, filepath.Join(s.scenario.Dir, images.LockName)); err != nil {
			s.progress.Warn("bisect images prune will not know of this lock: " + err.Error())
		}
	}
	if err == nil && o.locked && s.scenario.Dir == "" {
		err = usageError{fmt.Sprintf("--locked: %s comes with bisect, and has no folder for a lock", s.scenario.File)}
	}
	if err == nil && o.locked && s.images.Lock == nil {
		err = usageError{fmt.Sprintf("--locked: there is no %s beside %s; make it with: bisect images lock", images.LockName, s.scenario.File)}
	}
	return err
}

// connect finds the back end and makes the lab.
func (s *job) connect(ctx context.Context, o parts) error {
	if err := s.stock(o); err != nil {
		return err
	}
	s.images.Resume(s.served)
	secrets, err := s.secrets()
	if err != nil {
		return err
	}
	where, err := placeNamed(cmp.Or(o.runner, places[0].name))
	if err != nil {
		return err
	}
	if s.backend, err = where.open(ctx, s); err != nil {
		return err
	}
	s.lab = &lab.Lab{
		Scenario: s.scenario, Space: s.space, Source: s.source, Backend: s.backend.Backend, Run: cmp.Or(s.mark, session.NewMark()),
		Images: s.images, Secrets: secrets, Warn: func(text string) { s.progress.Warn(secrets.Text(text)) },
	}
	if maker, ok := backend.As[lab.Images](s.backend.Backend); ok {
		s.lab.Images = maker
	}
	return s.takeLease(ctx)
}

// takeLease marks what this process makes as its own, where that outlives it, and removes what dead ones
// left.
func (s *job) takeLease(ctx context.Context) (err error) {
	reaper, ok := backend.As[backend.Reaper](s.backend.Backend)
	if !ok {
		return nil
	}
	if s.lease, err = session.TakeLease(s.cache, s.lab.Run, reaper.ID(), time.Now()); err != nil {
		return err
	}
	s.sweepDead(ctx, reaper)
	s.lab.Labels = s.lease.Owner.Labels()
	reaper.Own(s.lab.Labels)
	s.unguard = reaper.Guard(backend.LabelSession)
	return nil
}

// prepare builds what the space is made of.
func (s *job) prepare(ctx context.Context) error { return s.lab.Prepare(ctx) }

// closeWarning closes the session. What goes wrong then takes nothing from the answer.
func (s *job) closeWarning() {
	if err := s.close(); err != nil {
		s.progress.Warn(err.Error())
	}
}

func (s *job) close() error {
	var errs []error
	if s.unguard != nil {
		s.unguard()
	}
	if s.lease != nil {
		ctx, cancel := context.WithTimeout(context.Background(), session.SweepTime)
		defer cancel()
		if reaper, ok := backend.As[backend.Reaper](s.backend.Backend); ok && s.unguard != nil { // it may have made something
			errs = append(errs, reaper.Sweep(ctx, s.lab.Run))
		}
		errs = append(errs, s.lease.End(errors.Join(errs...) == nil))
	}
	if s.backend != nil {
		errs = append(errs, s.backend.close())
	}
	if s.repo != nil {
		errs = append(errs, s.repo.Close())
	}
	if s.release != nil {
		s.release()
	}
	return errors.Join(errs...)
}
