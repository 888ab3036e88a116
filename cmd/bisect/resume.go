package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize/english"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"

	"buildbisect/cmd/bisect/screen"
	"buildbisect/images"
	"buildbisect/images/cache"
	"buildbisect/runner/backend"
	"buildbisect/runner/journal"
	"buildbisect/runner/ownruns"
)

// Copies in a run's folder of what it was begun with.
const (
	keptScenario = "scenario.yaml"
	keptLock     = "scenario.lock"
)

func (c command) resumeCommand() *cli.Command {
	return &cli.Command{
		Name:      "resume",
		Usage:     "go on with a run that was ended, at the point where it was",
		ArgsUsage: "[RUN]",
		Description: "RUN is the folder of a run (default: the newest in .bisect). No build that has ended is repeated. The run goes on as it was begun; a scenario, lock or\n" +
			"revision that was changed since is refused. The time of --max-time is had anew; --max-trials counts the builds of all processes. Both can be raised.\n" +
			"A run that you have not begun on this machine is gone on with only under --foreign: its folder says what is run, and may be a stranger's.\n" + exitHelp,
		Flags: append(slices.DeleteFunc(runFlags(), func(f cli.Flag) bool {
			return !slices.Contains([]string{"json", "max-trials", "max-time", "offline"}, f.Names()[0])
		}), &cli.BoolFlag{Name: "as-begun", Usage: "with the commits that the run began with, wherever source.good and source.bad lead by now"},
			&cli.BoolFlag{Name: "foreign", Usage: "with a run that you name and have not begun on this machine, under the rules of run --untrusted, with the scenario in this folder"}),
		Action: func(ctx *cli.Context) error {
			dir, err := oneArgument(ctx, "run", "")
			if err != nil {
				return err
			}
			return c.runResume(ctx.Context, resumeOptions{dir, given(ctx), ctx.Bool("as-begun"), ctx.Bool("foreign"), ctx.Bool("json")})
		},
	}
}

type resumeOptions struct {
	dir     string            // "": the newest of the user's own
	raised  map[string]string // flags given anew
	asBegun bool
	foreign bool
	json    bool
}

func (c command) runResume(ctx context.Context, r resumeOptions) error {
	p := screen.NewProgress(c.stderr)
	cache, err := cache.Default()
	if err != nil {
		return err
	}
	state, err := r.open(cache, p)
	if err != nil {
		return err
	}
	defer letGo(state, p)
	begun := *state.Records()[0].Run
	if r.foreign {
		if err := refuseElsewhere(begun, state); err != nil {
			return err
		}
		r.raised["untrusted"] = "true"
	} else if err := standIn(begun.Folder, state); err != nil {
		return err
	}
	o, err := optionsAgain(state.Records(), r.raised)
	if err != nil {
		return err
	}
	if asked := asked(state.Records()); o.maxTrials > 0 && o.maxTrials < asked {
		return usageError{fmt.Sprintf("--max-trials %d: this run has made %s already; want no fewer", o.maxTrials, english.Plural(asked, "build", ""))}
	}
	o.json = r.json
	s, err := begin(ctx, begun.File, o.untrusted, p)
	if err != nil {
		return fmt.Errorf("%w\nrun %s needs its scenario where it was; a copy is %s", err, state.Dir, filepath.Join(state.Dir, keptScenario))
	}
	defer s.closeWarning()
	if r.asBegun {
		s.scenario.Source.Good, s.scenario.Source.Bad = begun.Good, begun.Bad
	}
	if err := s.openHistory(ctx); err != nil {
		return err
	}
	if err := s.sameAs(begun, state); err != nil {
		return err
	}
	p.Line(s.task().Overview())
	if !r.foreign { // of a stranger's, nothing in the engine is to bear the mark, which may be that of another run
		s.mark = begun.Mark
	}
	if s.served, err = state.Parts(); err != nil {
		return err
	}
	ended := count(state.Records(), journal.RecordEnd)
	if ended > 0 && s.served == nil {
		return fmt.Errorf("run %s: its %s is gone, which says what its builds were made with: builds with anything else prove nothing beside them; put it back, or begin anew with bisect run",
			state.Dir, images.LockName)
	}
	if r.foreign {
		s.notes = append(s.notes, fmt.Sprintf("--foreign: this run was not begun by its user on this machine; what its journal says of %s is taken as it stands, and was not seen here", english.Plural(ended, "build", "")))
	}
	if err := s.ready(ctx, &o); err != nil {
		return err
	}
	if host, ok := backend.As[backend.HostDescriber](s.lab.Backend); ok && host.Machine() != begun.Machine {
		return usageError{fmt.Sprintf("run %s: it began on %s, and this is %s: builds on both prove nothing together; go on there, or begin anew with bisect run",
			state.Dir, begun.Machine, host.Machine())}
	}
	p.Line(fmt.Sprintf("going on with %s: %s", state.Dir, english.Plural(ended, "build stands", "builds stand")))
	return c.search(ctx, s, o, state, begun)
}

// open finds the run, and opens it if this user began it on this machine, or wants it as a stranger's. Until
// that is known nothing is written to its folder.
func (r *resumeOptions) open(cache string, p *screen.Progress) (*journal.State, error) {
	var err error
	switch {
	case r.dir != "":
		r.dir, err = namedRun(r.dir)
	case r.foreign:
		err = usageError{"--foreign: name the run; only yours are taken without their names"}
	default:
		r.dir, err = newestOwnRun(cache, p)
	}
	if err != nil {
		return nil, err
	}
	own, err := ownruns.In(cache, r.dir)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.dir, err)
	}
	if own == nil && !r.foreign {
		return nil, foreignRun(r.dir)
	}
	state, err := journal.OpenState(r.dir)
	if err != nil || r.foreign {
		return state, err
	}
	if err := errors.Join(state.Seal(own.Key), own.Moved(cache, r.dir)); err != nil {
		return nil, errors.Join(err, state.Close())
	}
	return state, nil
}

// refuseElsewhere refuses a stranger's run whose scenario is not below this folder: its journal may name any
// file.
func refuseElsewhere(begun journal.Begun, state *journal.State) error {
	if !filepath.IsLocal(begun.File) {
		return usageError{fmt.Sprintf("run %s: --foreign: its scenario is %q; want a file below the folder in which you are", state.Dir, begun.File)}
	}
	return nil
}

// standIn goes to the folder where a run was begun, since names in it are relative to that. Where there is no
// such folder any more, they may fit where we are.
func standIn(folder string, state *journal.State) error {
	here, err := os.Getwd()
	if err != nil || here == folder {
		return err
	}
	if _, err := os.Stat(folder); err != nil {
		return nil
	}
	dir, err := filepath.Abs(state.Dir)
	if err != nil {
		return err
	}
	if err := os.Chdir(folder); err != nil {
		return fmt.Errorf("run %s: begun in %s: %w", state.Dir, folder, err)
	}
	if near, err := filepath.Rel(folder, dir); err == nil && filepath.IsLocal(near) {
		dir = near
	}
	state.Dir = dir
	return nil
}

// count counts the records of a type.
func count(records []journal.Record, kind string) (n int) {
	for _, r := range records {
		if r.Type == kind {
			n++
		}
	}
	return n
}

// asked counts the builds that ended or were under way.
func asked(past []journal.Record) int {
	started := map[int]bool{} // one that was killed is started again under its number
	for _, r := range past {
		if r.Type == journal.RecordStart {
			started[r.Trial.ID] = true
		}
	}
	return len(started) - count(past, journal.RecordCancel)
}

// optionsAgain are those that a run was begun with, but for what was raised since, and is now.
func optionsAgain(past []journal.Record, raised map[string]string) (o runOptions, err error) {
	flags := flag.NewFlagSet("resume", flag.ContinueOnError)
	for _, f := range runFlags() {
		if err := f.Apply(flags); err != nil {
			return o, err
		}
	}
	options := map[string]string{}
	maps.Copy(options, past[0].Run.Options)
	for _, r := range past {
		maps.Copy(options, r.Options)
	}
	maps.Copy(options, raised)
	for name, value := range options {
		if err := flags.Set(name, value); err != nil {
			return o, fmt.Errorf("its option --%s %s: %w", name, value, err)
		}
	}
	o, err = readRunOptions(cli.NewContext(nil, flags, nil))
	o.raised = raised
	return o, err
}

// begun says what a new run is asked for, and keeps copies of that.
func (s *job) begun(state *journal.State, o runOptions) (b journal.Begun, err error) {
	if b.Folder, err = os.Getwd(); err != nil {
		return b, err
	}
	b.Options = o.given
	if err := state.Keep(keptScenario, s.scenario.Text); err != nil {
		return b, err
	}
	lock, err := s.lockText()
	if err != nil || lock == nil {
		return b, err
	}
	b.Lock = fmt.Sprintf("%x", sha256.Sum256(lock))
	return b, state.Keep(keptLock, lock)
}

// lockText is the lock beside the scenario; nil where there is none.
func (s *job) lockText() ([]byte, error) {
	if s.scenario.Dir == "" {
		return nil, nil
	}
	text, err := images.LockText(filepath.Join(s.scenario.Dir, images.LockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// sameAs refuses to go on with what was changed since the run began, and shows in what.
func (s *job) sameAs(begun journal.Begun, state *journal.State) error {
	const anew = "put it back, or begin anew with bisect run"
	if s.scenario.Hash != begun.Hash {
		return usageError{fmt.Sprintf("run %s: scenario %s was changed since it began; %s\n%s", state.Dir, begun.File, anew, changedSince(state, keptScenario, begun.File, s.scenario.Text))}
	}
	lock, err := s.lockText()
	if err != nil {
		return err
	}
	hash := ""
	if lock != nil {
		hash = fmt.Sprintf("%x", sha256.Sum256(lock))
	}
	if hash != begun.Lock {
		return usageError{fmt.Sprintf("run %s: %s was changed since it began; %s\n%s", state.Dir, images.LockName, anew, changedSince(state, keptLock, images.LockName, lock))}
	}
	good, bad := "", s.space.History.Commits[s.space.Bad()[0]].ID
	if s.span == nil {
		good = s.space.History.Commits[s.space.Good()[0]].ID
	}
	for _, end := range []struct{ key, named, was, is string }{
		{"good", s.scenario.Source.Good, begun.Good, good}, {"bad", s.scenario.Source.Bad, begun.Bad, bad},
	} {
		if end.was != end.is {
			return usageError{fmt.Sprintf("run %s: source.%s: %s was %s when it began, and is %s now; go on with the commits as they were: bisect resume --as-begun %[1]s; or begin anew with bisect run",
				state.Dir, end.key, cmp.Or(end.named, "none"), cmp.Or(end.was, "none"), cmp.Or(end.is, "none"))}
		}
	}
	return nil
}

func changedSince(state *journal.State, kept, name string, now []byte) string {
	was, err := state.Kept(kept)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return string(diff.Diff(name+" as it was", was, name, now))
}
