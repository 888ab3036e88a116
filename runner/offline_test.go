package runner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"buildbisect/runner"
	"buildbisect/runner/backend"
	"buildbisect/runner/redact"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// secondLong runs its builds in a second each, on a simulated clock.
func secondLong(t *testing.T, b build, s *scenarios.Scenario) *runner.Run {
	second := func(int, []string) time.Duration { return time.Second }
	return onThisClock(newRun(t, &engine{build: lasting(second, b)}, lineOf(40), s), 1)
}

// ended closes a run's folder and names it.
func ended(t *testing.T, r *runner.Run) string {
	t.Helper()
	if err := r.State.Close(); err != nil {
		t.Fatal(err)
	}
	return r.State.Dir
}

// The hours in which nobody is at work on a run are no part of the time it has, whatever ended it before.
func TestTheNightIsNoPartOfARunsTime(t *testing.T) {
	cut := map[string]func(r *runner.Run, n int){
		"trials": func(r *runner.Run, n int) { r.Options.MaxTrials = n },
		"time":   func(r *runner.Run, n int) { r.MaxTime = time.Duration(n)*time.Second + time.Second/2 },
		"failure": func(r *runner.Run, n int) {
			e, count := r.Lab.Backend.(*engine), 0
			inner := e.build
			e.build = func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
				if count++; count > n {
					return backend.Exit{}, errStopped
				}
				return inner(ctx, files, env, out)
			}
		},
	}
	for name, cut := range cut {
		for n := 5; n < 30; n += 2 {
			synctest.Test(t, func(t *testing.T) {
				b, s := twoCauses()
				r := secondLong(t, b, s)
				cut(r, n)
				if _, err := r.Do(t.Context()); err != nil && !errors.Is(err, errStopped) {
					t.Fatal(err)
				}
				dir := ended(t, r)
				time.Sleep(8 * time.Hour)
				r = secondLong(t, b, s) // fails at once: the engine is not up yet
				r.Lab.Backend.(*engine).build = func(context.Context, map[string]string, []string, io.Writer) (backend.Exit, error) {
					return backend.Exit{}, errStopped
				}
				open(t, r, dir)
				if _, err := r.Do(t.Context()); err != nil && !errors.Is(err, errStopped) {
					t.Fatal(err)
				}
				ended(t, r)
				time.Sleep(8 * time.Hour)
				r = secondLong(t, b, s)
				open(t, r, dir)
				rep, err := r.Do(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !rep.Complete || len(rep.Causes) != 2 {
					t.Errorf("cut after %d by %s: %s; untested %+v", n, name, rep.Summary, rep.Untested)
				}
			})
		}
	}
}

// The disk is full for a moment, and has room again when the other box has been removed: half a line must not
// be written on.
func TestAJournalThatCouldNotBeWrittenToIsNotWrittenToAgain(t *testing.T) {
	const child = "BISECT_TEST_FULL_DISK"
	if os.Getenv(child) == "" { // the limit holds for a whole process, and the test's own log must not meet it
		test := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		test.Env = append(os.Environ(), child+"=1")
		if out, err := test.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	var usual syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &usual) })
	var r *runner.Run
	var n atomic.Int32
	b, s := twoCauses()
	both := make(chan struct{})
	e := &engine{build: func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		switch n.Add(1) {
		case 7: // the disk fills while this one builds
			<-both
			info, err := os.Stat(filepath.Join(r.State.Dir, "journal.jsonl"))
			if err != nil {
				return backend.Exit{}, err
			}
			full := usual
			full.Cur = uint64(info.Size()) + 60
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
				return backend.Exit{}, err
			}
		case 8: // ends just then, and its box gives the room back
			close(both)
			<-ctx.Done()
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
				return backend.Exit{}, err
			}
		}
		return b(ctx, files, env, out)
	}}
	r = newRun(t, e, lineOf(40), s)
	r.Options.Workers = 2
	if _, err := r.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "file too large") {
		t.Fatalf("got %v", err)
	}
	dir := ended(t, r)
	r = newRun(t, &engine{build: b}, lineOf(40), s)
	r.Options.Workers = 2
	open(t, r, dir)
	rep, err := r.Do(t.Context())
	if err != nil || len(rep.Causes) != 2 {
		t.Errorf("%v", err)
	}
}

// What ends a run before it has come to where it was takes nothing from what it had.
func TestEndedInReplayingARunKeepsItsReport(t *testing.T) {
	for name, end := range map[string]func(r *runner.Run, cancel func()){
		"two causes": func(_ *runner.Run, cancel func()) { cancel() },
		"no good commit": func(r *runner.Run, _ func()) {
			r.Span = func(context.Context, string) (*space.Space, error) { return nil, errStopped }
		},
	} {
		var builds atomic.Int32
		r := worlds()[name](t, &builds)
		if _, err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		dir := ended(t, r)
		files := []string{filepath.Join(dir, "report.json"), filepath.Join(dir, "journal.jsonl")}
		before := contents(t, files)
		r = worlds()[name](t, &builds)
		open(t, r, dir)
		ctx, cancel := context.WithCancel(t.Context())
		end(r, cancel)
		if rep, err := r.Do(ctx); err == nil || rep != nil {
			t.Errorf("%s: got %v, %v", name, rep, err)
		}
		cancel()
		if contents(t, files) != before {
			t.Errorf("%s: the folder was changed", name)
		}
	}
}

func contents(t *testing.T, files []string) (all string) {
	t.Helper()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}

// cancelling is a source that honours its context, as the real one does, and whose nth question ends it.
type cancelling struct {
	source
	n      *int
	cancel func()
}

func (s cancelling) Tree(ctx context.Context, commit string) (string, error) {
	if *s.n--; *s.n == 0 {
		s.cancel()
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return s.source.Tree(ctx, commit)
}

// What is asked depends on which commits have the same files: a search that could not learn that must not
// ask.
func TestInterruptedWhileItThinksARunCanGoOn(t *testing.T) {
	trees := source{map[string]string{}} // groups of commits have the same files
	for i := range 41 {
		trees.trees[fmt.Sprint("c", i)] = fmt.Sprint("t", i/4)
	}
	build := func(_ context.Context, files map[string]string, _ []string, out io.Writer) (backend.Exit, error) {
		if commitNumber(files)/4 >= 5 {
			fmt.Fprintln(out, "error: broken")
			return backend.Exit{Code: 2}, nil
		}
		return backend.Exit{}, nil
	}
	tried := 0
	for k := 1; ; k++ {
		ctx, cancel := context.WithCancel(t.Context())
		n := k
		r := newRun(t, &engine{build: build}, lineOf(40), &scenarios.Scenario{})
		r.Lab.Source = cancelling{trees, &n, cancel}
		_, err := r.Do(ctx)
		cancel()
		if err == nil {
			break
		}
		tried++
		dir := ended(t, r)
		r = newRun(t, &engine{build: build}, lineOf(40), &scenarios.Scenario{})
		r.Lab.Source = trees
		open(t, r, dir)
		if _, err := r.Do(t.Context()); err != nil {
			t.Errorf("interrupted at question %d: %v", k, err)
		}
	}
	if tried < 10 {
		t.Errorf("only %d were interrupted", tried)
	}
}

// An outage in which the engine answers, and each build fails at once: what one worker survives, five do too.
func TestManyWorkersAreAsPatientAsOne(t *testing.T) {
	for _, outage := range []time.Duration{1500 * time.Millisecond, 10 * time.Second, 50 * time.Second} {
		for _, workers := range []int{1, 2, 5, 8} {
			synctest.Test(t, func(t *testing.T) {
				b, s := twoCauses()
				from := time.Now().Add(90 * time.Second)
				to := from.Add(outage)
				e := &engine{build: func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
					end := time.Now().Add(uneven(0, env))
					switch now := time.Now(); {
					case !now.Before(from) && now.Before(to): // while it is out
						time.Sleep(5 * time.Millisecond)
						return backend.Exit{}, errEngine
					case now.Before(from) && end.After(from): // at work when it begins: seen a little later
						time.Sleep(time.Until(from) + end.Sub(now)/1000)
						return backend.Exit{}, errEngine
					}
					return lasting(uneven, b)(ctx, files, env, out)
				}}
				r := onThisClock(newRun(t, e, lineOf(40), s), workers)
				r.Pause = time.Second
				if rep, err := r.Do(t.Context()); err != nil || len(rep.Causes) != 2 {
					t.Errorf("outage of %s, %d workers: %v", outage, workers, err)
				}
			})
		}
	}
}

func TestASecretIsHiddenWhereAShellTrimsItAndInALogin(t *testing.T) {
	s := redact.New(map[string]string{"PIN": "s3cr3t\n", "TOKEN": "hunter22hunter22"})
	for _, text := range []string{"url=https://me:s3cr3t@host/", "Authorization: Basic dXNlcjpodW50ZXIyMmh1bnRlcjIy", "Basic dTpodW50ZXIyMmh1bnRlcjIy"} {
		if got := s.Text(text); strings.Contains(got, "s3cr3t") || strings.Contains(got, "50ZXIyMmh1bnRl") {
			t.Errorf("%s", got)
		}
	}
}
