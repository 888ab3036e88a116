package runner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"buildbisect/bisect/report"
	"buildbisect/runner"
	"buildbisect/runner/backend"
	"buildbisect/runner/journal"
	"buildbisect/scenarios"
)

// These tests run under a simulated clock: a build that lasts an hour takes no time, and trials end in the
// order of their durations, always the same.

// lasting makes builds take time: d is asked with the commit's number and the box's environment.
func lasting(d func(n int, env []string) time.Duration, b build) build {
	return func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		select {
		case <-time.After(d(commitNumber(files), env)):
			return b(ctx, files, env, out)
		case <-ctx.Done():
			time.Sleep(d(commitNumber(files), env) % time.Millisecond / 1000) // so that no two end at once
			return backend.Exit{}, context.Cause(ctx)
		}
	}
}

// uneven durations differ from trial to trial, and no two sums of them are alike.
func uneven(_ int, env []string) time.Duration {
	var trial int
	for _, e := range env {
		if mark, ok := strings.CutPrefix(e, "BISECT_TRIAL=b1234567890-"); ok {
			fmt.Sscan(mark, &trial)
		}
	}
	return time.Minute + time.Duration(trial*trial*7919%53)*time.Second + time.Duration(trial)*time.Microsecond
}

// onThisClock makes a run's times those of the simulated clock.
func onThisClock(r *runner.Run, workers int) *runner.Run {
	r.Now, r.Options.Workers = time.Now, workers
	return r
}

// twoCauses is a scenario whose build fails from commit 13 on with b 2, and from 29 on with a 3 and FLAG
// unset.
func twoCauses() (build, *scenarios.Scenario) {
	flag := scenarios.Axis{Kind: scenarios.EnvAxis, Name: "FLAG", Levels: []scenarios.Level{{Text: "on"}, {Null: true}}}
	b := func(_ context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		n := commitNumber(files)
		if n >= 13 && has(env, "B=2") || n >= 29 && has(env, "A=3") && has(env, "FLAG") {
			fmt.Fprintln(out, "error: broken")
			return backend.Exit{Code: 2}, nil
		}
		return backend.Exit{}, nil
	}
	return b, &scenarios.Scenario{Axes: []scenarios.Axis{variable("A", "1", "2", "3"), variable("B", "1", "2"), flag}}
}

func TestManyWorkersFindWhatOneDoesAndSooner(t *testing.T) {
	var alone []report.Cause
	var before time.Duration
	for _, workers := range []int{1, 2, 4} {
		synctest.Test(t, func(t *testing.T) {
			b, s := twoCauses()
			e := &engine{build: lasting(uneven, b)}
			begin := time.Now()
			rep, err := onThisClock(newRun(t, e, lineOf(40), s), workers).Do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !rep.Complete || len(rep.Causes) != 2 {
				t.Fatalf("%d workers: complete %v, %d causes", workers, rep.Complete, len(rep.Causes))
			}
			took := time.Since(begin)
			t.Logf("%d workers: %d trials, %d cancelled, %s", workers, len(rep.Trials), rep.Cancelled, took)
			slices.SortFunc(rep.Causes, func(a, b report.Cause) int { return strings.Compare(a.Sentence, b.Sentence) })
			if workers == 1 {
				alone = rep.Causes
			} else if took >= before {
				t.Errorf("%d workers took %s; fewer took %s", workers, took, before)
			}
			before = took
			if e.most > workers {
				t.Errorf("%d boxes at a time for %d workers", e.most, workers)
			}
			for i, c := range rep.Causes {
				if !reflect.DeepEqual(c.Point, alone[i].Point) || !reflect.DeepEqual(c.Changes, alone[i].Changes) || c.Confirmed != alone[i].Confirmed {
					t.Errorf("%d workers found %s; one found %s", workers, c.Point, alone[i].Point)
				}
			}
		})
	}
}

func TestTheSameBuildsGiveTheSameJournal(t *testing.T) {
	var first string
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			b, s := twoCauses()
			r := onThisClock(newRun(t, &engine{build: lasting(uneven, b)}, lineOf(40), s), 3)
			if _, err := r.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(r.State.Dir, "journal.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = string(text)
			}
			if string(text) != first {
				t.Errorf("the journal differs from that of the same run before:\n%s\n%s", text, first)
			}
		})
	}
}

// Every commit is built at a time for the length of a line; what lies on the wrong side of the first answer
// is given up.
func TestATrialWhoseAnswerIsImpliedIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(n int, _ []string) time.Duration { return time.Duration(100-n) * time.Hour }
		e := &engine{build: lasting(slow, failing(90, "x"))}
		r := onThisClock(newRun(t, e, lineOf(99), &scenarios.Scenario{Confirm: 1}), 3)
		watched := &endings{}
		r.Observer = watched
		rep, err := r.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(rep.Causes) != 1 || *rep.Causes[0].Changes[0].Bad != "c90" {
			t.Errorf("blamed %+v", rep.Causes)
		}
		types := recordTypes(t, r.State.Dir)
		cancelled := 0
		for _, record := range types {
			if record == "cancel" {
				cancelled++
			}
		}
		if rep.Cancelled == 0 || cancelled != rep.Cancelled || watched.said["cancelled"] != cancelled {
			t.Errorf("%d cancelled; %d in the journal, %d shown: %s", rep.Cancelled, cancelled, watched.said["cancelled"], types)
		}
		if len(e.specs) != len(rep.Trials)+rep.Cancelled {
			t.Errorf("%d boxes for %d trials and %d cancelled", len(e.specs), len(rep.Trials), rep.Cancelled)
		}
		for _, trial := range rep.Trials {
			if trial.Verdict != "good" && trial.Verdict != "bad" {
				t.Errorf("trial %d is %q", trial.ID, trial.Verdict)
			}
		}
	})
}

// endings counts what trials were said to end with.
type endings struct {
	quiet
	said map[string]int
}

func (e *endings) Ended(_ int, ending journal.Ending) {
	if e.said == nil {
		e.said = map[string]int{}
	}
	e.said[ending.Said]++
}

func TestAnInterruptEndsAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		b, s := twoCauses()
		e := &engine{build: lasting(uneven, b)}
		r := onThisClock(newRun(t, e, lineOf(40), s), 3)
		time.AfterFunc(200*time.Second, func() { stop(errStopped) })
		begin := time.Now()
		rep, err := r.Do(ctx)
		if !errors.Is(err, errStopped) {
			t.Fatalf("got %v", err)
		}
		if took := time.Since(begin); took.Truncate(time.Second) != 200*time.Second {
			t.Errorf("ended after %s", took)
		}
		types := recordTypes(t, r.State.Dir)
		if types[len(types)-1] != "stop" || len(rep.Trials) == 0 || len(rep.Trials) == len(e.specs) {
			t.Errorf("%d of %d trials were answered: %s", len(rep.Trials), len(e.specs), types)
		}
	})
}

func TestAnEngineThatIsGoneForOneWorkerStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := twoCauses()
		e := &engine{}
		e.build = lasting(uneven, func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			if has(env, "BISECT_TRIAL=b1234567890-5") {
				return backend.Exit{}, errEngine
			}
			return b(ctx, files, env, out)
		})
		rep, err := onThisClock(newRun(t, e, lineOf(40), s), 3).Do(t.Context())
		if !errors.Is(err, backend.ErrInfrastructure) || rep.Complete {
			t.Fatalf("got %v, complete %v", err, rep.Complete)
		}
		contains(t, err.Error(), "trial 5 (")
	})
}

func TestABugInAWorkerIsNotSwallowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := twoCauses()
		e := &engine{build: lasting(uneven, func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			if has(env, "BISECT_TRIAL=b1234567890-4") {
				panic("a mistake of ours")
			}
			return b(ctx, files, env, out)
		})}
		defer func() { contains(t, fmt.Sprint(recover()), "a mistake of ours") }()
		_, _ = onThisClock(newRun(t, e, lineOf(40), s), 3).Do(t.Context())
	})
}

func TestWorkersLoadAnImageOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{build: lasting(uneven, failing(13, "x"))}
		s := &scenarios.Scenario{Axes: []scenarios.Axis{tool("docker", "1", "2", "3")}}
		if _, err := onThisClock(newRun(t, e, lineOf(40), s), 4).Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := len(e.loads)
		if slices.Sort(e.loads); len(slices.Compact(e.loads)) != all || all == 0 {
			t.Errorf("loaded %q", e.loads)
		}
	})
}

func TestABudgetEndsTheSearchHonestly(t *testing.T) {
	for name, c := range map[string]struct {
		workers int
		set     func(*runner.Run)
	}{
		"max-trials":          {1, func(r *runner.Run) { r.Options.MaxTrials = 5 }},
		"max-time":            {1, func(r *runner.Run) { r.MaxTime = 7 * time.Minute }},
		"max-time, 3 at once": {3, func(r *runner.Run) { r.MaxTime = 3 * time.Minute }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, s := twoCauses()
				r := onThisClock(newRun(t, &engine{build: lasting(uneven, b)}, lineOf(40), s), c.workers)
				c.set(r)
				begin := time.Now()
				rep, err := r.Do(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				kind, _, _ := strings.Cut(name, ",")
				if rep.Outcome != "inconclusive" || rep.Stopped != kind || len(rep.Causes) != 0 || len(rep.Candidates) < 2 {
					t.Errorf("%s, stopped by %q, %d causes, %d candidates", rep.Outcome, rep.Stopped, len(rep.Causes), len(rep.Candidates))
				}
				contains(t, rep.Summary, "ended by --"+kind)
				if took := time.Since(begin); r.MaxTime > 0 && took.Truncate(time.Second) != r.MaxTime {
					t.Errorf("ended after %s of %s", took, r.MaxTime)
				}
				if r.MaxTime > 0 && rep.Cancelled < c.workers {
					t.Errorf("%d trials were cancelled while %d ran", rep.Cancelled, c.workers)
				}
				if n := r.Options.MaxTrials; n > 0 && len(rep.Trials) != n {
					t.Errorf("%d trials of %d", len(rep.Trials), n)
				}
			})
		})
	}
}
