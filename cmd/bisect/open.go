package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"buildbisect/images"
	"buildbisect/runner"
	"buildbisect/runner/docker"
	"buildbisect/runner/git"
	"buildbisect/runner/local"
	"buildbisect/scenarios"

	"github.com/urfave/cli/v2"
	"golang.org/x/mod/semver"
)

// session is a scenario opened for use: its history read, and later its engine found. close lets go of all of it.
type session struct {
	scenario  *scenarios.Scenario
	untrusted bool // nobody has read the scenario
	space     *runner.Space
	span      func(ctx context.Context, good string) (*runner.Space, error) // where no good commit is given; see runner.Run
	repo      *git.Repository
	source    *git.Source
	cache     string
	engine    *docker.Engine
	local     *local.Engine // instead of engine, with --runner local
	images    *images.Builder
	older     int      // commits before bad, where no good one is given
	notes     []string // what the reader should know of the history
	ends      []string // ids of the good and the bad commit, as far as they are given
	unseen    []string // what builds of the ends do not see as after a clone
	changed   string   // which files are changed and not committed; "": none
	aside     int      // commits left out of a search for a repair
	lab       *runner.Lab
	progress  *progress
	release   func() // lets others prune the cache again
	lease     *lease // says that the session lives; nil without an engine
	others    int    // sessions that work with the same engine now
	unguard   func() // ends the watch of who cleans up after us if we die

	// fixedLock gives the lock in place of the one beside the scenario; nil: that one is right. See openInBisection.
	fixedLock func() (*images.Lock, error)

	// Of a run that goes on.
	mark   string       // "": it is new
	served *images.Lock // what served its builds
}

// open reads a scenario and its history. Nothing is built, and no engine is needed.
func open(ctx context.Context, name string, untrusted bool, p *progress) (*session, error) {
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
func closing(s *session, err error) error { return errors.Join(err, s.close()) }

// begin reads a scenario, and refuses it where it is not trusted and asks for too much. Until the session is closed, nothing is pruned
// from the cache.
func begin(ctx context.Context, name string, untrusted bool, p *progress) (*session, error) {
	return beginWith(ctx, untrusted, p, func() (*scenarios.Scenario, error) { return readScenario(name, untrusted) })
}

func beginWith(ctx context.Context, untrusted bool, p *progress, read func() (*scenarios.Scenario, error)) (*session, error) {
	scenario, err := judged(read, untrusted)
	if err != nil {
		return nil, err
	}
	cache, err := images.DefaultCache()
	if err != nil {
		return nil, err
	}
	s := &session{scenario: scenario, untrusted: untrusted, cache: cache, progress: p}
	s.release, err = images.Hold(ctx, cache, p.line)
	return s, err
}

func (s *session) openHistory(ctx context.Context) error {
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
	s.source = s.repo.Source(git.SourceOptions{Git: s.scenario.Source.Git, Submodules: s.scenario.Source.Submodules, Progress: s.progress.line})
	s.ends = []string{bad.ID}
	if s.scenario.Source.Good == "" {
		return s.openLadder(ctx, bad)
	}
	good, err := s.repo.Resolve(s.scenario.Source.Good)
	if err != nil {
		return fmt.Errorf("source.good: %w", err)
	}
	s.ends = append(s.ends, good.ID)
	s.space, err = s.spaceBetween(ctx, good, bad)
	return err
}

// importHistory loads a scenario's own history into the cache, under the hash of its text.
func (s *session) importHistory(ctx context.Context) error {
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
func (s *session) stock(o parts) error {
	s.images = &images.Builder{
		Cache: s.cache, Catalogue: s.scenario.Builder.Catalogue, Offline: o.offline, Locked: o.locked, Guarded: s.untrusted, Progress: s.progress.line,
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
		if err := images.NoteLock(s.cache, filepath.Join(s.scenario.Dir, images.LockName)); err != nil {
			s.progress.warn("bisect images prune will not know of this lock: " + err.Error())
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

// connect finds the engine and makes the lab.
func (s *session) connect(ctx context.Context, o parts) error {
	if err := s.stock(o); err != nil {
		return err
	}
	s.images.Resume(s.served)
	secrets, err := s.secrets()
	if err != nil {
		return err
	}
	if o.runner == runnerLocal {
		return s.connectLocal(secrets)
	}
	if s.engine, err = docker.Connect(ctx); err != nil {
		return err
	}
	if err := s.checkAPI(); err != nil {
		return err
	}
	if s.scenario.Builder.Engine == scenarios.EngineHost {
		if err := s.engine.Snapshot(ctx); err != nil {
			return err
		}
		s.progress.warn("engine: host gives the build this machine's Docker engine (" + s.engine.Info().Host + "): as good as root on it. Trials share its layer cache.")
	}
	run := cmp.Or(s.mark, runName())
	if s.lease, err = takeLease(s.cache, run, s.engine.Info().ID, time.Now()); err != nil {
		return err
	}
	s.sweepDead(ctx)
	labels := s.lease.owner.labels()
	s.engine.Labels = labels
	s.unguard = s.engine.Guard(labels, labelSession)
	s.lab = &runner.Lab{
		Scenario: s.scenario, Space: s.space, Source: s.source, Engine: s.engine, Run: run, Labels: labels,
		Images: s.images, Secrets: secrets, Warn: func(text string) { s.progress.warn(secrets.Text(text)) },
	}
	return nil
}

// checkAPI refuses docker levels that the engine would refuse, before the first trial: such a level fails whatever the commit.
func (s *session) checkAPI() error {
	info := s.engine.Info()
	versions := []string{s.scenario.Builder.Tools["docker"]}
	for _, a := range s.scenario.Axes {
		if a.Kind == scenarios.ToolAxis && a.Name == "docker" {
			for _, l := range a.Levels {
				versions = append(versions, l.Text)
			}
		}
	}
	if s.scenario.Builder.Engine != scenarios.EngineHost {
		return nil
	}
	var refused []string
	for _, v := range versions {
		if v == "" {
			continue
		}
		tool, err := s.scenario.Builder.Catalogue.Lookup("docker", v)
		if err == nil && tool.API != "" && semver.Compare("v"+tool.API, "v"+info.MinAPIVersion) < 0 {
			refused = append(refused, fmt.Sprintf("docker %s speaks API %s", v, tool.API))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	slices.Sort(refused)
	return fmt.Errorf("engine %s at %s accepts no client below API %s, but %s; point DOCKER_HOST at an older engine, or leave those levels out",
		info.Version, info.Host, info.MinAPIVersion, strings.Join(slices.Compact(refused), " and "))
}

// prepare builds what the space is made of.
func (s *session) prepare(ctx context.Context) error { return s.lab.Prepare(ctx) }

// closeWarning closes the session. What goes wrong then takes nothing from the answer.
func (s *session) closeWarning() {
	if err := s.close(); err != nil {
		s.progress.warn(err.Error())
	}
}

func (s *session) close() error {
	var errs []error
	if s.engine != nil {
		if s.unguard != nil {
			s.unguard()
		}
		if s.lab != nil {
			ctx, cancel := context.WithTimeout(context.Background(), sweepTime)
			defer cancel()
			errs = append(errs, s.engine.Sweep(ctx, s.lab.Run))
		}
		errs = append(errs, s.lease.end(errors.Join(errs...) == nil), s.engine.Close())
	}
	if s.local != nil {
		errs = append(errs, s.local.Close())
	}
	if s.repo != nil {
		errs = append(errs, s.repo.Close())
	}
	if s.release != nil {
		s.release()
	}
	return errors.Join(errs...)
}

// runName is short, since it stands in image tags, and unlike any other.
func runName() string { return "b" + strings.ToLower(rand.Text()[:10]) }
